"""The log: written in transactions, read in order.

    write     one transaction of `Writing`; after its commit what was appended is told of
    read      a stream from a position on, without gaps
    of_*      by subject, correlation id or event id, whatever is still kept

Positions of a stream start at 1 and have no gaps, and are in the order of commits: a reader that
has seen position n will never find another event at or before n.
"""

import asyncio
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from datetime import UTC, datetime
from random import Random, SystemRandom
from time import perf_counter
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from canonical.entities import EntityName
from canonical.errors import InvalidInputError
from canonical.event_streams import StreamName
from canonical.events import EVENT_TYPES, STREAMS, Event, stream_of
from runtime.events import statements
from runtime.events.joining import Asked, Joining, asked
from runtime.events.rows import COLUMNS, event_of
from runtime.events.writing import Key, Known, Writing
from runtime.store.questions import among, many
from runtime.store.store import Store
from runtime.store.tables import EVENT_STREAMS, EVENT_SUBJECTS, EVENTS, STATES
from runtime.telemetry import event_metrics

T = TypeVar("T")
Publish = Callable[[Sequence[Event]], Awaitable[None]]
"""Told of events that were committed, in order; must not fail."""

_STREAMS: Final = frozenset(stream.value for stream in STREAMS)
_IN_ORDER: Final = (EVENTS.c.recorded_at, EVENTS.c.stream, EVENTS.c.position)


