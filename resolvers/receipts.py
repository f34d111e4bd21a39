"""Receipts: lists, and those of an order."""

from collections.abc import Sequence
from typing import Any

from canonical.criteria import Criteria, Sort
from canonical.entities import EntityName
from canonical.purchase_orders import PurchaseOrder
from execution.links import Asked
from execution.operation import Partial
from resolvers.context import RequestContext
from resolvers.reading import listed, pointing_here


async def receipts(
    context: RequestContext,
    parents: Sequence[None],
    asked: Asked,
    *,
    filter: Criteria = (),
    first: int | None = None,
    after: str | None = None,
    max_staleness: int | None = None,
) -> list[Any]:
    """A page of receipts, by number."""
    context.reads.context.demand(max_staleness)
    page = await listed(
        context,
        EntityName.RECEIPT,
        asked,
        criteria=filter,
        order=(Sort("number"),),
        first=first,
        after=after,
    )
    return [page for _ in parents]


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
        known.sort(key=lambda r: (r.received_at, r.provenance.key))
    return list(answers_in_order)
