"""A database as a `RowWriter`: rows go in by bound values, each order in one transaction.

    create   INSERT of the row, then of the rows of its parts, joined to it
    change   UPDATE where the key, and the version, are as told; then of rows of its parts
    upsert   INSERT ... ON CONFLICT (key) DO UPDATE

Names come from the mapping alone, and are quoted.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import quoted_name

from canonical.errors import (
    ConflictError,
    MisconfiguredError,
    NotFoundError,
    UnsupportedError,
)
from canonical.ports import Ask
from connectors.kit.mapping.convert import zone_of
from connectors.kit.policy import CallPolicy
from connectors.kit.rows import Dataset, Row
from connectors.kit.services import Services
from connectors.sql.database import Database, Place
from connectors.sql.settings import Settings, options_of
from connectors.sql.statements import table_of

_TYPES: Final[Mapping[type[Any], Any]] = {
    bool: sa.Boolean(),
    int: sa.BigInteger(),
    Decimal: sa.Numeric(),
    datetime: sa.DateTime(timezone=True),
    date: sa.Date(),
    str: sa.String(),
}
_UPSERTS: Final = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


class SQLWriter:
    """Writes rows of one database.

    Args:
        database: The database, opened for writing.
        zone: Zone of times that it holds without one.
    """

    def __init__(self, database: Database, zone: tzinfo) -> None:
        self._database = database
        self._zone = zone

    async def create(self, dataset: Dataset, row: Row, ask: Ask) -> Row:
        """Insert a row and those of its parts; the row, with what the database made of its key."""

        async def insert(connection: AsyncConnection) -> Row:
            own, parts = self._split(dataset, row)
            joins = {local for name in parts for local in dataset.parts[name].joins.values()}
            made = await self._insert(connection, dataset, own, {*dataset.key, *joins})
            for name, rows in parts.items():
                part = dataset.parts[name]
                joined = {there: made[local] for there, local in part.joins.items()}
                for inner in rows:
                    await self._insert(connection, part.dataset, {**inner, **joined}, set())
            return made

        return await self._database.told(insert, ask, dataset.name)

    async def change(
        self,
        dataset: Dataset,
        key: Mapping[str, Any],
        row: Row,
        ask: Ask,
        *,
        version: str | None = None,
    ) -> None:
        """Update the columns of a row that are given, and those of rows of its parts."""

        async def update(connection: AsyncConnection) -> None:
            own, parts = self._split(dataset, row)
            await self._update(connection, dataset, key, own, version)
            for name, rows in parts.items():
                part = dataset.parts[name].dataset
                for inner in rows:
                    inner_key = {path: inner[path] for path in part.key if path in inner}
                    if len(inner_key) < len(part.key):
                        message = f"{part.name}: `send` its whole key ({', '.join(part.key)}) too"
                        raise MisconfiguredError(self._database.system, message)
                    rest = {path: v for path, v in inner.items() if path not in inner_key}
                    await self._update(connection, part, inner_key, rest, None)

        await self._database.told(update, ask, dataset.name)

    async def call(
        self,
        dataset: Dataset,
        key: Mapping[str, Any],
        action: str,
        ask: Ask,
        *,
        row: Row | None = None,
        version: str | None = None,
    ) -> None:
        """Nothing: a database has columns, no actions.

        Raises:
            UnsupportedError: always.
        """
        del dataset, key, ask, row, version
        raise UnsupportedError(
            f"{self._database.system}: a database has no action {action!r}: say what changes by "
            f"`send`"
        )

    async def upsert(self, dataset: Dataset, rows: Sequence[Row], ask: Ask) -> None:
        """Put rows in the place of those with the same key, all or none."""
        insert: Any = _UPSERTS.get(self._database.dialect.name)
        if insert is None:
            raise UnsupportedError(f"{self._database.system} cannot put rows in place of others")

        async def put(connection: AsyncConnection) -> None:
            for row in rows:
                table = self._table(dataset, row)
                statement = insert(table).values(self._bound(row))
                others = {path: statement.excluded[path] for path in row if path not in dataset.key}
                on_key: Any = [table.c[path] for path in dataset.key]
                if others:
                    statement = statement.on_conflict_do_update(index_elements=on_key, set_=others)
                else:
                    statement = statement.on_conflict_do_nothing(index_elements=on_key)
                await connection.execute(statement)

        await self._database.told(put, ask, dataset.name, records=len(rows))

    def version_of(self, dataset: Dataset, row: Row) -> str | None:
        """Nothing: rows have no versions but those that the mapping names."""
        del dataset, row
        return None

    async def aclose(self) -> None:
        """Close all connections."""
        await self._database.aclose()

    async def _insert(
        self, connection: AsyncConnection, dataset: Dataset, row: Row, wanted: set[str]
    ) -> Row:
        """Insert a row; it, with columns wanted that the database fills in."""
        missing = [path for path in sorted(wanted) if path not in row]
        table = self._table(dataset, {**row, **dict.fromkeys(missing)})
        statement = sa.insert(table).values(self._bound(row))
        if not missing:
            await connection.execute(statement)
            return row
        if connection.dialect.insert_returning:
            result = await connection.execute(statement.returning(*(table.c[m] for m in missing)))
            return {**row, **dict(zip(missing, result.one(), strict=True))}
        result = await connection.execute(statement)
        if len(missing) > 1:
            message = f"{dataset.name}: give {', '.join(missing)}: the database does not tell them"
            raise MisconfiguredError(self._database.system, message)
        return {**row, missing[0]: result.lastrowid}

    async def _update(
        self,
        connection: AsyncConnection,
        dataset: Dataset,
        key: Mapping[str, Any],
        row: Row,
        version: str | None,
    ) -> None:
        path = dataset.version
        names = {**row, **key, **({path: None} if path else {})}
        table = self._table(dataset, names)
        where = [table.c[name] == value for name, value in self._bound(key).items()]
        expected = list(where)
        if path is not None and version is not None:
            expected.append(sa.cast(table.c[path], sa.String()) == version)
        values: dict[str, Any] = self._bound(row)
        if path is not None and self._counts(dataset):
            values[path] = sa.func.coalesce(table.c[path], 0) + sa.literal_column("1")
        if values:
            result = await connection.execute(sa.update(table).where(*expected).values(values))
            found = result.rowcount
        else:
            one: sa.Select[Any] = (
                sa.select(sa.literal_column("1")).select_from(table).where(*expected)
            )
            found = len((await connection.execute(one.with_for_update())).all())
        if found == 0:
            there = sa.select(sa.func.count()).select_from(table).where(*where)
            await self._not_found(connection, dataset, key, there)

    async def _not_found(
        self,
        connection: AsyncConnection,
        dataset: Dataset,
        key: Mapping[str, Any],
        there: sa.Select[Any],
    ) -> None:
        name = f"{dataset.name} {', '.join(map(str, key.values()))}"
        if (await connection.execute(there)).scalar_one():
            raise ConflictError(f"{self._database.system}: {name} has changed since it was read")
        raise NotFoundError(f"{self._database.system} has no {name}")

    def _counts(self, dataset: Dataset) -> bool:
        return options_of(self._database.system, dataset).count_version

    def _split(self, dataset: Dataset, row: Row) -> tuple[Row, dict[str, list[Row]]]:
        """Columns of the row itself, and rows of its parts."""
        parts = {name: rows for name, rows in row.items() if isinstance(rows, list)}
        own = {name: value for name, value in row.items() if name not in parts}
        odd = sorted({n for n in parts if n not in dataset.parts} | set(_nested(own)))
        if odd:
            message = (
                f"{dataset.name}: {', '.join(odd)} is no column: lines go where a related dataset "
                f"is attached, all else to columns"
            )
            raise MisconfiguredError(self._database.system, message)
        return own, parts

    def _table(self, dataset: Dataset, row: Mapping[str, Any]) -> sa.TableClause:
        options = options_of(self._database.system, dataset)
        if options.select is not None:
            message = f"{dataset.name}: a SELECT cannot be written to; name its `dataset` by a step"
            raise MisconfiguredError(self._database.system, message)
        schema, table = table_of(dataset.name, options)
        columns = [sa.column(_exact(n), self._type(v)) for n, v in row.items()]
        return sa.table(_exact(table), *columns, schema=None if schema is None else _exact(schema))

    def _bound(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._value(value) for name, value in row.items()}

    def _value(self, value: Any) -> Any:
        """A value as the database holds it: outside PostgreSQL, times are kept without a zone."""
        if isinstance(value, datetime):
            if self._database.dialect.name == "postgresql":
                return value.astimezone(UTC)
            return value.astimezone(self._zone).replace(tzinfo=None)
        if isinstance(value, Decimal) and self._database.dialect.name == "sqlite":
            return f"{value:f}"  # which has no decimals: text is exact, whatever the column is
        return value

    def _type(self, value: Any) -> Any:
        if isinstance(value, Decimal) and self._database.dialect.name == "sqlite":
            return sa.String()
        return next((t for kind, t in _TYPES.items() if isinstance(value, kind)), sa.types.NULLTYPE)


def _nested(row: Row) -> Iterator[str]:
    return (name for name, value in row.items() if isinstance(value, Mapping))


def _exact(name: str) -> quoted_name:
    return quoted_name(name, quote=True)


def writer(
    place: Place, settings: Mapping[str, Any], policy: CallPolicy, services: Services
) -> SQLWriter:
    """Open a database for writing, beside its reader. Nothing is connected yet.

    Raises:
        pydantic.ValidationError: if the settings name something unknown, or make no sense.
        MisconfiguredError: if the address makes no sense, or its driver is not installed.
    """
    checked = Settings.model_validate(settings)
    database = Database(place, checked, policy, services, writes=True)
    return SQLWriter(database, zone_of(place.time_zone))
