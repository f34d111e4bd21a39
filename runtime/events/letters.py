"""Dead letters: what came and could not be understood, byte for byte, until somebody decides."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from canonical.dead_letters import DeadLetter, LetterFilter, LetterStatus
from runtime.store.questions import among, many
from runtime.store.store import Store
from runtime.store.tables import DEAD_LETTERS
from runtime.telemetry import event_metrics


class Decision(Struct, frozen=True, kw_only=True):
    """What becomes of a dead letter.

    Attributes:
        letter_id: Of which.
        status: `REPLAYED` or `DISCARDED`.
        actor: Who decides.
        note: Why, or what was corrected.
        result: What the replay led to.
    """

    letter_id: str
    status: LetterStatus
    actor: str
    note: str | None = None
    result: str | None = None


_HEADERS: Final = msgspec.json.Decoder(dict[str, str])
_ALL: Final = LetterFilter()
_T: Final = DEAD_LETTERS.c


class Letters:
    """The dead letters of a store. They are buried and decided by `Writing`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def newest(
        self, which: LetterFilter = _ALL, *, before: str | None = None, limit: int = 50
    ) -> Sequence[DeadLetter]:
        """Dead letters, newest first, without their bodies.

        Args:
            which: Those.
            before: Id of the letter to go on from.
            limit: At most so many.
        """
        query = self._which(sa.select(*_BUT_BODY), which).order_by(_T.id.desc()).limit(limit)
        if before is not None:
            query = query.where(_T.id < before)
        rows = await self._store.read(lambda connection: connection.execute(query))
        return [_letter(row, b"") for row in rows]

    async def get(self, letter_id: str) -> DeadLetter | None:
        """One dead letter with its body, byte for byte."""
        return (await self.by_ids([letter_id])).get(letter_id)

    async def by_ids(self, letter_ids: Collection[str]) -> Mapping[str, DeadLetter]:
        """Dead letters by id, with their bodies; those that are not there are left out."""
        dialect = self._store.dialect
        query = sa.select(*_BUT_BODY, _T.body).where(among(_T.id, "ids", dialect))
        query = query.params(ids=many(set(letter_ids), dialect))
        rows = await self._store.read(lambda connection: connection.execute(query))
        return {row.id: _letter(row, row.body) for row in rows}

    async def count(self, which: LetterFilter = _ALL) -> int:
        """How many there are."""
        query = self._which(sa.select(sa.func.count()).select_from(DEAD_LETTERS), which)
        return await self._store.read(lambda connection: connection.scalar(query)) or 0

    async def measure(self) -> int:
        """Tell the metrics how many are open; also returned."""
        count = await self.count(LetterFilter(status=(LetterStatus.OPEN,)))
        event_metrics.dead_letters_open(count)
        return count

    def _which(self, query: sa.Select[Any], which: LetterFilter) -> sa.Select[Any]:
        for column, values in (
            (_T.status, which.status),
            (_T.system, which.system),
            (_T.way, which.way),
            (_T.reason, which.reason),
        ):
            if values is not None:
                query = query.where(column.in_(values))
        if which.since is not None:
            query = query.where(_T.received_at >= which.since)
        if which.until is not None:
            query = query.where(_T.received_at < which.until)
        return query


_BUT_BODY: Final = (
    *(column for column in DEAD_LETTERS.c if column.name != "body"),
    sa.func.length(_T.body).label("size"),
)


def _letter(row: Any, body: bytes) -> DeadLetter:
    return DeadLetter(
        letter_id=row.id,
        system=row.system,
        way=row.way,
        reason=row.reason,
        message=row.message,
        content_type=row.content_type,
        body=body,
        size=row.size,
        headers=_HEADERS.decode(row.headers),
        received_at=row.received_at,
        status=LetterStatus(row.status),
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        note=row.note,
        result=row.result,
    )
