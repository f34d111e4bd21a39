"""A database as a `RowReader`: tables, views and vetted SELECTs."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import NoSuchTableError

from canonical.criteria import Op
from canonical.errors import (
    MisconfiguredError,
    Reason,
    SupplygraphError,
    UnsupportedError,
)
from canonical.ports import Ask
from connectors.kit.chunks import Bounds, chunks
from connectors.kit.mapping.convert import zone_of
from connectors.kit.policy import CallPolicy
from connectors.kit.rows import (
    Clause,
    Dataset,
    DatasetInfo,
    Push,
    RowBatch,
    RowPage,
    RowQuery,
    Test,
)
from connectors.kit.services import Services
from connectors.sql.database import Database, Place, values_of
from connectors.sql.settings import Settings, options_of
from connectors.sql.statements import Statements, table_of

_PG_TEXT: Final = frozenset({18, 19, 25, 1042, 1043})
"""PostgreSQL's numbers of its text types: char, name, text, character(n), varchar."""


class SQLReader:
    """Reads rows of one database.

    Args:
        database: The opened database.
        settings: How it is read.
        policy: How it may be asked.
        statements: Writes its SQL.
    """

    def __init__(
        self, database: Database, settings: Settings, policy: CallPolicy, statements: Statements
    ) -> None:
        self._database = database
        self._settings = settings
        self._statements = statements
        self._texts: dict[str, frozenset[str]] = {}
        asked = policy.max_keys_per_request
        stated = asked if "max_keys_per_request" in policy.model_fields_set else None
        bounds = (settings.max_keys, stated, database.dialect.max_keys)
        self._max_keys = min(b for b in bounds if b is not None)

    def push(self, dataset: Dataset, test: Test) -> Push:
        """What the database can do with a test."""
        return self._statements.push(dataset, test)

    def push_any(self, dataset: Dataset, clause: Clause) -> Push:
        """An OR is as exact as the least exact of its tests."""
        found = {self._statements.push(dataset, test) for test in clause}
        return next(p for p in (Push.NO, Push.SUPERSET, Push.EXACT) if p in found)

    def sorts(self, dataset: Dataset, sort: tuple[tuple[str, bool], ...]) -> bool:
        """Whether the order will be that of canonical values."""
        return self._statements.sorts(dataset) and all("." not in path for path, _ in sort)

    def given_order(self, dataset: Dataset) -> tuple[str, ...]:
        """None is relied on: whatever order is wanted is asked for."""
        del dataset
        return ()

    async def page(self, query: RowQuery, cursor: str | None, ask: Ask) -> RowPage:
        """Read one page.

        Raises:
            UnavailableError, MisconfiguredError: as the database does.
        """
        offset = int(cursor or 0)
        most = self._settings.page_rows
        limit = most if query.limit is None else min(most, max(query.limit, 1))
        texts = await self._texts_of(query.dataset, query.sort, ask)
        statement = self._statements.rows(query, texts, offset=offset, limit=limit + 1)
        rows = await self._database.rows(statement, ask, query.dataset.name)
        total = None
        if query.count:
            counted = await self._database.rows(
                self._statements.count(query), ask, query.dataset.name
            )
            total = int(next(iter(counted[0].values())))
        more = len(rows) > limit
        return RowPage(rows[:limit], str(offset + limit) if more else None, total)

    async def by_values(  # noqa: PLR0913  -- the port's own signature
        self,
        dataset: Dataset,
        path: str,
        values: Sequence[Any],
        columns: tuple[str, ...],
        ask: Ask,
        *,
        where: tuple[Clause, ...] = (),
        kind: str = "string",
    ) -> RowBatch:
        """Read the rows of many values, in chunks side by side. A failed chunk fails only its own.

        Raises:
            UnsupportedError: if the database cannot be asked by this column.
        """
        if self.push(dataset, Test(path, Op.IN, (), kind)) is Push.NO:
            raise UnsupportedError(f"{dataset.name} cannot be asked for rows by {path}.")

        async def chunk(run: Sequence[Any]) -> RowBatch:
            test = Test(path, Op.IN, tuple(run), kind)
            statement = self._statements.of_values(dataset, test, columns, where)
            most = self._settings.max_rows
            try:
                rows = await self._database.rows(statement.limit(most + 1), ask, dataset.name)
                if len(rows) > most:
                    raise UnsupportedError(
                        f"{dataset.name} has more than {most} rows for these keys: ask for fewer, "
                        f"or raise `settings.max_rows`."
                    )
            except SupplygraphError as exc:
                return RowBatch((), {str(value): exc for value in run})
            return RowBatch(rows)

        bounds = Bounds(self._max_keys, self._max_keys + 1)
        runs = chunks(values_of(values), bounds, lambda _: 0)
        batches = await asyncio.gather(*map(chunk, runs))
        failures = {key: error for batch in batches for key, error in batch.failures.items()}
        return RowBatch([row for batch in batches for row in batch.rows], failures)

    async def describe(self, dataset: Dataset, columns: tuple[str, ...], ask: Ask) -> DatasetInfo:
        """Look whether a table, view or SELECT can be read, with which columns, and at a few rows.

        Raises:
            UnavailableError: if the database cannot be asked now, or refuses our login.
        """
        try:
            paths = await self._paths(dataset, ask)
            wanted = tuple(c for c in columns if c in paths)
            key = tuple(k for k in dataset.key if k in paths)
            known = Dataset(dataset.name, key, dataset.options)
            statement = self._statements.sample(known, wanted, self._settings.sample)
            sample = await self._database.rows(statement, ask, dataset.name)
        except MisconfiguredError as exc:
            if exc.reason is Reason.CREDENTIALS:
                raise
            return DatasetInfo(exists=False, message=exc.message)
        return DatasetInfo(exists=True, paths=paths, sample=sample)

    def health(self) -> Mapping[str, object]:
        """How the way to the database is just now, without asking it."""
        return self._database.health()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._database.aclose()

    async def _paths(self, dataset: Dataset, ask: Ask) -> dict[str, str]:
        options = options_of(self._database.system, dataset)
        schema, table = table_of(dataset.name, options)

        def columns(connection: Connection) -> dict[str, str]:
            if options.select is not None:
                nothing = self._statements.sample(Dataset(dataset.name, (), dataset.options), (), 1)
                with connection.execute(nothing) as result:
                    return dict.fromkeys(result.keys(), "")
            found = sa.inspect(connection).get_columns(table, schema=schema)
            return {c["name"]: str(c["type"].as_generic(allow_nulltype=True)) for c in found}

        def looked(connection: Connection) -> dict[str, str]:
            try:
                return columns(connection)
            except NoSuchTableError:
                return {}

        found = await self._database.look(looked, ask, dataset.name)
        if not found:
            msg = f"{dataset.name}: there is no such table or view that our login may see"
            raise MisconfiguredError(self._database.system, msg)
        return found

    async def _texts_of(
        self, dataset: Dataset, sort: Sequence[tuple[str, bool]], ask: Ask
    ) -> frozenset[str]:
        """Which columns are text, asked once, where text must be told how to sort."""
        names = tuple(dict.fromkeys((*(path for path, _ in sort), *dataset.key)))
        dialect = self._database.dialect
        if dialect.collation is None or not names:
            return frozenset()
        known = f"{dataset.name} {names} {dict(dataset.options)}"
        if known not in self._texts:
            self._texts[known] = await self._ask_texts(dataset, names, ask)
        return self._texts[known]

    async def _ask_texts(
        self, dataset: Dataset, names: tuple[str, ...], ask: Ask
    ) -> frozenset[str]:
        if self._database.dialect.name == "postgresql":
            nothing = self._statements.sample(dataset, names, 0)

            def described(connection: Connection) -> frozenset[str]:
                with connection.execute(nothing) as result:
                    cursor: Any = result.cursor
                    return frozenset(c[0] for c in cursor.description if c[1] in _PG_TEXT)

            return await self._database.look(described, ask, dataset.name)
        options = options_of(self._database.system, dataset)
        if options.select is not None:
            return frozenset()
        schema, table = table_of(dataset.name, options)

        def inspected(connection: Connection) -> frozenset[str]:
            found = sa.inspect(connection).get_columns(table, schema=schema)
            return frozenset(c["name"] for c in found if isinstance(c["type"], sa.String))

        return await self._database.look(inspected, ask, dataset.name)


def reader(
    place: Place, settings: Mapping[str, Any], policy: CallPolicy, services: Services
) -> SQLReader:
    """Open the protocol, with settings as a manifest gives them. Nothing is connected yet.

    Raises:
        pydantic.ValidationError: if the settings name something unknown, or make no sense.
        MisconfiguredError: if the address makes no sense, or its driver is not installed.
    """
    checked = Settings.model_validate(settings)
    database = Database(place, checked, policy, services)
    statements = Statements(place.system, database.dialect, zone_of(place.time_zone))
    return SQLReader(database, checked, policy, statements)
