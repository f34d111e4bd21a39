"""Deciding on exceptions: each decision is made once, audited, and told to the process that waits.

    assign, comment           the exception alone
    retry                     noted, then its process tries again; it closes when that is done
    resolve, cancel           over; then its process goes on, or gives up

What is over is noted before the process is told, so that of two people one decides. If the process
cannot be told, the exception is open again; and if this process died in between, `Upkeep` tells it.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final

from msgspec.structs import replace
from typing_extensions import override

from canonical.audit import AuditEntry
from canonical.errors import ConflictError, InvalidInputError, NotFoundError, SupplygraphError
from canonical.exceptions import (
    OPEN,
    ExceptionAction,
    ExceptionDesk,
    ExceptionEntry,
    ExceptionFilter,
    ExceptionPage,
    ExceptionState,
    SupplyException,
)
from runtime.events.ledger import Ledger
from runtime.events.writing import Writing
from runtime.exceptions.changing import ExceptionRows
from runtime.exceptions.reading import ExceptionList
from workflows.exceptions.telling import STREAM, event_of, notice_of
from workflows.notifications.ports import NoticeKind, Notices
from workflows.process import Engine

_OVER: Final = {
    ExceptionAction.RESOLVED: ExceptionState.RESOLVED,
    ExceptionAction.CANCELLED: ExceptionState.CANCELLED,
}
_MOST_TEXT: Final = 4_000
_MOST_OWNER: Final = 200


class Decisions(ExceptionDesk):
    """Looks at exceptions and decides on them.

    Args:
        ledger: Where exceptions are, and the log that tells of them.
        notices: Tells people.
        engine: Speaks to the processes that wait.
    """

    def __init__(self, ledger: Ledger, notices: Notices, engine: Engine) -> None:
        self._ledger = ledger
        self._notices = notices
        self._engine = engine
        self._list = ExceptionList(ledger.store)

    @override
    async def page(
        self, wanted: ExceptionFilter, *, first: int, after: str | None
    ) -> ExceptionPage:
        return await self._list.page(wanted, first=first, after=after)

    @override
    async def by_ids(self, exception_ids: Collection[str]) -> Mapping[str, SupplyException]:
        return await self._list.by_ids(exception_ids)

    @override
    async def assign(self, exception_id: str, owner: str, *, actor: str) -> SupplyException:
        name = _said(owner, "name whom it is given to", _MOST_OWNER)

        def change(standing: SupplyException) -> SupplyException:
            return replace(standing, owner=name, state=ExceptionState.ASSIGNED)

        return await self._decide(exception_id, ExceptionAction.ASSIGNED, actor, name, change)

    @override
    async def comment(self, exception_id: str, text: str, *, actor: str) -> SupplyException:
        said = _said(text, "say something", _MOST_TEXT)
        return await self._decide(exception_id, ExceptionAction.COMMENTED, actor, said)

    @override
    async def retry(self, exception_id: str, *, actor: str) -> SupplyException:
        standing = await self._decide(
            exception_id, ExceptionAction.RETRIED, actor, None, _waited_for
        )
        await self._engine.retry(_process(standing), actor=actor)
        return standing

    @override
    async def resolve(self, exception_id: str, text: str, *, actor: str) -> SupplyException:
        said = _said(text, "say how it was settled: whoever looks later wants to know", _MOST_TEXT)
        settled = await self._decide(exception_id, ExceptionAction.RESOLVED, actor, said)
        if settled.process_id is not None:
            told = self._engine.settle(settled.process_id, said, actor=actor)
            await self._or_open_again(settled, told)
        return settled

    @override
    async def cancel(self, exception_id: str, text: str, *, actor: str) -> SupplyException:
        said = _said(text, "say why it is given up: whoever looks later wants to know", _MOST_TEXT)
        given_up = await self._decide(
            exception_id, ExceptionAction.CANCELLED, actor, said, _waited_for
        )
        told = self._engine.cancel(_process(given_up), said, actor=actor)
        await self._or_open_again(given_up, told)
        return given_up

    async def _decide(
        self,
        exception_id: str,
        action: ExceptionAction,
        actor: str,
        text: str | None,
        change: Callable[[SupplyException], SupplyException] = lambda standing: standing,
    ) -> SupplyException:
        entry = ExceptionEntry(at=self._ledger.now(), action=action, actor=actor, text=text)

        async def work(writing: Writing) -> SupplyException:
            rows = ExceptionRows(writing, self._ledger.random)
            standing = await rows.by_id(exception_id)
            if standing is None:
                raise NotFoundError(f"there is no exception {exception_id!r}")
            if standing.history[-1] == entry:  # it was committed, and nobody heard of it
                return standing
            if standing.state not in OPEN:
                raise ConflictError(_too_late(standing))
            changed = replace(change(standing), updated_at=entry.at)
            if action in _OVER:
                changed = replace(changed, state=_OVER[action], closed_at=entry.at)
            await rows.change(changed)
            decided = await rows.enter(standing, entry)
            await writing.append([event_of(decided)])
            await writing.audit(_act(decided, entry))
            if action is ExceptionAction.ASSIGNED:
                notice = notice_of(NoticeKind.EXCEPTION_ASSIGNED, decided)
                await self._notices.tell_with(writing, [notice])
            return decided

        return await self._ledger.write(work, streams=[STREAM])

    async def _or_open_again(self, decided: SupplyException, told: Awaitable[None]) -> None:
        """Tell a process; if that cannot be done, the exception is open as if nothing was said."""
        try:
            await told
        except SupplygraphError as error:
            await self._open_again(decided, error)
            raise

    async def _open_again(self, decided: SupplyException, error: SupplygraphError) -> None:
        async def work(writing: Writing) -> None:
            rows = ExceptionRows(writing, self._ledger.random)
            standing = await rows.by_id(decided.exception_id)
            if standing != decided or await rows.is_open_again(decided.exception_id):
                return
            assigned = any(e.action is ExceptionAction.ASSIGNED for e in decided.history)
            state = ExceptionState.ASSIGNED if assigned else ExceptionState.OPEN
            at = writing.moment
            await rows.change(replace(decided, state=state, updated_at=at, closed_at=None))
            text = f"open again, for its process could not be told: {error.message}"
            entry = ExceptionEntry(at=at, action=ExceptionAction.OPENED, text=text)
            await writing.append([event_of(await rows.enter(decided, entry))])

        await self._ledger.write(work, streams=[STREAM])


def _waited_for(standing: SupplyException) -> SupplyException:
    if standing.process_id is None:
        raise InvalidInputError(
            f"no process waits for exception {standing.exception_id}: settle it by hand, then "
            "resolve it"
        )
    return standing


def _process(standing: SupplyException) -> str:
    return standing.process_id or ""


def _said(text: str, wanted: str, most: int) -> str:
    """What was said, without the blanks around it.

    Raises:
        InvalidInputError: if it is nothing, or too much.
    """
    said = text.replace("\0", "").strip()
    if not said:
        raise InvalidInputError(wanted)
    if len(said) > most:
        raise InvalidInputError(f"{len(said)} characters are too many; at most {most} are kept")
    return said


def _too_late(standing: SupplyException) -> str:
    last = next(e for e in reversed(standing.history) if e.action is not ExceptionAction.COMMENTED)
    by = "by itself" if last.actor is None else f"by {last.actor}"
    return f"exception {standing.exception_id} is {standing.state.value} already, {by}"


def _act(decided: SupplyException, entry: ExceptionEntry) -> AuditEntry:
    details = {"category": decided.category.value, "severity": decided.severity.value}
    if entry.text is not None:
        details["text"] = entry.text
    if decided.process_id is not None:
        details["process"] = decided.process_id
    return AuditEntry(
        actor=entry.actor or "",
        action=f"exception.{entry.action.value.lower()}",
        subject=decided.exception_id,
        correlation_id=decided.correlation_id,
        details=details,
    )
