"""A process, as its code sees it: what `workflows.process.Process` promises, kept by DBOS."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Struct

from canonical.errors import ConflictError, UnavailableError
from canonical.exceptions import ExceptionCategory, Trouble
from canonical.processes import ProcessState, StepState
from runtime.processes.attempts import LeaseLostError
from runtime.processes.messages import Message
from runtime.processes.rows import Kept
from workflows.engine.house import Begun, House
from workflows.engine.keeping import (
    CANCELLED,
    DECISIONS,
    TRANSIENT,
    encoded,
    given,
    kept_error,
    kept_result,
    raised_again,
)
from workflows.engine.library import LostError, kept_step
from workflows.engine.mail import CANCEL, seconds_until
from workflows.engine.patience import Patience
from workflows.engine.standing import Standing, StepStanding
from workflows.engine.writing import Write
from workflows.process import (
    OWN_SUBJECTS,
    CancelledByOperatorError,
    SettledByOperatorError,
    Starting,
    Work,
)

T = TypeVar("T")
Pass = Callable[[Patience], Awaitable[Any]]


class DurableProcess:
    """One process in this server.

    Args:
        process_id: Its id.
        begun: What it was begun with.
        house: What processes share.
        recovered: Whether it may have come further than its beginning, in another server.

    Attributes:
        standing: How it is shown.
        cancelled: Whether an operator has given it up.
    """

    def __init__(self, process_id: str, begun: Begun, house: House, *, recovered: bool) -> None:
        self._house = house
        self._id = process_id
        self._begun = begun
        self._texts: list[str] = []
        self._number = 0
        self._names: dict[str, int] = {}
        self._recovered = recovered
        self.standing = Standing(process_id, begun, house)
        self.cancelled = False

    @property
    def id(self) -> str:
        """Names the process, for ever."""
        return self._id

    @property
    def correlation_id(self) -> str:
        """Ties it to what it is about."""
        return self._begun.correlation_id

    def rewind(self) -> None:
        """Its code is gone through from the beginning again; what is kept stays so."""
        self._number = 0
        self._names = {}
        self.cancelled = False

    async def step(self, name: str, work: Work[T], result: type[T]) -> T:
        """As `Process.step` says."""

        async def once(_: Patience) -> T:
            return await work()

        return given(await self._done(name, lambda _: _Doing(once)), result)

    async def write(self, name: str, tell: Work[T], became: Work[T | None], result: type[T]) -> T:
        """As `Process.write` says."""

        def writing(step: StepStanding) -> "_Doing":
            write = Write(tell, became, step=step, house=self._house)
            return _Doing(write.once, write)

        return given(await self._done(name, writing), result)

    async def wait(self, topic: str, until: datetime | None, message: type[T]) -> T | None:
        """As `Process.wait` says."""

        def waiting(step: StepStanding) -> "_Doing":
            async def once(patience: Patience) -> Any:
                return await self._heard(topic, until, step, patience)

            return _Doing(once)

        kept = await self._done(f"wait {topic}", waiting)
        return given(kept, cast("type[T]", message | None))

    async def now(self) -> datetime:
        """As `Process.now` says."""

        async def work() -> datetime:
            return self._house.now()

        return await self.step("now", work, datetime)

    async def start(self, kind: str, process_id: str, asked: Struct) -> None:
        """As `Process.start` says."""
        about = self.standing.subjects
        starting = Starting(
            kind=kind,
            process_id=process_id,
            asked=asked,
            correlation_id=self.correlation_id,
            subjects=tuple(each for each in about if not each.startswith(OWN_SUBJECTS)),
            started_by=self._begun.started_by,
        )

        async def work() -> None:
            await self._house.begin(starting)

        await self.step(f"start {process_id}", work, type(None))

    async def result(self, process_id: str, result: type[T]) -> T:
        """As `Process.result` says."""

        def waiting(step: StepStanding) -> "_Doing":
            async def once(patience: Patience) -> Any:
                return await self._came_of(process_id, step, patience)

            return _Doing(once)

        return given(await self._done(f"result {process_id}", waiting), result)

    async def signal(self, process_id: str, topic: str, message: Struct) -> None:
        """As `Process.signal` says."""
        sent = Message(
            process_id,
            f"{self._id}/{self._number + 1}",
            f"to/{topic}",
            encoded(message).decode(),
            self._house.now(),
        )

        async def work() -> None:
            await self._house.mail.send(sent)

        await self.step(f"signal {process_id}", work, type(None))

    async def about(self, *subjects: str) -> None:
        """As `Process.about` says."""
        self.standing.is_about(subjects)

    async def waits_for(self, what: str | None) -> None:
        """As `Process.waits_for` says."""
        self.standing.waits_for(what)

    async def report(self, trouble: Trouble) -> None:
        """As `Process.report` says."""
        ours = msgspec.structs.replace(trouble, process_id=trouble.process_id or self._id)

        async def work() -> None:
            await self._house.troubles.report(ours)

        await self.step("report", work, type(None))

    async def over(self, cause: str, why: str) -> None:
        """As `Process.over` says."""

        async def work() -> None:
            await self._house.troubles.over(cause, why=why)

        await self.step("over", work, type(None))

    async def _done(self, name: str, doing: Callable[[StepStanding], "_Doing"]) -> Kept:
        """Do a step, or give what was kept of it; either way it is shown."""
        number = self._number = self._number + 1
        seen = self._names[name] = self._names.get(name, 0) + 1
        step = self.standing.step(number, name if seen == 1 else f"{name} #{seen}", self._now())
        try:
            if number <= len(self._texts):
                text = self._texts[number - 1]
            else:
                text = await kept_step(
                    name, lambda: self._worked(step, doing(step)), self._house.gate
                )
                self._texts.append(text)
        finally:
            step.left()
        kept = msgspec.json.decode(text, type=Kept)
        step.done(kept)
        self.cancelled |= kept.error is not None and kept.error.type == CANCELLED
        return kept

    async def _worked(self, step: StepStanding, doing: "_Doing") -> str:
        patience = Patience(step, self._house)
        recovered, self._recovered = self._recovered, False
        if recovered:
            await self._recall(step, patience)
        try:
            await patience.before(recovered=recovered)
            kept = await self._until_known(step, doing, patience)
        except (*DECISIONS, CancelledByOperatorError, SettledByOperatorError) as error:
            kept = kept_error(error, step.started_at, self._now(), step.attempts)
        await patience.over()
        if doing.write is not None:
            self._house.views.told(self._id, step.name, kept)
        return encoded(kept).decode()

    async def _until_known(self, step: StepStanding, doing: "_Doing", patience: Patience) -> Kept:
        while True:
            try:
                return self._kept(await doing.once(patience), step)
            except (*DECISIONS, CancelledByOperatorError, SettledByOperatorError):
                raise
            except LeaseLostError as error:
                raise LostError(self._id) from error
            except TRANSIENT as error:
                wait = patience.unavailable(error, doing.category())
            except Exception as error:  # noqa: BLE001  it is told to an operator
                wait = patience.broken(error)
            try:
                await wait
            except SettledByOperatorError:
                found = await _last_look(doing)
                if found is None:
                    raise
                return self._kept(found, step)

    def _kept(self, found: Any, step: StepStanding) -> Kept:
        if isinstance(found, Kept):
            return found
        return kept_result(found, step.started_at, self._now(), step.attempts)

    async def _recall(self, step: StepStanding, patience: Patience) -> None:
        """A step that a server had begun before it died goes on counting."""
        try:
            tried = await self._house.attempts.tried(self._id, step.number)
        except UnavailableError:
            return  # it counts from one again
        if tried is not None:
            step.started_at = tried.started_at
            patience.recall(tried.attempts)

    async def _heard(
        self, topic: str, until: datetime | None, step: StepStanding, patience: Patience
    ) -> Any:
        """The next message of a topic, as it was sent; None if none has come by a moment."""
        inbox, mail = f"to/{topic}", self._house.mail
        while True:
            await patience.before(recovered=False)
            text = await mail.take(self._id, inbox, str(step.number))
            if text is not None:
                return msgspec.Raw(text.encode())
            left_s = seconds_until(until, self._now())
            if left_s is not None and left_s <= 0:
                return None
            self._is_waiting(step)
            await mail.wait(self._id, (inbox, CANCEL), left_s)

    async def _came_of(self, process_id: str, step: StepStanding, patience: Patience) -> Any:
        kept = (await self._house.mail.outcome(process_id, within_s=0.0)).kept
        while kept is None:
            self._is_waiting(step)
            await patience.before(recovered=False)
            kept = await self._house.mail.wait_for_end(process_id, self._id)
        if kept.error is None:
            return kept.ok
        error = raised_again(kept.error)
        raise error if isinstance(error, DECISIONS) else ConflictError(kept.error.message)

    def _is_waiting(self, step: StepStanding) -> None:
        if self.standing.row.state is not ProcessState.WAITING:
            step.shown(StepState.WAITING)
            self.standing.is_now(ProcessState.WAITING)

    def _now(self) -> datetime:
        return self._house.now()


class _Doing(Struct):
    """How a step is done.

    Attributes:
        once: Does it.
        write: What is told to a system in it, if anything is.
    """

    once: Pass
    write: Write[Any] | None = None

    def category(self) -> ExceptionCategory:
        """What kind of trouble it is if it cannot be done."""
        if self.write is None:
            return ExceptionCategory.BACKEND_UNAVAILABLE
        return self.write.category


async def _last_look(doing: _Doing) -> Any:
    """What an operator has done by hand, with our reference, the system may know by now."""
    if doing.write is None:
        return None
    try:
        return await doing.write.found()
    except Exception:  # noqa: BLE001  then it is not known
        return None
