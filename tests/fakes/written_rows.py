"""A system in memory that can be told things, as a `RowWriter`, and loses answers when told to."""

from collections.abc import Mapping, Sequence
from typing import Any

from canonical.errors import ConflictError, NotFoundError, SupplygraphError
from canonical.ports import Ask
from connectors.kit.rows import Dataset, Row


class MemoryWriter:
    """Writes into tables that a `MemoryReader` reads.

    Args:
        tables: Rows by dataset name.
        actions: What each action changes of a row.

    Attributes:
        told: What the system was told, in order: what, where, which row, what of it.
        before: Errors once, instead of doing it, by what is told.
        after: Errors once, after doing it, by what is told.
    """

    def __init__(
        self, tables: dict[str, list[Row]], actions: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        self.tables = tables
        self.actions = dict(actions or {})
        self.told: list[tuple[str, str, dict[str, Any], Row | None]] = []
        self.before: dict[str, SupplygraphError] = {}
        self.after: dict[str, SupplygraphError] = {}

    async def create(self, dataset: Dataset, row: Row, ask: Ask) -> Row:
        self._begin("create", dataset, {}, row)
        table = self.tables[dataset.name]
        key = dataset.key[0] if dataset.key else "id"
        made = {key: str(len(table) + 1), "version": 1, **row}
        table.append(made)
        self._end("create")
        return {key: made[key]}

    async def change(
        self,
        dataset: Dataset,
        key: Mapping[str, Any],
        row: Row,
        ask: Ask,
        *,
        version: str | None = None,
    ) -> None:
        self._begin("change", dataset, key, row)
        found = self._row(dataset, key)
        if version is not None and str(found.get("version")) != version:
            raise ConflictError("stale")
        found.update(row)
        found["version"] = found.get("version", 0) + 1
        self._end("change")

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
        self._begin(action, dataset, key, row)
        self._row(dataset, key).update(self.actions[action])
        self._end(action)

    async def upsert(self, dataset: Dataset, rows: Sequence[Row], ask: Ask) -> None:
        self._begin("upsert", dataset, {}, {"rows": list(rows)})
        table = self.tables[dataset.name]
        for row in rows:
            same = [r for r in table if all(r[p] == row[p] for p in dataset.key)]
            for old in same:
                table.remove(old)
            table.append(row)
        self._end("upsert")

    def version_of(self, dataset: Dataset, row: Row) -> str | None:
        return None

    def _row(self, dataset: Dataset, key: Mapping[str, Any]) -> Row:
        for row in self.tables[dataset.name]:
            if all(row.get(path) == value for path, value in key.items()):
                return row
        raise NotFoundError(f"no {dict(key)}")

    def _begin(self, what: str, dataset: Dataset, key: Mapping[str, Any], row: Row | None) -> None:
        if what in self.before:
            raise self.before.pop(what)
        self.told.append((what, dataset.name, dict(key), row))

    def _end(self, what: str) -> None:
        if what in self.after:
            raise self.after.pop(what)
