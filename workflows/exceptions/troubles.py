"""Takes troubles in: opens an exception for each cause, counts the same again, closes what is over.

report  no open one -> OPENED, with severity, owner and the time that it is to be over by
an open one -> counted, its words brought up to date; worse than before -> ESCALATED
over    an open one -> CLOSED
"""

from typing import Final

from msgspec.structs import replace
from typing_extensions import override

from canonical.exceptions import (
    RANKS,
    ExceptionAction,
    ExceptionEntry,
    ExceptionState,
    SupplyException,
    Trouble,
    Troubles,
)
from runtime.events.ledger import Ledger
from runtime.events.writing import Writing
from runtime.exceptions.changing import ExceptionRows
from runtime.exceptions.reading import ExceptionList
from workflows.exceptions.rules import Rules
from workflows.exceptions.telling import STREAM, event_of, notice_of
from workflows.notifications.ports import NoticeKind, Notices

UNTOLD: Final = "notification:"
"""How causes begin of which nobody is told: that nobody can be told."""


class Reporting(Troubles):
    """Takes troubles in.

    Args:
        ledger: Where exceptions are, and the log that tells of them.
        rules: What is made of troubles.
        notices: Tells people.
    """

    def __init__(self, ledger: Ledger, rules: Rules, notices: Notices) -> None:
        self._ledger = ledger
        self._rules = rules
        self._notices = notices
        self._list = ExceptionList(ledger.store)

    @override
    async def report(self, trouble: Trouble) -> str:
        async def work(writing: Writing) -> str:
            rows = ExceptionRows(writing, self._ledger.random)
            standing = await rows.open_one(trouble.cause)
            if standing is None:
                return await self._opened(writing, rows, trouble)
            return await self._seen_again(writing, rows, trouble, standing)

        return await self._ledger.write(work, streams=[STREAM])

    @override
    async def over(self, cause: str, *, why: str) -> None:
        if not await self._list.is_open(cause):  # as a rule there is none
            return

        async def work(writing: Writing) -> None:
            rows = ExceptionRows(writing, self._ledger.random)
            standing = await rows.open_one(cause)
            if standing is None:
                return
            at = writing.moment
            await rows.change(
                replace(standing, state=ExceptionState.CLOSED, updated_at=at, closed_at=at)
            )
            entry = ExceptionEntry(at=at, action=ExceptionAction.CLOSED, text=why)
            closed = await rows.enter(standing, entry)
            await writing.append([event_of(closed)])

        await self._ledger.write(work, streams=[STREAM])

    async def _opened(self, writing: Writing, rows: ExceptionRows, trouble: Trouble) -> str:
        at = writing.moment
        severity = self._rules.severity(trouble)
        exception = SupplyException(
            exception_id=rows.new_id(at),
            category=trouble.category,
            severity=severity,
            state=ExceptionState.OPEN,
            message=trouble.message,
            owner=self._rules.owner_of(trouble, severity),
            subjects=tuple(sorted(set(trouble.subjects))),
            value_at_risk=trouble.value_at_risk,
            days_of_cover_lost=trouble.days_of_cover_lost,
            process_id=trouble.process_id,
            correlation_id=trouble.correlation_id,
            opened_at=at,
            updated_at=at,
            due_at=self._rules.due_at(severity, at),
            earlier=await rows.latest(trouble.cause),
            details=trouble.details,
            history=(ExceptionEntry(at=at, action=ExceptionAction.OPENED, text=trouble.message),),
        )
        await rows.add(trouble.cause, exception)
        await self._told(writing, trouble, exception, NoticeKind.EXCEPTION_OPENED)
        return exception.exception_id

    async def _seen_again(
        self, writing: Writing, rows: ExceptionRows, trouble: Trouble, standing: SupplyException
    ) -> str:
        at, days = writing.moment, trouble.days_of_cover_lost
        severity = max(standing.severity, self._rules.severity(trouble), key=RANKS.__getitem__)
        worse = severity is not standing.severity
        changed = replace(
            standing,
            message=trouble.message,
            subjects=tuple(sorted({*standing.subjects, *trouble.subjects})),
            value_at_risk=trouble.value_at_risk or standing.value_at_risk,
            days_of_cover_lost=standing.days_of_cover_lost if days is None else days,
            process_id=trouble.process_id or standing.process_id,
            occurrences=standing.occurrences + 1,
            details=trouble.details or standing.details,
            severity=severity,
            updated_at=at,
        )
        if worse:
            whole = replace(trouble, subjects=changed.subjects)
            changed = self._rerouted(changed, whole)
        await rows.change(changed)
        action = ExceptionAction.ESCALATED if worse else ExceptionAction.SEEN_AGAIN
        text = f"{standing.severity} became {severity}" if worse else trouble.message
        entered = await rows.enter(standing, ExceptionEntry(at=at, action=action, text=text))
        if worse:
            await self._told(writing, trouble, entered, NoticeKind.EXCEPTION_ESCALATED)
        return standing.exception_id

    def _rerouted(self, exception: SupplyException, trouble: Trouble) -> SupplyException:
        """What is worse is due sooner, and may be somebody else's, if no person gave it away."""
        severity, at = exception.severity, exception.updated_at
        due = [each for each in (exception.due_at, self._rules.due_at(severity, at)) if each]
        exception = replace(exception, due_at=min(due, default=None))
        if exception.state is ExceptionState.ASSIGNED:
            return exception
        return replace(exception, owner=self._rules.owner_of(trouble, severity))

    async def _told(
        self, writing: Writing, trouble: Trouble, exception: SupplyException, kind: NoticeKind
    ) -> None:
        await writing.append([event_of(exception)])
        if not trouble.cause.startswith(UNTOLD):
            await self._notices.tell_with(writing, [notice_of(kind, exception)])
