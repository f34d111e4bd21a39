"""Looks whether a system is there, lets us in, and has what a mapping names, and says what to do.

For each entity: its datasets are described (by the system's own metadata, or by a few rows), its
paths are looked for, values without a rule are sought, and some records are read as for a question.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from canonical.criteria import Op
from canonical.entities import ENTITIES, EntityName
from canonical.errors import MisconfiguredError, Reason, SupplygraphError, UnavailableError
from canonical.ports import Ask, Finding, ListQuery, Severity
from connectors.kit.mapping.fields import EachField, ObjectField, RulesField
from connectors.kit.mapping.model import EntityMapping
from connectors.kit.mapping.needs import joined, plan
from connectors.kit.mapping.paths import BadValueError, token, values_of
from connectors.kit.mapping.shape import shape_of
from connectors.kit.rows import Dataset, DatasetInfo, Push, Row, RowQuery, RowReader, Test
from connectors.kit.source import MappedSource

_SAMPLE_RECORDS: Final = 20
_SCANNED_ROWS: Final = 500
_SHOWN: Final = 10
_HOPELESS: Final = frozenset(
    {Reason.CONNECTION, Reason.TIMEOUT, Reason.CIRCUIT_OPEN, Reason.MAINTENANCE}
)
_REMEDIES: Final = {
    Reason.CONNECTION: "Check `url`, the network, and whether the system is up.",
    Reason.TIMEOUT: "Look why the system is slow, or raise `policy.timeout_s`.",
    Reason.THROTTLED: "Lower `policy.rate_per_s` or `policy.max_concurrency`, or ask again later.",
    Reason.SERVER_ERROR: "Look into the system's own log.",
    Reason.CIRCUIT_OPEN: "The system failed repeatedly just now; look into its own log.",
    Reason.MAINTENANCE: "Ask again after the maintenance window (`policy.maintenance`).",
    Reason.CREDENTIALS: "Check `auth`, and what its user may read in the system.",
    Reason.BAD_ANSWER: "Check that `url` leads to the service itself; look at the field's type.",
    Reason.MISCONFIGURED: "Correct what is named, in the manifest's part of the backend.",
}


class _Looked(Struct, frozen=True):
    """A dataset that an entity needs.

    Attributes:
        place: Where the mapping names it.
        dataset: The dataset.
        columns: Paths that are needed of it.
        prefix: Where its rows are found in the record's row; empty for the entity's own.
    """

    place: str
    dataset: Dataset
    columns: tuple[str, ...]
    prefix: str = ""


async def probe_backend(
    system: str,
    sources: Mapping[EntityName, MappedSource],
    reader: RowReader,
    entities: Sequence[EntityName],
    ask: Ask,
) -> Sequence[Finding]:
    """Look at some entities, one after the other. Trouble becomes findings, never an exception."""
    findings: list[Finding] = []
    refused = 0
    for name in entities:
        source = sources.get(name)
        if source is None:
            findings.append(_unmapped_entity(system, name, sources))
            continue
        try:
            findings += await _Probe(source, reader, ask).findings()
        except UnavailableError as exc:
            if exc.reason in _HOPELESS:
                return [*findings, _trouble(system, "connection", exc)]
            refused += exc.reason is Reason.CREDENTIALS
            findings.append(_trouble(system, name, exc))
        except SupplygraphError as exc:
            findings.append(_trouble(system, name, exc))
    if refused and refused == len(entities):  # once says it all
        return [Finding(system, "auth", *_words(findings[0]))]
    return findings


class _Probe:
    """One entity of one system."""

    def __init__(self, source: MappedSource, reader: RowReader, ask: Ask) -> None:
        self._source = source
        self._mapping = source.mapping
        self._reader = reader
        self._ask = ask
        self._uses = _uses(source.mapping)

    async def findings(self) -> list[Finding]:
        """What is to be said of it; a word that all is well, if it is."""
        found: list[Finding] = []
        for looked in _datasets(self._mapping):
            info = await self._reader.describe(looked.dataset, looked.columns, self._ask)
            found += self._compared(looked, info)
            if not looked.prefix and info.exists:
                found += await self._unknown_values(looked.dataset, info.sample)
        if not any(f.severity is Severity.ERROR for f in found):
            found += await self._sampled()
        return found

    def _compared(self, looked: _Looked, info: DatasetInfo) -> Iterator[Finding]:
        name = looked.dataset.name
        whole = f"{self._source.entity}.{looked.place}"
        if not info.exists:
            message = f"{name} cannot be read: {info.message or 'the system does not have it'}"
            remedy = f"Correct `dataset` of `entities.{whole}`, or what the user may read."
            yield self._finding(whole, Severity.ERROR, message, remedy)
            return
        missing = [c for c in looked.columns if _lacks(info, c)]
        for path in missing:
            where = joined(looked.prefix, path) if looked.prefix else path
            fields = self._uses.get(where, ())
            place = f"{self._source.entity}.{fields[0]}" if fields else whole
            source = "does not have" if info.paths is not None else "has in no row of the sample"
            message = f"{name} {source} the path {path}"
            remedy = f"Correct the path in `entities.{place}`, or take the field out with null."
            certain = info.paths is not None or self._needed(fields)
            yield self._finding(
                place, Severity.ERROR if certain else Severity.WARNING, message, remedy
            )

    def _needed(self, fields: Sequence[str]) -> bool:
        shape = shape_of(ENTITIES[self._source.entity].record)
        return any(not shape[f].nullable and not shape[f].many for f in fields if f in shape)

    async def _unknown_values(self, dataset: Dataset, sample: Sequence[Row]) -> list[Finding]:
        found = []
        for column, path, known in _watched(self._mapping.fields):
            rows = await self._with_other_values(dataset, path, known, sample)
            told = {token(k) for k in known}
            try:
                seen = {token(v) for row in rows for v in values_of(row, path)} - told
            except BadValueError as exc:
                message = f"the path {path} leads nowhere: {exc}"
                place = f"{self._source.entity}.{column}"
                found.append(self._finding(place, Severity.ERROR, message, "Correct the path."))
                continue
            if seen:
                shown = ", ".join(sorted(map(repr, seen))[:_SHOWN])
                message = f"values of {path} seen but not mapped: {shown}"
                remedy = f"Add rules for them in `{self._source.entity}.{column}`, and to `known`."
                place = f"{self._source.entity}.{column}"
                found.append(self._finding(place, Severity.WARNING, message, remedy))
        return found

    async def _with_other_values(
        self, dataset: Dataset, path: str, known: Sequence[Any], sample: Sequence[Row]
    ) -> Sequence[Row]:
        """Rows that hold other values, if the system can find them; else as many as may be."""
        test = Test(path, Op.IN, tuple(known), negated=True)
        can = self._reader.push(dataset, test)
        if can is Push.NO:
            query = RowQuery(dataset, columns=(path,), limit=_SCANNED_ROWS)
        else:
            query = RowQuery(dataset, where=((test,),), columns=(path,), limit=_SAMPLE_RECORDS)
        try:
            return (await self._reader.page(query, None, self._ask)).rows
        except MisconfiguredError:
            return sample

    async def _sampled(self) -> list[Finding]:
        """Read some records with all columns, as a question would."""
        entity, columns = self._source.entity, self._source.columns
        page = await self._source.page(ListQuery((), (), _SAMPLE_RECORDS, columns), self._ask)
        found = [_trouble(self._source.system, entity, e) for e in page.failures.values()]
        if not found:
            message = f"{len(page.records)} records read, {len(columns)} columns"
            severity = Severity.OK if page.records else Severity.WARNING
            remedy = "" if page.records else "Check `where` and what the user may read."
            found.append(self._finding(entity, severity, message, remedy))
        return found[:_SHOWN]

    def _finding(self, where: str, severity: Severity, message: str, remedy: str) -> Finding:
        return Finding(self._source.system, where, severity, message, remedy)


def _datasets(mapping: EntityMapping) -> Iterator[_Looked]:
    """Every dataset that an entity is read from, with the paths needed of it."""
    whole = plan(mapping, {name: {} for name in mapping.fields})
    key = mapping.row_key or tuple(part.path for part in mapping.key)
    yield _Looked("dataset", Dataset(mapping.dataset, key, mapping.options), whole.columns)
    for name, columns in whole.related:
        related = mapping.related[name]
        dataset = Dataset(related.dataset, related.key, related.options)
        yield _Looked(f"related.{name}", dataset, columns, name)
    for column, lookup in mapping.lookups.items():
        columns = (lookup.path, *lookup.parent)
        dataset = Dataset(lookup.dataset, lookup.key or columns, lookup.options)
        yield _Looked(f"lookups.{column}", dataset, columns, f"lookups.{column}")


def _uses(mapping: EntityMapping) -> Mapping[str, tuple[str, ...]]:
    """Which columns each path is needed for."""
    found: dict[str, tuple[str, ...]] = {}
    for name in mapping.fields:
        needed = plan(mapping, {name: {}})
        related = [joined(r, path) for r, paths in needed.related for path in paths]
        for path in (*needed.columns, *related):
            found[path] = (*found.get(path, ()), name)
    return found


def _watched(
    fields: Mapping[str, Any], base: str = "", above: str = ""
) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    """Columns decided by rules: their name, the path of a value, the values that rules know."""
    for name, form in fields.items():
        column = f"{above}.{name}" if above else name
        if isinstance(form, RulesField):
            for path, known in form.known.items():
                yield column, joined(base, path), known
        elif isinstance(form, EachField):
            yield from _watched(form.fields, joined(base, form.each), column)
        elif isinstance(form, ObjectField):
            inner = base if form.at is None else joined(base, form.at)
            yield from _watched(form.fields, inner, column)


def _lacks(info: DatasetInfo, path: str) -> bool:
    """Whether a path is certainly not there: not published, or in no row of a sample."""
    if info.paths is not None:
        return path not in info.paths and not any(p.startswith(f"{path}.") for p in info.paths)
    steps = tuple(path.split("."))
    seen = [has for row in info.sample if (has := _has(row, steps)) is not None]
    return bool(seen) and not any(seen)


def _has(value: Any, steps: tuple[str, ...]) -> bool | None:
    """Whether a path exists in a value; None where a null or an empty list hides the rest."""
    if not steps:
        return True
    if isinstance(value, list):
        inner = [has for v in value if (has := _has(v, steps)) is not None]
        return any(inner) if inner else None
    if not isinstance(value, dict):
        return None if value is None else False
    return _has(value[steps[0]], steps[1:]) if steps[0] in value else False


def _unmapped_entity(
    system: str, name: EntityName, sources: Mapping[EntityName, MappedSource]
) -> Finding:
    known = ", ".join(sorted(sources)) or "nothing"
    message = f"there is no mapping for {name}; there is one for {known}"
    remedy = f"Add `entities.{name}` to the backend, or name another source for it."
    return Finding(system, name, Severity.ERROR, message, remedy)


def _trouble(system: str, where: str, error: SupplygraphError) -> Finding:
    message = error.message.removeprefix(f"{system}: ")
    reason = getattr(error, "reason", Reason.MISCONFIGURED)
    return Finding(system, where, Severity.ERROR, message, _REMEDIES[reason])


def _words(finding: Finding) -> tuple[Severity, str, str]:
    return finding.severity, finding.message, finding.remedy
