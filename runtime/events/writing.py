"""What one transaction does to the log. All of it is kept, or nothing.

Whoever appends to a stream, or decides by the states of its entity, first locks the stream's
counter row, and holds it until the commit. So positions are given in the order of commits, without
gaps, and nobody decides by a state that another is changing.

What is appended, remembered, taken and audited is noted here and written at the end, just before
the commit.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from random import Random
from typing import Any, Final, cast

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from canonical.audit import AuditEntry
from canonical.dead_letters import DeadLetter, LetterStatus
from canonical.entities import EntityName
from canonical.errors import ConflictError
from canonical.events import Event
from runtime.audit.log import seal, stamped
from runtime.events import statements
from runtime.events.leases import Lease
from runtime.events.letters import Decision
from runtime.events.rows import new_id, row_of
from runtime.store.questions import columns, many
from runtime.store.tables import DEAD_LETTERS, LEASES
from runtime.telemetry.correlation import correlation_id

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
        self._names: set[Key] = set()
        self._states: dict[str, dict[Key, Known | None]] = {}
        self._taken: dict[Key, str] = {}
        self._audited: list[AuditEntry] = []

    @property
    def moment(self) -> datetime:
        """The time."""
        return self._now()

    async def lock(self, streams: Iterable[str]) -> None:
        """Lock streams until the transaction ends, in the order of their names."""
        wanted = sorted(stream for stream in streams if stream not in self._heads)
        if not wanted:
            return
        rows = await self._ask(statements.lock, streams=self._many(wanted))
        if len(rows) < len(wanted):
            first = [{"stream": stream, "position": 0, "oldest": 1} for stream in wanted]
            await self._add(statements.begin_stream, first)
            rows = await self._ask(statements.lock, streams=self._many(wanted))
        self._heads.update(cast("Iterable[tuple[str, int]]", rows))

    async def seen(self, system: str, ids: Iterable[str]) -> set[str]:
        """Those of a system's deliveries that were taken before."""
        wanted = set(ids)
        rows = await self._ask(statements.seen, of=system, ids=self._many(wanted))
        taken = {name for name in wanted if (system, name) in self._taken}
        return taken.union(row[0] for row in rows)

    async def take(self, system: str, outcomes: Mapping[str, str]) -> None:
        """Note deliveries as taken, each with what came of it. Those taken before stay as noted."""
        for name, outcome in outcomes.items():
            self._taken.setdefault((system, name), outcome)

    async def known(self, entity: EntityName, keys: Iterable[Key]) -> Mapping[Key, Known]:
        """What was last known of records; what nothing is known of is left out.

        Nobody else changes what is known of this entity until the transaction ends. Ask for several
        entities in the order of their names, so that nobody waits in a circle.
        """
        await self.lock([entity.value])
        fresh = self._states.setdefault(entity.value, {})
        by_system: dict[str, list[str]] = {}
        found: dict[Key, Known] = {}
        for system, key in dict.fromkeys(keys):
            state = fresh.get((system, key))
            if state is not None:
                found[system, key] = state
            elif (system, key) not in fresh:
                by_system.setdefault(system, []).append(key)
        for system, names in by_system.items():
            rows = await self._ask(
                statements.known, of=entity.value, by=system, keys=self._many(names)
            )
            found.update(((system, row[0]), Known(row[1], row[2])) for row in rows)
        return found

    async def remember(self, entity: EntityName, states: Mapping[Key, Known | None]) -> None:
        """Keep what is known of records from now on; None to forget one that is gone."""
        self._states.setdefault(entity.value, {}).update(states)

    async def append(self, events: Sequence[Event]) -> Sequence[Event]:
        """Add events to the log.

        Args:
            events: Of any streams; within each stream they get positions in the order given.

        Returns:
            Those that are new, in the order given, with their ids, positions and the time. One
            whose (system, source event id) is in the log already is left out.
        """
        await self.lock({event.stream.value for event in events})
        old = await self._in_the_log(events)
        recorded_at = self._now()
        fresh: list[Event] = []
        for event in events:
            name = (event.system, event.source_event_id)
            if name in old or name in self._names:
                continue
            self._names.add(name)
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
        self.appended += fresh
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
        tied = entry.correlation_id or correlation_id() or ""
        entry = msgspec.structs.replace(entry, correlation_id=tied)
        self._audited.append(stamped(entry, self._now(), self._random))

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
        await self._add(statements.place, [row])

    async def flush(self) -> None:
        """Write what was noted: all of the transaction together, in few statements."""
        events = self.appended
        await self._add(statements.add_events, [row_of(event) for event in events])
        subjects = [
            {"subject": subject, "stream": event.stream.value, "position": event.position}
            for event in events
            for subject in dict.fromkeys(event.subjects)
        ]
        await self._add(statements.add_subjects, subjects)
        streams = sorted({event.stream.value for event in events})
        heads = [{"of": stream, "head": self._heads[stream]} for stream in streams]
        await self._insert(statements.ADVANCE, heads)
        for entity, states in self._states.items():
            await self._flush_states(entity, states)
        at = self._now()
        taken = [
            {"system": system, "delivery_id": name, "recorded_at": at, "outcome": outcome}
            for (system, name), outcome in sorted(self._taken.items())
        ]
        await self._add(statements.take, taken)
        if self._audited:
            await seal(self.connection, self._audited)

    async def _flush_states(self, entity: str, states: Mapping[Key, Known | None]) -> None:
        kept: list[dict[str, Any]] = []
        gone: list[dict[str, Any]] = []
        for (system, key), state in states.items():
            if state is None:
                gone.append({"of": entity, "by": system, "at": key})
            else:
                row = {"entity": entity, "system": system, "key": key}
                kept.append(row | {"occurred_at": state.occurred_at, "data": state.data})
        await self._add(statements.remember, kept)
        await self._insert(statements.FORGET, gone)

    async def _in_the_log(self, events: Sequence[Event]) -> set[Key]:
        by_system: dict[str, list[str]] = {}
        for event in events:
            by_system.setdefault(event.system, []).append(event.source_event_id)
        found: set[Key] = set()
        for system, ids in by_system.items():
            rows = await self._ask(statements.in_the_log, of=system, ids=self._many(ids))
            found.update((system, row[0]) for row in rows)
        return found

    def _many(self, values: Iterable[str]) -> Any:
        return many(values, self._dialect)

    async def _ask(self, statement: Callable[[str], Any], **values: Any) -> list[Any]:
        return list(await self.connection.execute(statement(self._dialect), values))

    async def _add(
        self, statement: Callable[[str], Any], rows: Sequence[Mapping[str, Any]]
    ) -> None:
        for start in range(0, len(rows), _BATCH):
            added = columns(rows[start : start + _BATCH], self._dialect)
            await self.connection.execute(statement(self._dialect), added)

    async def _insert(self, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        for start in range(0, len(rows), _BATCH):
            await self.connection.execute(statement, rows[start : start + _BATCH])


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
