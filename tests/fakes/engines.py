"""An engine without a database: many fake processes, spoken to, on a clock of the test."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import TypeVar

from msgspec import Struct
from typing_extensions import override

from canonical.errors import NotFoundError, RejectedError, SupplygraphError
from tests.fakes.process_parts import Clock
from tests.fakes.processes import FakeProcess
from workflows.process import (
    CancelledByOperatorError,
    Ended,
    ProcessKind,
    SettledByOperatorError,
    Starting,
)

T = TypeVar("T")


class _Member(FakeProcess):
    """A process of a FakeEngine."""

    def __init__(self, engine: "FakeEngine", starting: Starting, kind: ProcessKind) -> None:
        super().__init__(starting.process_id, starting.correlation_id, clock=engine.clock)
        self.subjects = list(starting.subjects)
        self.starting, self.kind, self._engine = starting, kind, engine
        self.inbox: dict[str, list[Struct]] = {}
        self.until: datetime | None = None
        self.ended: Ended | None = None
        self._is_over: Callable[[], bool] | None = None

    def runs(self) -> bool:
        """Whether it would come on by itself now."""
        return self.ended is None and (self._is_over is None or self._is_over())

    @override
    async def heard(self, topic: str, until: datetime | None) -> Struct | None:
        def is_over() -> bool:
            return bool(
                self.inbox.get(topic)
                or self._kept.cancelled
                or (until is not None and self.clock() >= until)
            )

        await self._idle(is_over, until)
        self._give_up_if_cancelled()
        waiting = self.inbox.get(topic)
        return waiting.pop(0) if waiting else None

    @override
    async def came_of(self, process_id: str) -> Struct:
        other = self._engine.processes[process_id]
        await self._idle(lambda: other.ended is not None, None)
        assert other.ended is not None
        if other.ended.outcome is None:
            raise RejectedError(other.kind.kind, other.ended.message or "")
        return other.ended.outcome

    @override
    async def begin(self, starting: Starting) -> None:
        await super().begin(starting)
        await self._engine.start([starting])

    @override
    async def send(self, process_id: str, topic: str, message: Struct) -> None:
        self._engine.deliver(process_id, topic, message)

    async def _idle(self, is_over: Callable[[], bool], until: datetime | None) -> None:
        self.until, self._is_over = until, is_over
        while not is_over():
            self._engine.woken.clear()
            await self._engine.woken.wait()
        self.until = self._is_over = None


class FakeEngine:
    """Begins processes on the running loop; what they do, they do when the test waits.

    Args:
        kinds: What can be begun.
        clock: The time of all.

    Attributes:
        processes: All that were begun, by id, also those that have ended.
        starts: What was asked to begin, each time.
        signals: What was sent from outside: id, topic, message and the message's name.
        told: What operators said: `("retry", id, actor)` and so on.
    """

    def __init__(self, *kinds: ProcessKind, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.processes: dict[str, _Member] = {}
        self.starts: list[Starting] = []
        self.signals: list[tuple[str, str, Struct, str]] = []
        self.told: list[tuple[str, ...]] = []
        self.woken = asyncio.Event()
        self._kinds = {each.kind: each for each in sorted(kinds, key=lambda kind: kind.version)}
        self._heard: set[tuple[str, str]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, starting: Sequence[Starting]) -> Collection[str]:
        begun = []
        for each in starting:
            self.starts.append(each)
            if each.process_id in self.processes:
                continue
            kind = self._kinds[each.kind]
            process = self.processes[each.process_id] = _Member(self, each, kind)
            task = asyncio.create_task(_run(process))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            begun.append(each.process_id)
        return begun

    async def signal(self, process_id: str, topic: str, message: Struct, *, once: str) -> None:
        if (process_id, once) not in self._heard:
            self._heard.add((process_id, once))
            self.signals.append((process_id, topic, message, once))
            self.deliver(process_id, topic, message)

    def deliver(self, process_id: str, topic: str, message: Struct) -> None:
        """Put a message where its process finds it."""
        process = self.processes.get(process_id)
        if process is not None and process.ended is None:
            process.inbox.setdefault(topic, []).append(message)
            self.woken.set()

    async def ended(self, process_id: str, within_s: float) -> Ended | None:
        if process_id not in self.processes:
            raise NotFoundError(f"there is no process {process_id!r}")
        await self.quiet()
        return self.processes[process_id].ended

    async def retry(self, process_id: str, *, actor: str) -> None:
        self.told.append(("retry", process_id, actor))

    async def settle(self, process_id: str, text: str, *, actor: str) -> None:
        self.told.append(("settle", process_id, text, actor))

    async def cancel(self, process_id: str, reason: str, *, actor: str) -> None:
        self.told.append(("cancel", process_id, reason, actor))
        if process_id in self.processes:
            self.processes[process_id].cancel(reason, actor)
        self.woken.set()

    async def quiet(self) -> None:
        """Wait until all processes wait for something, or have ended."""
        self.woken.set()
        await asyncio.sleep(0)
        while any(each.runs() for each in self.processes.values()):  # noqa: ASYNC110 one loop
            await asyncio.sleep(0)

    async def pass_to(self, moment: datetime) -> None:
        """Move the clock, stopping wherever a process waits for a moment on the way."""
        await self.quiet()
        while due := [e.until for e in self.processes.values() if e.until and e.until <= moment]:
            self.clock.to(min(due))
            await self.quiet()
        self.clock.to(moment)
        await self.quiet()


async def _run(process: _Member) -> None:
    try:
        process.ended = Ended(await process.kind.run(process, process.starting.asked))
    except CancelledByOperatorError as error:
        process.ended = Ended(None, "CANCELLED", error.reason)
    except SettledByOperatorError as error:
        process.ended = Ended(None, "SETTLED", error.text)
    except SupplygraphError as error:
        process.ended = Ended(None, error.code, error.message)
    process._engine.woken.set()
