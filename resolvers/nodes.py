"""Records by global id."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from canonical.entities import EntityName
from canonical.errors import InvalidInputError, SupplygraphError
from canonical.ids import GlobalId, decode_global_id
from execution.fields import Asked
from execution.operation import Partial
from resolvers.context import RequestContext
from resolvers.items import own_skus
from resolvers.purchase_orders import lines
from resolvers.reading import by_name, by_reference
from resolvers.visibility import sees_everything

BY_NAME: Final = {
    "Item": EntityName.ITEM,
    "Supplier": EntityName.SUPPLIER,
    "Location": EntityName.LOCATION,
}
BY_REFERENCE: Final = {
    "InventoryPosition": EntityName.INVENTORY,
    "PurchaseOrder": EntityName.PURCHASE_ORDER,
    "Receipt": EntityName.RECEIPT,
    "Forecast": EntityName.FORECAST,
    "ReplenishmentRecommendation": EntityName.RECOMMENDATION,
}
_LINE: Final = "PurchaseOrderLine"


async def node(
    context: RequestContext, parents: Sequence[None], asked: Asked, *, id: str
) -> list[Any]:
    """The record with an id; None if it does not exist or may not be seen."""
    context.caller  # noqa: B018  # refuses who has not said who they are
    found = (await read(context, [decode_global_id(id)], asked))[0]
    return [found for _ in parents]


async def nodes(
    context: RequestContext, parents: Sequence[None], asked: Asked, *, ids: Sequence[str]
) -> list[Any]:
    """The records with some ids, None in place of those that do not exist or may not be seen.

    Raises:
        InvalidInputError: if there are too many ids, or one of them is none of ours.
    """
    context.caller  # noqa: B018  # refuses who has not said who they are
    if len(ids) > context.limits.max_nodes:
        raise InvalidInputError(
            f"{len(ids)} ids at once; at most {context.limits.max_nodes} are read. Ask in parts"
        )
    found = await read(context, [decode_global_id(i) for i in ids], asked)
    problems = [f for f in found if isinstance(f, SupplygraphError)]
    problems += [p for f in found if isinstance(f, Partial) for p in f.problems]
    known: list[Any] = [None if isinstance(f, SupplygraphError) else f for f in found]
    known = [f.value if isinstance(f, Partial) else f for f in known]
    return [Partial(known, tuple(problems)) if problems else known for _ in parents]


async def read(context: RequestContext, ids: Sequence[GlobalId], asked: Asked) -> list[Any]:
    """For each id its record, None where there is none to be seen, or why it was not read.

    What is of one type is read together, and the types at the same time.

    Raises:
        InvalidInputError: if one of the ids is none of ours.
    """
    for given in ids:
        _check(given)
    by_type: dict[str, list[GlobalId]] = {}
    for given in dict.fromkeys(ids):
        by_type.setdefault(given.type_name, []).append(given)
    groups = await asyncio.gather(
        *(_read_or_fail(context, name, alike, asked) for name, alike in by_type.items())
    )
    found: dict[GlobalId, Any] = {}
    for alike, records in zip(by_type.values(), groups, strict=True):
        found.update(zip(alike, records, strict=True))
    return [found[i] for i in ids]


async def _read_or_fail(
    context: RequestContext, type_name: str, ids: Sequence[GlobalId], asked: Asked
) -> Sequence[Any]:
    """The records of one type; what keeps all of them from being read costs no other type."""
    try:
        return await _read_alike(context, type_name, ids, asked)
    except SupplygraphError as exc:
        return [exc] * len(ids)


async def _read_alike(
    context: RequestContext, type_name: str, ids: Sequence[GlobalId], asked: Asked
) -> Sequence[Any]:
    if not context.sees(type_name):
        return [None for _ in ids]
    if type_name in BY_NAME:
        names: list[str | None] = [i.parts[0] for i in ids]
        if type_name == "Item" and not sees_everything(context.caller):
            own = await own_skus(context)
            names = [n if n in own else None for n in names]
        wanted = Asked(asked.columns | {"name"})
        return await by_name(context, BY_NAME[type_name], names, wanted)
    references = [(i.parts[0], i.parts[1]) for i in ids]
    if type_name in BY_REFERENCE:
        return await by_reference(context, BY_REFERENCE[type_name], references, asked)
    columns = {c.removeprefix("/") if c.startswith("/") else f"lines.{c}" for c in asked.columns}
    whole = Asked(frozenset(columns | {"lines", "lines.line_number"}))
    orders = await by_reference(context, EntityName.PURCHASE_ORDER, references, whole)
    return [_line(order, i.parts[2]) for order, i in zip(orders, ids, strict=True)]


def _line(order: Any, number: str) -> Any:
    if isinstance(order, Partial):
        order = order.value
    if order is None or isinstance(order, SupplygraphError):
        return order
    return next((x for x in lines(order) if str(x.line.line_number) == number), None)


def _check(given: GlobalId) -> None:
    parts = 1 if given.type_name in BY_NAME else 3 if given.type_name == _LINE else 2
    known = given.type_name in BY_NAME or given.type_name in BY_REFERENCE
    if not (known or given.type_name == _LINE) or len(given.parts) != parts:
        raise InvalidInputError(
            f"{given.encode()!r} is not an id of this service: pass an `id` exactly as it was read."
        )
