"""How recommendations come on: from one status to the next, each only by whoever was first.

Every move happens in a transaction that has the lock of the log's stream, and names the status that
it goes from; so it is made once, whoever else wants to make one.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct

from canonical.errors import ConflictError, NotFoundError
from canonical.recommendations import OWN_SYSTEM, RecommendationStatus
from canonical.replenishment import Decision, Recommended, Verdict
from runtime.events.writing import Writing
from runtime.replenishment.rows import COLUMNS, Came, event_of, recommended_of
from runtime.store.process_tables import RECOMMENDATIONS
from runtime.store.tables import DELIVERIES

Judge = Callable[[Recommended], int]
"""How many people must approve a recommendation; raises where this one may not decide on it."""

_T: Final = RECOMMENDATIONS.c
_PROPOSED: Final = RecommendationStatus.PROPOSED
_DECIDED: Final = {
    Decision.APPROVE: RecommendationStatus.APPROVED,
    Decision.REJECT: RecommendationStatus.REJECTED,
}
_APPROVED: Final = frozenset(
    {RecommendationStatus.APPROVED, RecommendationStatus.ORDERED, RecommendationStatus.FAILED}
)
_SAID: Final = {
    RecommendationStatus.APPROVED: "approved",
    RecommendationStatus.REJECTED: "rejected",
    RecommendationStatus.ORDERED: "approved",
    RecommendationStatus.FAILED: "approved",
    RecommendationStatus.EXPIRED: "not decided in time: it has expired",
    RecommendationStatus.SUPERSEDED: "taken back",
}
_REQUESTS: Final = f"{OWN_SYSTEM}/decisions"
"""Whose deliveries named requests count as."""


class Move(Struct, frozen=True, kw_only=True):
    """A move of a recommendation.

    Attributes:
        was: The status that it must have; in any other it stays as it is.
        status: The status that it comes to.
        by: Who decides; None if nobody does.
        note: Why.
        order: `system/key` of the order that came of it.
        escalated_to: Who is asked because nobody has decided in time.
        first_approved_by: Who approves it first, of two.
        name: Tells this move from others that leave the status as it is.
    """

    was: RecommendationStatus
    status: RecommendationStatus
    by: str | None = None
    note: str | None = None
    order: str | None = None
    escalated_to: str | None = None
    first_approved_by: str | None = None
    name: str = ""


async def stored(writing: Writing, key: str) -> Any:
    """The row of a recommendation, as nobody else can change it until the commit.

    Raises:
        NotFoundError: if there is none.
    """
    query = sa.select(*COLUMNS).where(_T.id == key)
    row = (await writing.connection.execute(query)).one_or_none()
    if row is None:
        raise unknown(key)
    return row


def unknown(key: str) -> NotFoundError:
    """The error of a recommendation that is not there."""
    return NotFoundError(f"there is no recommendation {key!r} of this service")


async def move(writing: Writing, key: str, wanted: Move, at: datetime) -> Recommended:
    """Move a recommendation, if it is where the move goes from.

    Returns:
        It as it is afterwards.
    """
    row = await stored(writing, key)
    if row.status != wanted.was:
        return recommended_of(row, at)
    return await _moved(writing, row, wanted, at)


async def decide(
    writing: Writing, key: str, verdict: Verdict, judge: Judge, at: datetime
) -> Recommended:
    """Decide on a recommendation, once.

    Raises:
        NotFoundError, ConflictError, RefusedError: as `RecommendationDesk.decide` does.
    """
    row = await stored(writing, key)
    found = recommended_of(row, at)
    if await _asked_before(writing, key, verdict) or _says_the_same(found, verdict):
        return found
    if found.record.status is not _PROPOSED:
        raise ConflictError(_told(found))
    expires_at = found.record.expires_at
    if expires_at is not None and at >= expires_at:
        raise ConflictError(f"the recommendation has expired at {_moment(expires_at)}")
    needed = judge(found)
    wanted = _wanted(found, verdict, needed)
    if verdict.once is not None:
        await writing.take(_REQUESTS, {_request(verdict): _outcome(key, verdict)})
    return await _moved(writing, row, wanted, at)


def _wanted(found: Recommended, verdict: Verdict, needed: int) -> Move:
    """The move that a verdict makes, if so many must approve."""
    subject, approves = verdict.approver.subject, verdict.decision is Decision.APPROVE
    if approves and needed > 1 and found.record.first_approved_by is None:
        return Move(was=_PROPOSED, status=_PROPOSED, first_approved_by=subject, name="first")
    to = _DECIDED[verdict.decision]
    return Move(was=_PROPOSED, status=to, by=subject, note=verdict.note)


async def _moved(writing: Writing, row: Any, wanted: Move, at: datetime) -> Recommended:
    given = {
        "decided_by": wanted.by,
        "decided_at": None if wanted.by is None else at,
        "note": wanted.note,
        "purchase_order": wanted.order,
        "escalated_to": wanted.escalated_to,
        "first_approved_by": wanted.first_approved_by,
    }
    values = {name: value for name, value in given.items() if value is not None}
    change = _change().values(status=wanted.status.value, updated_at=at, **values)
    done = await writing.connection.execute(change, {"key": row.id, "was": wanted.was.value})
    if done.rowcount != 1:
        raise ConflictError("the recommendation was decided meanwhile: read it again")
    came = Came(wanted.status, wanted.was, wanted.name)
    await writing.append([event_of(row, came, at)])
    return recommended_of(await stored(writing, row.id), at)


def _says_the_same(found: Recommended, verdict: Verdict) -> bool:
    """Whether just this was said by just this approver, whatever has come of it since."""
    record, subject = found.record, verdict.approver.subject
    if verdict.decision is Decision.REJECT:
        return record.status is RecommendationStatus.REJECTED and record.decided_by == subject
    if record.status is _PROPOSED:
        return record.first_approved_by == subject
    return record.status in _APPROVED and subject in {record.decided_by, record.first_approved_by}


async def _asked_before(writing: Writing, key: str, verdict: Verdict) -> bool:
    """Whether the request was taken before.

    Raises:
        ConflictError: if its name was given to another one.
    """
    if verdict.once is None:
        return False
    query = sa.select(DELIVERIES.c.outcome).where(
        DELIVERIES.c.system == _REQUESTS, DELIVERIES.c.delivery_id == _request(verdict)
    )
    before: Sequence[Any] = (await writing.connection.execute(query)).all()
    if not before:
        return False
    if before[0].outcome != _outcome(key, verdict):
        raise ConflictError(
            "this idempotency key was used for another decision: give each decision its own"
        )
    return True


def _request(verdict: Verdict) -> str:
    return f"{verdict.approver.subject}/{verdict.once}"


def _outcome(key: str, verdict: Verdict) -> str:
    return f"{verdict.decision.value} {key}"


def _told(found: Recommended) -> str:
    """Why nobody can decide any more, and who has."""
    record = found.record
    said = f"the recommendation was {_SAID[record.status]}"
    if record.decided_by is None:
        return said if record.decision_note is None else f"{said}: {record.decision_note}"
    assert record.decided_at is not None  # noqa: S101  # set together
    return f"{said} by {record.decided_by} at {_moment(record.decided_at)}"


def _moment(at: datetime) -> str:
    return at.isoformat(sep=" ", timespec="seconds")


@cache
def _change() -> Any:
    """A recommendation that is as it was."""
    return sa.update(RECOMMENDATIONS).where(
        _T.id == sa.bindparam("key"), _T.status == sa.bindparam("was")
    )
