"""What an answer is made of: which slots, good until when, how old, and whether it is whole."""

import math

import pytest

from canonical.errors import Reason, UnavailableError
from tests.fakes.desk import NOW, Desk
from tests.fakes.distributor import Distributor

ITEM = '{ item(sku: "I3") { name inventory { onHand } } }'
ORDERS = "{ purchaseOrders(first: 2, orderBy: [{field: NUMBER}]) { nodes { number } } }"
AT = NOW.timestamp()
DOWN = UnavailableError("erp", Reason.CONNECTION, "is not there")


@pytest.mark.parametrize("warm", [False, True])
async def test_an_answer_depends_on_the_slots_that_were_read(warm: bool) -> None:
    desk = Desk(*Distributor().sources, fresh_s=60)
    if warm:
        await desk.ask(ITEM)
    desk.now_s += 10
    journal = (await desk.ask(ITEM)).journal
    assert journal.depends == {"erp:item:sku::I3", "erp:inventory:item::I3"}
    read_at = AT if warm else AT + 10
    assert (journal.oldest_at, journal.good_until) == (read_at, read_at + 60)
    assert journal.whole


@pytest.mark.parametrize("warm", [False, True])
async def test_a_list_depends_on_its_pages_and_their_records(warm: bool) -> None:
    desk = Desk(*Distributor().sources, fresh_s=60)
    if warm:
        await desk.ask(ORDERS)
    journal = (await desk.ask(ORDERS)).journal
    lists = {s.split(":list:")[0] for s in journal.depends if ":list:" in s}
    assert lists == {"erp:purchase_order", "procurement:purchase_order"}
    records = {s for s in journal.depends if ":list:" not in s}
    assert {"erp:purchase_order:key::K0", "erp:purchase_order:key::K1"} <= records
    assert (journal.oldest_at, journal.good_until, journal.whole) == (AT, AT + 60, True)


async def test_what_has_no_record_is_good_for_as_long_as_absence_is_remembered() -> None:
    journal = (await Desk(*Distributor().sources).ask('{ item(sku: "NOPE") { name } }')).journal
    assert journal.depends == {"erp:item:sku::NOPE"}
    assert journal.good_until == AT + 30


async def test_stale_records_and_failures_are_not_the_whole_answer() -> None:
    world = Distributor()
    desk = Desk(*world.sources, fresh_s=60, grace_s=600)
    await desk.ask(ITEM)
    world.inventory.error = DOWN
    desk.now_s += 100
    stale = (await desk.ask(ITEM)).journal
    assert (stale.whole, stale.oldest_at) == (False, AT)
    desk.now_s += 1000
    failed = (await desk.ask(ITEM)).journal
    assert failed.whole is False


async def test_a_list_without_one_of_its_systems_is_not_the_whole_answer() -> None:
    world = Distributor()
    desk = Desk(*world.sources, fresh_s=60)
    assert (await desk.ask(ORDERS)).journal.whole
    world.procurement.error = UnavailableError("procurement", Reason.CONNECTION, "is not there")
    desk.now_s += 100
    assert not (await desk.ask(ORDERS)).journal.whole  # the page of before, stale
    desk.now_s += 1000
    assert not (await desk.ask(ORDERS)).journal.whole


async def test_an_answer_of_nothing_depends_on_nothing() -> None:
    journal = (await Desk(*Distributor().sources).ask("{ __typename }")).journal
    assert (journal.depends, journal.good_until, journal.whole) == (set(), math.inf, True)
