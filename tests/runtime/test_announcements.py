"""Questions of other processes are found in Redis, whether or not these still live."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from canonical.criteria import Condition, Op, Range, Sort
from canonical.entities import EntityName
from canonical.events import STATUS_CHANGED, Event, PurchaseOrderStatusChanged
from canonical.purchase_orders import PurchaseOrderStatus
from loaders.questions import LIST, Question, Questions, question_of
from runtime.cache.announcements import Announcements
from runtime.cache.connection import RedisHandle
from runtime.cache.entries import Entry
from runtime.cache.record_cache import RecordCache
from runtime.embedded.valkey import EmbeddedValkey
from tests.fakes.desk import NOW
from tests.fixtures.waiting import until

ORDER = EntityName.PURCHASE_ORDER
SLOT = "erp:purchase_order:list:abc"


class Process:
    """What one process has of it."""

    def __init__(self, url: str) -> None:
        self.handle = RedisHandle(url, operation_timeout_s=2, retry_interval_s=0.05)
        self.cache = RecordCache(self.handle, version="v1")
        self.questions = Questions(self.cache, Announcements(self.handle, "v1"))

    async def aclose(self) -> None:
        await self.cache.aclose()
        await self.handle.aclose()


@asynccontextmanager
async def opened(url: str, count: int) -> AsyncIterator[list[Process]]:
    """Processes that are closed, whatever becomes of the block."""
    processes = [Process(url) for _ in range(count)]
    try:
        yield processes
    finally:
        for process in processes:
            await process.aclose()


def entry(text: str) -> Entry:
    return Entry(NOW.timestamp(), frozenset({"number"}), text.encode())


def sent_to(supplier: str) -> Question:
    criteria = (
        Condition("supplier", Op.IN, (supplier,)),
        Condition("status", Op.IN, ("SENT", PurchaseOrderStatus.ACKNOWLEDGED)),
        Condition("number", Op.STARTS_WITH, "PO"),
        Condition("updated_at", Op.RANGE, Range(NOW, None)),
        Condition("acknowledgement", Op.IS_NULL, True),
    )
    return question_of("erp", ORDER, LIST, f"{SLOT}{supplier}", criteria, (Sort("number"),))


def changed() -> Event:
    data = PurchaseOrderStatusChanged(
        number="PO1",
        supplier="S1",
        status=PurchaseOrderStatus.CANCELLED,
        previous_status=PurchaseOrderStatus.SENT,
    )
    return Event(
        type=STATUS_CHANGED.type,
        system="erp",
        source_event_id="1",
        key="K1",
        subjects=("purchase_order:PO1",),
        occurred_at=NOW,
        data=data,
        correlation_id="c",
    )


async def test_a_list_kept_by_a_process_that_is_gone_is_dropped_by_another(
    valkey_url: str,
) -> None:
    async with opened(valkey_url, 3) as (gone, other, reader):
        await _dropped_by_another(gone, other, reader)


async def _dropped_by_another(gone: Process, other: Process, reader: Process) -> None:
    for supplier in ("S1", "S2"):
        await gone.questions.announce(sent_to(supplier))
        await gone.cache.put_many([(f"{SLOT}{supplier}", entry(supplier), 600)])
    await gone.aclose()
    await other.questions.apply([changed()])
    assert await reader.cache.get_many([f"{SLOT}S1", f"{SLOT}S2"]) == [None, entry("S2")]


async def test_what_happens_while_redis_is_away_is_made_up_for() -> None:
    server = EmbeddedValkey().start()
    try:
        async with opened(server.url, 2) as (one, other):
            await _made_up_for(one, other)
    finally:
        server.stop()


async def _made_up_for(one: Process, other: Process) -> None:
    await one.questions.announce(sent_to("S1"))
    await other.questions.apply([changed()])
    await one.cache.put_many([(f"{SLOT}S1", entry("new"), 600)])
    other.handle._lost(OSError())  # as if the line were cut
    await other.questions.apply([changed()])
    assert await one.cache.get_many([f"{SLOT}S1"]) == [entry("new")]
    await until(lambda: other.handle.connected)
    await other.questions.apply([])
    await until(lambda: one.cache.health()["invalidations"] is True)
    assert await one.cache.get_many([f"{SLOT}S1"]) == [None]


async def test_announcements_that_are_not_of_our_making_are_passed_over(valkey_url: str) -> None:
    async with opened(valkey_url, 1) as (process,):
        announcements = Announcements(process.handle, "v1")
        await announcements.tell(b"\xc1rubbish")
        await process.questions.announce(sent_to("S1"))
        await process.questions.apply([changed()])
        assert len(await announcements.news() or ()) == 2
