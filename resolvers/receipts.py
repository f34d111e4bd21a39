"""Receipts: lists, and those of an order."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

from canonical.criteria import Condition, Criteria, Op
from canonical.entities import EntityName
from canonical.errors import InvalidInputError
from canonical.purchase_orders import PurchaseOrder
from execution.fields import Asked
from execution.operation import Partial
from resolvers.context import RequestContext
from resolvers.reading import listed, pointing_here

_BY_ARRIVAL: Final = attrgetter("received_at", "provenance.key")


async def receipts(
    context: RequestContext,
    parents: Sequence[None],
    asked: Asked,
    *,
    filter: tuple[Criteria, Sequence[str] | None] = ((), None),
    first: int | None = None,
    after: str | None = None,
    max_staleness: int | None = None,
) -> list[Any]:
    """A page of receipts by their keys, system by system: every system can page so.

    The filter's second part are numbers of orders that they fulfil.
    """
    context.reads.context.demand(max_staleness)
    criteria, numbers = filter
    systems: frozenset[str] | None = None
    if numbers is not None:
        references = await _orders_numbered(context, numbers)
        keys = tuple(sorted({key for _, key in references}))
        criteria = (*criteria, Condition("purchase_order", Op.IN, keys))
        asked = Asked(asked.columns | {"purchase_order"}, asked.total)
        systems = frozenset(system for system, _ in references)
    page = await listed(
        context,
        EntityName.RECEIPT,
        asked,
        criteria=criteria,
        first=first,
        after=after,
        systems=systems,
    )
    return [page for _ in parents]


async def _orders_numbered(context: RequestContext, numbers: Sequence[str]) -> set[tuple[str, str]]:
    """System and key of the orders with some numbers.

    Raises:
        InvalidInputError: if a number is that of one order in one system and the key of another
            elsewhere.
    """
    found = await pointing_here(
        context, EntityName.PURCHASE_ORDER, "number", numbers, Asked(frozenset({"number"}))
    )
    orders = [o for f in found for o in (f.value if isinstance(f, Partial) else f)]
    references = {(o.provenance.system, o.provenance.key) for o in orders}
    systems = {system for system, _ in references}
    if len(systems) > 1 and len({key for _, key in references}) < len(references):
        raise InvalidInputError(
            f"orders of {', '.join(sorted(systems))} share keys: ask for those of one at a time"
        )
    return references


async def of_orders(
    context: RequestContext, parents: Sequence[PurchaseOrder], asked: Asked
) -> list[Any]:
    """What arrived of each order, in the order of arrival; read in the order's own system."""
    columns = Asked(asked.columns | {"received_at"})
    by_system: dict[str, list[str]] = {}
    for parent in parents:
        by_system.setdefault(parent.provenance.system, []).append(parent.provenance.key)
    found: dict[tuple[str, str], list[Any] | Partial] = {}
    for system, keys in by_system.items():
        answers = await pointing_here(
            context, EntityName.RECEIPT, "purchase_order", keys, columns, system=system
        )
        found.update({(system, k): a for k, a in zip(keys, answers, strict=True)})
    answers_in_order = [found[(p.provenance.system, p.provenance.key)] for p in parents]
    for answer in answers_in_order:
        known = answer.value if isinstance(answer, Partial) else answer
        known.sort(key=_BY_ARRIVAL)
    return list(answers_in_order)
