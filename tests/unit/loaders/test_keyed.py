"""Records by key: fresh, stale or missing, asked for once, and never older than allowed."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from canonical.entities import EntityName
from canonical.errors import Reason, UnavailableError
from runtime.cache.record_cache import RecordCache
from tests.fakes.desk import NOW, Desk
from tests.fakes.distributor import Distributor, item, line, order, origin
from tests.fakes.sources import FakeSource

STOCK = '{ item(sku: "I3") { name inventory { onHand provenance { stale } } } }'
DOWN = UnavailableError("erp", Reason.CONNECTION, "is not there")


async def test_a_record_is_asked_for_again_once_it_is_no_longer_fresh() -> None:
    world = Distributor()
    desk = Desk(*world.sources, fresh_s=60)
    await desk.ask(STOCK)
    desk.now_s += 59
    assert (await desk.ask(STOCK)).journal.calls() == 0
    desk.now_s += 2
    assert (await desk.ask(STOCK)).journal.calls() == 2


async def test_stale_records_are_served_within_grace_and_flagged() -> None:
    world = Distributor()
    desk = Desk(*world.sources, fresh_s=60, grace_s=600)
    await desk.ask(STOCK)
    world.inventory.error = DOWN
    desk.now_s += 600
    answer = await desk.ask(STOCK)
    assert {p["provenance"]["stale"] for p in answer.data["item"]["inventory"]} == {True}
    assert answer.problems == []
    desk.now_s += 100
    gone = await desk.ask(STOCK)
    assert gone.data["item"]["inventory"] == []
    assert [str(p) for p, _ in gone.problems] == ["erp: is not there"]


async def test_a_slow_system_is_waited_for_only_as_long_as_patience_lasts() -> None:
    world = Distributor()
    desk = Desk(*world.sources, fresh_s=60, grace_s=600)
    await desk.ask(STOCK)
    desk.now_s += 100
    world.inventory.delay_s = 0.3
    answer = await desk.ask(STOCK)
    assert {p["provenance"]["stale"] for p in answer.data["item"]["inventory"]} == {True}
    await asyncio.sleep(0.4)
    later = await desk.ask(STOCK)
    assert {p["provenance"]["stale"] for p in later.data["item"]["inventory"]} == {False}
    assert later.journal.calls() == 0


@pytest.mark.parametrize("age_s, calls", [(5, 0), (11, 2)])
async def test_a_reader_may_ask_for_no_older_than(age_s: int, calls: int) -> None:
    desk = Desk(*Distributor().sources, fresh_s=60)
    await desk.ask(STOCK)
    desk.now_s += age_s
    assert (await desk.ask(STOCK, max_staleness_s=10)).journal.calls() == calls


async def test_the_argument_max_staleness_holds_for_what_is_beneath_it() -> None:
    desk = Desk(*Distributor().sources, fresh_s=60)
    await desk.ask(STOCK)
    desk.now_s += 20
    answer = await desk.ask(STOCK.replace('sku: "I3"', 'sku: "I3", maxStaleness: 10'))
    assert answer.journal.calls() == 2


async def test_an_older_record_is_never_served_to_who_will_not_have_it() -> None:
    world = Distributor()
    desk = Desk(*world.sources, fresh_s=60, grace_s=600)
    await desk.ask(STOCK)
    desk.now_s += 100
    world.inventory.error = DOWN
    answer = await desk.ask(STOCK, max_staleness_s=10)
    assert answer.data["item"]["inventory"] == []
    assert len(answer.problems) == 1


async def test_that_there_is_nothing_is_remembered_for_a_while() -> None:
    desk = Desk(*Distributor().sources, fresh_s=60)
    question = '{ item(sku: "NOPE") { name } }'
    assert (await desk.ask(question)).data == {"item": None}
    desk.now_s += 29
    assert (await desk.ask(question)).journal.calls() == 0
    desk.now_s += 2
    assert (await desk.ask(question)).journal.calls() == 1


async def test_a_record_that_knows_too_few_columns_is_read_again_with_all_of_them() -> None:
    world = Distributor()
    desk = Desk(*world.sources)
    await desk.ask('{ item(sku: "I3") { name } }')
    await desk.ask('{ item(sku: "I3") { category } }')
    assert [sorted(a[3]) for a in world.items.asked] == [
        ["name", "sku"],
        ["category", "name", "sku"],
    ]
    assert (await desk.ask('{ item(sku: "I3") { name category } }')).journal.calls() == 0


async def test_the_same_question_at_the_same_time_is_asked_once() -> None:
    world = Distributor()
    world.items.delay_s = 0.02
    desk = Desk(*world.sources)
    answers = await asyncio.gather(*(desk.ask('{ item(sku: "I3") { name } }') for _ in range(30)))
    assert {a.data["item"]["name"] for a in answers} == {"Item 3"}
    assert len(world.items.asked) == 1


async def test_one_asker_who_gives_up_does_not_take_the_answer_from_the_others() -> None:
    world = Distributor()
    world.items.delay_s = 0.05
    desk = Desk(*world.sources)
    first = asyncio.ensure_future(desk.ask('{ item(sku: "I3") { name } }'))
    await asyncio.sleep(0.02)
    second = asyncio.ensure_future(desk.ask('{ item(sku: "I3") { name } }'))
    await asyncio.sleep(0.01)
    first.cancel()
    assert (await second).data["item"]["name"] == "Item 3"
    assert len(world.items.asked) == 1


async def test_failures_of_one_key_leave_the_others_alone() -> None:
    world = Distributor()
    answer = await Desk(*world.sources).ask(
        """{ a: item(sku: "I1") { name } b: item(sku: "NOPE") { name } }"""
    )
    assert answer.data == {"a": {"name": "Item 1"}, "b": None}


async def test_another_format_of_records_is_never_read() -> None:
    world = Distributor()
    cache: Any = RecordCache(None, version="one", clock=NOW.timestamp)
    await Desk(*world.sources, cache=cache).ask(STOCK)
    other: Any = RecordCache(None, version="two", clock=NOW.timestamp)
    assert (await Desk(*world.sources, cache=other).ask(STOCK)).journal.calls() == 2


async def test_stock_of_one_item_in_two_systems_is_put_together_and_says_what_is_missing() -> None:
    world = Distributor()
    other = FakeSource("us", EntityName.INVENTORY, [])
    for source in world.inventory.records[:1]:
        other.records.append(source)
    other.error = UnavailableError("us", Reason.TIMEOUT, "did not answer")
    answer = await Desk(*world.sources, other).ask(STOCK)
    assert [Decimal(p["onHand"]) for p in answer.data["item"]["inventory"]] == [30, 30]
    assert [str(p) for p, _ in answer.problems] == ["us: did not answer"]


async def test_the_leading_system_decides_and_others_complete_it() -> None:
    eu = FakeSource(
        "eu",
        EntityName.ITEM,
        [item(1, provenance=origin("I1", "eu"), reorder_point=None, name="eu")],
    )
    planning = FakeSource(
        "planning",
        EntityName.ITEM,
        [item(1, provenance=origin("I1", "planning"), reorder_point=Decimal(80), name="pl")],
    )
    answer = await Desk(eu, planning).ask('{ item(sku: "I1") { name reorderPoint } }')
    assert answer.data["item"] == {"name": "eu", "reorderPoint": "80"}


WIDE = "{ purchaseOrders(first: 50) { nodes { number buyer lines { lineNumber quantity } } } }"
NARROW = "{ purchaseOrders(first: 50) { nodes { number lines { lineNumber item { sku } } } } }"


async def test_two_screens_do_not_take_each_others_columns_out_of_the_cache() -> None:
    desk = Desk(*Distributor().sources)
    for question in (WIDE, NARROW):
        await desk.ask(question)
    for question in (WIDE, NARROW, '{ purchaseOrder(number: "PO3") { number } }'):
        await desk.ask(question)
    assert [(await desk.ask(q)).journal.calls() for q in (WIDE, NARROW)] == [0, 0]


async def test_what_has_changed_is_not_completed_with_what_was() -> None:
    world = Distributor()
    desk = Desk(*world.sources)
    await desk.ask(WIDE)
    world.orders.records = [order(n, buyer="new", lines=(line(10, "I9"),)) for n in range(20)]
    await desk.ask(NARROW)
    answer = await desk.ask(WIDE)
    by_number = {n["number"]: n["buyer"] for n in answer.data["purchaseOrders"]["nodes"]}
    assert by_number["PO3"] == "new"


async def test_a_completed_record_is_as_old_as_its_oldest_part() -> None:
    desk = Desk(*Distributor().sources, fresh_s=60)
    await desk.ask(WIDE)
    desk.now_s += 40
    await desk.ask(NARROW)
    desk.now_s += 30
    assert (await desk.ask(WIDE)).journal.calls() > 0


async def test_keys_that_need_few_columns_are_not_asked_again_for_those_that_need_many() -> None:
    world = Distributor()
    desk = Desk(*world.sources)
    few, many = 'a: item(sku: "I1") { name }', 'b: item(sku: "I2") { name category }'
    await desk.ask(f"{{ {few} }}")
    await desk.ask(f"{{ {many} }}")
    answer = await desk.ask(f"{{ {few} {many} }}")
    assert answer.journal.calls() == 0
    assert answer.data == {"a": {"name": "Item 1"}, "b": {"name": "Item 2", "category": "even"}}
