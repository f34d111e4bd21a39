"""Resource paths: from `A_Product('X')/to_Plant/$count` to tables and rows."""

from __future__ import annotations

import re
from urllib.parse import unquote

from msgspec import Struct

from sandbox.s4.errors import bad_request, not_found
from sandbox.s4.store import Row, Store, Table

ROOT = "/sap/opu/odata/sap/"
_SEGMENT = re.compile(r"(?P<name>[$\w]+)(?:\((?P<key>.*)\))?", re.DOTALL)
_KEY_PART = re.compile(r"\s*(?:(?P<name>\w+)\s*=\s*)?'(?P<value>(?:[^']|'')*)'\s*(?:,|$)")


class Resource(Struct, frozen=True):
    """What a path points at.

    `rows` is None for a whole set. `single` tells that it is one entity, and then a missing one
    is an empty list; `prop` is a property of it; `count` asks for the number only.
    """

    table: Table
    rows: list[Row] | None
    single: bool
    prop: str = ""
    count: bool = False


def split_path(raw_path: bytes) -> tuple[str, list[str]]:
    """The service's name and the segments behind it, decoded; slashes in quotes do not split.

    Raises:
        ODataError: 404 when the path is not below the root of the services.
    """
    path = unquote(raw_path.decode("latin-1"))
    if not path.startswith(ROOT):
        raise not_found("No service found for this address")
    name, _, rest = path.removeprefix(ROOT).partition("/")
    return name.partition(";")[0], segments_of(rest)


def segments_of(path: str) -> list[str]:
    """The segments of a decoded path; slashes in quotes do not split."""
    segments, quoted = [""], False
    for letter in path:
        if letter == "/" and not quoted:
            segments.append("")
            continue
        quoted ^= letter == "'"
        segments[-1] += letter
    return [segment for segment in segments if segment]


def resolve(store: Store, segments: list[str]) -> Resource:
    """Walk from the entity set along keys and links.

    Raises:
        ODataError: 404 for unknown segments and entities, 400 for keys that do not fit.
    """
    count = segments[-1] == "$count"
    if count:
        segments = segments[:-1]
    name, key = _split_key(segments[0]) if segments else ("", None)
    table = store.tables.get(name)
    if table is None:
        raise not_found(f"Resource not found for segment '{name}'")
    resource = _with_key(table, None, key)
    for segment in segments[1:]:
        resource = _step(store, resource, segment)
    if count:
        return Resource(resource.table, resource.rows, resource.single, count=True)
    if resource.single and not resource.rows:
        raise not_found(f"Resource not found for segment '{resource.table.entity_set.type_name}'")
    return resource


def _step(store: Store, resource: Resource, segment: str) -> Resource:
    name, key = _split_key(segment)
    entity_set = resource.table.entity_set
    if not resource.single or not resource.rows or resource.prop:
        raise not_found(f"Resource not found for segment '{segment}'")
    if name in entity_set.properties:
        return Resource(resource.table, resource.rows, single=True, prop=name)
    link = entity_set.links.get(name)
    if link is None:
        raise not_found(f"Resource not found for segment '{segment}'")
    target, rows = store.follow(resource.table, resource.rows[0], name)
    if not link.many:
        return Resource(target, rows[:1], single=True)
    return _with_key(target, rows, key)


def _split_key(segment: str) -> tuple[str, str | None]:
    match = _SEGMENT.fullmatch(segment)
    if match is None:
        raise bad_request(f"Invalid segment '{segment}'")
    return match["name"], match["key"]


def _with_key(table: Table, rows: list[Row] | None, key: str | None) -> Resource:
    if not key:
        return Resource(table, rows, single=False)
    row = table.find(_key_values(table, key))
    found = [row] if row is not None and (rows is None or row in rows) else []
    return Resource(table, found, single=True)


def _key_values(table: Table, text: str) -> tuple[str, ...]:
    names = table.entity_set.key
    values: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _KEY_PART.match(text, position)
        if match is None or (match["name"] is None and len(names) > 1):
            raise bad_request(f"Invalid key predicate in '{table.entity_set.name}({text})'")
        values[match["name"] or names[0]] = match["value"].replace("''", "'")
        position = match.end()
    if set(values) != set(names):
        raise bad_request(f"The key of '{table.entity_set.name}' is {', '.join(names)}")
    return tuple(table.entity_set.properties[name].stored(values[name]) for name in names)
