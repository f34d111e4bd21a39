"""A system in memory that answers as a `RowReader` does, with capabilities that a test chooses."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from canonical.criteria import Op
from canonical.errors import SupplygraphError
from canonical.ports import Ask
from connectors.kit.rows import (
    Clause,
    Dataset,
    DatasetInfo,
    Push,
    Row,
    RowBatch,
    RowPage,
    RowQuery,
    Test,
)


class Can(Struct, kw_only=True):
    """What the system is able to do.

    Attributes:
        push: What it makes of a test.
        any_of: What it makes of an OR.
        sort: Whether it sorts by these paths.
        page_size: Most rows of one page.
        nulls_first: Where it puts nulls when it sorts.
        ignores_case: Whether it compares and sorts texts without regard to case.
        counts: Whether it tells totals.
        chunk: Most values of one request by values.
        given: Paths in whose order its lists come without being asked.
    """

    push: Callable[[Test], Push] = lambda _: Push.EXACT
    any_of: Callable[[Clause], Push] = lambda _: Push.EXACT
    sort: Callable[[tuple[tuple[str, bool], ...]], bool] = lambda _: True
    page_size: int = 100
    nulls_first: bool = False
    ignores_case: bool = False
    counts: bool = True
    chunk: int = 50
    given: tuple[str, ...] = ()


class Asked(Struct):
    """What the system was asked, in order."""

    pages: list[tuple[RowQuery, str | None]] = field(default_factory=list)
    values: list[tuple[str, str, tuple[Any, ...]]] = field(default_factory=list)


class MemoryReader:
    """Tables in memory, values as on a wire: dates as ISO text, numbers as text, int or Decimal.

    Args:
        tables: Rows by dataset name; a test may add to them at any time.
        kinds: Kinds of the paths that are sorted by, where not text.
        can: What the system is able to do.
        fails: Values by which it cannot be read just now, with the error.
    """

    def __init__(
        self,
        tables: Mapping[str, list[Row]],
        *,
        kinds: Mapping[str, str] | None = None,
        can: Can | None = None,
        fails: Mapping[Any, SupplygraphError] | None = None,
    ) -> None:
        self.tables = tables
        self.can = can or Can()
        self.asked = Asked()
        self.fails = dict(fails or {})
        self._kinds = dict(kinds or {})

    def push(self, dataset: Dataset, test: Test) -> Push:
        return self.can.push(test)

    def push_any(self, dataset: Dataset, clause: Clause) -> Push:
        return self.can.any_of(clause)

    def sorts(self, dataset: Dataset, sort: tuple[tuple[str, bool], ...]) -> bool:
        return self.can.sort(sort)

    def given_order(self, dataset: Dataset) -> tuple[str, ...]:
        return self.can.given

    async def page(self, query: RowQuery, cursor: str | None, ask: Ask) -> RowPage:
        self.asked.pages.append((query, cursor))
        for clause in query.where:
            assert all(self.can.push(t) is not Push.NO for t in clause), clause
            assert len(clause) == 1 or self.can.any_of(clause) is not Push.NO, clause
        rows = [r for r in self._table(query.dataset) if self._satisfies(r, query.where)]
        for path, descending in reversed(query.sort):
            rows = self._sorted(rows, path, descending=descending)
        start = int(cursor or 0)
        end = start + self.can.page_size
        total = len(rows) if query.count and self.can.counts else None
        found = [_project(r, query.columns) for r in rows[start:end]]
        return RowPage(found, str(end) if end < len(rows) else None, total)

    async def by_values(
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
        self.asked.values.append((dataset.name, path, tuple(values)))
        assert len(set(values)) == len(values), "values are asked for twice"
        rows: list[Row] = []
        failures: dict[Any, SupplygraphError] = {}
        for i in range(0, len(values), self.can.chunk):
            chunk = tuple(values[i : i + self.can.chunk])
            lost = next((self.fails[v] for v in chunk if v in self.fails), None)
            if lost is not None:
                failures.update(dict.fromkeys(chunk, lost))
                continue
            clauses = (*where, (Test(path, Op.IN, chunk, kind),))
            rows += [
                _project(r, columns)
                for r in self._table(dataset)
                if self._satisfies(r, clauses, exactly=False)
            ]
        return RowBatch(rows, failures)

    async def describe(self, dataset: Dataset, columns: tuple[str, ...], ask: Ask) -> DatasetInfo:
        if dataset.name not in self.tables:
            return DatasetInfo(exists=False, message=f"no {dataset.name}")
        rows = self._table(dataset)[: self.can.page_size]
        return DatasetInfo(exists=True, sample=[_project(r, columns) for r in rows])

    async def aclose(self) -> None:
        """Nothing is open."""

    def _table(self, dataset: Dataset) -> list[Row]:
        return self.tables[dataset.name]

    def _satisfies(self, row: Row, where: tuple[Clause, ...], *, exactly: bool = True) -> bool:
        return all(any(self._holds(row, t, exactly=exactly) for t in clause) for clause in where)

    def _holds(self, row: Row, test: Test, *, exactly: bool) -> bool:
        found = [native(v, test.kind) for v in through(row, test.path)]
        result = any(self._compare(test, v) for v in found) is not test.negated
        if exactly and not result and self.can.push(test) is Push.SUPERSET:
            return len(repr(row)) % 3 == 0  # some rows too many
        return result

    def _compare(self, test: Test, value: Any) -> bool:
        if test.op is Op.IS_NULL:
            return (value is None) is test.value
        if value is None:
            return False
        fold = self._fold
        match test.op:
            case Op.IN:
                return fold(value) in [fold(v) for v in test.value]
            case Op.CONTAINS:
                return fold(test.value) in fold(value)
            case Op.STARTS_WITH:
                return bool(fold(value).startswith(fold(test.value)))
        b = test.value
        v = fold(value)
        return (
            (b.gte is None or v >= fold(b.gte))
            and (b.lt is None or v < fold(b.lt))
            and (b.gt is None or v > fold(b.gt))
            and (b.lte is None or v <= fold(b.lte))
        )

    def _fold(self, value: Any) -> Any:
        return value.casefold() if self.can.ignores_case and isinstance(value, str) else value

    def _sorted(self, rows: list[Row], path: str, *, descending: bool) -> list[Row]:
        kind = self._kinds.get(path, "string")
        known = [(native(next(iter(through(r, path)), None), kind), r) for r in rows]
        nulls = [r for v, r in known if v is None]
        valued = sorted(
            ((self._fold(v), r) for v, r in known if v is not None),
            key=lambda pair: pair[0],
            reverse=descending,
        )
        rest = [r for _, r in valued]
        return [*nulls, *rest] if self.can.nulls_first else [*rest, *nulls]


def through(row: Any, path: str) -> list[Any]:
    """Values at a path, one for each element of lists on the way; null where one is missing."""
    found = [row]
    for name in path.split("."):
        step: list[Any] = []
        for value in found:
            inner = value.get(name) if isinstance(value, dict) else None
            step.extend(inner if isinstance(inner, list) else [inner])
        found = step
    return found


def native(value: Any, kind: str) -> Any:
    """A value of the wire as the system itself compares it."""
    convert: Callable[[Any], Any] = _NATIVE.get(kind, _text)
    return None if value is None else convert(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _instant(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_NATIVE: Mapping[str, Callable[[Any], Any]] = {
    "integer": int,
    "decimal": lambda value: Decimal(str(value)),
    "date": date.fromisoformat,
    "datetime": _instant,
    "boolean": bool,
}


def _project(row: Row, columns: Sequence[str]) -> Row:
    """A copy of a row with nothing but the columns asked for."""
    heads: dict[str, list[str]] = {}
    for column in columns:
        head, _, rest = column.partition(".")
        heads.setdefault(head, [])
        if rest:
            heads[head].append(rest)
    return {n: _inner(row[n], rest) for n, rest in heads.items() if n in row}


def _inner(value: Any, columns: Sequence[str]) -> Any:
    if isinstance(value, list):
        return [_inner(v, columns) for v in value]
    if isinstance(value, dict):
        return _project(value, columns) if columns else dict(value)
    return value
