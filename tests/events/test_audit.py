"""The audit in real stores: several processes make one chain, and age leaves it whole."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from random import Random

import pytest
import sqlalchemy as sa
from alembic import command

from canonical.audit import AuditEntry, AuditFilter, AuditKind
from canonical.errors import UnavailableError
from runtime.audit.chain import GENESIS, Head
from runtime.audit.log import AuditLog
from runtime.audit.reading import StoredAudit
from runtime.audit.refusals import Refusals
from runtime.audit.retention import AuditRetention
from runtime.events.leases import Leases
from runtime.events.ledger import Ledger
from runtime.events.writing import Writing
from runtime.store.migrating import _config, migrate
from runtime.store.store import Store
from runtime.store.tables import AUDIT
from tests.events import appender
from tests.events.making import NOON


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(store: Store, clock: Clock) -> AuditLog:
    return AuditLog(store, now=clock, random=Random(7))


def _acting(action: str) -> Callable[[Writing], Awaitable[None]]:
    return lambda writing: writing.audit(AuditEntry(actor="me", action=action))


async def test_two_processes_make_one_chain(store: Store, address: str) -> None:
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.events.appender", address, "one", "50")
    )
    await appender.main(address, "two", 50)
    ledger = Ledger(store)
    for number in range(5):
        await ledger.write(_acting(f"{number}"))
    assert await other.wait() == 0
    audit = StoredAudit(store)
    found = await audit.verify()
    assert (found.entries, found.first, found.problems) == (105, 1, [])
    assert found.head == await audit.head()
    for name, count in (("one", 50), ("two", 50), ("me", 5)):
        page = await audit.page(AuditFilter(actors=(name,)), first=200)
        assert page.total == count
        assert sorted(int(entry.action) for entry in page.entries) == list(range(count))


async def test_what_is_waiting_is_sealed_together(log: AuditLog, store: Store) -> None:
    heads = []
    write = store.write

    async def counted(work: object, **more: object) -> object:
        heads.append(work)
        return await write(work, **more)  # type: ignore[arg-type]

    store.write = counted  # type: ignore[assignment,method-assign]
    await asyncio.gather(*(log.append(AuditEntry(actor="me")) for _ in range(40)))
    assert len(heads) <= 2
    assert (await StoredAudit(store).verify()).entries == 40


async def test_an_entry_that_is_there_already_is_not_written_again(
    log: AuditLog, store: Store
) -> None:
    write = store.write

    async def unheard(work: object, **more: object) -> object:
        await write(work, **more)  # type: ignore[arg-type]
        return await write(work, **more)  # type: ignore[arg-type]

    store.write = unheard  # type: ignore[assignment,method-assign]
    await log.append(AuditEntry(actor="me"))
    assert (await StoredAudit(store).verify()).entries == 1


async def test_changes_in_the_tables_are_found(log: AuditLog, store: Store) -> None:
    await log.append(*(AuditEntry(actor="me", action=f"{n}") for n in range(4)))
    audit = StoredAudit(store)
    anchor = await audit.head()
    assert (await audit.verify(anchor)).problems == []
    change = sa.update(AUDIT).where(AUDIT.c.position == 2).values(actor="you")
    await store.write(lambda connection: connection.execute(change))
    [problem] = (await audit.verify(anchor)).problems
    assert problem.position == 2
    assert problem.message == "its column 'actor' does not say what its content does"


async def test_old_entries_go_and_the_chain_stays_whole(
    log: AuditLog, store: Store, clock: Clock
) -> None:
    audit = StoredAudit(store)
    leases = Leases(store, now=clock)
    retention = AuditRetention(log, leases, holder="me", days=30, batch=3)
    assert await retention.run() == 0
    await log.append(*(AuditEntry(actor="old") for _ in range(5)))
    anchor = await audit.head()
    clock.now += timedelta(days=31)
    await log.append(AuditEntry(actor="new"))
    assert await retention.run() == 5
    found = await audit.verify(anchor)
    # Two transactions removed entries, each with its checkpoint; the last one's is the anchor.
    assert (found.entries, found.first, found.problems) == (3, 6, [])
    kinds = [entry.kind for entry in (await audit.page()).entries]
    assert kinds == [AuditKind.CHECKPOINT, AuditKind.CHECKPOINT, AuditKind.ACT]
    gone = await audit.verify(Head(3, GENESIS))
    assert gone.count == 1
    clock.now += timedelta(days=31)
    assert await retention.run() == 3
    assert (await audit.verify()).problems == []
    assert await leases.acquire("audit-retention", "other", 30) is not None
    assert await retention.run() is None


def note(refusals: Refusals, *, actor: str, decision: str, action: str = "") -> None:
    entry = AuditEntry(kind=AuditKind.REFUSAL, actor=actor, decision=decision, action=action)
    refusals.note((decision, "", actor), lambda: entry)


async def test_refusals_alike_are_summed_and_none_is_left_out_silently(
    log: AuditLog, store: Store
) -> None:
    refusals = Refusals(log)
    kind = AuditKind.REFUSAL
    for number in range(15):
        note(refusals, actor="sam", decision="FORBIDDEN", action=f"{number}")
        note(refusals, actor="bob", decision="RATE_LIMITED")
    for number in range(250):
        note(refusals, actor=f"x-{number}", decision="UNAUTHENTICATED")
    await refusals.flush()
    entries = (await StoredAudit(store).page(first=500)).entries
    single = [e for e in entries if e.kind is kind]
    assert len([e for e in single if e.actor == "sam"]) == 10
    assert len([e for e in single if e.decision == "UNAUTHENTICATED"]) == 198
    sums = {(e.actor, e.decision): e.details for e in entries if e.kind is AuditKind.REFUSALS}
    assert sums == {
        ("sam", "FORBIDDEN"): {"count": 5},
        ("bob", "RATE_LIMITED"): {"count": 15},
        ("", "UNAUTHENTICATED"): {"count": 52, "dropped": True},
    }
    await refusals.flush()
    assert (await StoredAudit(store).page()).total == len(entries)


async def test_refusals_that_cannot_be_written_are_counted_until_they_can(
    log: AuditLog, store: Store
) -> None:
    refusals, append = Refusals(log), log.append

    async def away(*_: AuditEntry) -> list[AuditEntry]:
        raise UnavailableError("store", "timeout", "away")  # type: ignore[arg-type]

    note(refusals, actor="sam", decision="FORBIDDEN")
    log.append = away  # type: ignore[method-assign]
    await refusals.flush()
    await refusals.flush()
    log.append = append  # type: ignore[method-assign]
    await refusals.flush()
    [entry] = (await StoredAudit(store).page()).entries
    assert (entry.decision, entry.details) == ("FORBIDDEN", {"count": 1, "dropped": True})


async def test_what_was_begun_and_not_finished_is_shown(log: AuditLog, store: Store) -> None:
    begun = AuditEntry(kind=AuditKind.CHANGE_BEGUN, actor="pia", objects=("Item:A-1", "100%"))
    first, second = await log.append(begun, begun)
    await log.append(AuditEntry(kind=AuditKind.CHANGE_DONE, finishes=first.entry_id))
    audit = StoredAudit(store)
    page = await audit.page(AuditFilter(unfinished=True))
    assert [entry.entry_id for entry in page.entries] == [second.entry_id]
    assert (await audit.page(AuditFilter(about="100%"))).total == 2
    assert (await audit.page(AuditFilter(about="100"))).total == 0
    last = (await audit.page(first=1)).entries[0]
    assert last.position == 3
    assert (await audit.page(first=5, before=3)).entries[0].position == 2


async def test_what_operators_did_before_is_the_beginning_of_the_chain(
    log: AuditLog, store: Store
) -> None:
    """The migration to and fro: old rows are sealed, in the order of their ids."""
    await log.append(
        AuditEntry(actor="olga", action="dead_letter.discarded", subject="l1", details={"a": 1}),
        AuditEntry(kind=AuditKind.EXPORT, actor="pia"),
        AuditEntry(actor="olga", action="events.replayed", subject="caches"),
    )

    def back(connection: sa.Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")

    await store.write(lambda connection: connection.run_sync(back))
    assert await migrate(store) == "0001"
    found = await StoredAudit(store).verify()
    assert (found.entries, found.problems) == (2, [])
    later, earlier = (await StoredAudit(store).page()).entries
    assert (earlier.actor, earlier.subject, earlier.details) == ("olga", "l1", {"a": 1})
    assert (earlier.at, later.action) == (NOON, "events.replayed")
