"""The statements of a write, built once for each kind of database: that costs as much as a run."""

from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from runtime.store.questions import adding, among, upsert
from runtime.store.tables import (
    DELIVERIES,
    EVENT_STREAMS,
    EVENT_SUBJECTS,
    EVENTS,
    POSITIONS,
    STATES,
)

ADVANCE: Final = (
    sa.update(EVENT_STREAMS)
    .where(EVENT_STREAMS.c.stream == sa.bindparam("of"))
    .values(position=sa.bindparam("head"))
)
FORGET: Final = sa.delete(STATES).where(
    STATES.c.entity == sa.bindparam("of"),
    STATES.c.system == sa.bindparam("by"),
    STATES.c.key == sa.bindparam("at"),
)


@cache
def lock(dialect: str) -> Any:
    """Lock the counter rows of `streams`, in the order of their names."""
    return (
        sa.select(EVENT_STREAMS.c.stream, EVENT_STREAMS.c.position)
        .where(among(EVENT_STREAMS.c.stream, "streams", dialect))
        .order_by(EVENT_STREAMS.c.stream)
        .with_for_update()
    )


@cache
def begin_stream(dialect: str) -> Any:
    """Make the counter row of a stream."""
    return upsert(EVENT_STREAMS, dialect)


@cache
def add_events(dialect: str) -> Any:
    """Add events."""
    return adding(EVENTS, dialect)


@cache
def add_subjects(dialect: str) -> Any:
    """Add what events are about."""
    return adding(EVENT_SUBJECTS, dialect)


@cache
def seen(dialect: str) -> Any:
    """Which deliveries `ids` of `of` were taken."""
    return sa.select(DELIVERIES.c.delivery_id).where(
        DELIVERIES.c.system == sa.bindparam("of"), among(DELIVERIES.c.delivery_id, "ids", dialect)
    )


@cache
def take(dialect: str) -> Any:
    """Note a delivery, once."""
    return upsert(DELIVERIES, dialect)


@cache
def known(dialect: str) -> Any:
    """The states of the records `keys` of the system `by`."""
    return sa.select(STATES.c.key, STATES.c.occurred_at, STATES.c.data).where(
        STATES.c.entity == sa.bindparam("of"),
        STATES.c.system == sa.bindparam("by"),
        among(STATES.c.key, "keys", dialect),
    )


@cache
def remember(dialect: str) -> Any:
    """Keep a state."""
    return upsert(STATES, dialect, ("occurred_at", "data"))


@cache
def in_the_log(dialect: str) -> Any:
    """Which source event `ids` of `of` are in the log."""
    return sa.select(EVENTS.c.source_event_id).where(
        EVENTS.c.system == sa.bindparam("of"), among(EVENTS.c.source_event_id, "ids", dialect)
    )


@cache
def place(dialect: str) -> Any:
    """Keep a position."""
    return upsert(POSITIONS, dialect, ("value", "token", "updated_at"))
