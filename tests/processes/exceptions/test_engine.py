"""What people decide reaches processes that really run: they go on, and the list is empty again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from canonical.exceptions import ExceptionCategory, ExceptionFilter, ExceptionState, SupplyException
from runtime.events.ledger import Ledger
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from tests.processes.engine.conftest import SETTINGS
from tests.processes.engine.scripts import House, Said, script_kind
from tests.processes.engine.scripts import Troubles as NoTroubles
from workflows.engine.serving import open_engine
from workflows.exceptions.desk import Decisions
from workflows.exceptions.rules import Rules
from workflows.exceptions.troubles import Reporting
from workflows.notifications.outbox import Silence
from workflows.process import CancelledByOperatorError, Ended, Process


class Work:
    """A step that fails until it is mended, and what is undone when it is given up."""

    def __init__(self) -> None:
        self.mended = False
        self.tries = 0
        self.undone = False

    async def script(self, process: Process) -> str:
        try:
            await process.step("tell", self.tell, type(None))
        except CancelledByOperatorError:
            self.undone = True
            raise
        return "done"

    async def tell(self) -> None:
        self.tries += 1
        if not self.mended:
            raise KeyError("nobody thought of this")


@pytest.fixture
async def running(file_store: Store, tmp_path: Path) -> AsyncIterator[tuple[House, Decisions]]:
    ledger = Ledger(file_store)
    troubles = Reporting(ledger, Rules(), Silence())
    where = StoreSettings(file=tmp_path / "store.db")
    async with open_engine([script_kind()], file_store, where, SETTINGS, troubles) as engine:
        yield House(engine, file_store, NoTroubles()), Decisions(ledger, Silence(), engine)


async def test_a_decision_is_heard_by_the_process_that_waits(
    running: tuple[House, Decisions],
) -> None:
    house, desk = running
    works = {name: Work() for name in ("retried", "resolved", "cancelled")}
    ids = {name: await house.begin(work.script, "item:I-1") for name, work in works.items()}
    waiting: dict[str, SupplyException] = {}
    for name, process_id in ids.items():
        await house.is_stuck(process_id, "tell")
        wanted = ExceptionFilter(process_id=process_id)
        (waiting[name],) = (await desk.page(wanted, first=9, after=None)).exceptions
    assert {e.category for e in waiting.values()} == {ExceptionCategory.INTERNAL}
    assert {e.subjects for e in waiting.values()} == {("item:I-1",)}
    assert {e.correlation_id for e in waiting.values()} == {f"c-{n}" for n in ids.values()}

    works["retried"].mended = True
    await desk.retry(waiting["retried"].exception_id, actor="ann")
    await desk.resolve(waiting["resolved"].exception_id, "told by phone", actor="ann")
    await desk.cancel(waiting["cancelled"].exception_id, "not wanted", actor="ann")

    ended = dict(zip(ids, await asyncio.gather(*map(house.end, ids.values())), strict=True))
    assert ended["retried"].outcome == ended["resolved"].outcome == Said("done")
    assert ended["cancelled"] == Ended(None, "CANCELLED", "not wanted")
    assert (works["retried"].tries, works["resolved"].tries) == (2, 1)
    assert [work.undone for work in works.values()] == [False, False, True]
    found = await desk.by_ids([e.exception_id for e in waiting.values()])
    states = {name: found[e.exception_id].state for name, e in waiting.items()}
    assert states == {
        "retried": ExceptionState.CLOSED,
        "resolved": ExceptionState.RESOLVED,
        "cancelled": ExceptionState.CANCELLED,
    }
    still = ExceptionFilter(states=(ExceptionState.OPEN, ExceptionState.ASSIGNED))
    assert (await desk.page(still, first=9, after=None)).total == 0
