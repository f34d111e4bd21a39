"""A kind of process whose instances do what a test gives them to do."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count

from msgspec import Struct

from canonical.exceptions import Trouble
from canonical.processes import ProcessState, ProcessView
from runtime.processes.messages import Messages
from runtime.processes.reading import StoredProcesses
from runtime.store.store import Store
from workflows.engine.serving import DurableEngine
from workflows.process import Ended, Process, ProcessKind, Starting

Script = Callable[[Process], Awaitable[str]]
SCRIPTS: dict[str, Script] = {}
_numbers = count(1)


class Asked(Struct):
    script: str


class Said(Struct):
    text: str


class Troubles:
    """Troubles that were reported, and those that are over."""

    def __init__(self) -> None:
        self.open: dict[str, Trouble] = {}
        self.reported: list[Trouble] = []
        self.gone: list[str] = []

    async def report(self, trouble: Trouble) -> str:
        self.open[trouble.cause] = trouble
        self.reported.append(trouble)
        return trouble.cause

    async def over(self, cause: str, *, why: str) -> None:
        if self.open.pop(cause, None):
            self.gone.append(cause)

    def of(self, process_id: str) -> list[Trouble]:
        return [each for each in self.reported if each.process_id == process_id]


class House(Struct):
    """An engine with its store."""

    engine: DurableEngine
    store: Store
    troubles: Troubles

    async def begin(self, script: Script, *subjects: str) -> str:
        """Begin a process that does something; its id."""
        name = f"script-{next(_numbers)}"
        SCRIPTS[name] = script
        assert list(await self.engine.start([starting(name, *subjects)])) == [name]
        return name

    async def ends(self, script: Script) -> Ended:
        """How a process that does something ends."""
        return await self.end(await self.begin(script))

    async def end(self, process_id: str) -> Ended:
        found = await self.engine.ended(process_id, 10)
        assert found is not None, "it has not ended"
        return found

    async def view(self, process_id: str) -> ProcessView:
        return (await StoredProcesses(self.store).by_ids([process_id]))[process_id]

    async def is_stuck(self, process_id: str, step: str | None = None) -> ProcessView:
        """The process, once an operator has to look at it, at a step."""
        async with asyncio.timeout(10):
            while True:
                view = await self.view(process_id)
                at = None if step is None or not view.steps else view.steps[-1].name
                if view.state is ProcessState.STUCK and at == step:
                    return view
                await asyncio.sleep(0.005)

    async def begins(self, process_id: str) -> None:
        """Wait until there is a process."""
        async with asyncio.timeout(10):
            views = StoredProcesses(self.store)
            while process_id not in await views.by_ids([process_id]):  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    async def is_gone(self, process_id: str) -> None:
        """Wait until there is no such process any more."""
        async with asyncio.timeout(10):
            views = StoredProcesses(self.store)
            while process_id in await views.by_ids([process_id]):  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    async def count_kept(self) -> int:
        """How many processes DBOS has kept."""
        assert self.engine._library is not None
        database = self.engine._library._dbos._sys_db
        return len(await asyncio.to_thread(database.list_workflows))

    async def waits(self, process_id: str) -> None:
        """Wait until a process waits."""
        async with asyncio.timeout(10):
            while (await self.view(process_id)).state != "WAITING":  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    async def unheard(self) -> int:
        """How many messages wait for processes."""
        return len(await Messages(self.store).untaken())

    async def say(self, process_id: str, topic: str, text: str, once: str = "once") -> None:
        """Send a process a message."""
        await self.engine.signal(process_id, topic, Said(text), once=once)


def starting(name: str, *subjects: str) -> Starting:
    return Starting(
        kind="script",
        process_id=name,
        asked=Asked(name),
        correlation_id=f"c-{name}",
        subjects=subjects,
        started_by="pia",
    )


async def _run(process: Process, asked: Asked) -> Said:
    return Said(await SCRIPTS[asked.script](process))


def script_kind(version: int = 1) -> ProcessKind:
    return ProcessKind("script", version, Asked, Said, _run)
