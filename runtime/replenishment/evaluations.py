"""What is to be evaluated, and when: a queue of items and locations, in the store.

Whatever bears on the stock of an item at a location puts it in; touched again while it waits, it
waits anew, yet not for ever. Whoever evaluates it takes it out afterwards, unless it was touched
meanwhile. So nothing is lost if a process dies, and one that is touched a hundred times is
evaluated once.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from runtime.store.process_tables import EVALUATIONS
from runtime.store.questions import adding, columns
from runtime.store.store import Store, Work
from runtime.store.tables import Instant

_EVERYWHERE: Final = ""
"""Stands for all locations: no code is empty."""
_ROWS: Final = 5_000
_MICROSECONDS: Final = 1_000_000
_T: Final = EVALUATIONS.c


class Touch(Struct, frozen=True, kw_only=True):
    """Something that bears on the stock of an item.

    Attributes:
        item: Sku.
        location: Code; None for all locations of the item.
        cause: What happened.
        correlation_id: Ties it to what it is about.
    """

    item: str
    location: str | None
    cause: str
    correlation_id: str


class Due(Struct, frozen=True, kw_only=True):
    """What is to be evaluated now.

    Attributes:
        item: Sku.
        location: Code; None for all locations of the item.
        correlation_id: Of the last that touched it.
        revision: Another whenever it is touched.
    """

    item: str
    location: str | None
    correlation_id: str
    revision: int


class Waiting(Struct, frozen=True):
    """What waits in the queue: how much, and since when it is due at most."""

    count: int
    next_at: datetime | None


class Evaluations:
    """The queue.

    Args:
        store: Where it is.
        debounce: How long something is left alone after it was touched.
        longest: How long it waits at most, however often it is touched.
    """

    def __init__(self, store: Store, *, debounce: timedelta, longest: timedelta) -> None:
        self._store = store
        self._debounce = debounce
        self._longest = longest

    async def touch(self, touches: Iterable[Touch], *, at: datetime) -> int:
        """Have items evaluated when they have been left alone for a while.

        Returns:
            How many different items and locations these are.
        """
        return await self._put(touches, at, due_at=at + self._debounce, latest=self._longest)

    async def demand(self, touches: Iterable[Touch], *, at: datetime) -> int:
        """Have items evaluated at once; as `touch` otherwise."""
        return await self._put(touches, at, due_at=at, latest=None)

    async def _put(
        self, touches: Iterable[Touch], at: datetime, *, due_at: datetime, latest: timedelta | None
    ) -> int:
        # In the order of the keys, so that two who write the same do not wait for each other.
        rows = sorted(
            {(t.item, t.location or _EVERYWHERE): t for t in touches}.items(), key=lambda r: r[0]
        )
        # What was touched first before this moment is not put off any more.
        patience = at if latest is None else due_at - latest
        for start in range(0, len(rows), _ROWS):
            part = [_row(key, t, due_at, at) for key, t in rows[start : start + _ROWS]]
            await self._store.write(self._adding(part, patience))
        return len(rows)

    def _adding(self, rows: list[dict[str, Any]], patience: datetime) -> Work[None]:
        dialect = self._store.dialect
        given = columns(rows, dialect)
        # The two take parameters that are the same for all rows in different places.
        if isinstance(given, dict):
            given["patience"] = patience
        else:
            given = [{**row, "patience": patience} for row in rows]

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(_put(dialect), given)

        return work

    async def due(self, *, at: datetime, items: int) -> Sequence[Due]:
        """What is due: of so many items at most everything, first what has waited longest."""
        asked = {"at": at, "items": items}
        rows = await self._store.read(lambda connection: connection.execute(_DUE, asked))
        return [
            Due(
                item=row.item,
                location=row.location or None,
                correlation_id=row.correlation_id,
                revision=row.revision,
            )
            for row in rows
        ]

    async def done(self, evaluated: Sequence[Due]) -> None:
        """Take out what was evaluated; what was touched meanwhile stays."""
        await self._change(evaluated, _DONE, {})

    async def postpone(self, those: Sequence[Due], *, until: datetime) -> None:
        """Have something evaluated later that could not be now; what was touched stays as it is."""
        await self._change(those, _POSTPONE, {"until": until})

    async def waiting(self) -> Waiting:
        """How much waits, and when the first is due."""
        query = sa.select(sa.func.count(), sa.func.min(_T.due_at))
        row = (await self._store.read(lambda c: c.execute(query))).one()
        return Waiting(row[0], row[1])

    async def _change(self, those: Sequence[Due], statement: Any, asked: Mapping[str, Any]) -> None:
        """Do something to entries that were not touched meanwhile."""
        rows = [
            {"sku": d.item, "place": d.location or _EVERYWHERE, "seen": d.revision, **asked}
            for d in those
        ]

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(statement, rows)

        if rows:
            await self._store.write(work)


def _row(key: tuple[str, str], touch: Touch, due_at: datetime, at: datetime) -> dict[str, Any]:
    return {
        "item": key[0],
        "location": key[1],
        "due_at": due_at,
        "first_at": at,
        "cause": touch.cause,
        "correlation_id": touch.correlation_id,
        "revision": int(at.timestamp() * _MICROSECONDS),
    }


@cache
def _put(dialect: str) -> Any:
    """Add entries; those that are there are touched once more."""
    insert = adding(EVALUATIONS, dialect)
    new = insert.excluded
    is_sooner = new.due_at < _T.due_at
    may_wait = _T.first_at > sa.bindparam("patience", type_=Instant)
    return insert.on_conflict_do_update(
        index_elements=[_T.item, _T.location],
        set_={
            "due_at": sa.case((sa.or_(is_sooner, may_wait), new.due_at), else_=_T.due_at),
            "cause": new.cause,
            "correlation_id": new.correlation_id,
            "revision": _T.revision + 1,
        },
    )


def _due() -> Any:
    is_due = _T.due_at <= sa.bindparam("at", type_=Instant)
    first = (
        sa.select(_T.item)
        .where(is_due)
        .group_by(_T.item)
        .order_by(sa.func.min(_T.due_at), _T.item)
        .limit(sa.bindparam("items", type_=sa.Integer))
    )
    return (
        sa.select(_T.item, _T.location, _T.correlation_id, _T.revision)
        .where(is_due, _T.item.in_(first))
        .order_by(_T.item, _T.location)
    )


_DUE: Final = _due()


_UNTOUCHED: Final = sa.and_(
    _T.item == sa.bindparam("sku"),
    _T.location == sa.bindparam("place"),
    _T.revision == sa.bindparam("seen"),
)
_DONE: Final = sa.delete(EVALUATIONS).where(_UNTOUCHED)
_POSTPONE: Final = (
    sa.update(EVALUATIONS).where(_UNTOUCHED).values(due_at=sa.bindparam("until", type_=Instant))
)
