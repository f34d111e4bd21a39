"""Where events come from: what was known of a record, held against what a system said of it.

One pure function for all ways in. What is equal (1.0 is 1.00) or was not said is no event; so a
change that is heard of twice, by webhook and then by a watcher, is told once.

- A record that was not known: taken note of if the report is a baseline, else told as new.
- A report older than what is known: told with `applied=False` and moves nothing back, decided
  column by column and order line by order line. The last reports of each record are remembered, so
  that one of them which comes again by another way is not told again, and an older status is told
  only if it was another one before.
- A record that is gone: an order, item or supplier is told as changed (`gone`), a figure or a
  position as zero, a receipt as taken back, a recommendation not at all. If it comes back it is
  new.
- Several reports of one record are taken in the order in which they were so.
- A time in the future counts as now: else nothing could follow it until then.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from canonical.entities import EntityName
from canonical.errors import InvalidInputError
from canonical.events import Event
from canonical.observations import Observation
from canonical.records import Record
from workflows.ingestion import masters, orders, planning
from workflows.ingestion.states import SEEN, State, lay
from workflows.ingestion.telling import Change, Late, Told, head_text, in_order

_CLOCKS_DIFFER: Final = timedelta(minutes=5)
_LONGEST_ID: Final = 200
_TIMES: Final = ("updated_at", "revised_at", "as_of")
"""Columns that tell when a record was so; they are no change by themselves."""


class _Subject(Struct, frozen=True):
    """How events of one entity are found, and its column that matters most."""

    changes: Callable[[Change], Iterator[Told]]
    gone: Callable[[str, Any], Iterator[Told]]
    late: Callable[[Late], Iterator[Told]]
    head: str


def _untold(*_: Any) -> Iterator[Told]:
    return iter(())


_SUBJECTS: Final[Mapping[EntityName, _Subject]] = {
    EntityName.PURCHASE_ORDER: _Subject(
        orders.order_changes, orders.order_gone, orders.order_late, "status"
    ),
    EntityName.RECEIPT: _Subject(orders.receipt_changes, orders.receipt_gone, _untold, "number"),
    EntityName.FORECAST: _Subject(
        planning.forecast_changes, planning.forecast_gone, planning.forecast_late, "quantity"
    ),
    EntityName.INVENTORY: _Subject(
        planning.stock_changes, planning.stock_gone, planning.stock_late, "available"
    ),
    EntityName.RECOMMENDATION: _Subject(
        planning.recommendation_changes, _untold, planning.recommendation_late, "status"
    ),
    EntityName.SUPPLIER: _Subject(
        masters.supplier_changes, masters.supplier_gone, masters.supplier_late, "status"
    ),
    EntityName.ITEM: _Subject(masters.item_changes, masters.item_gone, masters.item_late, "status"),
}

TOLD_OF: Final = frozenset(_SUBJECTS)
"""Entities of which events can be told."""


class Found(Struct, frozen=True):
    """What came of a report.

    Attributes:
        events: What is to be told, in order.
        state: What is known now.
        moved: Whether that is another than before.
    """

    events: tuple[Event, ...]
    state: State[Any] | None
    moved: bool


def find(known: State[Any] | None, observation: Observation, now: datetime) -> Found:
    """What a report tells, and what is known after it.

    Args:
        known: What was known of the record; None if nothing was.
        observation: The report.
        now: The time now, with its zone.

    Raises:
        InvalidInputError: if something is to be told that cannot be without what the report leaves
            out, or of an entity of which nothing is told.
    """
    subject = _SUBJECTS.get(observation.entity)
    if subject is None:
        names = ", ".join(sorted(TOLD_OF))
        raise InvalidInputError(f"{observation.entity}: no events are told of it, only of {names}")
    at = _moment(known, observation, now)
    if observation.record is None:
        return _gone(subject, known, observation, at)
    if known is not None and _is_known(known, observation.record, at):
        return Found((), known, moved=False)
    if known is not None and known.gone:
        if at < known.at:
            return Found((), known, moved=False)
        known = None
    return _reported(subject, known, observation, observation.record, at)


def find_all(known: State[Any] | None, observations: Sequence[Observation], now: datetime) -> Found:
    """What several reports of one record tell, taken in the order in which they were so."""
    events: list[Event] = []
    moved = False
    for observation in sorted(observations, key=lambda o: o.occurred_at or now):
        found = find(known, observation, now)
        events += found.events
        moved |= found.moved
        known = found.state
    return Found(tuple(events), known, moved)


def _is_known(known: State[Any], said: Record, at: datetime) -> bool:
    """Whether just this was the last report: most rows of a nightly file are such."""
    return bool(
        at == known.at
        and not known.gone
        and not known.older
        and known.has_seen(at)
        and known.record == said
    )


def _moment(known: State[Any] | None, observation: Observation, now: datetime) -> datetime:
    at = observation.occurred_at
    if at is not None:
        return min(at, now) if at > now + _CLOCKS_DIFFER else at
    return now if known is None else max(now, known.at)


def _gone(
    subject: _Subject, known: State[Any] | None, observation: Observation, at: datetime
) -> Found:
    if known is None or known.gone or at < known.at:
        return Found((), known, moved=False)
    told = list(subject.gone(observation.key, known.record))
    state = State(at, known.record, {}, known.seen, gone=True)
    return Found(_events(told, (), observation, at), state, moved=True)


def _reported(
    subject: _Subject,
    known: State[Any] | None,
    observation: Observation,
    said: Record,
    at: datetime,
) -> Found:
    laid = lay(known, said, at, partial=observation.partial)
    before = None if known is None else known.record
    change = Change(
        observation.key, before, laid.record, not observation.baseline, observation.partial
    )
    told = list(subject.changes(change))
    told_late: list[Told] = []
    if known is not None and laid.late is not None and not known.has_seen(at):
        previous = _head_before(known, at)
        late = Late(observation.key, laid.late, laid.record, previous, observation.partial)
        told_late += subject.late(late)
    events = _events(told, told_late, observation, at)
    state = State(laid.at, laid.record, laid.older, _seen(known, at, subject.head, said))
    return Found(events, state, moved=_has_moved(known, state, observation))


def _has_moved(known: State[Any] | None, state: State[Any], observation: Observation) -> bool:
    """Whether a state is worth writing; that an equal one was read once more is not.

    But where the system says since when it is so, the time counts too: it decides what is late.
    """
    if known is None or observation.occurred_at is not None:
        return known != state
    record = state.record
    same_times = {c: getattr(known.record, c) for c in _TIMES if hasattr(record, c)}
    return bool(known.record != replace(record, **same_times))


def _head_before(known: State[Any], at: datetime) -> str | None:
    return next((h for moment, h in reversed(known.seen) if h is not None and moment < at), None)


def _seen(
    known: State[Any] | None, at: datetime, head: str, said: Record
) -> tuple[tuple[datetime, str | None], ...]:
    """The last reports, with this one."""
    before = () if known is None else known.seen
    text = head_text(getattr(said, head))
    for i, (moment, head_then) in enumerate(before):
        if moment == at:
            return (*before[:i], (at, head_then or text), *before[i + 1 :])
    return tuple(in_order((*before, (at, text)))[-SEEN:])


def _events(
    told: Sequence[Told], late: Sequence[Told], observation: Observation, at: datetime
) -> tuple[Event, ...]:
    name = observation.source_event_id
    alone = len(told) + len(late) == 1
    correlation = observation.correlation_id or _correlation(observation)
    return tuple(
        Event(
            type=one.type.type,
            system=observation.system,
            source_event_id=name if alone else f"{name}/{_suffix(one, applied=applied)}",
            key=observation.key,
            subjects=one.subjects,
            occurred_at=at,
            data=one.data,
            correlation_id=correlation,
            traceparent=observation.traceparent,
            applied=applied,
        )
        for batch, applied in ((told, True), (late, False))
        for one in batch
    )


def _suffix(told: Told, *, applied: bool) -> str:
    name = told.type.name if applied else f"{told.type.name}.late"
    return f"{name}.{told.part}" if told.part else name


def _correlation(observation: Observation) -> str:
    """An id for a report that brings none: the same one whenever it comes again."""
    return f"{observation.system}:{observation.source_event_id}"[:_LONGEST_ID]
