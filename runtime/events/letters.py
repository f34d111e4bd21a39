"""Dead letters: what came and could not be understood, byte for byte, until somebody decides."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from runtime.store.store import Store
from runtime.store.tables import DEAD_LETTERS
from runtime.telemetry import event_metrics


class LetterStatus(StrEnum):
    """What has become of a dead letter."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


class DeadLetter(Struct, frozen=True, kw_only=True):
    """One delivery, or part of one, that could not be understood.

    Attributes:
        system: The backend that it came from.
        way: How it came: `webhook`, `watcher`, `bulk` or `mutation`.
        reason: Why it lies here, as a short code.
        message: Why, for people.
        body: What came, byte for byte.
        content_type: Of the body, where known.
        headers: Those that are needed to understand it again; never signatures or credentials.
        letter_id: Given by the log; empty before.
        received_at: When it came; given by the log where it is not said.
        status: What has become of it.
        decided_by: Who replayed or discarded it.
        decided_at: When.
        note: Why it was discarded, or what was corrected.
        result: What the replay led to.
        size: Bytes of the body, also where it was not read.
    """

    system: str
    way: str
    reason: str
    message: str
    body: bytes
    content_type: str | None = None
    headers: Mapping[str, str] = {}
    letter_id: str = ""
    received_at: datetime | None = None
    status: LetterStatus = LetterStatus.OPEN
    decided_by: str | None = None
    decided_at: datetime | None = None
    note: str | None = None
    result: str | None = None
    size: int = 0


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


class LetterFilter(Struct, frozen=True, kw_only=True):
    """Which dead letters to list; None and empty for all.

    Attributes:
        statuses: What has become of them.
        systems: Where they came from.
        reasons: Why they lie here.
    """

    statuses: Sequence[LetterStatus] = ()
    systems: Sequence[str] = ()
    reasons: Sequence[str] = ()


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
        query = sa.select(*_BUT_BODY, _T.body).where(_T.id == letter_id)
        rows = await self._store.read(lambda connection: connection.execute(query))
        row = rows.first()
        return None if row is None else _letter(row, row.body)

    async def count(self, which: LetterFilter = _ALL) -> int:
        """How many there are."""
        query = self._which(sa.select(sa.func.count()).select_from(DEAD_LETTERS), which)
        return await self._store.read(lambda connection: connection.scalar(query)) or 0

    async def measure(self) -> int:
        """Tell the metrics how many are open; also returned."""
        count = await self.count(LetterFilter(statuses=(LetterStatus.OPEN,)))
        event_metrics.dead_letters_open(count)
        return count

    def _which(self, query: sa.Select[Any], which: LetterFilter) -> sa.Select[Any]:
        for column, values in (
            (_T.status, which.statuses),
            (_T.system, which.systems),
            (_T.reason, which.reasons),
        ):
            if values:
                query = query.where(column.in_(values))
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
