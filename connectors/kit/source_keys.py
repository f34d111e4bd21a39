"""Reading the records of many keys at once."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import chain, compress
from typing import Any

from msgspec import Struct, field

from canonical.criteria import Condition, Criteria, Op, satisfying
from canonical.entities import KEY
from canonical.errors import SupplygraphError, UnsupportedError
from canonical.ports import Ask, Batch
from canonical.records import Record
from connectors.kit.mapping.batch import Batch as Rows
from connectors.kit.mapping.builder import RecordBuilder
from connectors.kit.mapping.expr import ALL, both
from connectors.kit.mapping.fields import FieldType
from connectors.kit.mapping.keys import Keys
from connectors.kit.mapping.model import KeyPart, Lookup
from connectors.kit.mapping.paths import BadValueError, Env, compile_path, token, values_of
from connectors.kit.mapping.whenexpr import when_expr
from connectors.kit.rows import Clause, Dataset, Push, Row, RowQuery
from connectors.kit.source_core import Core, in_test


class Found(Struct):
    """Rows read for keys.

    Attributes:
        rows: The rows, some perhaps twice.
        failures: For each key asked for that could not be read, why.
        askers: Tells for the own key of a record the keys asked for that led to it; own keys
            themselves where it tells none.
    """

    rows: Sequence[Row]
    failures: dict[str, SupplygraphError] = field(default_factory=dict)
    askers: Callable[[], Mapping[str, Sequence[str]]] = dict


async def read_by_keys(
    core: Core,
    column: str,
    keys: Sequence[str],
    columns: frozenset[str],
    ask: Ask,
    criteria: Criteria = (),
) -> Batch:
    """Read all records whose column is one of the keys.

    Raises:
        UnsupportedError: if the mapping does not have the column.
    """
    distinct = tuple(dict.fromkeys(keys))
    if column != KEY and not core.translator.has(column):
        raise UnsupportedError(
            f"{core.system} has no {column} of {core.entity}: it cannot be asked by it."
        )
    asked = criteria if column == KEY else (*criteria, Condition(column, Op.IN, distinct))
    if not distinct or core.expr(asked).never:
        return Batch(())
    builder = core.builder(columns | {c.column for c in asked})
    fetch = _Fetch(core, builder, core.push(both(ALL, core.where, core.expr(criteria))).where, ask)
    found = await _route(fetch, column, distinct)
    return await _finish(fetch, found, core.local(asked), distinct if column == KEY else None)


async def read_rows(
    core: Core, rows: Sequence[Mapping[str, Any]], columns: frozenset[str], ask: Ask
) -> Batch:
    """Make records of rows that are there already; what they need of other datasets is read.

    Raises:
        BadAnswerError: if a row has no key.
    """
    fetch = _Fetch(core, core.builder(columns), (), ask)
    return await _finish(fetch, Found([dict(row) for row in rows]), (), None)


class _Fetch(Struct):
    """One batch: how it is read."""

    core: Core
    builder: RecordBuilder
    where: tuple[Clause, ...]
    ask: Ask

    async def by_values(self, path: str, values: Sequence[Any], kind: str) -> Any:
        return await self.core.reader.by_values(
            self.core.dataset,
            path,
            values,
            self.builder.plan.columns,
            self.ask,
            where=self.where,
            kind=kind,
        )


async def _route(fetch: _Fetch, column: str, keys: tuple[str, ...]) -> Found:
    core = fetch.core
    if column == KEY:
        return await _by_own_key(fetch, keys)
    lookup = core.mapping.lookups.get(column)
    if lookup is not None:
        return await _by_lookup(fetch, lookup, keys)
    inverse = core.translator.inverse(column)
    if inverse is not None:
        held = inverse.all_values(keys)
        values = list(dict.fromkeys(chain.from_iterable((held or {}).values())))
        own = inverse.path in core.keys.paths
        if held is not None and values and (own or _pushes(core, inverse.path, values)):
            batch = await fetch.by_values(inverse.path, values, inverse.kind)
            return _by_path(core, inverse.path, batch, held)
        if held is not None and not values:
            return Found([])
    return await _by_scan(fetch, column, keys)


def _pushes(core: Core, path: str, values: Sequence[Any]) -> bool:
    """Whether the system can be asked by a value there; how many at once, the reader knows."""
    return core.reader.push(core.dataset, in_test(path, values[:1])) is not Push.NO


def _by_path(core: Core, path: str, batch: Any, held: Mapping[str, Sequence[Any]]) -> Found:
    def asked_by() -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for key, values in held.items():
            for value in values:
                found.setdefault(token(value), []).append(key)
        return found

    def askers() -> dict[str, list[str]]:
        by_value, found = asked_by(), dict[str, list[str]]()
        for row in batch.rows:
            led = [k for v in values_of(row, path) for k in by_value.get(token(v), ())]
            found.setdefault(core.key_of(row), []).extend(led)
        return found

    result = Found(batch.rows, askers=askers)
    if batch.failures:
        by_value = asked_by()
        for value, error in batch.failures.items():
            result.failures.update(dict.fromkeys(by_value.get(token(value), ()), error))
    return result


async def _by_own_key(fetch: _Fetch, keys: Sequence[str]) -> Found:
    """Read by the part of the key with most distinct values; the others are checked here."""
    core = fetch.core
    values = {k: v for k in keys if (v := core.keys.values(k)) is not None}
    if not values:
        return Found([])
    parts = core.keys.parts
    sizes = [len({token(v[i]) for v in values.values()}) for i in range(len(parts))]
    best = max(range(len(parts)), key=lambda i: sizes[i])
    fixed = [
        in_test(parts[i].path, (next(iter(values.values()))[i],), parts[i].type.value)
        for i in range(len(parts))
        if i != best and sizes[i] == 1
    ]
    where = (
        *fetch.where,
        *((t,) for t in fixed if core.reader.push(core.dataset, t) is not Push.NO),
    )
    askers: dict[str, list[str]] = {}
    for key, found in values.items():
        askers.setdefault(token(found[best]), []).append(key)
    narrowed = _Fetch(core, fetch.builder, where, fetch.ask)
    raws = list({token(v[best]): v[best] for v in values.values()}.values())
    batch = await narrowed.by_values(parts[best].path, raws, parts[best].type.value)
    result = Found(list(batch.rows))
    for value, error in batch.failures.items():
        result.failures.update(dict.fromkeys(askers.get(token(value), ()), error))
    return result


async def _by_lookup(fetch: _Fetch, lookup: Lookup, keys: Sequence[str]) -> Found:
    """Read another dataset by the keys, then the records whose own keys it names."""
    askers, failures = await look_up(fetch.core, lookup, keys, fetch.ask)
    result = await _by_own_key(fetch, tuple(askers))
    for own, error in result.failures.items():
        failures.update(dict.fromkeys(askers.get(own, ()), error))
    return Found(result.rows, failures, lambda: askers)


async def look_up(
    core: Core, lookup: Lookup, keys: Sequence[str], ask: Ask
) -> tuple[dict[str, list[str]], dict[str, SupplygraphError]]:
    """Own keys of the records that a lookup finds for many values.

    Returns:
        For each own key the values that led to it; for each value that could not be read, why.
    """
    dataset = Dataset(lookup.dataset, lookup.key or (*lookup.parent, lookup.path), lookup.options)
    types = [p.type for p in core.mapping.key]
    parents = Keys([KeyPart(path=p, type=t) for p, t in zip(lookup.parent, types, strict=True)])
    values = [int(k) for k in keys if k.isdigit()] if lookup.type is FieldType.INTEGER else keys
    batch = await core.reader.by_values(
        dataset,
        lookup.path,
        list(values),
        tuple(dict.fromkeys((*lookup.parent, lookup.path))),
        ask,
        where=core.push(when_expr(lookup.where, core.settings), dataset).where,
        kind=lookup.type.value,
    )
    askers: dict[str, list[str]] = {}
    wanted = set(keys)
    for row in batch.rows:
        try:
            own = parents.of(row)
        except BadValueError:
            continue  # without a parent there is no record that it could lead to
        found = [t for v in values_of(row, lookup.path) if (t := token(v)) in wanted]
        askers.setdefault(own, []).extend(found)
    return askers, {token(k): e for k, e in batch.failures.items()}


async def _by_scan(fetch: _Fetch, column: str, keys: tuple[str, ...]) -> Found:
    """Read everything that the criteria leave, and what the system can tell of the column."""
    core = fetch.core
    asked = core.push(core.translator.condition(Condition(column, Op.IN, keys))).where
    where = (*fetch.where, *asked)
    query = RowQuery(core.dataset, where=where, columns=fetch.builder.plan.columns)
    rows: list[Row] = []
    cursor: str | None = None
    while True:
        page = await core.reader.page(query, cursor, fetch.ask)
        rows += page.rows
        if len(rows) > core.settings.max_scanned_rows:
            raise UnsupportedError(
                f"{core.system} cannot be asked for {core.entity} by {column}, and has more than "
                f"{core.settings.max_scanned_rows} rows to look through. Map a `lookup` for "
                f"{column}, or narrow the question."
            )
        cursor = page.next
        if cursor is None:
            return Found(rows)


async def _finish(
    fetch: _Fetch, found: Found, criteria: Criteria, own: Sequence[str] | None
) -> Batch:
    """Records of the rows, once each, checked against the criteria."""
    core = fetch.core
    keys, batch = _wanted(core, Rows(_distinct(core, found.rows)), own)
    errors = await core.attach(batch.elements, fetch.builder.plan.related, fetch.ask)
    fetched_at = core.clock()
    if not errors and not core.mapping.group:
        made = core.made(batch, keys, fetch.builder, fetched_at)
        if made is not None:
            return Batch(satisfying(made.records, criteria), found.failures)
    records: list[Record] = []
    failures, askers = dict(found.failures), None
    for key, group in _groups(keys, batch.elements).items():
        try:
            record = _record(fetch, key, group, errors, fetched_at)
        except SupplygraphError as exc:
            askers = found.askers() if askers is None else askers
            failures.update(dict.fromkeys(askers.get(key) or (key,), exc))
            continue
        if record is not None:
            records.append(record)
    return Batch(satisfying(records, criteria), failures)


def _wanted(core: Core, rows: Rows, own: Sequence[str] | None) -> tuple[Sequence[str], Rows]:
    """Rows with their keys: those of some keys, where they are given; of several the first.

    Of grouped rows all.
    """
    keys = core.keys_of(rows)
    if own is not None:
        wanted = frozenset(own)
        if not wanted.issuperset(keys):
            held = [key in wanted for key in keys]
            keys, rows = list(compress(keys, held)), Rows(list(compress(rows.elements, held)))
    if not core.mapping.group and len(set(keys)) < len(keys):
        once = dict.fromkeys(keys)
        first = dict(zip(reversed(keys), reversed(rows.elements), strict=True))
        keys, rows = list(once), Rows([first[key] for key in once])
    return keys, rows


def _groups(keys: Sequence[str], rows: Sequence[Row]) -> Mapping[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for key, row in zip(keys, rows, strict=True):
        groups.setdefault(key, []).append(row)
    return groups


def _distinct(core: Core, rows: Sequence[Row]) -> Sequence[Row]:
    """Rows without repetition, where rows of a group can be told apart."""
    if not core.mapping.row_key:
        return rows
    gets = [compile_path(p) for p in core.mapping.row_key]
    return list({tuple(token(g(r, Env([r]))) for g in gets): r for r in rows}.values())


def _record(
    fetch: _Fetch,
    key: str,
    group: list[Row],
    errors: Mapping[int, SupplygraphError],
    fetched_at: datetime,
) -> Record | None:
    for row in group:
        if id(row) in errors:
            raise errors[id(row)]
    counting = [r for r in group if fetch.core.counts(r)]
    return fetch.core.record(counting, key, fetch.builder, fetched_at) if counting else None
