"""Confirmations on a real engine: words that come at once, and a server that is started again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

from canonical.ordering import Acknowledged, AcknowledgedWish, AcknowledgementDecision, Speaker
from canonical.ordering import AcknowledgementChoice as Choice
from canonical.processes import ProcessFilter, ProcessState, ProcessView
from canonical.writing import Promise
from runtime.processes.reading import StoredProcesses
from runtime.store.migrating import migrate
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from tests.fixtures.waiting import until
from tests.processes.engine.conftest import SETTINGS
from tests.processes.engine.scripts import Troubles
from tests.unit.workflows.confirmation.house import SENT, House, promise
from workflows.confirmation.desk import Desk
from workflows.confirmation.speaking import Speaking
from workflows.confirmation.words import CONFIRMATION
from workflows.engine.serving import DurableEngine, open_engine
from workflows.ordering.handing import OrderHanded, confirmation_id
from workflows.process import Starting

ID = confirmation_id("procurement", "7")
HANDED = OrderHanded(
    system="procurement", key="7", number="PO-7", supplier="S-1", follow=SENT.follow
)


class Server:
    """One server: its engine, and the desk in front of it."""

    def __init__(self, engine: DurableEngine, store: Store, house: House) -> None:
        self.engine = engine
        self.processes = StoredProcesses(store)
        numbers = count()
        self.desk = Desk(
            engine=engine,
            processes=self.processes,
            records=house,
            policies=house.policies,
            leading=("procurement",),
            now=house.clock,
            new_key=lambda: f"new-{next(numbers)}",
            within_s=10,
        )

    async def says(self, *promises: Promise, key: str | None = None) -> Acknowledged:
        wish = AcknowledgedWish(number="PO-7", promises=promises, key=key)
        speaker = Speaker(subject="sally")
        return await self.desk.acknowledge(wish, speaker=speaker, correlation_id="c-2")

    async def view(self) -> ProcessView:
        return (await self.processes.by_ids([ID]))[ID]


@asynccontextmanager
async def serving(where: StoreSettings, house: House, troubles: Troubles) -> AsyncIterator[Server]:
    store = Store(where)
    await migrate(store)
    speaking = Speaking(StoredProcesses(store), house.reader, ("procurement", "erp"))
    kinds = [house.kind, speaking.kind()]
    async with open_engine(kinds, store, where, SETTINGS, troubles) as engine:
        yield Server(engine, store, house)
    await store.aclose()


async def test_answers_come_at_once_and_decisions_after_the_server_was_started_again(
    quick_folder: Path,
) -> None:
    house, troubles = House(), Troubles()
    where = StoreSettings(file=quick_folder / "confirmations.db")
    async with serving(where, house, troubles) as server:
        handed: Any = Starting(
            kind=CONFIRMATION, process_id=ID, asked=HANDED, correlation_id="c-1", started_by="bert"
        )
        await server.engine.start([handed])
        said = [server.says(promise(10), promise(20, 60), key="k") for _ in range(20)]
        came = await asyncio.gather(*said)
        assert {(tuple(c.findings), c.pending) for c in came} == {((), True)}
        assert house.erp.told == house.procurement.told == [("acknowledge", (promise(10),))]
        assert [t.category.value for t in troubles.reported] == ["QUANTITY_DEVIATION"]
        assert (await server.view()).waits_for == "a buyer's decision on lines 20"
    async with serving(where, house, troubles) as server:
        decision = AcknowledgementDecision(number="PO-7", choice=Choice.ACCEPT, key="d")
        speaker = Speaker(subject="bert")
        decided = await server.desk.decide(decision, speaker=speaker, correlation_id="c-3")
        assert (list(decided.findings), decided.pending) == ([], False)
        await until(lambda: not troubles.open)
        ended = await server.engine.ended(ID, 10)
        assert ended is not None
        assert str(ended.outcome).startswith("confirmed: PO-7 (10: 100 on 2026-12-23, 20: 60 on")
        again = await server.says(promise(20), key="k2")
        assert (list(again.findings), again.pending) == ([], False)
        found = await server.processes.page(
            ProcessFilter(kinds=(CONFIRMATION,), subjects=("order:erp:4500007",)),
            first=10,
            after=None,
        )
        assert [p.process_id for p in found.processes] == [f"{ID}-2", ID]
        assert {p.state for p in found.processes} == {ProcessState.SUCCEEDED}
    assert house.erp.told == [
        ("acknowledge", (promise(10),)),
        ("acknowledge", (promise(20, 60),)),
        ("acknowledge", (promise(20),)),
    ]
