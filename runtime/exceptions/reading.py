"""Looking through the exceptions of a store."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from canonical.errors import InvalidInputError
from canonical.exceptions import ExceptionFilter, ExceptionPage, SupplyException
from runtime.exceptions.rows import read
from runtime.store.process_tables import EXCEPTION_SUBJECTS, EXCEPTIONS
from runtime.store.questions import among, many
from runtime.store.store import Store

_E: Final = EXCEPTIONS.c
_S: Final = EXCEPTION_SUBJECTS.c


class ExceptionList:
    """The exceptions of a store.

    Args:
        store: Where they are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(
        self, wanted: ExceptionFilter, *, first: int, after: str | None
    ) -> ExceptionPage:
        """Exceptions, the latest opened first; behind the one with an id, if it is named.

        Raises:
            InvalidInputError: if there is none with that id.
        """
        conditions = _conditions(wanted, self._store.dialect)
        given = _given(wanted, self._store.dialect)

        async def work(connection: AsyncConnection) -> ExceptionPage:
            behind = await _behind(connection, after)
            query = sa.select(_E.id).where(*conditions, *behind)
            query = query.order_by(_E.opened_at.desc(), _E.id.desc()).limit(first + 1)
            ids = [row.id for row in await connection.execute(query, given)]
            count = sa.select(sa.func.count()).select_from(EXCEPTIONS).where(*conditions)
            total = await connection.scalar(count, given)
            found = await read(connection, ids[:first])
            shown = [found[each] for each in ids[:first] if each in found]
            return ExceptionPage(shown, len(ids) > first, total or 0)

        return await self._store.read(work)

    async def by_ids(self, exception_ids: Collection[str]) -> Mapping[str, SupplyException]:
        """Exceptions by id; those that are not there are left out."""
        return await self._store.read(lambda connection: read(connection, exception_ids))

    async def is_open(self, cause: str) -> bool:
        """Whether a cause has an open one."""
        query = sa.select(_E.id).where(_E.cause == cause, _E.closed_at.is_(None))
        return await self._store.read(lambda connection: connection.scalar(query)) is not None

    async def undone(self, since: datetime, limit: int) -> Sequence[SupplyException]:
        """Those that people settled or cancelled since, whose process no open one is about.

        The latest first.
        """
        other = EXCEPTIONS.alias()
        still = sa.select(other.c.id).where(
            other.c.process_id == _E.process_id, other.c.closed_at.is_(None)
        )
        query = (
            sa.select(_E.id)
            .where(
                _E.state.in_(("RESOLVED", "CANCELLED")),
                _E.closed_at >= since,
                _E.process_id.is_not(None),
                ~still.exists(),
            )
            .order_by(_E.closed_at.desc())
            .limit(limit)
        )

        async def work(connection: AsyncConnection) -> Sequence[SupplyException]:
            ids = [row.id for row in await connection.execute(query)]
            found = await read(connection, ids)
            return [found[each] for each in ids]

        return await self._store.read(work)


async def _behind(connection: AsyncConnection, after: str | None) -> Sequence[Any]:
    if after is None:
        return ()
    opened_at = await connection.scalar(sa.select(_E.opened_at).where(_E.id == after))
    if opened_at is None:
        raise InvalidInputError("`after` is no cursor of this list: pass one as it was read")
    return (
        sa.or_(
            _E.opened_at < opened_at,
            sa.and_(_E.opened_at == opened_at, _E.id < after),
        ),
    )


def _conditions(wanted: ExceptionFilter, dialect: str) -> Sequence[Any]:
    found: list[Any] = [
        among(column, column.name, dialect)
        for column, values in _sets(wanted)
        if values is not None
    ]
    found += [
        column == value
        for column, value in (
            (_E.process_id, wanted.process_id),
            (_E.correlation_id, wanted.correlation_id),
            (_E.overdue, wanted.overdue),
        )
        if value is not None
    ]
    found += [
        _E.id.in_(sa.select(_S.exception_id).where(among(_S.subject, name, dialect)))
        for name, subjects in _subjects(wanted)
        if subjects is not None
    ]
    for kind, allowed in _bounds(wanted):
        if allowed is not None:
            found += _only(kind, dialect)
    return found


def _sets(wanted: ExceptionFilter) -> Sequence[tuple[sa.Column[Any], Sequence[str] | None]]:
    """Columns, and which values they may have; None for any."""
    return (
        (_E.category, wanted.categories),
        (_E.severity, wanted.severities),
        (_E.state, wanted.states),
        (_E.owner, wanted.owners),
    )


def _bounds(wanted: ExceptionFilter) -> Sequence[tuple[str, Sequence[str] | None]]:
    """Kinds of subjects, and which of them alone it is about; None for any."""
    return (("region", wanted.regions), ("company", wanted.companies))


def _subjects(wanted: ExceptionFilter) -> Sequence[tuple[str, Sequence[str] | None]]:
    """Sets of subjects of each of which it is about one; None for any."""
    named = [("subjects", wanted.subjects)]
    for kind, values in (("supplier", wanted.suppliers), ("item", wanted.items)):
        subjects = None if values is None else tuple(f"{kind}:{each}" for each in values)
        named.append((f"{kind}s", subjects))
    return named


def _only(kind: str, dialect: str) -> Sequence[Any]:
    """About something of a kind, and of that kind about what is allowed alone."""
    of_kind = sa.select(_S.exception_id).where(
        _S.exception_id == _E.id, _S.subject.startswith(f"{kind}:", autoescape=True)
    )
    # A negated `= ANY` becomes `<> ANY`, which says something else.
    allowed = sa.case((among(_S.subject, f"allowed_{kind}", dialect), 1), else_=0)
    return (of_kind.exists(), ~of_kind.where(allowed == 0).exists())


def _given(wanted: ExceptionFilter, dialect: str) -> Mapping[str, Any]:
    sets = [(column.name, values) for column, values in _sets(wanted)]
    given = {
        name: many([str(value) for value in values], dialect)
        for name, values in (*sets, *_subjects(wanted))
        if values is not None
    }
    for kind, allowed in _bounds(wanted):
        if allowed is not None:
            given[f"allowed_{kind}"] = many([f"{kind}:{each}" for each in allowed], dialect)
    return given
