"""A dialect over models in memory: searches as the real ones do, and keeps what it was asked."""

from collections.abc import Mapping, Sequence
from typing import Any

from canonical.errors import MisconfiguredError, SupplygraphError
from canonical.ports import Ask
from connectors.jsonrpc.dialect import ModelField, Search
from connectors.jsonrpc.local import satisfied, value_at
from connectors.kit.rows import Push, Row, Test


class Models:
    """A `Dialect`. Quantities of products differ by the location of the context."""

    def __init__(self, rows: Mapping[str, Sequence[Row]]) -> None:
        self.rows = rows
        self.asked: list[Search] = []
        self.failing: SupplygraphError | None = None

    def push(self, test: Test) -> Push:
        return Push.SUPERSET if test.path == "name" else Push.EXACT

    async def search(self, search: Search, ask: Ask) -> Sequence[Row]:
        self.asked.append(search)
        if self.failing is not None and search.where:
            raise self.failing
        found = self._found(search)
        for path, down in reversed((*search.sort, ("id", False))):
            found.sort(key=lambda row: value_at(row, path), reverse=down)
        end = None if search.limit is None else search.offset + search.limit
        return [self._shown(row, search) for row in found[search.offset : end]]

    async def count(self, search: Search, ask: Ask) -> int:
        return len(self._found(search))

    async def fields(self, model: str, ask: Ask) -> Mapping[str, ModelField]:
        if model not in self.rows:
            raise MisconfiguredError("erp", f"there is no {model!r}")
        named = {name: ModelField("char") for row in self.rows[model] for name in row}
        return named | {
            "party": ModelField("many2one", "party"),
            "origin": ModelField("reference"),
            "gone": ModelField("missing"),
        }

    async def aclose(self) -> None:
        return

    def _found(self, search: Search) -> list[Row]:
        return [
            row
            for row in self.rows[search.model]
            if all(
                any(satisfied(test, value_at(row, test.path)) for test in clause)
                for clause in search.where
            )
        ]

    def _shown(self, row: Row, search: Search) -> Row:
        shown: Row = {"id": row["id"]} | {c: row[c] for c in search.columns if c in row}
        for name in {c.partition(".")[0] for c in search.columns if "." in c}:
            shown[name] = row.get(name)
        for location in search.context.get("locations", ()):
            stock: Any = row.get("stock", {}).get(location, 0)
            shown["quantity"] = stock - (1 if search.context.get("assigned") else 0)
        return shown
