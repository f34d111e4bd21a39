"""What reading by keys and by pages share: asking, joining related rows, making records."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import compress
from typing import Any, Final, NamedTuple

from msgspec import Struct

from canonical.criteria import Criteria, Op
from canonical.entities import KEY, EntityName
from canonical.errors import BadAnswerError, SupplygraphError
from canonical.ports import Ask
from canonical.records import Provenance, Record
from connectors.kit.mapping.batch import Batch
from connectors.kit.mapping.builder import RecordBuilder
from connectors.kit.mapping.compiler import Compiler
from connectors.kit.mapping.conditions import compile_when
from connectors.kit.mapping.expr import ALL, Expr, both
from connectors.kit.mapping.keys import Keys
from connectors.kit.mapping.model import EntityMapping, MappingSettings, Related
from connectors.kit.mapping.needs import local_paths, when_paths
from connectors.kit.mapping.paths import BadValueError, Env, compile_path, flatten, token, values_of
from connectors.kit.mapping.records import Stamp
from connectors.kit.mapping.translate import Translator
from connectors.kit.mapping.types import kind_of
from connectors.kit.mapping.whenexpr import when_expr
from connectors.kit.rows import Clause, Dataset, Push, Row, RowReader, Test

_BUILDERS: Final = 256


class Pushed(NamedTuple):
    """What a system is asked, and whether it gives exactly the rows meant."""

    where: tuple[Clause, ...]
    exact: bool


class Made(NamedTuple):
    """Records that were made together, with their rows and keys."""

    rows: Sequence[Row]
    keys: Sequence[str]
    records: Sequence[Record]


class Candidate(Struct):
    """A record in the making.

    Attributes:
        rows: What it is made of.
        key: Its key.
        slim: What criteria and order need to know of it.
        whole: Whether `slim` is the record that is wanted already.
    """

    rows: Sequence[Row]
    key: str
    slim: Record
    whole: bool = False


class Core:
    """One entity of one system, with everything that was compiled for it.

    Args:
        system: The backend's name.
        entity: Which entity.
        mapping: Where its columns come from.
        reader: How the system is asked.
        settings: What holds for the whole mapping.
        clock: The time now, with its zone.
    """

    def __init__(
        self,
        system: str,
        entity: EntityName,
        mapping: EntityMapping,
        reader: RowReader,
        *,
        settings: MappingSettings,
        clock: Callable[[], datetime],
    ) -> None:
        self.system = system
        self.entity = entity
        self.mapping = mapping
        self.reader = reader
        self.settings = settings
        self.clock = clock
        self.keys = Keys(mapping.key)
        self.dataset = Dataset(mapping.dataset, mapping.row_key or self.keys.paths, mapping.options)
        self.translator = Translator(entity, mapping, settings)
        self.builder = lru_cache(_BUILDERS)(self._builder)
        self.holds = compile_when(mapping.where, settings.empty)
        self.where = self.translator.where(mapping.where)
        conditions = Compiler(settings)
        self._readers = {n: conditions.when(r.when) for n, r in mapping.related.items()}
        self._checks = {
            n: compile_when(r.where, settings.empty) for n, r in mapping.related.items()
        }

    def expr(self, criteria: Criteria) -> Expr:
        """What may be asked for criteria."""
        return both(ALL, *(self.translator.condition(c) for c in criteria))

    def local(self, criteria: Criteria) -> Criteria:
        """Criteria that records are checked against: those on columns that the system has."""
        return tuple(c for c in criteria if self.translator.has(c.column))

    def push(self, expr: Expr, dataset: Dataset | None = None) -> Pushed:
        """What of an expression the system can apply."""
        dataset = dataset or self.dataset
        answers = [(c, self._can(dataset, c)) for c in expr.clauses]
        where = tuple(c for c, can in answers if can is not Push.NO)
        return Pushed(where, expr.exact and all(can is Push.EXACT for _, can in answers))

    def _can(self, dataset: Dataset, clause: Clause) -> Push:
        answers = {self._can_test(dataset, t) for t in clause}
        if Push.NO in answers:
            return Push.NO
        whole = self.reader.push_any(dataset, clause) if len(clause) > 1 else Push.EXACT
        if whole is Push.EXACT and Push.SUPERSET in answers:
            return Push.SUPERSET
        return whole

    def _can_test(self, dataset: Dataset, test: Test) -> Push:
        can = self.reader.push(dataset, test)
        if test.negated and can is not Push.NO:
            positive = Test(test.path, test.op, test.value, test.kind)
            # Where the system finds too many equal ones, it finds too few that differ.
            return can if self.reader.push(dataset, positive) is Push.EXACT else Push.NO
        return can

    def record(
        self, rows: list[Row], key: str, builder: RecordBuilder, fetched_at: datetime
    ) -> Record:
        """The record of some rows.

        Raises:
            BadAnswerError: if a value cannot be read; names the system, entity, key and column.
        """
        try:
            return builder.build(rows, Provenance(self.system, key, fetched_at))
        except BadValueError as exc:
            raise BadAnswerError(self.system, f"{self.entity} {key!r}: {exc}") from exc

    def made(
        self, batch: Batch, keys: Sequence[str], builder: RecordBuilder, fetched_at: datetime
    ) -> Made | None:
        """Records of the rows that count, one each.

        Returns:
            None if something in them is odd: then they are to be made one by one.
        """
        if self.holds is not None and not self.mapping.group:
            try:
                held = batch.each(self.holds)
            except BadValueError:
                return None
            if not all(held):
                keys = list(compress(keys, held))
                batch = Batch(list(compress(batch.elements, held)))
        records = builder.build_all(batch, keys, Stamp(self.system, fetched_at))
        if records is None:
            return None
        return Made(batch.elements, keys, records)

    def keys_of(self, batch: Batch) -> Sequence[str]:
        """The keys of rows.

        Raises:
            BadAnswerError: if one has none: then nothing can be said of it.
        """
        try:
            return self.keys.of_all(batch)
        except BadValueError as exc:
            raise BadAnswerError(self.system, f"{self.entity}: {exc}") from exc

    def key_of(self, row: Row) -> str:
        """The record's key.

        Raises:
            BadAnswerError: if the row has none: then nothing can be said of it.
        """
        try:
            return self.keys.of(row)
        except BadValueError as exc:
            raise BadAnswerError(self.system, f"{self.entity}: {exc}") from exc

    def counts(self, row: Row) -> bool:
        """Whether a row is one of the entity's, by the mapping's `where`.

        Raises:
            BadAnswerError: if that cannot be told.
        """
        try:
            return self.holds is None or self.holds(row, Env([row]))
        except BadValueError as exc:
            raise BadAnswerError(self.system, f"{self.entity}: where: {exc}") from exc

    async def attach(
        self, rows: Sequence[Row], related: Sequence[tuple[str, tuple[str, ...]]], ask: Ask
    ) -> dict[int, SupplygraphError]:
        """Read related datasets for some rows and put their rows where the mapping wants them.

        Returns:
            For the `id` of each row whose related rows could not be read, why.
        """
        failures: dict[int, SupplygraphError] = {}
        waiting = list(related)
        done: set[str] = {n for n in self.mapping.related if n not in dict(related)}
        while waiting and rows:
            ready = [(n, c) for n, c in waiting if self._depends(n) <= done]
            found = await asyncio.gather(*(self._attach_one(rows, n, c, ask) for n, c in ready))
            for errors in found:
                failures.update(errors)
            done.update(n for n, _ in ready)
            waiting = [w for w in waiting if w[0] not in done]
        return failures

    def _depends(self, name: str) -> set[str]:
        """Related names that another one's local values or place are found in."""
        related = self.mapping.related[name]
        at = (related.at or "").lstrip("/")
        paths = [at, *local_paths(related), *when_paths(related.when, at)]
        firsts = {s for p in paths for s in p.split(".")}
        return {n for n in self.mapping.related if n != name and n in firsts}

    async def _attach_one(
        self, rows: Sequence[Row], name: str, columns: tuple[str, ...], ask: Ask
    ) -> dict[int, SupplygraphError]:
        related = self.mapping.related[name]
        holders = [(row, h) for row in rows for h in self._holders(row, name)]
        locals_ = [[values_of(h, p.lstrip("/")) for p in related.local] for _, h in holders]
        part, values = _most_distinct(locals_)
        dataset = Dataset(related.dataset, related.key, related.options)
        batch_rows: Sequence[Row] = ()
        lost: Mapping[str, SupplygraphError] = {}
        if values:
            where = self.push(when_expr(related.where, self.settings), dataset).where
            kind = "integer" if isinstance(values[0], int) else related.type.value
            batch = await self.reader.by_values(
                dataset, related.remote[part], values, columns, ask, where=where, kind=kind
            )
            batch_rows = [r for r in batch.rows if self._related_counts(name, r)]
            lost = {token(k): e for k, e in batch.failures.items()}
        index = _index(batch_rows, related)
        failures: dict[int, SupplygraphError] = {}
        for (row, holder), parts in zip(holders, locals_, strict=True):
            error = next((lost[t] for v in parts[part] if (t := token(v)) in lost), None)
            if error is not None:
                failures[id(row)] = error
            found = _joined(index, parts)
            holder[name] = found if related.many else (found[0] if found else None)
        return failures

    def _related_counts(self, name: str, row: Row) -> bool:
        check = self._checks[name]
        try:
            return check is None or check(row, Env([row]))
        except BadValueError as exc:
            raise BadAnswerError(self.system, f"{self.entity}: related {name}: {exc}") from exc

    def _holders(self, row: Row, name: str) -> list[Row]:
        """The row, or elements of it, that related rows are attached to."""
        at, wants = self.mapping.related[name].at, self._readers[name]
        env = Env([row])
        try:
            found = [row] if at is None else flatten(row, tuple(at.lstrip("/").split(".")))
            return [h for h in found if isinstance(h, dict) and (wants is None or wants(h, env))]
        except BadValueError as exc:
            raise BadAnswerError(self.system, f"{self.entity}: {exc}") from exc

    def _builder(self, columns: frozenset[str]) -> RecordBuilder:
        known = frozenset(c for c in columns if c != KEY)
        return RecordBuilder(self.entity, self.mapping, self.settings, known)


