"""What is written to the log is there once, in order, without gaps, whoever was in the way."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from canonical.dead_letters import DeadLetter
from canonical.entities import EntityName
from canonical.events import Event
from runtime.events.joining import Asked
from runtime.events.ledger import Ledger
from runtime.events.writing import Known, Writing
from runtime.store import store as module
from runtime.store.store import Store
from tests.events.making import NOON, item_event, order_event

ORDERS, ITEMS = EntityName.PURCHASE_ORDER, EntityName.ITEM


async def append(ledger: Ledger, *events: Event) -> Sequence[Event]:
    streams = {event.stream for event in events}
    return await ledger.write(lambda writing: writing.append(events), streams=streams)


async def test_events_are_read_as_they_were_appended(store: Store) -> None:
    ledger = Ledger(store)
    appended = await append(ledger, order_event(1), item_event(1), order_event(2))

    assert [(e.stream, e.position) for e in appended] == [(ORDERS, 1), (ITEMS, 1), (ORDERS, 2)]
    assert await ledger.read(ORDERS, 0, 10) == [appended[0], appended[2]]
    assert await ledger.read(ORDERS, 0, 1) == [appended[0]]
    assert await ledger.read(ORDERS, 2, 10) == []
    assert await ledger.heads() == {ORDERS: 2, ITEMS: 1}
    assert await ledger.oldest(ORDERS) == 1
    assert await ledger.by_ids([appended[1].event_id, "?"]) == {appended[1].event_id: appended[1]}
    assert await ledger.of_correlation("c-1") == [appended[1], appended[0]]


async def test_an_event_counts_once(store: Store) -> None:
    ledger = Ledger(store)
    first = await append(ledger, order_event(1), order_event(1), order_event(2))
    assert [e.position for e in first] == [1, 2]
    again = await append(ledger, order_event(2), order_event(3), order_event(2, system="other"))
    assert [(e.system, e.source_event_id, e.position) for e in again] == [
        ("erp", "e-3", 3),
        ("other", "e-2", 4),
    ]


async def test_histories_of_many_subjects_come_in_one_query(store: Store) -> None:
    ledger = Ledger(store)
    events = await append(ledger, *(order_event(n) for n in range(6)), item_event(1))
    ask = ["supplier:S-1", "item:SKU-1", "item:none"]

    assert await ledger.of_subjects(ask) == {
        "supplier:S-1": [events[1], events[4]],
        "item:SKU-1": [events[6]],
        "item:none": [],
    }
    assert await ledger.of_subjects(ask, newest=1, types=[events[1].type]) == {
        "supplier:S-1": [events[4]],
        "item:SKU-1": [],
        "item:none": [],
    }


async def test_states_and_deliveries_are_kept_with_the_events(store: Store) -> None:
    ledger = Ledger(store)
    one, two = ("erp", "1"), ("crm", "2")

    async def first(writing: Writing) -> None:
        assert await writing.known(ORDERS, [one, two]) == {}
        await writing.remember(ORDERS, {one: Known(NOON, b"a"), two: Known(NOON, b"b")})
        await writing.take("erp", {"d-1": "recorded", "d-2": "nothing new"})
        await writing.bury(
            [DeadLetter(system="erp", way="webhook", reason="r", message="m", body=b"")]
        )

    async def second(writing: Writing) -> None:
        assert await writing.seen("erp", ["d-1", "d-2", "d-3"]) == {"d-1", "d-2"}
        assert await writing.seen("crm", ["d-1"]) == set()
        await writing.take("erp", {"d-1": "again"})
        await writing.remember(ORDERS, {one: Known(NOON, b"c"), two: None})
        assert await writing.known(ORDERS, [one, two]) == {one: Known(NOON, b"c")}
        assert await writing.known(ITEMS, [one]) == {}

    await ledger.write(first)
    await ledger.write(second)


async def test_states_can_be_looked_at_without_a_transaction(store: Store) -> None:
    ledger = Ledger(store)
    states = {(system, "K1"): Known(NOON, system.encode()) for system in ("erp", "other")}
    await ledger.write(lambda writing: writing.remember(ITEMS, states))
    wanted = [*states, ("erp", "K2")]
    assert await ledger.known(ITEMS, wanted) == states
    assert await ledger.known(ORDERS, wanted) == {}


async def test_a_failing_neighbour_takes_nothing_with_it(store: Store) -> None:
    ledger = Ledger(store)

    async def failing(writing: Writing) -> None:
        await writing.append([order_event(99)])
        raise LookupError("mine alone")

    async def breaking(writing: Writing) -> None:
        await writing.append([order_event(98)])
        await writing.connection.execute(sa.text("SELECT nonsense"))

    results = await asyncio.gather(
        append(ledger, order_event(1)),
        ledger.write(failing, streams=[ORDERS]),
        append(ledger, order_event(2)),
        ledger.write(breaking, streams=[ORDERS]),
        append(ledger, order_event(3)),
        return_exceptions=True,
    )
    assert isinstance(results[1], LookupError)
    assert isinstance(results[3], sa.exc.DBAPIError)
    kept = await ledger.read(ORDERS, 0, 10)
    assert [event.position for event in kept] == [1, 2, 3]
    assert sorted(event.source_event_id for event in kept) == ["e-1", "e-2", "e-3"]


async def test_a_commit_whose_answer_was_lost_counts_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tries = module._transaction, []

    async def losing(*args: Any) -> Any:
        result = await real(*args)
        tries.append(result)
        if len(tries) == 1:
            raise ConnectionResetError("after the commit, before its answer")
        return result

    monkeypatch.setattr(module, "_transaction", losing)
    ledger = Ledger(store)

    async def work(writing: Writing) -> str:
        if await writing.seen("erp", ["d-1"]):
            return "known"
        await writing.append([order_event(1)])
        await writing.take("erp", {"d-1": "recorded"})
        return "recorded"

    assert await ledger.write(work, streams=[ORDERS]) == "known"
    assert len(tries) == 2
    assert [event.position for event in await ledger.read(ORDERS, 0, 10)] == [1]


async def test_where_streams_were_at_a_moment_is_found_again(store: Store) -> None:
    at = datetime(2026, 11, 23, 8, tzinfo=UTC)
    now = [at]
    ledger = Ledger(store, now=lambda: now[0])
    await append(ledger, order_event(1), order_event(2))
    now[0] = at + timedelta(minutes=5)
    await append(ledger, order_event(3))
    found = [await ledger.heads_at(at + timedelta(minutes=n)) for n in (0, 5, 6)]
    assert found == [{ORDERS: 0}, {ORDERS: 2}, {ORDERS: 3}]


async def test_writes_that_come_together_wait_for_the_disk_once(store: Store) -> None:
    ledger = Ledger(store)
    transactions: list[int] = []
    real = ledger._joining._do_all

    async def counted(asks: Sequence[Asked]) -> Sequence[Any]:
        transactions.append(len(asks))
        return await real(asks)

    ledger._joining._do_all = counted
    same = [order_event(3, source="twice")]
    results = await asyncio.gather(
        *(append(ledger, order_event(n)) for n in range(20)),
        append(ledger, *same),
        append(ledger, *same),
    )
    assert sum(transactions) == 22
    assert len(transactions) <= 2
    assert [len(result) for result in results] == [1] * 21 + [0]
    assert await ledger.heads() == {ORDERS: 21}


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
async def test_an_accepted_event_survives_a_loss_of_power(store: Store) -> None:
    async with store._writing.connect() as connection:
        assert (await connection.execute(sa.text("PRAGMA synchronous"))).scalar() == 2
        assert (await connection.execute(sa.text("PRAGMA journal_mode"))).scalar() == "wal"
