"""A decision outlasts the server that took it, and is carried out once, by a real engine."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from canonical.errors import ConflictError
from canonical.exceptions import Trouble
from canonical.recommendations import RecommendationStatus as Status
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from tests.fakes.proposals import evaluated
from tests.processes.approval.house import POLICY, STREAM, Approving, approvals, says
from workflows.approval.desk import Approvers
from workflows.approval.process import ApprovalOutcome
from workflows.approval.reacting import Reacting
from workflows.engine.serving import DurableEngine, open_engine
from workflows.engine.settings import EngineSettings

SETTINGS = EngineSettings(takeover_s=1.0, poll_s=0.05, settle_s=0.05)


class NoTroubles:
    """Nothing is to go wrong."""

    async def report(self, trouble: Trouble) -> str:
        raise AssertionError(trouble.message)

    async def over(self, cause: str, *, why: str) -> None:
        raise AssertionError(cause)


class Server(Approving):
    """The same with a real engine."""

    @asynccontextmanager
    async def running(self, where: StoreSettings) -> AsyncIterator[DurableEngine]:
        """Its engine, until it stops."""
        self.clock.to(datetime.now(UTC))
        kinds = [self.approval.kind(), self.ordering]
        async with open_engine(kinds, self.store, where, SETTINGS, NoTroubles()) as engine:
            self.reacting = Reacting(engine)
            self.desk = Approvers(self.kept, POLICY, engine, self.calculating)
            yield engine

    async def hears(self) -> None:
        """Processes hear of all that is in the log, for the first time or not."""
        await self.reacting.react(await self.ledger.read(STREAM, 0, 1_000))


async def came_of(engine: DurableEngine, key: str) -> ApprovalOutcome:
    ended = await engine.ended(key, 20)
    assert ended is not None
    assert isinstance(ended.outcome, ApprovalOutcome), ended
    return ended.outcome


async def test_a_decision_outlasts_the_server_that_took_it(
    sqlite_file: Path, tmp_path: Path
) -> None:
    where = StoreSettings(file=tmp_path / "store.db")
    shutil.copyfile(sqlite_file, where.file)
    store = Store(where)
    house = Server(store)

    async with house.running(where):
        await house.take(evaluated(), evaluated("SKU-2"))
        [first, second] = [event.key for event in await house.told()]
        await house.hears()
    await house.kept.decide(first, says("ann"), approvals(1))  # whoever took it died then

    async def approve(number: int) -> str:
        try:
            found = await house.desk.decide(second, says(f"user-{number}"), correlation_id="q")
        except ConflictError as error:
            return error.message.rpartition(" at ")[0]
        return f"the recommendation was approved by {found.decided_by}"

    async with house.running(where) as engine:
        answers = await asyncio.gather(*(approve(number) for number in range(50)))
        await house.hears()
        outcomes = [await came_of(engine, key) for key in (first, second)]
        await house.hears()
    await store.aclose()

    assert len(set(answers)) == 1
    assert [each.status for each in outcomes] == [Status.ORDERED, Status.ORDERED]
    assert outcomes[0].decided_by == "ann"
    assert answers[0] == f"the recommendation was approved by {outcomes[1].decided_by}"
    assert sorted(each.lines[0].item for each in house.wanted) == ["SKU-1", "SKU-2"]
