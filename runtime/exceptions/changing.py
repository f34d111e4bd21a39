"""Exceptions in one transaction under way, which holds their stream: nobody else changes any."""

from collections.abc import Sequence
from datetime import datetime
from random import Random
from typing import Final

import sqlalchemy as sa

from canonical.exceptions import ExceptionAction, ExceptionEntry, SupplyException
from runtime.events.rows import new_id
from runtime.events.writing import Writing
from runtime.exceptions.rows import plain, read, values_of
from runtime.store.process_tables import EXCEPTION_ENTRIES, EXCEPTION_SUBJECTS, EXCEPTIONS
from runtime.store.questions import inserting

_E: Final = EXCEPTIONS.c
_H: Final = EXCEPTION_ENTRIES.c


class ExceptionRows:
    """The exceptions of a store, to be changed.

    Args:
        writing: The transaction; it holds the stream of exceptions.
        random: For ids.
    """

    def __init__(self, writing: Writing, random: Random) -> None:
        self._connection = writing.connection
        self._random = random

    def new_id(self, moment: datetime) -> str:
        """An id for a new one; ids sort by time."""
        return new_id(moment, self._random)

    async def by_id(self, exception_id: str) -> SupplyException | None:
        """One exception; None if it is not there."""
        return (await read(self._connection, [exception_id])).get(exception_id)

    async def open_one(self, cause: str) -> SupplyException | None:
        """The open one of a cause; None if it has none."""
        query = sa.select(_E.id).where(_E.cause == cause, _E.closed_at.is_(None))
        found = await self._connection.scalar(query)
        return None if found is None else await self.by_id(found)

    async def is_open_again(self, exception_id: str) -> bool:
        """Whether the cause of one has an open one."""
        cause = sa.select(_E.cause).where(_E.id == exception_id).scalar_subquery()
        query = sa.select(_E.id).where(_E.cause == cause, _E.closed_at.is_(None))
        return await self._connection.scalar(query) is not None

    async def latest(self, cause: str) -> str | None:
        """Id of the latest one of a cause; None if it never had any."""
        query = sa.select(_E.id).where(_E.cause == cause)
        latest = query.order_by(_E.opened_at.desc(), _E.id.desc()).limit(1)
        found: str | None = await self._connection.scalar(latest)
        return found

    async def overdue(self, moment: datetime, limit: int) -> Sequence[SupplyException]:
        """Open ones that were to be over by a moment and are not noted as overdue, some of them."""
        late = (_E.due_at <= moment, _E.closed_at.is_(None), _E.overdue.is_(False))
        query = sa.select(_E.id).where(*late).order_by(_E.due_at).limit(limit)
        ids = [row.id for row in await self._connection.execute(query)]
        found = await read(self._connection, ids)
        return [found[each] for each in ids]

    async def add(self, cause: str, exception: SupplyException) -> None:
        """Keep a new one, with its subjects and its history."""
        values = values_of(exception) | {"cause": cause}
        await self._connection.execute(sa.insert(EXCEPTIONS), values)
        await self._about(exception)
        for number, entry in enumerate(exception.history, 1):
            await self._enter(exception.exception_id, number, entry)

    async def change(self, exception: SupplyException) -> None:
        """Keep what has changed of one, but for its history."""
        statement = sa.update(EXCEPTIONS).where(_E.id == exception.exception_id)
        await self._connection.execute(statement.values(**values_of(exception)))
        await self._about(exception)

    async def enter(self, exception: SupplyException, entry: ExceptionEntry) -> SupplyException:
        """Add to the history of one; that it was seen again stands at its end once."""
        number = len(exception.history)
        again = entry.action is ExceptionAction.SEEN_AGAIN
        if again and exception.history[-1].action is ExceptionAction.SEEN_AGAIN:
            at = (_H.exception_id == exception.exception_id, _H.number == number)
            statement = (
                sa.update(EXCEPTION_ENTRIES)
                .where(*at)
                .values(at=entry.at, text=plain(entry.text or ""))
            )
            await self._connection.execute(statement)
        else:
            await self._enter(exception.exception_id, number + 1, entry)
        return await self._again(exception.exception_id)

    async def _again(self, exception_id: str) -> SupplyException:
        return (await read(self._connection, [exception_id]))[exception_id]

    async def _enter(self, exception_id: str, number: int, entry: ExceptionEntry) -> None:
        row = {
            "exception_id": exception_id,
            "number": number,
            "at": entry.at,
            "action": entry.action.value,
            "actor": entry.actor,
            "text": None if entry.text is None else plain(entry.text),
        }
        await self._connection.execute(sa.insert(EXCEPTION_ENTRIES), row)

    async def _about(self, exception: SupplyException) -> None:
        """Add what it is about; what it was about before it still is."""
        for subject in dict.fromkeys(exception.subjects):
            row = {"subject": subject, "exception_id": exception.exception_id}
            insert = inserting(EXCEPTION_SUBJECTS, self._connection.dialect.name)
            await self._connection.execute(insert.on_conflict_do_nothing(), row)
