"""Candidates for records as a system lists them, page by page, in its own order."""

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from canonical.criteria import Criteria, matches
from canonical.errors import SupplygraphError, UnavailableError, UnsupportedError
from canonical.ports import Ask
from connectors.kit.mapping.builder import RecordBuilder
from connectors.kit.mapping.paths import BadValueError, Env, compile_path, token
from connectors.kit.rows import Clause, Row, RowQuery
from connectors.kit.source_core import Candidate, Core


class Listing:
    """One reading of a list: what it asks, counts and had to leave out.

    Args:
        core: The entity.
        slim: Builds records that know what criteria and order need.
        full: Builds the records that are wanted.
        ask: What travels with each request.
        advice: For the error beyond the row budget: what could not be asked, and what to do.

    Attributes:
        failures: By key, why a record could not be read.
    """

    def __init__(
        self,
        core: Core,
        slim: RecordBuilder,
        full: RecordBuilder,
        ask: Ask,
        advice: Callable[[], str],
    ) -> None:
        self.core = core
        self.failures: dict[str, SupplygraphError] = {}
        self.scanned = 0
        self._slim = slim
        self._full = full
        self._ask = ask
        self._advice = advice
        self._fetched_at = core.clock()
        wanted = dict(full.plan.related)
        # What criteria need of a related dataset is read together with what the records need of it.
        self._early = tuple((n, wanted.get(n, c)) for n, c in slim.plan.related)
        early = dict(self._early)
        self._late = tuple((n, c) for n, c in full.plan.related if n not in early)

    async def candidates(
        self,
        where: tuple[Clause, ...],
        sort: tuple[tuple[str, bool], ...],
        criteria: Criteria,
        limit: int | None,
    ) -> AsyncGenerator[Candidate]:
        """Candidates that satisfy criteria, in the system's order.

        Rows of a group are found together if `sort` says so, else at the end.

        Raises:
            UnsupportedError: beyond the row budget.
        """
        columns = self._full.plan.columns
        query = RowQuery(self.core.dataset, where, sort, columns, limit)
        groups = _Groups(self.core, sort) if self.core.mapping.group else None
        cursor: str | None = None
        while True:
            page = await self.core.reader.page(query, cursor, self._ask)
            cursor = page.next
            self._count(len(page.rows))
            for rows in await self._grouped(page.rows, groups, last=cursor is None):
                candidate = self._candidate(rows)
                if candidate is not None and matches(candidate.slim, criteria):
                    yield candidate
            if cursor is None:
                return

    async def of_rows(self, rows: Sequence[Row], criteria: Criteria) -> list[Candidate]:
        """Candidates among rows that were read by keys."""
        self._count(len(rows))
        groups = _Groups(self.core, ()) if self.core.mapping.group else None
        found = [self._candidate(r) for r in await self._grouped(rows, groups, last=True)]
        return [c for c in found if c is not None and matches(c.slim, criteria)]

    async def records(self, chosen: Sequence[Candidate]) -> list[Any]:
        """The records of candidates, in order, without those that cannot be read."""
        rows = [r for c in chosen for r in c.rows]
        errors = await self.core.attach(rows, self._late, self._ask)
        records: list[Any] = []
        for candidate in chosen:
            try:
                for row in candidate.rows:
                    if id(row) in errors:
                        raise errors[id(row)]
                records.append(
                    self.core.record(candidate.rows, candidate.key, self._full, self._fetched_at)
                )
            except UnavailableError as exc:
                self.failures[candidate.key] = exc
        return records

    async def _grouped(
        self, rows: Sequence[Row], groups: "_Groups | None", *, last: bool
    ) -> list[list[Row]]:
        """Rows that make one record each, with the related rows that criteria need."""
        errors = await self.core.attach(rows, self._early, self._ask)
        readable: list[Row] = []
        for row in rows:
            if id(row) in errors:
                self.failures[self.core.key_of(row)] = errors[id(row)]
            elif self._counts(row):
                readable.append(row)
        if groups is None:
            return [[r] for r in readable]
        return groups.complete(readable, last=last)

    def _counts(self, row: Row) -> bool:
        try:
            return self.core.counts(row)
        except UnavailableError as exc:
            self.failures[self.core.key_of(row)] = exc
            return False

    def _candidate(self, rows: list[Row]) -> Candidate | None:
        key = self.core.key_of(rows[0])
        try:
            slim = self.core.record(rows, key, self._slim, self._fetched_at)
        except UnavailableError as exc:
            self.failures[key] = exc
            return None
        return Candidate(rows, key, slim)

    def _count(self, rows: int) -> None:
        self.scanned += rows
        most = self.core.settings.max_scanned_rows
        if self.scanned > most:
            raise UnsupportedError(
                f"{self.core.system}: more than {most} rows of {self.core.entity} would have to be "
                f"looked through here. {self._advice()}"
            )


class _Groups:
    """Collects rows into groups that are complete once a row of another group follows."""

    def __init__(self, core: Core, sort: tuple[tuple[str, bool], ...]) -> None:
        self._key = core.key_of
        self._run_paths = [compile_path(p) for p, _ in sort]
        self._open: dict[str, list[Row]] = {}
        self._run: Any = None

    def complete(self, rows: Sequence[Row], *, last: bool) -> list[list[Row]]:
        done: list[list[Row]] = []
        for row in rows:
            run = self._run_of(row)
            if run != self._run and self._open:
                done += self._open.values()
                self._open = {}
            self._run = run
            self._open.setdefault(self._key(row), []).append(row)
        if last:
            done += self._open.values()
            self._open = {}
        return done

    def _run_of(self, row: Row) -> Any:
        try:
            return tuple(folded(token(get(row, Env([row])))) for get in self._run_paths)
        except BadValueError:
            return self._run


def folded(value: Any) -> Any:
    """A value as a system that ignores case and trailing spaces sees it."""
    return value.casefold().rstrip() if isinstance(value, str) else value
