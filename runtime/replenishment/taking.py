"""Evaluations become recommendations: what one transaction makes of them, in few statements.

    says the same as the open one        nothing: it stands as it was made, with its figures
    says otherwise                       the open one is superseded, a new one is proposed
    nothing is needed                    the open one is superseded
    one is approved and not yet ordered  nothing: the next evaluation finds the order
    one was ordered just now             nothing: the evaluation may not have seen that yet
    says what was rejected lately        nothing new: the answer is known

Decided ones are never touched, and whatever is taken twice changes nothing the second time.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from types import SimpleNamespace
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct

from canonical.audit import AuditKind
from canonical.events import Event
from canonical.recommendations import RecommendationStatus
from canonical.replenishment import Evaluated, Proposal
from runtime.events.rows import new_id
from runtime.events.writing import Writing
from runtime.replenishment.rows import Came, Place, event_of, row_of, terms_of, terms_of_row
from runtime.store.process_tables import RECOMMENDATIONS
from runtime.store.questions import adding, among, columns, many
from runtime.store.tables import AUDIT

Pair = tuple[str, str]
"""Item and location."""
_T: Final = RECOMMENDATIONS.c
_PROPOSED: Final = RecommendationStatus.PROPOSED
_SUPERSEDED: Final = RecommendationStatus.SUPERSEDED
_BATCH: Final = 2_000
SETTLING: Final = timedelta(minutes=2)
"""How long after an order was made an evaluation may not have seen it."""
WARY: Final = timedelta(days=7)
"""How long after an order could not be made somebody looks at what is proposed."""
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_STANDING: Final = (
    "id",
    "status",
    "item",
    "location",
    "supplier",
    "quantity",
    "unit",
    "need_by",
    "cost",
    "currency",
    "correlation_id",
    "waiting_since",
    "updated_at",
    "escalated_to",
)
_OTHERWISE: Final = "a newer evaluation proposes otherwise"
_NOTHING: Final = "a newer evaluation finds that nothing is needed any more"
_KNOWN: Final = "a newer evaluation proposes what was rejected before"


class Taking(Struct, frozen=True, kw_only=True):
    """How evaluations are taken.

    Attributes:
        at: The moment: when the figures were first read, at the latest.
        expires_at: When a proposal made now expires if nobody decides.
        quiet: How long what was rejected is not proposed again.
        random: For ids.
    """

    at: datetime
    expires_at: Callable[[Proposal], datetime]
    quiet: timedelta
    random: Random


class _Known(Struct):
    """What stands of one item at one location."""

    open: Any = None
    ordering: bool = False
    rejected: set[tuple[str | None, ...]] = set()
    ordered_at: datetime = _LONG_AGO
    failed_at: datetime = _LONG_AGO


async def take(
    writing: Writing, evaluated: Mapping[Pair, Evaluated], taking: Taking, dialect: str
) -> None:
    """Make recommendations of evaluations, within a transaction."""
    known = await _known(writing, evaluated, taking, dialect)
    rows: list[dict[str, Any]] = []
    gone: dict[str, list[Any]] = {}
    for pair, found in evaluated.items():
        stands = known.get(pair) or _Known()
        if _stays(found.proposal, stands, taking.at):
            continue
        wanted = found.proposal
        refused = wanted is not None and terms_of(wanted) in stands.rejected
        if stands.open is not None:
            why = _NOTHING if wanted is None else _KNOWN if refused else _OTHERWISE
            gone.setdefault(why, []).append(stands.open)
        if wanted is not None and not refused:
            rows.append(row_of(found, wanted, _place(wanted, stands, taking)))
    await _name_who_asked(writing, rows, dialect)
    for why, those in gone.items():
        await _supersede(writing, those, why, taking.at, dialect)
    for start in range(0, len(rows), _BATCH):
        added = columns(rows[start : start + _BATCH], dialect)
        await writing.connection.execute(_add(dialect), added)
    superseded = [row for those in gone.values() for row in those]
    await writing.append(_events(superseded, rows, taking.at))


def _place(wanted: Proposal, stands: _Known, taking: Taking) -> Place:
    return Place(
        key=new_id(taking.at, taking.random),
        at=taking.at,
        expires_at=taking.expires_at(wanted),
        before=stands.open,
        failed_before=stands.failed_at > stands.ordered_at,
    )


def _stays(wanted: Proposal | None, stands: _Known, at: datetime) -> bool:
    """Whether nothing is to be done about an item at a location."""
    if stands.ordering or stands.ordered_at > at - SETTLING:
        return True
    if wanted is None:
        return stands.open is None
    return stands.open is not None and terms_of_row(stands.open) == terms_of(wanted)


async def _known(
    writing: Writing, pairs: Mapping[Pair, Evaluated], taking: Taking, dialect: str
) -> dict[Pair, _Known]:
    items = many({item for item, _ in pairs}, dialect)
    asked = {"items": items, "quiet": taking.at - taking.quiet, "wary": taking.at - WARY}
    known: dict[Pair, _Known] = {}
    for row in await writing.connection.execute(_standing(dialect), asked):
        pair = (row.item, row.location)
        if pair in pairs:
            _note(known.setdefault(pair, _Known()), row)
    return known


def _note(stands: _Known, row: Any) -> None:
    """Note what a row says of its item and location."""
    match RecommendationStatus(row.status):
        case RecommendationStatus.PROPOSED:
            stands.open = row
        case RecommendationStatus.APPROVED:
            stands.ordering = True
        case RecommendationStatus.ORDERED:
            stands.ordered_at = max(stands.ordered_at, row.updated_at)
        case RecommendationStatus.FAILED:
            stands.failed_at = max(stands.failed_at, row.updated_at)
        case _:
            stands.rejected.add(terms_of_row(row))


async def _name_who_asked(writing: Writing, rows: Sequence[dict[str, Any]], dialect: str) -> None:
    """Note whose change led to recommendations: the one that has their correlation id, if any."""
    asked = {row["correlation_id"] for row in rows if row["requested_by"] is None}
    if not asked:
        return
    found = await writing.connection.execute(_changes(dialect), {"ids": many(asked, dialect)})
    actors = {row.correlation_id: row.actor for row in found}
    for row in rows:
        row["requested_by"] = row["requested_by"] or actors.get(row["correlation_id"])


async def _supersede(
    writing: Writing, rows: Sequence[Any], why: str, at: datetime, dialect: str
) -> None:
    asked = {"ids": many((row.id for row in rows), dialect), "why": why, "at": at}
    await writing.connection.execute(_take_back(dialect), asked)


def _events(
    superseded: Sequence[Any], rows: Sequence[Mapping[str, Any]], at: datetime
) -> list[Event]:
    over = Came(_SUPERSEDED, _PROPOSED)
    fresh = Came(_PROPOSED, None)
    return [
        *(event_of(row, over, at) for row in superseded),
        *(event_of(SimpleNamespace(**row), fresh, at) for row in rows),
    ]


@cache
def _standing(dialect: str) -> Any:
    """What stands of `items`: open, to be ordered, rejected after `quiet`, ended after `wary`."""
    waits = _T.status.in_([_PROPOSED.value, RecommendationStatus.APPROVED.value])
    rejected = sa.and_(
        _T.status == RecommendationStatus.REJECTED.value, _T.decided_at > sa.bindparam("quiet")
    )
    ended = [RecommendationStatus.ORDERED.value, RecommendationStatus.FAILED.value]
    lately = sa.and_(_T.status.in_(ended), _T.updated_at > sa.bindparam("wary"))
    wanted = [_T[name] for name in _STANDING]
    stands = sa.or_(waits, rejected, lately)
    return sa.select(*wanted).where(among(_T.item, "items", dialect), stands)


@cache
def _changes(dialect: str) -> Any:
    """Who made the changes with correlation ids `ids`, the latest last."""
    return (
        sa.select(AUDIT.c.correlation_id, AUDIT.c.actor)
        .where(among(AUDIT.c.correlation_id, "ids", dialect))
        .where(AUDIT.c.kind == AuditKind.CHANGE_BEGUN.value)
        .order_by(AUDIT.c.position)
    )


@cache
def _take_back(dialect: str) -> Any:
    """Take back those of `ids` that nobody has decided on."""
    return (
        sa.update(RECOMMENDATIONS)
        .where(among(_T.id, "ids", dialect), _T.status == _PROPOSED.value)
        .values(
            status=_SUPERSEDED.value,
            note=sa.bindparam("why"),
            updated_at=sa.bindparam("at", type_=_T.updated_at.type),
        )
    )


@cache
def _add(dialect: str) -> Any:
    """Add recommendations."""
    return adding(RECOMMENDATIONS, dialect)
