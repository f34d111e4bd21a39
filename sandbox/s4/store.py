"""Rows of an entity set in key order, with indexes by property, made when first needed."""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

from sandbox.s4.model import EntitySet, Service, from_wire, to_wire

Row = dict[str, Any]


class Table:
    """The rows of one entity set; a row holds values as they stand in JSON."""

    def __init__(self, entity_set: EntitySet, rows: Iterable[Mapping[str, Any]] = ()) -> None:
        self.entity_set = entity_set
        self.readers = {name: from_wire(p) for name, p in entity_set.properties.items()}
        self._writers = [(n, p.default, to_wire(p)) for n, p in entity_set.properties.items()]
        self.rows = sorted((self._written(row) for row in rows), key=self.sort_key)
        self._groups: dict[tuple[str, ...], dict[tuple[Any, ...], list[Row]]] = {}

    def _written(self, values: Mapping[str, Any]) -> Row:
        get = values.get
        return {
            name: default if (value := get(name)) is None else write(value)
            for name, default, write in self._writers
        }

    @cached_property
    def sort_key(self) -> Callable[[Row], Any]:
        """The order of rows: by key, numbers in strings as numbers."""
        readers = [(name, self.readers[name]) for name in self.entity_set.key]
        return lambda row: tuple(read(row[name]) for name, read in readers)

    def group(self, names: tuple[str, ...]) -> dict[tuple[Any, ...], list[Row]]:
        """Rows by the values of some properties, each list in key order."""
        if names not in self._groups:
            grouped: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
            for row in self.rows:
                grouped[tuple([row[name] for name in names])].append(row)
            self._groups[names] = dict(grouped)
        return self._groups[names]

    def find(self, key: tuple[Any, ...]) -> Row | None:
        """The row with this key, in the order of the set's key properties."""
        found = self.group(self.entity_set.key).get(key)
        return found[0] if found else None

    def add(self, values: Mapping[str, Any]) -> None:
        """Put one more row in its place."""
        self.insert(self._written(values))

    def insert(self, row: Row) -> None:
        """Put a row that is written already in its place."""
        insort(self.rows, row, key=self.sort_key)
        for names, groups in self._groups.items():
            place = tuple([row[name] for name in names])
            insort(groups.setdefault(place, []), row, key=self.sort_key)

    def put(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Put a row in its place, or make the one with its key like it.

        Returns:
            The key, and the values that differ from before; of a new row those that were given.
        """
        written = self._written(values)
        names = self.entity_set.key
        key = {name: written[name] for name in names}
        row = self.find(tuple(key.values()))
        if row is None:
            self.add(values)
            return key, {name: written[name] for name in values if name in written}
        return key, self.change(row, written)

    def change(self, row: Row, values: Mapping[str, Any]) -> dict[str, Any]:
        """Give a row values as they stand in JSON; those that differ from before."""
        differing = {name: value for name, value in values.items() if row[name] != value}
        row.update(differing)
        for indexed in [
            indexed for indexed in self._groups if not differing.keys().isdisjoint(indexed)
        ]:
            del self._groups[indexed]
        return differing


class Store:
    """All tables of one service, and the way from a row along a link."""

    def __init__(
        self, service: Service, rows_by_set: Mapping[str, Iterable[Mapping[str, Any]]]
    ) -> None:
        self.service = service
        self.tables = {
            name: Table(entity_set, rows_by_set[name]) for name, entity_set in service.sets.items()
        }

    def follow(self, table: Table, row: Row, name: str) -> tuple[Table, list[Row]]:
        """The rows behind a link of a row, and the table that they are in."""
        link = table.entity_set.links[name]
        target = self.tables[link.target]
        remote = tuple(far for _, far in link.pairs)
        values = tuple([row[own] for own, _ in link.pairs])
        return target, target.group(remote).get(values, [])

    def etag(self, table: Table, row: Row) -> str | None:
        """What tells the state of a row from later ones; None where nothing does."""
        entity_set = table.entity_set
        if entity_set.shares:
            name, own = entity_set.shares
            table = self.tables[name]
            found = table.find((row[own],))
            return None if found is None else self.etag(table, found)
        if not entity_set.changed:
            return None
        return f"W/\"'{row[entity_set.changed] or ''}'\""
