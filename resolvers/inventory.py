"""Inventory positions: lists, and those of an item."""

from collections.abc import Sequence
from typing import Any

from canonical.criteria import Criteria, Sort
from canonical.entities import EntityName
from canonical.inventory import InventoryPosition
from canonical.items import Item
from execution.fields import Asked
from resolvers.context import RequestContext
from resolvers.reading import pointing_here, required, root_list

inventory = root_list(EntityName.INVENTORY, Sort("item"), Sort("location"))
"""A page of inventory positions."""


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
