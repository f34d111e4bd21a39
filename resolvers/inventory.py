"""Inventory positions: lists, and those of an item."""

from collections.abc import Sequence
from typing import Any

from canonical.criteria import Criteria, Sort
from canonical.entities import EntityName
from canonical.inventory import InventoryPosition
from canonical.items import Item
from execution.links import Asked
from resolvers.context import RequestContext
from resolvers.reading import listed, pointing_here, required


async def inventory(
    context: RequestContext,
    parents: Sequence[None],
    asked: Asked,
    *,
    filter: Criteria = (),
    first: int | None = None,
    after: str | None = None,
    max_staleness: int | None = None,
) -> list[Any]:
    """A page of inventory positions, by item and location."""
    context.reads.context.demand(max_staleness)
    page = await listed(
        context,
        EntityName.INVENTORY,
        asked,
        criteria=filter,
        order=(Sort("item"), Sort("location")),
        first=first,
        after=after,
    )
    return [page for _ in parents]


async def of_items(
    context: RequestContext, parents: Sequence[Item], asked: Asked, *, filter: Criteria = ()
) -> list[Any]:
    """Where each item is stocked."""
    skus = [p.sku for p in parents]
    return await pointing_here(context, EntityName.INVENTORY, "item", skus, asked, criteria=filter)


async def location_of(
    context: RequestContext, parents: Sequence[InventoryPosition], asked: Asked
) -> list[Any]:
    """The location of each position."""
    return await required(context, EntityName.LOCATION, [p.location for p in parents], asked)
