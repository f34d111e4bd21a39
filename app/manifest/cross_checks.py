"""What no single part of a manifest can know: whether the parts fit together."""

from collections.abc import Iterator, Mapping

from app.manifest.backends import Supplying
from app.manifest.crosswalks import TRANSLATED, Row, Tables, read_table
from app.manifest.document import Document
from app.manifest.model import EntityConfig, SourceConfig
from app.manifest.parts import Parts
from app.manifest.problems import Path, Problem, suggestion
from canonical.entities import ENTITIES, EntityName, columns_of
from canonical.recommendations import OWN_SYSTEM
from connectors.kit.secrets import Vault


def names_wrong(parts: Parts) -> Iterator[Problem]:
    """A backend that is called as this service itself is."""
    if OWN_SYSTEM in parts.declared:
        yield parts.document.problem(
            ("backends", OWN_SYSTEM),
            "no backend may be called so: it is what records and events of this service itself "
            "come from; give it another name",
        )


def sources_wrong(parts: Parts, backends: Mapping[str, Supplying]) -> Iterator[Problem]:
    """Sources that name no backend, one twice, or one without the entity or column."""
    for name, entity in parts.entities.items():
        path: Path = ("entities", name.value, "sources")
        yield from _columns_unknown(name, entity, path, parts.document)
        seen: set[str] = set()
        for i, source in enumerate(entity.sources):
            place = _backend_place(parts.document, (*path, i))
            if source.backend not in parts.declared:
                message = f"there is no backend {source.backend!r}"
                message += suggestion(source.backend, parts.declared)
                yield parts.document.problem(place, message)
            elif source.backend in seen:
                message = f"backend {source.backend!r} is named twice: one source is one backend"
                yield parts.document.problem(place, message)
            elif source.backend in backends:
                yield from _not_supplied(name, source, backends[source.backend], place, parts)
            seen.add(source.backend)


def _backend_place(document: Document, path: Path) -> Path:
    place = (*path, "backend")
    return place if place in document.lines else path


def _not_supplied(
    name: EntityName, source: SourceConfig, backend: Supplying, place: Path, parts: Parts
) -> Iterator[Problem]:
    has = backend.resolved.preset.entities
    if name in backend.broken:
        return
    if name not in has:
        supplies = ", ".join(sorted(e.value for e in has)) or "nothing"
        yield parts.document.problem(
            place,
            f"backend {source.backend!r} has no mapping for {name.value!r} (it has: {supplies}); "
            f"map it under backends.{source.backend}.entities.{name.value}, or name another one",
        )
        return
    fields = has[name].fields
    for i, column in enumerate(source.columns or ()):
        first = column.split(".", 1)[0]
        if first not in fields and column in columns_of(ENTITIES[name].record):
            message = (
                f"backend {source.backend!r} has no field {first!r}{suggestion(first, fields)}"
            )
            yield parts.document.problem((*place[:-1], "columns", i), message)


def _columns_unknown(
    name: EntityName, entity: EntityConfig, path: Path, document: Document
) -> Iterator[Problem]:
    known = columns_of(ENTITIES[name].record)
    for i, source in enumerate(entity.sources):
        for j, column in enumerate(source.columns or ()):
            if column not in known:
                message = f"{name.value} has no column {column!r}{suggestion(column, known)}"
                yield document.problem((*path, i, "columns", j), message)


def tables_of(parts: Parts, vault: Vault) -> tuple[Tables, list[Problem]]:
    """The crosswalk tables, and what is wrong with them."""
    tables: dict[EntityName, tuple[Row, ...]] = {}
    problems: list[Problem] = []
    for name, config in parts.crosswalks.items():
        path: Path = ("crosswalks", name.value)
        if name not in TRANSLATED:
            known = sorted(e.value for e in TRANSLATED)
            message = f"no other record refers to a {name.value} by key; {', '.join(known)} can be"
            problems.append(parts.document.problem(path, f"{message} translated"))
            continue
        rows, wrong = read_table(config, path, parts.document, vault.base_dir, parts.declared)
        tables[name] = rows
        problems += wrong
    return tables, problems


def conversions_wrong(parts: Parts) -> Iterator[Problem]:
    """Conversions that say the same thing twice, or of a unit into itself."""
    if parts.manifest is None:
        return
    seen: set[tuple[str | None, str, str]] = set()
    for i, conversion in enumerate(parts.manifest.units.conversions):
        path: Path = ("units", "conversions", i)
        if conversion.unit == conversion.base:
            yield parts.document.problem(path, "converts a unit into itself: remove it")
        key = (conversion.item, conversion.unit, conversion.base)
        if key in seen:
            message = f"{conversion.unit!r} to {conversion.base!r} stands twice: keep one"
            yield parts.document.problem(path, message)
        seen.add(key)
