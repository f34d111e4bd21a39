"""Counts in the store: by day, operation and client."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import uuid4

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from canonical.usage import OperationUse
from runtime.events.leases import Lease, Leases
from runtime.events.ledger import Ledger
from runtime.events.writing import Writing
from runtime.store.questions import inserting
from runtime.store.store import Store
from runtime.store.tables import POSITIONS, USAGE, USAGE_OPERATIONS
from runtime.usage.shared import Batch, SharedUsage

LEASE: Final = "usage"
"""Who brings counts to the store; also where the name of the last batch stands that is in it."""
_LEASE_S: Final = 60.0
_BATCH: Final = 500
_U: Final = USAGE.c
_O: Final = USAGE_OPERATIONS.c
_coordinates: Final = msgspec.json.Decoder(tuple[str, ...])


class StoredUsage:
    """The counts of a store; keeps what `canonical.usage.UsageRecord` says.

    Args:
        store: Where they are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def uses(self, since: date) -> Sequence[OperationUse]:
        """What was asked on a day or later, each operation by each client once, in no order.

        Raises:
            UnavailableError: if the store cannot be reached.
        """
        query = (
            sa.select(
                *(_U.operation, _O.name, _O.kind, _O.coordinates, _U.client, _U.version),
                sa.func.sum(_U.count).label("total"),
                sa.func.max(_U.day).label("last_day"),
            )
            .join_from(USAGE, USAGE_OPERATIONS, _U.operation == _O.operation, isouter=True)
            .where(_U.day >= since.isoformat())
            .group_by(_U.operation, _O.name, _O.kind, _O.coordinates, _U.client, _U.version)
        )
        rows = await self._store.read(lambda connection: connection.execute(query))
        return [
            OperationUse(
                operation=row.operation,
                name=row.name or "",
                kind=row.kind or "",
                coordinates=() if row.coordinates is None else _coordinates.decode(row.coordinates),
                client=row.client,
                version=row.version,
                count=int(row.total),
                last_day=date.fromisoformat(row.last_day),
            )
            for row in rows
        ]

    async def forget(self, before: date) -> None:
        """Remove what was asked before a day."""
        day = before.isoformat()

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(sa.delete(USAGE).where(_U.day < day))
            await connection.execute(sa.delete(USAGE_OPERATIONS).where(_O.last_day < day))

        await self._store.write(work)


class UsageKeeper:
    """Brings counts to the store, for all processes: one of them at a time.

    Args:
        ledger: The store.
        leases: Where the one is found.
        holder: Name of this process.
    """

    def __init__(self, ledger: Ledger, leases: Leases, holder: str) -> None:
        self._ledger = ledger
        self._leases = leases
        self._holder = holder

    async def drain(self, shared: SharedUsage) -> None:
        """Keep what was counted by all in the store, unless another process is at it.

        Raises:
            ConflictError: another process has taken over meanwhile.
            UnavailableError: the store cannot be reached.
        """
        lease = await self._leases.acquire(LEASE, self._holder, _LEASE_S)
        if lease is None:
            return
        try:
            for _ in range(2):  # one that was left behind, and what has come since
                batch = await shared.take(uuid4().hex)
                if batch is None:
                    return
                await self._keep(lease, batch)
                await shared.drop(batch)
        finally:
            await self._leases.release(lease)

    async def _keep(self, lease: Lease, batch: Batch) -> None:
        """Add a batch to the counts of the store, once, however often this is called."""
        last = sa.select(POSITIONS.c.value).where(POSITIONS.c.name == LEASE)

        async def work(writing: Writing) -> None:
            await writing.hold(lease)
            if await writing.connection.scalar(last) == msgspec.json.encode(batch.name).decode():
                return
            await writing.place(lease, LEASE, batch.name)
            await _add(writing.connection, batch)

        await self._ledger.write(work)


async def _add(connection: AsyncConnection, batch: Batch) -> None:
    dialect = connection.dialect.name
    day = max(counted.day for counted in batch.counts)
    operations = [
        {
            "operation": operation,
            "name": shape.name,
            "kind": shape.kind,
            "coordinates": msgspec.json.encode(shape.coordinates).decode(),
            "last_day": day,
        }
        for operation, shape in batch.shapes.items()
    ]
    adding: Any = inserting(USAGE_OPERATIONS, dialect)
    later = {"last_day": adding.excluded.last_day, "coordinates": adding.excluded.coordinates}
    adding = adding.on_conflict_do_update(index_elements=[_O.operation], set_=later)
    await _insert(connection, adding, operations)
    counting: Any = inserting(USAGE, dialect)
    counting = counting.on_conflict_do_update(
        index_elements=list(USAGE.primary_key.columns),
        set_={"count": _U.count + counting.excluded.count},
    )
    counts = [
        {**msgspec.structs.asdict(counted), "count": count}
        for counted, count in batch.counts.items()
    ]
    await _insert(connection, counting, counts)


async def _insert(
    connection: AsyncConnection, statement: Any, rows: Sequence[dict[str, Any]]
) -> None:
    for start in range(0, len(rows), _BATCH):
        await connection.execute(statement, rows[start : start + _BATCH])
