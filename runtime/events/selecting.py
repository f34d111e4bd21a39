"""Events of the log that somebody selects, in the order in which they were recorded."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.dialects.postgresql import JSONB

from canonical.dead_letters import EventSelection
from canonical.events import EVENT_TYPES, Replay
from runtime.store.questions import among, many
from runtime.store.store import Store
from runtime.store.tables import EVENT_SUBJECTS, EVENTS

_E: Final = EVENTS.c
_LATEST: Final = [t.type for t in EVENT_TYPES.values() if t.replay is Replay.LATEST]
_NEVER: Final = [t.type for t in EVENT_TYPES.values() if t.replay is Replay.NEVER]


class Selected(Struct, frozen=True):
    """An event that was selected.

    Attributes:
        event_id: Its id.
        says_nothing: Whether it is not to be given again, by the replay rule of its type: never, or
            because another of its key came after it.
    """

    event_id: str
    says_nothing: bool


async def selected(store: Store, selection: EventSelection, limit: int) -> Sequence[Selected]:
    """The first events that a selection names, at most `limit`, in the order of the log."""
    dialect = store.dialect
    says_nothing = sa.or_(
        _E.type.in_(_NEVER),
        sa.and_(_E.type.in_(_LATEST), sa.or_(sa.not_(_E.applied), _followed(dialect))),
    )
    query = (
        sa.select(_E.event_id, says_nothing)
        .where(*_conditions(selection, dialect), _E.type.in_(list(EVENT_TYPES)))
        .order_by(_E.recorded_at, _E.stream, _E.position)
        .limit(limit)
    )
    if selection.ids is not None:
        query = query.params(ids=many(set(selection.ids), dialect))
    rows = await store.read(lambda connection: connection.execute(query))
    return [Selected(row[0], bool(row[1])) for row in rows]


def _conditions(selection: EventSelection, dialect: str) -> list[Any]:
    found: list[Any] = []
    if selection.ids is not None:
        found.append(among(_E.event_id, "ids", dialect))
    if selection.business_key is not None:
        about = sa.select(EVENT_SUBJECTS.c.stream, EVENT_SUBJECTS.c.position).where(
            EVENT_SUBJECTS.c.subject == selection.business_key
        )
        found += [
            sa.tuple_(_E.stream, _E.position).in_(about),
            _business_key(dialect) == selection.business_key,
        ]
    if selection.types is not None:
        found.append(_E.type.in_(selection.types))
    if selection.since is not None:
        found.append(_E.occurred_at >= selection.since)
    if selection.until is not None:
        found.append(_E.occurred_at < selection.until)
    return found


def _business_key(dialect: str) -> Any:
    if dialect == "postgresql":
        return sa.cast(_E.subjects, JSONB)[0].astext
    return sa.func.json_extract(_E.subjects, "$[0]")


def _followed(dialect: str) -> Any:
    """Whether another event of the same type and key came later, and counts."""
    later, about = EVENTS.alias(), EVENT_SUBJECTS.alias()
    same = [later.c[name] == _E[name] for name in ("stream", "type", "system", "key")]
    return (
        sa.select(sa.literal(1))
        .select_from(about)
        .join(
            later,
            sa.and_(later.c.stream == about.c.stream, later.c.position == about.c.position),
        )
        .where(
            about.c.subject == _business_key(dialect),
            about.c.stream == _E.stream,
            about.c.position > _E.position,
            later.c.applied,
            *same,
        )
        .correlate(EVENTS)
        .exists()
    )
