"""Compares what a mapping names with what a system has; asks nothing."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from msgspec import Struct

from canonical.entities import ENTITIES, EntityName
from connectors.kit.mapping.fields import EachField, ObjectField, PathField, RulesField
from connectors.kit.mapping.model import EntityMapping
from connectors.kit.mapping.needs import joined, plan, when_paths
from connectors.kit.mapping.shape import shape_of
from connectors.kit.rows import Dataset, DatasetInfo, Row

WRITES: Final = "writes"
"""What paths are needed for that are of what the system is told."""


class Looked(Struct, frozen=True):
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


class Watched(Struct, frozen=True):
    """A column that rules or a map decide.

    Attributes:
        column: Its name.
        path: Where the system's value is, from the record's row.
        known: The values that are provided for.
    """

    column: str
    path: str
    known: tuple[Any, ...]


def datasets(mapping: EntityMapping) -> Iterator[Looked]:
    """Every dataset that an entity is read from, with the paths needed of it; its own first."""
    whole = plan(mapping, {name: {} for name in mapping.fields}, told_by(mapping))
    key = mapping.row_key or tuple(part.path for part in mapping.key)
    yield Looked("dataset", Dataset(mapping.dataset, key, mapping.options), whole.columns)
    for name, columns in whole.related:
        related = mapping.related[name]
        dataset = Dataset(related.dataset, related.key, related.options)
        yield Looked(f"related.{name}", dataset, columns, name)
    for column, lookup in mapping.lookups.items():
        columns = tuple(dict.fromkeys((*lookup.parent, lookup.path)))
        dataset = Dataset(lookup.dataset, lookup.key or columns, lookup.options)
        yield Looked(f"lookups.{column}", dataset, columns, f"lookups.{column}")


def uses(mapping: EntityMapping) -> Mapping[str, tuple[str, ...]]:
    """Which columns each path is needed for."""
    found: dict[str, tuple[str, ...]] = {}
    for name in mapping.fields:
        needed = plan(mapping, {name: {}})
        related = [joined(r, path) for r, paths in needed.related for path in paths]
        for path in (*needed.columns, *related):
            found[path] = (*found.get(path, ()), name)
    for path in told_by(mapping):
        found[path] = (*found.get(path, ()), WRITES)
    return found


def told_by(mapping: EntityMapping) -> tuple[str, ...]:
    """Paths by which it is known what became of what the system was told."""
    writes = mapping.writes
    if writes is None:
        return ()
    found = [] if writes.key is None else [writes.key.path]
    found += [] if writes.version is None else [writes.version]
    for when in (writes.released, writes.cancelled):
        found += [] if when is None else when_paths(when)
    return tuple(found)


def is_needed(entity: EntityName, column: str) -> bool:
    """Whether every record of an entity has this column."""
    shape = shape_of(ENTITIES[entity].record).get(column)
    return shape is not None and not shape.nullable and not shape.many


def unmapped(entity: EntityName, mapping: EntityMapping) -> Iterator[str]:
    """Columns that every record has, but the mapping does not, within its lists too."""
    yield from _unmapped(ENTITIES[entity].record, mapping.fields, "")


def _unmapped(record: Any, fields: Mapping[str, Any], above: str) -> Iterator[str]:
    for name, column in shape_of(record).items():
        form = fields.get(name)
        if isinstance(form, EachField | ObjectField):
            yield from _unmapped(column.type, form.fields, f"{above}{name}.")
        elif form is None and not column.nullable and not column.many:
            yield f"{above}{name}"


def watched(entity: EntityName, mapping: EntityMapping) -> Iterator[Watched]:
    """Columns whose values in the system are provided for one by one."""
    yield from _watched(ENTITIES[entity].record, mapping.fields, "", "")


def _watched(record: Any, fields: Mapping[str, Any], base: str, above: str) -> Iterator[Watched]:
    shape = shape_of(record)
    for name, form in fields.items():
        column = f"{above}{name}"
        if isinstance(form, RulesField):
            for path, known in form.known.items():
                yield Watched(column, joined(base, path), known)
        elif isinstance(form, PathField) and form.map and form.default is None:
            if shape[name].is_enum:
                yield Watched(column, joined(base, form.path), (*form.map, *form.empty))
        elif isinstance(form, EachField | ObjectField):
            of = form.each if isinstance(form, EachField) else form.at or "."
            yield from _watched(shape[name].type, form.fields, joined(base, of), f"{column}.")


def missing(info: DatasetInfo, path: str) -> str | None:
    """None if a path may be there; else what was perhaps meant instead, or empty text.

    A path is missing if the system publishes its paths without it, or if no row of a sample has it
    though some go that far.
    """
    if info.paths is not None:
        if path in info.paths or any(p.startswith(f"{path}.") for p in info.paths):
            return None
        return _near(path, info.paths)
    parent, _, last = path.rpartition(".")
    siblings = _siblings(info.sample, parent.split(".") if parent else [])
    if not siblings or last in siblings:
        return None
    near = _near(last, siblings)
    return joined(parent, near) if near else ""


def _near(wrong: str, known: Mapping[str, str] | set[str]) -> str:
    return next(iter(get_close_matches(wrong, sorted(known), n=1)), "")


def _siblings(sample: Sequence[Row], parents: Sequence[str]) -> set[str]:
    """Names found below some parents in any row of a sample."""
    level: list[Any] = list(sample)
    for name in parents:
        inner = [item.get(name) for item in level if isinstance(item, dict)]
        level = [v for found in inner for v in (found if isinstance(found, list) else [found])]
    return {name for item in level if isinstance(item, dict) for name in item}
