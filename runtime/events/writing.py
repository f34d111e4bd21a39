"""What one transaction does to the log. All of it is kept, or nothing.

Whoever appends to a stream, or decides by the states of its entity, first locks the stream's
counter row, and holds it until the commit. So positions are given in the order of commits, without
gaps, and nobody decides by a state that another is changing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from random import Random
from typing import Any, Final, cast

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from canonical.entities import EntityName
from canonical.errors import ConflictError
from canonical.events import Event
from runtime.events.audit import AuditEntry
from runtime.events.leases import Lease
from runtime.events.letters import DeadLetter, Decision, LetterStatus
from runtime.events.rows import by_stream, new_id, row_of
from runtime.store.questions import among, upsert
from runtime.store.tables import (
    AUDIT,
    DEAD_LETTERS,
    DELIVERIES,
    EVENT_STREAMS,
    EVENT_SUBJECTS,
    EVENTS,
    LEASES,
    POSITIONS,
    STATES,
)

Key = tuple[str, str]
"""(system, key)"""
_BATCH: Final = 2_000
"""Rows that a statement inserts at most: what is sent at once stays small."""


class Known(Struct, frozen=True):
    """What was last known of a record.

    Attributes:
        occurred_at: When it became so.
        data: The record, as whoever keeps it has encoded it.
    """

    occurred_at: datetime
    data: bytes


class Writing:
    """One transaction under way. Made by `Ledger.write`, and of no use after it.

    Args:
        connection: In a transaction.
        now: The time.
        random: For ids.
    """

    def __init__(
        self, connection: AsyncConnection, *, now: Callable[[], datetime], random: Random
    ) -> None:
        self.connection = connection
        self.appended: list[Event] = []
        self._dialect: str = connection.dialect.name
        self._now = now
        self._random = random
        self._heads: dict[str, int] = {}

    async def lock(self, streams: Iterable[str]) -> None:
        """Lock streams until the transaction ends, in the order of their names."""
        wanted = sorted(stream for stream in streams if stream not in self._heads)
        if not wanted:
            return
        query = (
            sa.select(EVENT_STREAMS.c.stream, EVENT_STREAMS.c.position)
            .where(among(EVENT_STREAMS.c.stream, wanted, self._dialect))
            .order_by(EVENT_STREAMS.c.stream)
            .with_for_update()
        )
        rows = (await self.connection.execute(query)).all()
        if len(rows) < len(wanted):
            first = [{"stream": stream, "position": 0, "oldest": 1} for stream in wanted]
            await self._insert(upsert(EVENT_STREAMS, self._dialect), first)
            rows = (await self.connection.execute(query)).all()
        self._heads.update(cast("Iterable[tuple[str, int]]", rows))

    async def seen(self, system: str, ids: Iterable[str]) -> set[str]:
        """Those of a system's deliveries that were taken before."""
        query = sa.select(DELIVERIES.c.delivery_id).where(
            DELIVERIES.c.system == system, among(DELIVERIES.c.delivery_id, ids, self._dialect)
        )
        return set((await self.connection.scalars(query)).all())

    async def take(self, system: str, outcomes: Mapping[str, str]) -> None:
        """Note deliveries as taken, each with what came of it. Those taken before stay as noted."""
        at = self._now()
        rows = [
            {"system": system, "delivery_id": name, "recorded_at": at, "outcome": outcome}
            for name, outcome in outcomes.items()
        ]
        await self._insert(upsert(DELIVERIES, self._dialect), rows)

    async def known(self, entity: EntityName, keys: Iterable[Key]) -> Mapping[Key, Known]:
        """What was last known of records; what nothing is known of is left out.

        Nobody else changes what is known of this entity until the transaction ends. Ask for several
        entities in the order of their names, so that nobody waits in a circle.
        """
        await self.lock([entity.value])
        by_system: dict[str, list[str]] = {}
        for system, key in keys:
            by_system.setdefault(system, []).append(key)
        found: dict[Key, Known] = {}
        for system, names in by_system.items():
            query = sa.select(STATES.c.key, STATES.c.occurred_at, STATES.c.data).where(
                STATES.c.entity == entity.value,
                STATES.c.system == system,
                among(STATES.c.key, names, self._dialect),
            )
            for key, occurred_at, data in await self.connection.execute(query):
                found[system, key] = Known(occurred_at, data)
        return found

    async def remember(self, entity: EntityName, states: Mapping[Key, Known | None]) -> None:
        """Keep what is known of records from now on; None to forget one that is gone."""
        kept, gone = [], []
        for (system, key), state in states.items():
            row = {"entity": entity.value, "system": system, "key": key}
            if state is None:
                gone.append({f"old_{name}": value for name, value in row.items()})
            else:
                kept.append(row | {"occurred_at": state.occurred_at, "data": state.data})
        await self._insert(upsert(STATES, self._dialect, ("occurred_at", "data")), kept)
        await self._insert(_FORGET, gone)

    async def append(self, events: Sequence[Event]) -> Sequence[Event]:
        """Add events to the log.

        Args:
            events: Of any streams; within each stream they get positions in the order given.

        Returns:
            Those that are new, in the order given, with their ids, positions and the time. One
            whose (system, source event id) is in the log already is left out.
        """
        streams = by_stream(events)
        await self.lock(streams)
        old = await self._in_the_log(events)
        recorded_at = self._now()
        fresh: list[Event] = []
        for event in events:
            name = (event.system, event.source_event_id)
            if name in old:
                continue
            old.add(name)
            stream = event.stream.value
            self._heads[stream] += 1
            fresh.append(
                msgspec.structs.replace(
                    event,
                    event_id=new_id(recorded_at, self._random),
                    position=self._heads[stream],
                    recorded_at=recorded_at,
                )
            )
        if fresh:
            await self._insert_events(fresh, by_stream(fresh))
        return fresh

    async def bury(self, letters: Sequence[DeadLetter]) -> Sequence[str]:
        """Keep dead letters.

        Returns:
            Their ids, in order.
        """
        at = self._now()
        rows = [_letter_row(each, new_id(at, self._random), at) for each in letters]
        await self._insert(sa.insert(DEAD_LETTERS), rows)
        return [row["id"] for row in rows]

    async def decide(self, decision: Decision) -> None:
        """Close a dead letter.

        Raises:
            ConflictError: it is not open, or not there.
        """
        statement = (
            sa.update(DEAD_LETTERS)
            .where(
                DEAD_LETTERS.c.id == decision.letter_id,
                DEAD_LETTERS.c.status == LetterStatus.OPEN.value,
            )
            .values(
                status=decision.status.value,
                decided_by=decision.actor,
                decided_at=self._now(),
                note=decision.note,
                result=decision.result,
            )
        )
        if (await self.connection.execute(statement)).rowcount == 0:
            msg = f"dead letter {decision.letter_id} is not open: it was decided meanwhile"
            raise ConflictError(msg)

    async def audit(self, entry: AuditEntry) -> None:
        """Write down what somebody does."""
        at = self._now()
        row = {
            "id": new_id(at, self._random),
            "at": at,
            "actor": entry.actor,
            "action": entry.action,
            "subject": entry.subject,
            "details": msgspec.json.encode(entry.details).decode(),
        }
        await self.connection.execute(sa.insert(AUDIT), row)

    async def hold(self, lease: Lease) -> None:
        """Make sure that nobody else takes a lease before the commit.

        Raises:
            ConflictError: another has taken it.
        """
        query = sa.select(LEASES.c.token).where(LEASES.c.name == lease.name).with_for_update()
        if await self.connection.scalar(query) != lease.token:
            raise ConflictError(f"{lease.name}: another process has taken this over")

    async def place(self, lease: Lease, name: str, value: Any) -> None:
        """Keep how far something has come, as JSON, with all else that this transaction does.

        Raises:
            ConflictError: another has taken the lease.
        """
        await self.hold(lease)
        row = {
            "name": name,
            "value": msgspec.json.encode(value).decode(),
            "token": lease.token,
            "updated_at": self._now(),
        }
        statement = upsert(POSITIONS, self._dialect, ("value", "token", "updated_at"))
        await self.connection.execute(statement, row)

    async def _insert_events(
        self, events: Sequence[Event], streams: Mapping[str, list[Event]]
    ) -> None:
        await self._insert(sa.insert(EVENTS), [row_of(event) for event in events])
        subjects = [
            {"subject": subject, "stream": stream, "position": event.position}
            for stream, own in streams.items()
            for event in own
            for subject in dict.fromkeys(event.subjects)
        ]
        await self._insert(sa.insert(EVENT_SUBJECTS), subjects)
        heads = [{"of": stream, "head": self._heads[stream]} for stream in streams]
        await self._insert(_ADVANCE, heads)
        self.appended.extend(events)

    async def _in_the_log(self, events: Sequence[Event]) -> set[Key]:
        by_system: dict[str, list[str]] = {}
        for event in events:
            by_system.setdefault(event.system, []).append(event.source_event_id)
        found: set[Key] = set()
        for system, ids in by_system.items():
            query = sa.select(EVENTS.c.source_event_id).where(
                EVENTS.c.system == system, among(EVENTS.c.source_event_id, ids, self._dialect)
            )
            found.update((system, name) for name in await self.connection.scalars(query))
        return found

    async def _insert(self, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        for start in range(0, len(rows), _BATCH):
            await self.connection.execute(statement, rows[start : start + _BATCH])


_FORGET: Final = sa.delete(STATES).where(
    STATES.c.entity == sa.bindparam("old_entity"),
    STATES.c.system == sa.bindparam("old_system"),
    STATES.c.key == sa.bindparam("old_key"),
)
_ADVANCE: Final = (
    sa.update(EVENT_STREAMS)
    .where(EVENT_STREAMS.c.stream == sa.bindparam("of"))
    .values(position=sa.bindparam("head"))
)


def _letter_row(letter: DeadLetter, letter_id: str, at: datetime) -> dict[str, Any]:
    return {
        "id": letter_id,
        "system": letter.system,
        "way": letter.way,
        "reason": letter.reason,
        "message": letter.message,
        "content_type": letter.content_type,
        "body": letter.body,
        "headers": msgspec.json.encode(letter.headers).decode(),
        "received_at": letter.received_at or at,
        "status": letter.status.value,
    }
