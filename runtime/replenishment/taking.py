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
from datetime import datetime, timedelta
from functools import cache
from random import Random
from types import SimpleNamespace
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct

from canonical.events import Event
from canonical.recommendations import RecommendationStatus
from canonical.replenishment import Evaluated, Proposal
from runtime.events.rows import new_id
from runtime.events.writing import Writing
from runtime.replenishment.rows import Came, Place, event_of, row_of, terms_of, terms_of_row
from runtime.store.process_tables import RECOMMENDATIONS
from runtime.store.questions import adding, among, columns, many

Pair = tuple[str, str]
"""Item and location."""
_T: Final = RECOMMENDATIONS.c
_PROPOSED: Final = RecommendationStatus.PROPOSED
_REJECTED: Final = RecommendationStatus.REJECTED
_SUPERSEDED: Final = RecommendationStatus.SUPERSEDED
_BATCH: Final = 2_000
SETTLING: Final = timedelta(minutes=2)
"""How long after an order was made an evaluation may not have seen it."""
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
    settling: bool = False
    rejected: set[tuple[str | None, ...]] = set()


async def take(
    writing: Writing, evaluated: Mapping[Pair, Evaluated], taking: Taking, dialect: str
) -> None:
    """Make recommendations of evaluations, within a transaction."""
    known = await _known(writing, evaluated, taking, dialect)
    rows: list[dict[str, Any]] = []
    gone: dict[str, list[Any]] = {}
    for pair, found in evaluated.items():
        stands = known.get(pair) or _Known()
        if _stays(found.proposal, stands):
            continue
        wanted = found.proposal
        refused = wanted is not None and terms_of(wanted) in stands.rejected
        if stands.open is not None:
            why = _NOTHING if wanted is None else _KNOWN if refused else _OTHERWISE
            gone.setdefault(why, []).append(stands.open)
        if wanted is not None and not refused:
            rows.append(row_of(found, wanted, _place(wanted, stands, taking)))
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
    )


def _stays(wanted: Proposal | None, stands: _Known) -> bool:
    """Whether nothing is to be done about an item at a location."""
    if stands.settling:
        return True
    if wanted is None:
        return stands.open is None
    return stands.open is not None and terms_of_row(stands.open) == terms_of(wanted)


async def _known(
    writing: Writing, pairs: Mapping[Pair, Evaluated], taking: Taking, dialect: str
) -> dict[Pair, _Known]:
    items = many({item for item, _ in pairs}, dialect)
    asked = {"items": items, "since": taking.at - taking.quiet, "lately": taking.at - SETTLING}
    known: dict[Pair, _Known] = {}
    for row in await writing.connection.execute(_standing(dialect), asked):
        pair = (row.item, row.location)
        if pair not in pairs:
            continue
        stands = known.setdefault(pair, _Known())
        if row.status == _PROPOSED:
            stands.open = row
        elif row.status != _REJECTED:
            stands.settling = True
        else:
            stands.rejected.add(terms_of_row(row))
    return known


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
    """What stands of `items`: open, to be ordered, ordered `lately`, or rejected after `since`."""
    rejected = sa.and_(_T.status == _REJECTED.value, _T.decided_at > sa.bindparam("since"))
    waits = _T.status.in_([_PROPOSED.value, RecommendationStatus.APPROVED.value])
    ordered = _T.status == RecommendationStatus.ORDERED.value
    settling = sa.and_(ordered, _T.updated_at > sa.bindparam("lately"))
    stands = sa.or_(waits, settling, rejected)
    wanted = [_T[name] for name in _STANDING]
    return sa.select(*wanted).where(among(_T.item, "items", dialect), stands)


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
