"""Every source of every system keeps the port's promises."""

from canonical.criteria import Sort
from canonical.entities import EntityName
from canonical.ports import Ask, Source
from tests.conformance.promises import Promises

ORDERS = {
    EntityName.ITEM: ("sku", "name"),
    EntityName.SUPPLIER: ("code", "name"),
    EntityName.PURCHASE_ORDER: ("number", "ordered_on", "updated_at"),
}


async def test_promises_are_kept(source: Source, ask: Ask) -> None:
    promises = await Promises.of(source, ask)
    assert promises.records
    await promises.provenance_is_told()
    await promises.pages_follow_each_other()
    await promises.keys_obey_criteria()
    for column in promises.lookups():
        await promises.keys_are_found(column)
    for column in ORDERS.get(source.entity, ()):
        if column in source.columns:
            await promises.order_holds(Sort(column))
            await promises.order_holds(Sort(column, descending=True))
    for condition in promises.conditions():
        await promises.criteria_hold((condition,))
