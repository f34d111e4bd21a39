"""Candidates for records as a system lists them, page by page, in its own order."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any

from canonical.criteria import Criteria, matches
from canonical.errors import SupplygraphError, UnavailableError, UnsupportedError
from canonical.ports import Ask
from connectors.kit.mapping.batch import Batch
from connectors.kit.mapping.builder import RecordBuilder
from connectors.kit.mapping.paths import BadValueError, Env, compile_path, token
from connectors.kit.mapping.records import Stamp
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
        exact: Whether the system gives no rows too many: what is read is then wanted, and made
            whole at once.

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
        *,
        exact: bool,
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
        self._whole = exact and not self._late

    async def candidates(
        self,
        where: tuple[Clause, ...],
        sort: tuple[tuple[str, bool], ...],
        criteria: Criteria,
        limit: int | None,
    ) -> AsyncGenerator[list[Candidate]]:
        """Candidates that satisfy criteria, in the system's order, page by page.

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
            yield await self._found(page.rows, groups, criteria, last=cursor is None)
            if cursor is None:
                return

    async def of_rows(self, rows: Sequence[Row], criteria: Criteria) -> list[Candidate]:
        """Candidates among rows that were read by keys."""
        self._count(len(rows))
        groups = _Groups(self.core, ()) if self.core.mapping.group else None
        return await self._found(rows, groups, criteria, last=True)

    async def records(self, chosen: Sequence[Candidate]) -> list[Any]:
        """The records of candidates, in order, without those that cannot be read."""
        if all(c.whole for c in chosen):
            return [c.slim for c in chosen]
        rows = [r for c in chosen for r in c.rows]
        errors = await self.core.attach(rows, self._late, self._ask)
        if not errors and not self.core.mapping.group:
            stamp = Stamp(self.core.system, self._fetched_at)
            made = self._full.build_all(Batch(rows), [c.key for c in chosen], stamp)
            if made is not None:
                return made
        records: list[Any] = []
        for candidate in chosen:
            try:
                for row in candidate.rows:
                    if id(row) in errors:
                        raise errors[id(row)]
                rows = list(candidate.rows)
                records.append(self.core.record(rows, candidate.key, self._full, self._fetched_at))
            except UnavailableError as exc:
                self.failures[candidate.key] = exc
        return records

    async def _found(
        self, rows: Sequence[Row], groups: "_Groups | None", criteria: Criteria, *, last: bool
    ) -> list[Candidate]:
        """The candidates among rows, with the related rows that criteria need."""
        errors = await self.core.attach(rows, self._early, self._ask)
        found = self._together(rows) if groups is None and not errors else None
        if found is None:
            grouped = self._grouped(rows, errors, groups, last=last)
            one_by_one = [self._candidate(r) for r in grouped]
            found = [c for c in one_by_one if c is not None]
        return [c for c in found if matches(c.slim, criteria)] if criteria else found

    def _together(self, rows: Sequence[Row]) -> list[Candidate] | None:
        """Candidates of rows that make one record each; None if something in them is odd."""
        batch = Batch(rows)
        try:
            keys = self.core.keys.of_all(batch)
        except BadValueError:
            return None
        builder = self._full if self._whole else self._slim
        made = self.core.made(batch, keys, builder, self._fetched_at)
        if made is None:
            return None
        return [
            Candidate((row,), key, record, self._whole)
            for row, key, record in zip(*made, strict=True)
        ]

    def _grouped(
        self,
        rows: Sequence[Row],
        errors: Mapping[int, SupplygraphError],
        groups: "_Groups | None",
        *,
        last: bool,
    ) -> list[list[Row]]:
        """Rows that make one record each."""
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
