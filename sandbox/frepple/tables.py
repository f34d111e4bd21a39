"""Tables of the planning system: their fields, their rows and how these are found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Literal

Kind = Literal["text", "key", "number", "datetime", "duration", "boolean"]
Row = dict[str, Any]

_ALIASES: Mapping[str, Kind] = {
    "t": "text",
    "k": "key",
    "n": "number",
    "d": "datetime",
    "p": "duration",
    "b": "boolean",
}


class Table:
    """A table; `fields` is read from words like `name:t item:k due:d`.

    The letters are t text, k foreign key, n number, d datetime, p duration, b boolean. Fields
    that a row does not fill are null.
    """

    def __init__(
        self, name: str, primary_key: str, fields: str, rows: Iterable[Mapping[str, Any]]
    ) -> None:
        self.name = name
        self.primary_key = primary_key
        self.fields: dict[str, Kind] = {
            field: _ALIASES[kind]
            for field, _, kind in (word.partition(":") for word in fields.split())
        }
        blank = dict.fromkeys(self.fields)
        self.rows: list[Row] = [{**blank, **row} for row in rows]
        self._indexes: dict[str, dict[Any, list[Row]]] = {}

    def by(self, field: str) -> Mapping[Any, list[Row]]:
        """Rows by the value of a field, indexed when first asked for."""
        if field not in self._indexes:
            index: dict[Any, list[Row]] = defaultdict(list)
            for row in self.rows:
                index[row[field]].append(row)
            self._indexes[field] = dict(index)
        return self._indexes[field]

    def put(self, values: Mapping[str, Any]) -> Row:
        """Put a row at the end, or make the one with its key like it.

        Returns:
            The values that differ from before; of a new row those that were given.
        """
        found = self.by(self.primary_key).get(values[self.primary_key])
        if not found:
            row = {**dict.fromkeys(self.fields), **values}
            self.rows.append(row)
            for field, index in self._indexes.items():
                index.setdefault(row[field], []).append(row)
            return dict(values)
        row = found[0]
        differing = {field: value for field, value in values.items() if row[field] != value}
        row.update(differing)
        for field in differing.keys() & self._indexes.keys():
            del self._indexes[field]
        return differing

    def remove(self, key: Any) -> bool:
        """Take the row with a key away; False if there is none."""
        found = self.by(self.primary_key).get(key)
        if not found:
            return False
        self.rows.remove(found[0])
        self._indexes.clear()
        return True


def decimal(value: Decimal | int) -> str:
    """A number as the interface writes it: a string with eight places."""
    return f"{Decimal(value):.8f}"


def moment(value: date | datetime) -> str:
    """A datetime without zone; a date is its midnight."""
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    return value.strftime("%Y-%m-%dT%H:%M:%S")


def duration(days: int) -> str:
    """A duration in ISO 8601."""
    return f"P{days}D"
