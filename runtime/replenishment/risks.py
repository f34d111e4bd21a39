"""Which stockouts people have been told of, so that they are told when these are over."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import sqlalchemy as sa

from runtime.store.process_tables import EXCEPTIONS
from runtime.store.questions import among, many
from runtime.store.store import Store


class OpenRisks:
    """Exceptions that are open, by cause.

    Args:
        store: Where they are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def open(self, causes: Iterable[str]) -> frozenset[str]:
        """Those of some causes that have an exception open."""
        dialect = self._store.dialect
        asked = {"causes": many(causes, dialect)}
        rows = await self._store.read(lambda c: c.execute(_open(dialect), asked))
        return frozenset(row[0] for row in rows)


@cache
def _open(dialect: str) -> Any:
    return sa.select(EXCEPTIONS.c.cause).where(
        EXCEPTIONS.c.closed_at.is_(None), among(EXCEPTIONS.c.cause, "causes", dialect)
    )
