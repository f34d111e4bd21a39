"""Reading the audit: by page, from the oldest on, and to verify it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from canonical.audit import AuditEntry, AuditFilter, AuditKind, AuditPage
from runtime.audit.chain import Head, Verification, Verifier, entry_of
from runtime.audit.log import read_head
from runtime.store.store import Store
from runtime.store.tables import AUDIT

_T: Final = AUDIT.c
_CHUNK: Final = 1_000
_TRIES: Final = 3
_ALL: Final = AuditFilter()


class StoredAudit:
    """The audit of a store; keeps what `canonical.audit.AuditTrail` says.

    Args:
        store: Where it is kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(
        self, wanted: AuditFilter = _ALL, *, first: int = 100, before: int | None = None
    ) -> AuditPage:
        """Entries, the latest first; only those before a position, if one is given.

        Raises:
            UnavailableError: if the store cannot be reached.
        """
        conditions = _conditions(wanted)
        query = sa.select(AUDIT).where(*conditions).order_by(_T.position.desc()).limit(first + 1)
        if before is not None:
            query = query.where(_T.position < before)
        counting = sa.select(sa.func.count()).select_from(AUDIT).where(*conditions)

        async def work(connection: AsyncConnection) -> tuple[Sequence[Any], int]:
            rows = (await connection.execute(query)).mappings().all()
            return rows, await connection.scalar(counting) or 0

        rows, total = await self._store.read(work)
        return AuditPage([_shown(row) for row in rows[:first]], len(rows) > first, total)

    async def head(self) -> Head | None:
        """The end of the chain; None if it was never begun."""
        return await self._store.read(read_head)

    async def chunks(self, after: int = 0) -> AsyncIterator[Sequence[AuditEntry]]:
        """Entries behind a position, the oldest first, some at a time."""
        async for rows in self._rows(after):
            yield [_shown(row) for row in rows]

    async def verify(self, anchor: Head | None = None) -> Verification:
        """Go over the whole chain.

        Args:
            anchor: A head that was kept elsewhere; position 0 where only its hash was.

        Raises:
            UnavailableError: if the store cannot be reached.
        """
        found = await self._verified(anchor)
        for _ in range(_TRIES):
            if not found.problems:
                break
            again = await self._verified(anchor)  # meanwhile old entries may have been removed
            if again.first == found.first:
                break
            found = again
        return found

    async def _verified(self, anchor: Head | None) -> Verification:
        verifier, end = Verifier(anchor), await self.head()
        async for rows in self._rows(0):
            for row in rows:
                if end is None or row["position"] <= end.position:
                    verifier.take(row)
        return verifier.finish(end)

    async def _rows(self, after: int) -> AsyncIterator[Sequence[Any]]:
        while True:
            rows = await self._store.read(_chunk(after))
            if not rows:
                return
            yield rows
            after = rows[-1]["position"]


def _chunk(after: int) -> Callable[[AsyncConnection], Awaitable[Sequence[Any]]]:
    query = sa.select(AUDIT).where(_T.position > after).order_by(_T.position).limit(_CHUNK)

    async def work(connection: AsyncConnection) -> Sequence[Any]:
        return (await connection.execute(query)).mappings().all()

    return work


def _shown(row: Any) -> AuditEntry:
    try:
        return entry_of(row)
    except msgspec.MsgspecError:  # somebody has changed it: what columns say, and no more
        known = {n: row[n] for n in ("position", "entry_id", "at", "actor", "action", "hash")}
        return AuditEntry(**known, details={"unreadable": True})


def _conditions(wanted: AuditFilter) -> list[Any]:
    found: list[Any] = []
    for column, values in (
        (_T.kind, wanted.kinds),
        (_T.actor, wanted.actors),
        (_T.action, wanted.actions),
        (_T.subject, wanted.subjects),
        (_T.decision, wanted.decisions),
    ):
        if values is not None:
            found.append(column.in_(values))
    if wanted.correlation_id is not None:
        found.append(_T.correlation_id == wanted.correlation_id)
    if wanted.about is not None:
        written = msgspec.json.encode(wanted.about).decode()
        found.append(_T.content.contains(written, autoescape=True))
    if wanted.since is not None:
        found.append(_T.at >= wanted.since)
    if wanted.until is not None:
        found.append(_T.at < wanted.until)
    if wanted.unfinished:
        found += _unfinished()
    return found


def _unfinished() -> list[Any]:
    outcome = AUDIT.alias("outcome")
    ended = sa.select(outcome.c.position).where(outcome.c.finishes == _T.entry_id)
    return [_T.kind == AuditKind.CHANGE_BEGUN.value, ~ended.exists()]
