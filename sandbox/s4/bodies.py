"""Rows out of what clients send."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.s4.errors import bad_request
from sandbox.s4.model import checked
from sandbox.s4.store import Row, Table


def read_body(table: Table, body: Mapping[str, Any], link: str = "") -> tuple[Row, list[Any]]:
    """Values of a body as they stand in rows, and the bodies behind a link.

    Raises:
        ODataError: 400 for what the type does not have, or of another type.
    """
    entity_set = table.entity_set
    values: Row = {}
    nested: list[Any] = []
    for key, value in body.items():
        if key == link:
            nested = _bodies(value, link)
        elif key in entity_set.properties:
            try:
                values[key] = checked(entity_set.properties[key], value)
            except ValueError as error:
                raise bad_request(f"Failed to read property '{key}' at offset '1'") from error
        elif key != "__metadata":
            raise bad_request(f"Property '{key}' is invalid for type '{entity_set.type_name}'")
    return values, nested


def filled(table: Table, values: Row) -> Row:
    """A whole row: what is not given is empty."""
    return {n: p.default for n, p in table.entity_set.properties.items()} | values


def _bodies(value: Any, link: str) -> list[Any]:
    rows = value.get("results") if isinstance(value, dict) else value
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise bad_request(f"Failed to read property '{link}' at offset '1'")
    return rows