class PositionTooOldError(InvalidInputError):
    """Events after a position are no longer all kept."""

    code = "CURSOR_EXPIRED"

    def __init__(self, stream: StreamName, after: int, oldest: int) -> None:
        super().__init__(
            f"events of {stream.value} after position {after} are no longer all kept: the oldest "
            f"that can be resumed from is {oldest - 1}. Read the present state, then follow from "
            f"now on."
        )
        self.oldest = oldest


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Ledger:
    """The log of one process, over a store.

    Args:
        store: Where it is kept.
        now: The time.
        random: For event ids.
    """

    def __init__(
        self,
        store: Store,
        *,
        now: Callable[[], datetime] = _utc_now,
        random: Random | None = None,
    ) -> None:
        self.store = store
        self.now = now
        self.random = random or SystemRandom()
        self._publish: Publish | None = None
        self._joining = Joining(self._transaction)

    def on_commit(self, publish: Publish) -> None:
        """Tell of what is appended from now on: a `Follower` does so by itself when it starts."""
        self._publish = publish

    async def write(
        self, work: Callable[[Writing], Awaitable[T]], *, streams: Collection[StreamName] = ()
    ) -> T:
        """Do work in one transaction; then tell of what it appended.

        Args:
            work: What to do. It is done again from the start if the connection was cut, another
                was in its way, or one that was done with it failed, perhaps after a commit of which
                nobody heard: it has no other effects, and looks for what is there already (`seen`,
                `known`).
            streams: All that it appends to and asks the states of, where that is known before.
                Writes that say so are done together with others, many times as many a second.

        Raises:
            UnavailableError: the store could not be reached in time. It may have been committed all
                the same, so the sender repeats it.
        """
        ask, began = asked(work, [stream.value for stream in streams]), perf_counter()
        together = self._joining.do(ask) if streams else self._alone(ask)
        result: T = await together
        event_metrics.log_written(perf_counter() - began)
        return result

    async def _alone(self, ask: Asked) -> Any:
        return (await self._transaction([ask]))[0]

    async def _transaction(self, asks: Sequence[Asked]) -> Sequence[Any]:
        streams = frozenset[str]().union(*(ask.streams for ask in asks))

        async def once(connection: AsyncConnection) -> tuple[list[Any], list[Event]]:
            writing = Writing(connection, now=self.now, random=self.random)
            await writing.lock(streams)
            results = [await ask.run(writing) for ask in asks]
            await writing.flush()
            return results, writing.appended

        results, appended = await self.store.write(once)
        for name, count in Counter(event.type for event in appended).items():
            event_metrics.events_appended(name, count)
        if appended and self._publish is not None:
            # Committed is committed: whoever waited may go, the others are told all the same.
            await asyncio.shield(self._publish(appended))
        return results

    async def aclose(self) -> None:
        """Wait for writes that are under way. The store is closed by whoever opened it."""
        await self._joining.aclose()

    async def read(self, stream: StreamName, after: int, limit: int) -> Sequence[Event]:
        """Events of a stream after a position, ascending and without gaps, at most `limit`.

        Types that this release does not know, because a newer one has written them, are left out
        here and everywhere.

        Raises:
            PositionTooOldError: some of them are no longer kept.
        """
        query = (
            sa.select(*COLUMNS)
            .where(EVENTS.c.stream == stream.value, EVENTS.c.position > after)
            .order_by(EVENTS.c.position)
            .limit(limit)
        )
        events = await self._events(query)
        if events and events[-1].position == after + len(events):
            return events
        oldest = await self.oldest(stream)
        if after < oldest - 1:
            raise PositionTooOldError(stream, after, oldest)
        return events

    async def heads(self) -> Mapping[StreamName, int]:
        """The last position of each stream; streams without events may be left out."""
        query = sa.select(EVENT_STREAMS.c.stream, EVENT_STREAMS.c.position)
        rows = await self.store.read(lambda connection: connection.execute(query))
        return {stream_of(row[0]): row[1] for row in rows if row[0] in _STREAMS}

    async def heads_at(self, moment: datetime) -> Mapping[StreamName, int]:
        """As `heads`, as they were at a moment that is not long past."""
        query = (
            sa.select(EVENTS.c.stream, sa.func.min(EVENTS.c.position))
            .where(EVENTS.c.recorded_at >= moment)
            .group_by(EVENTS.c.stream)
        )
        query = _of_types(query, EVENT_TYPES, self.store.dialect)
        heads = await self.heads()
        rows = await self.store.read(lambda connection: connection.execute(query))
        return {**heads, **{stream_of(row[0]): row[1] - 1 for row in rows if row[0] in _STREAMS}}

    async def oldest(self, stream: StreamName) -> int:
        """The first position from which on everything is kept; 1 at the beginning.

        A reader may resume after this position less one, and from then on.
        """
        query = sa.select(EVENT_STREAMS.c.oldest).where(EVENT_STREAMS.c.stream == stream.value)
        return await self.store.read(lambda connection: connection.scalar(query)) or 1

    async def of_subjects(
        self,
        subjects: Collection[str],
        *,
        types: Collection[str] = (),
        newest: int = 1_000,
    ) -> Mapping[str, Sequence[Event]]:
        """Events about each subject, in the order in which they were recorded, in one query.

        Args:
            subjects: As in `Event.subjects`.
            types: Only these; all if empty.
            newest: For each subject only so many, the newest.

        Returns:
            A list for each subject, perhaps empty.
        """
        rank = sa.func.row_number().over(
            partition_by=EVENT_SUBJECTS.c.subject,
            order_by=[column.desc() for column in _IN_ORDER],
        )
        ranked = self._about(subjects, types, rank.label("rank")).subquery()
        query = sa.select(ranked).where(ranked.c.rank <= newest)
        found: dict[str, list[tuple[int, Event]]] = {subject: [] for subject in subjects}
        event_metrics.log_read()
        rows = await self.store.read(lambda connection: connection.execute(query))
        for row in rows:
            if row.type in EVENT_TYPES:
                found[row.subject].append((row.rank, event_of(row)))
        return {
            subject: [event for _, event in sorted(ranked, key=lambda each: -each[0])]
            for subject, ranked in found.items()
        }

    def _about(
        self, subjects: Collection[str], types: Collection[str], rank: sa.Label[int]
    ) -> sa.Select[Any]:
        dialect = self.store.dialect
        query = sa.select(*COLUMNS, EVENT_SUBJECTS.c.subject, rank).join_from(
            EVENT_SUBJECTS,
            EVENTS,
            sa.and_(
                EVENTS.c.stream == EVENT_SUBJECTS.c.stream,
                EVENTS.c.position == EVENT_SUBJECTS.c.position,
            ),
        )
        query = query.where(among(EVENT_SUBJECTS.c.subject, "subjects", dialect)).params(
            subjects=many(set(subjects), dialect)
        )
        return _of_types(query, types, dialect) if types else query

    async def keys(
        self, entity: EntityName, system: str, after: str | None, limit: int
    ) -> Sequence[str]:
        """Keys of a system's records of which anything is known, also of those that are gone.

        Args:
            entity: What the records are.
            system: The backend.
            after: The last key already seen; None from the start.
            limit: At most so many. Fewer are the last ones.

        Returns:
            Keys in the store's own order, which need not be that of other systems.
        """
        query = (
            sa.select(STATES.c.key)
            .where(STATES.c.entity == entity.value, STATES.c.system == system)
            .order_by(STATES.c.key)
            .limit(limit)
        )
        if after is not None:
            query = query.where(STATES.c.key > after)
        rows = await self.store.read(lambda connection: connection.execute(query))
        return [row[0] for row in rows]

    async def of_correlation(self, correlation_id: str, *, limit: int = 1_000) -> Sequence[Event]:
        """The first events of a correlation id, in the order in which they were recorded."""
        query = (
            sa.select(*COLUMNS)
            .where(EVENTS.c.correlation_id == correlation_id)
            .order_by(*_IN_ORDER)
            .limit(limit)
        )
        return await self._events(query)

    async def known(self, entity: EntityName, keys: Iterable[Key]) -> Mapping[Key, Known]:
        """What was last known of records, as in `Writing.known`, but to look only: nothing locks.

        What is not known is left out.
        """
        by_system: dict[str, list[str]] = {}
        for system, key in keys:
            by_system.setdefault(system, []).append(key)

        async def read(connection: AsyncConnection) -> dict[Key, Known]:
            dialect, found = self.store.dialect, dict[Key, Known]()
            for system, names in by_system.items():
                asked = {"of": entity.value, "by": system, "keys": many(names, dialect)}
                rows = await connection.execute(statements.known(dialect), asked)
                found.update(((system, row[0]), Known(row[1], row[2])) for row in rows)
            return found

        return await self.store.read(read)

    async def by_ids(self, ids: Iterable[str]) -> Mapping[str, Event]:
        """Events by event id; those that are not there are left out."""
        dialect = self.store.dialect
        query = sa.select(*COLUMNS).where(among(EVENTS.c.event_id, "ids", dialect))
        query = query.params(ids=many(ids, dialect))
        return {event.event_id: event for event in await self._events(query)}

    async def of_types(
        self, types: Collection[str], since: datetime, until: datetime, *, chunk: int = 1_000
    ) -> AsyncIterator[Sequence[Event]]:
        """Events of some types that were recorded in a time, `until` excluded, in that order.

        Read and handed out by chunks, so that any number may be looked through.
        """
        query = (
            sa.select(*COLUMNS)
            .where(EVENTS.c.recorded_at >= since, EVENTS.c.recorded_at < until)
            .order_by(*_IN_ORDER)
            .limit(chunk)
        )
        query = _of_types(query, types, self.store.dialect)
        events = await self._events(query)
        while events:
            yield events
            last = events[-1]
            place = sa.tuple_(*_IN_ORDER) > (last.recorded_at, last.stream.value, last.position)
            events = await self._events(query.where(place)) if len(events) == chunk else []

    async def _events(self, query: sa.Select[Any]) -> list[Event]:
        event_metrics.log_read()
        rows = await self.store.read(lambda connection: connection.execute(query))
        return [event_of(row) for row in rows if row.type in EVENT_TYPES]


def _of_types(query: sa.Select[Any], types: Collection[str], dialect: str) -> sa.Select[Any]:
    return query.where(among(EVENTS.c.type, "types", dialect)).params(types=many(types, dialect))
