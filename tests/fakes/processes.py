"""Processes without an engine, for unit tests of their code; they keep what workflows/process says.

    FakeProcess     one process: steps and writes run inline, its messages are a script, and when it
                    waits for a moment its clock goes there

`FakeProcess.again` is the process after a crash: what it had kept it still has, and a write that
had begun is asked about before it is told. A test kills a process by raising `Killed` somewhere.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Struct

from canonical.errors import (
    ConflictError,
    InDoubtError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
    RejectedError,
    SupplygraphError,
    UnavailableError,
)
from canonical.exceptions import Trouble
from tests.fakes.process_parts import NOW, Clock, Heard, Kept, Killed, Stuck
from workflows.process import (
    CancelledByOperatorError,
    SettledByOperatorError,
    Starting,
    Work,
)

T = TypeVar("T")

__all__ = ["DECISIONS", "NOW", "Clock", "FakeProcess", "Killed", "Stuck"]

DECISIONS = (InvalidInputError, RejectedError, ConflictError, NotFoundError, RefusedError)
_PAUSE = timedelta(seconds=30)


class FakeProcess:
    """One process.

    Args:
        process_id: Names it.
        correlation_id: Ties it to what it is about.
        clock: Its time.
        tries: How often a system may be unavailable before it is stuck.
        operator: What operators say when it is stuck, one by one: "retry", a
            SettledByOperatorError or a CancelledByOperatorError.

    Attributes:
        steps: Names of the steps that were done, or refused, in order.
        writes: Names of the writes that were told, in order, each time.
        asked: Names of the writes that were asked about, in order, each time.
        pauses: How often it waited for a system that was unavailable.
        troubles: What it reported.
        gone: Causes of troubles that it reported as over.
        subjects: What it is about.
        waiting_for: What it says it waits for.
        started: Processes that it had begin.
        signalled: What it sent to others: their id, the topic and the message.
        results: What comes of other processes, by their id.
    """

    def __init__(
        self,
        process_id: str = "process-1",
        correlation_id: str = "correlation-1",
        *,
        clock: Clock | None = None,
        tries: int = 3,
        operator: Iterable[str | SettledByOperatorError | CancelledByOperatorError] = (),
    ) -> None:
        self.id = process_id
        self.correlation_id = correlation_id
        self.clock = clock or Clock()
        self.tries = tries
        self.operator = list(operator)
        self.steps: list[str] = []
        self.writes: list[str] = []
        self.asked: list[str] = []
        self.pauses = 0
        self.troubles: list[Trouble] = []
        self.gone: list[str] = []
        self.subjects: list[str] = []
        self.waiting_for: str | None = None
        self.started: list[Starting] = []
        self.signalled: list[tuple[str, str, Struct]] = []
        self.results: dict[str, Struct | SupplygraphError] = {}
        self._script: list[Heard] = []
        self._kept = Kept()
        self._next = 0

    def hear(self, topic: str, message: Struct, at: datetime | None = None) -> None:
        """Have it hear a message, at a moment."""
        self._script.append(Heard(topic, message, at))

    def cancel(self, reason: str = "given up", actor: str = "olga") -> None:
        """Have an operator give it up: its next step or wait says so, once."""
        self._kept.cancelled = CancelledByOperatorError(actor, reason)

    def again(self) -> "FakeProcess":
        """The same process, after it died: to be run from the beginning."""
        process = FakeProcess(self.id, self.correlation_id, clock=self.clock, tries=self.tries)
        process.__dict__.update(self.__dict__)
        process._next = 0
        return process

    async def step(self, name: str, work: Work[T], result: type[T]) -> T:
        return await self._kept_result(name, lambda: self._done(name, work), result)

    async def write(self, name: str, tell: Work[T], became: Work[T | None], result: type[T]) -> T:
        async def told() -> T:
            if name in self._kept.begun:
                self.asked.append(name)
                found = await became()
                if found is not None:
                    return found
            self._kept.begun.add(name)
            self.writes.append(name)
            return await tell()

        async def done() -> T:
            try:
                return await self._done(name, told)
            except SettledByOperatorError:
                with suppress(Exception):  # what cannot be asked now is not known
                    found = await became()
                    if found is not None:
                        return found
                raise

        return await self._kept_result(name, done, result)

    async def wait(self, topic: str, until: datetime | None, message: type[T]) -> T | None:
        async def heard() -> Any:
            self._give_up_if_cancelled()
            return await self.heard(topic, until)

        return await self._kept_result(f"wait {topic}", heard, cast("Any", message | None))

    async def heard(self, topic: str, until: datetime | None) -> Struct | None:
        """The script's next message of a topic; the clock goes to its moment, or to the end."""
        found = next((each for each in self._script if each.topic == topic), None)
        if found is not None and (until is None or found.at is None or found.at <= until):
            self._script.remove(found)
            self.clock.to(found.at or self.clock())
            return found.message
        assert until is not None, f"{self.id} would wait for {topic!r} for ever"
        self.clock.to(until)
        return None

    async def now(self) -> datetime:
        async def read() -> datetime:
            return self.clock()

        return await self._kept_result("now", read, datetime)

    async def start(self, kind: str, process_id: str, asked: Struct) -> None:
        async def start() -> None:
            starting = Starting(
                kind=kind,
                process_id=process_id,
                asked=asked,
                correlation_id=self.correlation_id,
            )
            await self.begin(starting)

        await self._kept_result(f"start {process_id}", start, type(None))

    async def begin(self, starting: Starting) -> None:
        """Another process is to begin."""
        if all(each.process_id != starting.process_id for each in self.started):
            self.started.append(starting)

    async def result(self, process_id: str, result: type[T]) -> T:
        async def read() -> T:
            return cast("T", await self.came_of(process_id))

        return await self._kept_result(f"result {process_id}", read, result)

    async def came_of(self, process_id: str) -> Struct:
        """What came of another process."""
        found = self.results[process_id]
        if isinstance(found, SupplygraphError):
            raise found
        return found

    async def signal(self, process_id: str, topic: str, message: Struct) -> None:
        async def send() -> None:
            self.signalled.append((process_id, topic, message))
            await self.send(process_id, topic, message)

        await self._kept_result(f"signal {process_id}", send, type(None))

    async def send(self, process_id: str, topic: str, message: Struct) -> None:
        """A message goes to another process."""

    async def about(self, *subjects: str) -> None:
        self.subjects += [each for each in subjects if each not in self.subjects]

    async def waits_for(self, what: str | None) -> None:
        self.waiting_for = what

    async def report(self, trouble: Trouble) -> None:
        if trouble.process_id is None:
            trouble = msgspec.structs.replace(trouble, process_id=self.id)
        self.troubles.append(trouble)

    async def over(self, cause: str, why: str) -> None:
        self.gone.append(cause)

    async def _kept_result(self, name: str, work: Work[T], result: type[T]) -> T:
        place, self._next = self._next, self._next + 1
        if place < len(self._kept.results):
            kept_name, kept = self._kept.results[place]
            assert kept_name == name, f"step {place + 1} was {kept_name!r}, and is {name!r} now"
        else:
            try:
                found: Any = await work()
                kept = msgspec.json.encode(found)
            except (*DECISIONS, SettledByOperatorError, CancelledByOperatorError) as error:
                kept = error
            self._kept.results.append((name, kept))
        if isinstance(kept, SettledByOperatorError) and result is type(None):
            return None
        if isinstance(kept, Exception):
            raise kept.with_traceback(None)
        return msgspec.json.decode(kept, type=result)

    async def _done(self, name: str, work: Work[T]) -> T:
        self._give_up_if_cancelled()
        tried = 0
        while True:
            try:
                found = await work()
            except DECISIONS:
                self.steps.append(name)
                raise
            except UnavailableError as error:
                tried += not isinstance(error, InDoubtError)
                self.pauses += 1
                self.clock.to(self.clock() + _PAUSE)
                if tried >= self.tries:
                    self._ask_operator(name, error)
                    tried = 0
            except Exception as error:  # noqa: BLE001 as the engine does
                self._ask_operator(name, error)
            else:
                self.steps.append(name)
                return found

    def _ask_operator(self, name: str, error: Exception) -> None:
        if not self.operator:
            raise Stuck(f"{self.id} is stuck at {name!r}: {error!r}") from error
        said = self.operator.pop(0)
        if isinstance(said, Exception):
            raise said

    def _give_up_if_cancelled(self) -> None:
        said, self._kept.cancelled = self._kept.cancelled, None
        if said is not None:
            raise said
