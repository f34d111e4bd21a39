"""Items: lists, lookups, and what belongs to an item in other systems."""

from collections.abc import Sequence
from typing import Any

from canonical.criteria import Criteria, Sort, narrow
from canonical.entities import EntityName
from canonical.items import Item
from canonical.supply_sources import SupplySource
from execution.fields import Asked
from execution.operation import Partial
from resolvers.connections import EMPTY
from resolvers.context import RequestContext
from resolvers.reading import by_name, listed, pointing_here, reference_to, required, sought
from resolvers.visibility import own_codes, sees_everything


async def item(
    context: RequestContext,
    parents: Sequence[None],
    asked: Asked,
    *,
    sku: str,
    max_staleness: int | None = None,
) -> list[Any]:
    """The item with a sku."""
    if not sees_everything(context.caller) and sku not in await own_skus(context):
        return [None for _ in parents]
    found = await sought(context, EntityName.ITEM, sku, asked, max_staleness)
    return [found for _ in parents]


async def items(
    context: RequestContext,
    parents: Sequence[None],
    asked: Asked,
    *,
    filter: tuple[Criteria, Sequence[str] | None] = ((), None),
    order_by: Sequence[Sort] = (),
    first: int | None = None,
    after: str | None = None,
    max_staleness: int | None = None,
) -> list[Any]:
    """A page of items; the filter's second part are suppliers, one of which must supply them."""
    context.reads.context.demand(max_staleness)
    criteria, suppliers = filter
    if not sees_everything(context.caller):
        own = set(own_codes(context.caller))
        suppliers = sorted(own if suppliers is None else own & set(suppliers))
    allowed: Criteria | None = criteria
    if suppliers is not None:
        allowed = narrow(criteria, "sku", await supplied_skus(context, suppliers))
    if allowed is None:
        return [EMPTY for _ in parents]
    page = await listed(
        context,
        EntityName.ITEM,
        asked,
        criteria=allowed,
        order=order_by or (Sort("sku"),),
        first=first,
        after=after,
    )
    return [page for _ in parents]


async def preferred_supplier(
    context: RequestContext, parents: Sequence[Item], asked: Asked
) -> list[Any]:
    """The supplier that each item is bought from first.

    As its system says, else the preferred or only source.
    """
    unsaid = [p for p in parents if not p.preferred_supplier]
    chosen = {p.sku: p.preferred_supplier for p in parents}
    if unsaid and context.reads.catalog.has(EntityName.SUPPLY_SOURCE):
        wanted = Asked(frozenset({"item", "supplier", "preferred"}))
        offers = await pointing_here(
            context, EntityName.SUPPLY_SOURCE, "item", [p.sku for p in unsaid], wanted
        )
        for parent, offer in zip(unsaid, offers, strict=True):
            chosen[parent.sku] = _preferred(offer.value if isinstance(offer, Partial) else offer)
    codes = [chosen[p.sku] for p in parents]
    return await by_name(context, EntityName.SUPPLIER, codes, asked)


async def sources(context: RequestContext, parents: Sequence[Item], asked: Asked) -> list[Any]:
    """Suppliers that each item can be bought from, with their terms."""
    skus = [p.sku for p in parents]
    return await pointing_here(context, EntityName.SUPPLY_SOURCE, "item", skus, asked)


async def source_supplier(
    context: RequestContext, parents: Sequence[SupplySource], asked: Asked
) -> list[Any]:
    """The supplier of each source."""
    return await required(context, EntityName.SUPPLIER, [p.supplier for p in parents], asked)


source_supplier_named = reference_to(
    EntityName.SUPPLIER, lambda sources: [s.supplier for s in sources]
)
"""What a source tells of its supplier."""


async def items_of(context: RequestContext, parents: Sequence[Any], asked: Asked) -> list[Any]:
    """The item that each parent points at."""
    return await required(context, EntityName.ITEM, [p.item for p in parents], asked)


items_named = reference_to(EntityName.ITEM, lambda parents: [p.item for p in parents])
"""What parents tell of the items that they point at."""


async def own_skus(context: RequestContext) -> frozenset[str]:
    """Skus of the items that the calling supplier supplies."""
    return frozenset(await supplied_skus(context, own_codes(context.caller)))


async def supplied_skus(context: RequestContext, suppliers: Sequence[str]) -> list[str]:
    """Skus of the items that any of some suppliers supplies.

    Raises:
        UnavailableError: if a system that may know more could not be asked.
    """
    if not suppliers or not context.reads.catalog.has(EntityName.SUPPLY_SOURCE):
        return []
    columns = frozenset({"item", "supplier"})
    found = await context.reads.many(EntityName.SUPPLY_SOURCE, "supplier", suppliers, columns)
    for at_key in found.values():
        if at_key.problems:
            raise at_key.problems[0]
    return sorted(
        {r.item for f in found.values() for r in f.records if isinstance(r, SupplySource)}
    )


def _preferred(offers: Any) -> str | None:
    known = [o for o in offers if isinstance(o, SupplySource)] if isinstance(offers, list) else []
    marked = [o.supplier for o in known if o.preferred is True]
    if marked:
        return marked[0]
    return known[0].supplier if len(known) == 1 else None
