"""Rounds of watchers over sources in memory and a real ledger."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from canonical.criteria import Condition, Op, Range, Sort
from canonical.entities import EntityName
from canonical.errors import BadAnswerError, ConflictError, Reason, UnavailableError
from canonical.inventory import InventoryPosition
from canonical.purchase_orders import PurchaseOrder, PurchaseOrderStatus
from canonical.receipts import Receipt
from canonical.records import Provenance
from runtime.events.leases import Lease, Leases
from runtime.events.ledger import Ledger
from runtime.events.letters import Letters
from tests.fakes.asks import ASK
from tests.fakes.sources import FakeSource
from tests.ingestion.conftest import NOW
from workflows.ingestion.intake import Intake
from workflows.ingestion.polling import Poller
from workflows.ingestion.watches import By, Watch, progress_of

ORDERS, STOCK, RECEIPTS = EntityName.PURCHASE_ORDER, EntityName.INVENTORY, EntityName.RECEIPT
DOWN = UnavailableError("erp", Reason.SERVER_ERROR, "down")


def order(key: str, status: str, minutes: float | None = 0, **more: Any) -> PurchaseOrder:
    at = None if minutes is None else NOW + timedelta(minutes=minutes - 600)
    return PurchaseOrder(
        provenance=Provenance("erp", key, NOW),
        number=key,
        supplier="S1",
        status=PurchaseOrderStatus(status),
        updated_at=at,
        **more,
    )


def stock(key: str, available: int, location: str = "L1") -> InventoryPosition:
    where = Provenance("erp", key, NOW)
    return InventoryPosition(
        provenance=where, item=key, location=location, available=Decimal(available)
    )


def receipt(key: str, of: str) -> Receipt:
    where = Provenance("erp", key, NOW)
    at = NOW - timedelta(days=1)
    return Receipt(provenance=where, number=key, purchase_order=of, received_at=at, lines=())


class Watched:
    """One source, watched."""

    def __init__(self, ledger: Ledger, source: FakeSource, **more: Any) -> None:
        by_time = {"by": By.MODIFIED, "column": "updated_at", "overlap_s": 60.0}
        given: dict[str, Any] = {"by": By.SNAPSHOT} if source.entity is STOCK else by_time
        given |= {"source": source, "columns": source.columns, "page_size": 2} | more
        self.watch = Watch(**given)
        self.source = source
        self.seconds = 0.0
        self._ledger = ledger
        self._leases = Leases(ledger.store, now=lambda: NOW)
        self.restart()

    def restart(self) -> None:
        self._poller = Poller(
            self.watch,
            Intake(self._ledger),
            self._ledger,
            self._leases,
            asking=lambda: ASK,
            clock=lambda: self.seconds,
        )

    async def round(self, *records: Any, lease: Lease | None = None) -> None:
        if records:
            self.source.records = list(records)
        self.source.asked.clear()
        await self._poller.round(lease or await self.lease())

    async def lease(self) -> Lease:
        lease = await self._leases.acquire(self.watch.lease, "test", 60)
        assert lease is not None
        return lease

    async def commits(self) -> int:
        return progress_of(await self._leases.position(self.watch.name)).commits

    async def mark(self) -> datetime | None:
        return progress_of(await self._leases.position(self.watch.name)).mark

    async def told(self) -> Sequence[Any]:
        return [e.data for e in await self._ledger.read(self.source.entity, 0, 1_000)]


@pytest.fixture
def orders(ledger: Ledger) -> Watched:
    return Watched(ledger, FakeSource("erp", ORDERS, []))


@pytest.fixture
def stocks(ledger: Ledger) -> Watched:
    return Watched(ledger, FakeSource("erp", STOCK, []))


async def test_the_first_round_takes_note_and_later_ones_tell(orders: Watched) -> None:
    await orders.round(*(order(f"P{n}", "SENT", n) for n in range(5)))
    assert await orders.told() == []
    changed = order("P1", "CLOSED", 6)
    await orders.round(*(order(f"P{n}", "SENT", n) for n in (0, 2, 3, 4)), changed)
    new = order("P9", "DRAFT", 7)
    await orders.round(changed, new)
    told = [(d.number, d.previous_status, d.status) for d in await orders.told()]
    assert told == [("P1", "SENT", "CLOSED"), ("P9", None, "DRAFT")]


async def test_a_round_asks_from_a_little_before_the_latest_time_and_writes_only_news(
    orders: Watched,
) -> None:
    await orders.round(order("P1", "SENT", 1), order("P2", "SENT", 5))
    commits = await orders.commits()
    await orders.round()
    [(_, query)] = orders.source.asked
    since = NOW + timedelta(minutes=5 - 600) - timedelta(seconds=60)
    assert query.criteria == (Condition("updated_at", Op.RANGE, Range(since)),)
    assert query.order == (Sort("updated_at"),)
    assert await orders.commits() == commits


async def test_a_round_that_breaks_off_goes_on_where_it_was(orders: Watched) -> None:
    await orders.round(order("P0", "SENT"))
    changed = [order(f"P{n}", "SENT", 10 * n) for n in range(1, 6)]
    orders.source.records = [*changed]
    intact, pages = orders.source.page, iter([None, DOWN])

    async def page(query: Any, ask: Any) -> Any:
        orders.source.error = next(pages, None)
        return await intact(query, ask)

    orders.source.page = page  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        await orders.round()
    assert [d.number for d in await orders.told()] == ["P1", "P2"]
    await orders.round()
    assert [d.number for d in await orders.told()] == ["P1", "P2", "P3", "P4", "P5"]


async def test_a_time_of_the_far_future_hides_no_others(orders: Watched) -> None:
    await orders.round(order("P1", "SENT", 1), order("P2", "SENT", 60 * 24 * 900))
    assert await orders.mark() == NOW + timedelta(minutes=1 - 600)


async def test_records_without_a_time_are_looked_through_now_and_then(ledger: Ledger) -> None:
    orders = Watched(ledger, FakeSource("erp", ORDERS, []), blanks_every_s=100.0)
    blank = [order(f"B{n}", "SENT", None) for n in range(3)]
    await orders.round(order("P1", "SENT"), *blank)
    await orders.round()
    assert await orders.told() == []
    changed = [order("P1", "SENT"), *blank[:2], order("B2", "CLOSED", None)]
    await orders.round(*changed)
    assert await orders.told() == []
    orders.seconds = 101.0
    await orders.round()
    await orders.round()
    assert [(d.number, d.status) for d in await orders.told()] == [("B2", "CLOSED")]


async def test_a_figure_that_comes_back_is_told_each_time(stocks: Watched) -> None:
    for available in (10, 9, 10, 9, 9):
        await stocks.round(stock("A", available))
    assert [int(d.available) for d in await stocks.told()] == [9, 10, 9]


async def test_what_a_complete_pass_has_not_seen_is_gone_and_told_once(stocks: Watched) -> None:
    everything = [stock(k, 5) for k in "ABCDE"]
    await stocks.round(*everything)
    for _ in range(2):
        await stocks.round(*everything[:3], everything[4])
    assert [(d.item, int(d.available)) for d in await stocks.told()] == [("D", 0)]
    await stocks.round()
    assert [a[0] for a in stocks.source.asked] == ["page", "page"]
    await stocks.round(*everything)
    await stocks.round(*everything[:3], everything[4])
    assert [int(d.available) for d in await stocks.told()] == [0, 5, 0]


async def test_nothing_is_gone_while_a_system_is_down_or_shows_nothing(stocks: Watched) -> None:
    await stocks.round(*(stock(k, 5) for k in "ABC"))
    stocks.source.error = DOWN
    with pytest.raises(UnavailableError):
        await stocks.round(stock("A", 5))
    stocks.source.error, stocks.source.records = None, []
    await stocks.round()
    stocks.source.records = [stock("A", 5)]
    stocks.source.failures = {k: BadAnswerError("erp", "unreadable") for k in "BC"}
    await stocks.round()
    assert await stocks.told() == []


async def test_what_cannot_be_read_or_told_is_a_dead_letter_once(
    stocks: Watched, ledger: Ledger
) -> None:
    await stocks.round(stock("A", 5))
    stocks.source.failures = {"X": BadAnswerError("erp", "unreadable")}
    nowhere = replace(stock("N", 1), location=None)
    for _ in range(2):
        await stocks.round(stock("A", 6), nowhere)
        await stocks.round()
        stocks.restart()
    letters = await Letters(ledger.store).newest()
    found = sorted((x.system, x.way, x.reason) for x in letters)
    assert found == [("erp", "watcher", "bad_answer"), ("erp", "watcher", "bad_user_input")]
    [unread] = [x for x in letters if x.reason == "bad_answer"]
    whole = await Letters(ledger.store).get(unread.letter_id)
    assert whole is not None
    assert whole.body == b'{"entity":"inventory","key":"X"}'
    assert [d.item for d in await stocks.told()] == ["A"]


async def test_who_has_lost_the_lease_writes_nothing(orders: Watched) -> None:
    await orders.round(order("P1", "SENT"))
    old = await orders.lease()
    await orders.lease()
    with pytest.raises(ConflictError):
        await orders.round(order("P1", "CLOSED", 1), lease=old)
    assert await orders.told() == []


async def test_the_order_that_a_new_receipt_names_is_read_again(
    orders: Watched, ledger: Ledger
) -> None:
    source = FakeSource("erp", RECEIPTS, [])
    receipts = Watched(
        ledger,
        source,
        column="received_at",
        orders=orders.source,
        order_columns=orders.source.columns,
    )
    await orders.round(order("P1", "SENT"), order("P2", "SENT"))
    await receipts.round(receipt("R1", "P2"))
    assert orders.source.asked[1:] == []
    orders.source.records[0] = order("P1", "RECEIVED")
    orders.source.error = DOWN
    with pytest.raises(UnavailableError):
        await receipts.round(receipt("R1", "P2"), receipt("R2", "P1"))
    assert await receipts.told() == []
    orders.source.error = None
    await receipts.round()
    assert [d.number for d in await receipts.told()] == ["R2"]
    assert [(d.number, d.status) for d in await orders.told()] == [("P1", "RECEIVED")]
    asked = len(orders.source.asked)
    await receipts.round()
    assert len(orders.source.asked) == asked


def test_receipts_and_orders_are_watched_by_one_process(orders: Watched, ledger: Ledger) -> None:
    source = FakeSource("erp", RECEIPTS, [])
    receipts = Watched(ledger, source, column="received_at", orders=orders.source)
    assert receipts.watch.lease == orders.watch.lease
    assert receipts.watch.name != orders.watch.name


async def test_keys_of_which_something_is_known_are_read_in_parts(
    stocks: Watched, ledger: Ledger
) -> None:
    await stocks.round(*(stock(k, 1) for k in "CABDE"))
    first = await ledger.keys(STOCK, "erp", None, 3)
    rest = await ledger.keys(STOCK, "erp", first[-1], 3)
    assert [*first, *rest] == list("ABCDE")
    assert await ledger.keys(STOCK, "other", None, 3) == []
