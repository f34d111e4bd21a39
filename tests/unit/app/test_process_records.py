"""What processes read: all systems, whole lists, and what could not be read by key."""

from decimal import Decimal
from typing import Any

import pytest

from app.processes.records import LoadedRecords, ReadTerms
from canonical.criteria import Condition, Op
from canonical.entities import EntityName
from canonical.errors import Reason, UnavailableError
from canonical.items import Item
from canonical.values import UnitConversion
from tests.fakes.desk import Desk
from tests.fakes.distributor import Distributor

ITEM, STOCK = EntityName.ITEM, EntityName.INVENTORY
SKU = frozenset({"sku", "unit", "unit_conversions"})


def records_of(desk: Desk, **terms: Any) -> LoadedRecords:
    return LoadedRecords(desk.keyed, desk.lists, ReadTerms(**terms))


async def test_by_key_it_asks_once_and_knows_the_units_of_the_manifest() -> None:
    world = Distributor()
    crate = UnitConversion("CRATE", Decimal(48))
    records = records_of(Desk(*world.sources), units={("", "PC"): (crate,)})
    found = await records.by_keys(ITEM, "sku", ["I1", "I2", "none"], SKU, correlation_id="c")
    items = {r.sku: r for r in found.records if isinstance(r, Item)}
    assert sorted(items) == ["I1", "I2"]
    assert crate in items["I1"].unit_conversions
    assert not found.failures


async def test_fresh_asks_the_system_whatever_is_kept() -> None:
    world = Distributor()
    [source] = [s for s in world.sources if s.entity is ITEM]
    desk = Desk(*world.sources)
    records = records_of(desk)
    for fresh in (False, False, True):
        desk.now_s += 1
        await records.by_keys(ITEM, "sku", ["I1"], SKU, correlation_id="c", fresh=fresh)
    assert len(source.asked) == 2


async def test_what_could_not_be_read_is_told_by_key() -> None:
    world = Distributor()
    [source] = [s for s in world.sources if s.entity is ITEM]
    source.error = UnavailableError("erp", Reason.TIMEOUT, "no answer")
    found = await records_of(Desk(*world.sources)).by_keys(
        ITEM, "sku", ["I1"], SKU, correlation_id="c"
    )
    assert not found.records
    assert found.failures["I1"].message == "erp: no answer"


async def test_a_list_is_read_to_its_end_or_not_at_all() -> None:
    world = Distributor()
    records = records_of(Desk(*world.sources))
    odd = (Condition("category", Op.IN, ("odd",)),)
    pages = [p async for p in records.all(ITEM, SKU, correlation_id="c", criteria=odd)]
    assert [r.sku for page in pages for r in page if isinstance(r, Item)] == [
        f"I{n}" for n in (1, 3, 5, 7, 9)
    ]
    [source] = [s for s in world.sources if s.entity is STOCK]
    source.error = UnavailableError("erp", Reason.TIMEOUT, "no answer")
    with pytest.raises(UnavailableError, match="no answer"):
        await anext(records.all(STOCK, frozenset({"item"}), correlation_id="c"))
