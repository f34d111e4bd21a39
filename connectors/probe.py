"""Looks whether a system is there, lets us in, and has what a mapping names, and says what to do.

For each entity: its datasets are described (by the system's own metadata, or by a few rows), its
paths are looked for, values without a rule are sought, and some records are read as for a question.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from canonical.criteria import Op
from canonical.entities import EntityName
from canonical.errors import MisconfiguredError, Reason, SupplygraphError, UnavailableError
from canonical.ports import Ask, Finding, ListQuery, Severity
from connectors.kit.mapping.needs import joined
from connectors.kit.mapping.paths import BadValueError, token, values_of
from connectors.kit.rows import Dataset, DatasetInfo, Push, Row, RowQuery, RowReader, Test
from connectors.kit.source import MappedSource
from connectors.probe_checks import (
    WRITES,
    Looked,
    datasets,
    is_needed,
    missing,
    unmapped,
    uses,
    watched,
)

_SAMPLE_RECORDS: Final = 20
_SCANNED_ROWS: Final = 500
_SHOWN: Final = 10
_NO_KEY: Final = "no-such-key"
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
        self._entity = source.entity
        self._mapping = source.mapping
        self._reader = reader
        self._ask = ask
        self._uses = uses(source.mapping)

    async def findings(self) -> list[Finding]:
        """What is to be said of it; a word that all is well, if it is."""
        found = [*self._unmapped(), *await self._not_found_again()]
        for looked in datasets(self._mapping):
            info = await self._reader.describe(looked.dataset, looked.columns, self._ask)
            found += self._compared(looked, info)
            if not looked.prefix and info.exists:
                found += await self._unknown_values(looked.dataset, info.sample)
        if not any(f.severity is Severity.ERROR for f in found):
            found += await self._sampled()
        return found

    def _unmapped(self) -> Iterator[Finding]:
        for column in unmapped(self._entity, self._mapping):
            message = "every record has this column, and the mapping does not say where it is"
            remedy = f"Add it to the fields of `entities.{self._entity}`, or give it a `const`."
            yield self._finding(f"{self._entity}.{column}", Severity.WARNING, message, remedy)

    async def _not_found_again(self) -> list[Finding]:
        """Whether orders that are told can be asked for afterwards, by the key that they carry."""
        writes = self._mapping.writes
        if writes is None or writes.key is None:
            return []
        key, path = tuple(part.path for part in self._mapping.key), writes.key.path
        dataset = Dataset(self._mapping.dataset, key, self._mapping.options)
        columns = tuple(dict.fromkeys((*key, path)))
        batch = await self._reader.by_values(dataset, path, [_NO_KEY], columns, self._ask)
        said = next((e.message for e in batch.failures.values()), None)
        if said is None and not batch.rows:
            return []
        place = f"{self._entity}.writes.key"
        message = f"{dataset.name} cannot be searched by {path}, where our key is"
        message += f": {said}" if said else ": other rows came"
        remedy = f"Name a field that it can be searched by in `entities.{place}`."
        return [self._finding(place, Severity.ERROR, message, remedy)]

    def _compared(self, looked: Looked, info: DatasetInfo) -> Iterator[Finding]:
        name = looked.dataset.name
        whole = f"{self._entity}.{looked.place}"
        if not info.exists:
            message = f"{name} cannot be read: {info.message or 'the system does not have it'}"
            remedy = f"Correct `dataset` of `entities.{whole}`, or what the user may read."
            yield self._finding(whole, Severity.ERROR, message, remedy)
            return
        for path in looked.columns:
            meant = missing(info, path)
            if meant is None:
                continue
            where = joined(looked.prefix, path) if looked.prefix else path
            fields = self._uses.get(where, ())
            place = f"{self._entity}.{fields[0]}" if fields else whole
            source = "does not have" if info.paths is not None else "has in no row of the sample"
            message = f"{name} {source} the path {path}"
            remedy = f"Did you mean {meant}? " if meant else ""
            remedy += f"Correct the path in `entities.{place}`, or take the field out with null."
            certain = info.paths is not None or WRITES in fields
            certain = certain or any(is_needed(self._entity, f) for f in fields)
            severity = Severity.ERROR if certain else Severity.WARNING
            yield self._finding(place, severity, message, remedy)

    async def _unknown_values(self, dataset: Dataset, sample: Sequence[Row]) -> list[Finding]:
        found = []
        for column in watched(self._entity, self._mapping):
            path, place = column.path, f"{self._entity}.{column.column}"
            rows = await self._with_other_values(dataset, path, column.known, sample)
            told = {token(k) for k in column.known}
            try:
                seen = {token(v) for row in rows for v in values_of(row, path)} - told
            except BadValueError as exc:
                message = f"the path {path} leads nowhere: {exc}"
                found.append(self._finding(place, Severity.ERROR, message, "Correct the path."))
                continue
            if seen:
                shown = ", ".join(sorted(map(repr, seen))[:_SHOWN])
                message = f"values of {path} seen but not mapped: {shown}"
                remedy = f"Provide for them in `entities.{place}`: by rules and `known`, or `map`."
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
        entity, columns = self._entity, self._source.columns
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