def _most_distinct(holders: Sequence[Sequence[Sequence[Any]]]) -> tuple[int, list[Any]]:
    """Which part of the join has most distinct values, and these."""
    best: tuple[int, list[Any]] = (0, [])
    for part in range(len(holders[0]) if holders else 0):
        found = {token(v): v for parts in holders for v in parts[part]}
        if len(found) > len(best[1]):
            best = (part, list(found.values()))
    return best


def _index(rows: Sequence[Row], related: Related) -> dict[tuple[Any, ...], list[Row]]:
    gets = [compile_path(p) for p in related.remote]
    index: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        key = tuple(token(get(row, Env([row]))) for get in gets)
        index.setdefault(key, []).append(row)
    return index


def _joined(
    index: Mapping[tuple[Any, ...], list[Row]], parts: Sequence[Sequence[Any]]
) -> list[Row]:
    if len(parts) == 1:
        tokens = dict.fromkeys(token(v) for v in parts[0])
        return [row for t in tokens for row in index.get((t,), ())]
    if any(not values for values in parts):
        return []
    return list(index.get(tuple(token(values[0]) for values in parts), ()))


def in_test(path: str, values: Sequence[Any], kind: str | None = None) -> Test:
    """A test that a value is one of some."""
    return Test(path, Op.IN, tuple(values), kind or kind_of(values[0]))
