"""The present state of stock: what is below its safety stock, in whichever unit it is counted."""

from decimal import Decimal

from canonical.entities import EntityName
from loaders.journal import Journal
from subscriptions.presents import present
from tests.fakes.desk import PLANNER, Desk
from tests.fakes.distributor import Distributor, item, position


async def test_stock_is_held_against_safety_stock_in_its_own_unit() -> None:
    world = Distributor()
    world.items.records = [
        item(1),
        item(2, safety_stock=Decimal(24)),
        item(3, safety_stock=Decimal(24)),
        item(4, safety_stock=None),
        item(5),
    ]
    world.inventory.records = [
        position(1, 0, 5),
        position(1, 1, 4),
        position(2, 0, 2, "BOX"),
        position(2, 1, 1, "BOX"),
        position(3, 0, 1, "DRUM"),
        position(4, 0, 0),
    ]
    context = Desk(*world.sources).context(Journal(), PLANNER)
    found = await present(context, EntityName.INVENTORY, (), 100)
    context.operation.scheduler.end()
    told = [(e.key, e.data.threshold, e.data.available, e.data.unit) for e in found]
    assert told == [("I1|L1", 5, 4, "PC"), ("I2|L1", 2, 1, "BOX")]
    assert len(world.items.asked) == 1
