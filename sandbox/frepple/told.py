"""What callers send to frePPLe: rows that replace those of the same natural key, all or none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from sandbox.frepple.tables import Row, Table, decimal, moment

_PLANS = "forecast/forecastplan"
_NATURAL = {
    _PLANS: ("item", "location", "customer", "startdate"),
    "input/purchaseorder": ("reference",),
}
"""Tables that are written to, with what identifies their rows."""
_REFERS = {"item": "input/item", "supplier": "input/supplier", "location": "input/location"}
_READ_ONLY = frozenset({"id", "lastmodified", "criticality", "delay", "feasible", "forecasttotal"})
_STATUSES = ("proposed", "approved", "confirmed", "completed", "closed")
_CUSTOMER = "All customers"
Errors = dict[str, list[str]]


class RefusedError(Exception):
    """What is told is refused: messages by field, or a list of them for each row."""

    def __init__(self, body: Any) -> None:
        super().__init__(str(body))
        self.body = body


class Told:
    """Writes into tables.

    Args:
        tables: All tables, by their path.
    """

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = tables

    def takes(self, path: str) -> bool:
        """Whether a table is written to."""
        return path in _NATURAL

    def upsert(self, path: str, body: bytes, at: datetime) -> Any:
        """Put a row, or each of a list, in the place of that with its key.

        Raises:
            RefusedError: nothing is put, as one of them cannot be.
        """
        told = _read(body)
        rows = told if isinstance(told, list) else [told]
        read = [self._row(path, row, needed=_NATURAL[path]) for row in rows]
        errors = [found for _, found in read]
        if any(errors):
            raise RefusedError(errors if isinstance(told, list) else errors[0])
        put = [self._put(path, row, at) for row, _ in read]
        return put if isinstance(told, list) else put[0]

    def change(self, path: str, key: Any, body: bytes, at: datetime) -> None:
        """Change fields of a row.

        Raises:
            RefusedError: one of them cannot be so.
        """
        told = _read(body)
        values, errors = self._row(path, told if isinstance(told, dict) else {}, needed=())
        if errors:
            raise RefusedError(errors)
        table = self._tables[path]
        table.put({table.primary_key: key, **values, "lastmodified": moment(at)})

    def _put(self, path: str, row: Row, at: datetime) -> Row:
        table = self._tables[path]
        row = {**row, "lastmodified": moment(at)}
        if path == _PLANS:
            same = [
                old
                for old in table.by("item").get(row["item"], ())
                if all(old[name] == row[name] for name in _NATURAL[path])
            ]
            before = same[0] if same else {"id": len(table.rows) + 1, "forecastbaseline": None}
            override = row.get("forecastoverride", before.get("forecastoverride"))
            baseline = row.get("forecastbaseline", before["forecastbaseline"])
            total = baseline if override is None else override
            row = {"id": before["id"], **row, "forecasttotal": total or decimal(0)}
        table.put(row)
        return table.by(table.primary_key)[row[table.primary_key]][0]

    def _row(self, path: str, told: Row, needed: tuple[str, ...]) -> tuple[Row, Errors]:
        table, errors, row = self._tables[path], Errors(), Row()
        if path == _PLANS and needed:
            row["customer"] = _CUSTOMER
        for name, value in told.items():
            if name in table.fields and name not in _READ_ONLY:
                try:
                    row[name] = self._value(table.fields[name], name, value)
                except ValueError as error:
                    errors[name] = [str(error)]
        for name in needed:
            if name not in row and name not in errors:
                errors[name] = ["This field is required."]
        return row, errors

    def _value(self, kind: str, name: str, value: Any) -> Any:
        if value is None:
            return None
        if name == "status" and value not in _STATUSES:
            raise ValueError(f'"{value}" is not a valid choice.')
        if kind == "number":
            return decimal(_number(value))
        if kind == "datetime":
            return moment(_moment(value))
        if name in _REFERS and str(value) not in self._tables[_REFERS[name]].by("name"):
            raise ValueError(f'Invalid pk "{value}" - object does not exist.')
        return str(value)


def _read(body: bytes) -> Any:
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise RefusedError({"detail": "JSON parse error"}) from None
    if isinstance(told, dict) or (
        isinstance(told, list) and all(isinstance(row, dict) for row in told)
    ):
        return told
    raise RefusedError({"non_field_errors": ["Invalid data. Expected a dictionary."]})


def _number(value: Any) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise ValueError("A valid number is required.") from None


def _moment(value: Any) -> datetime:
    try:
        return datetime.fromisoformat(str(value)).replace(tzinfo=None)
    except ValueError:
        raise ValueError("Datetime has wrong format. Use YYYY-MM-DDThh:mm:ss.") from None
