"""The query options of a request: what to choose, in which order, how much, and in what shape."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlencode

from msgspec import Struct

from sandbox.s4.conditions import matching_rows
from sandbox.s4.errors import bad_request
from sandbox.s4.model import EntitySet
from sandbox.s4.store import Row, Store, Table

_KNOWN = frozenset(
    {
        "$filter", "$select", "$expand", "$orderby", "$top", "$skip", "$skiptoken",
        "$inlinecount", "$format", "$search",
    }
)  # fmt: skip
_MARKS = "$,'()/:*"


class Shape(Struct, frozen=True):
    """What of an entity is shown: properties (None is all), links opened, links only named."""

    table: Table
    properties: tuple[str, ...] | None
    opened: dict[str, Shape]
    deferred: tuple[str, ...]


class Page(Struct, frozen=True):
    """One page of rows, how many there are in all, and where the next page starts."""

    rows: list[Row]
    total: int
    next_token: int | None


def read_options(query: str) -> dict[str, str]:
    """The system query options, each once; custom ones such as sap-client are passed over.

    Raises:
        ODataError: 400 for an unknown or repeated option.
    """
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if not name.startswith("$"):
            continue
        if name not in _KNOWN or name in options:
            raise bad_request(f"Invalid system query option '{name}'")
        options[name] = value
    if options.get("$inlinecount", "none") not in {"none", "allpages"}:
        raise bad_request("Invalid value for $inlinecount")
    return options


def make_shape(store: Store, table: Table, options: Mapping[str, str]) -> Shape:
    """What $select and $expand ask for.

    Raises:
        ODataError: 400 for names that the type does not have, or a path into what is not expanded.
    """
    return _shape(store, table, _paths(options, "$select"), _paths(options, "$expand"))


def _paths(options: Mapping[str, str], name: str) -> list[list[str]]:
    text = options.get(name, "")
    return [path.strip().split("/") for path in text.split(",") if path.strip()]


def _shape(store: Store, table: Table, selects: list[list[str]], expands: list[list[str]]) -> Shape:
    entity_set = table.entity_set
    for path in expands:
        if path[0] not in entity_set.links:
            raise bad_request(f"Navigation property '{path[0]}' not found in {_type(entity_set)}")
    everything = not selects or ["*"] in selects
    properties: list[str] = []
    linked: list[str] = []
    for path in selects:
        _sort_selected(entity_set, path, properties, linked)
    wanted = list(entity_set.links) if everything else linked
    expanded = {path[0] for path in expands}
    for path in selects:
        if len(path) > 1 and path[0] not in expanded:
            raise bad_request(f"'{path[0]}' is selected into but not expanded")
    opened = {
        name: _shape(
            store,
            store.tables[entity_set.links[name].target],
            [path[1:] for path in selects if path[0] == name and len(path) > 1],
            [path[1:] for path in expands if path[0] == name and len(path) > 1],
        )
        for name in dict.fromkeys(path[0] for path in expands)
        if name in wanted
    }
    return Shape(
        table=table,
        properties=None if everything else tuple(dict.fromkeys(properties)),
        opened=opened,
        deferred=tuple(name for name in dict.fromkeys(wanted) if name not in opened),
    )


def _sort_selected(
    entity_set: EntitySet, path: list[str], properties: list[str], linked: list[str]
) -> None:
    name = path[0]
    if name in entity_set.links:
        linked.append(name)
    elif name in entity_set.properties and len(path) == 1:
        properties.append(name)
    elif name != "*":
        raise bad_request(f"Property '{'/'.join(path)}' not found in {_type(entity_set)}")


def _type(entity_set: EntitySet) -> str:
    return f"type '{entity_set.type_name}'"


def choose_rows(
    store: Store, table: Table, rows: list[Row] | None, options: Mapping[str, str]
) -> list[Row]:
    """The rows that $filter lets through, in the order of $orderby, else of the key."""
    if "$filter" in options:
        rows = matching_rows(store, table, rows, options["$filter"])
    elif rows is None:
        rows = table.rows
    return _ordered(table, rows, options["$orderby"]) if "$orderby" in options else rows


def _ordered(table: Table, rows: list[Row], text: str) -> list[Row]:
    terms = [_order_term(table, term.strip()) for term in text.split(",")]
    if terms == [(name, False) for name in table.entity_set.key[: len(terms)]]:
        return rows  # that is how they lie
    for name, descending in reversed(terms):
        read = table.readers[name]
        filled = [row for row in rows if row[name] is not None]
        empty = [row for row in rows if row[name] is None]
        filled.sort(key=lambda row: read(row[name]), reverse=descending)
        rows = filled + empty if descending else empty + filled
    return rows


def _order_term(table: Table, term: str) -> tuple[str, bool]:
    name, _, direction = term.partition(" ")
    entity_set = table.entity_set
    if name.split("/")[0] in entity_set.links:
        raise bad_request(f"Sorting by '{name}' is not supported")
    prop = entity_set.properties.get(name)
    if prop is None:
        raise bad_request(f"Property '{name}' not found in {_type(entity_set)}")
    if not prop.sortable:
        raise bad_request(f"Property '{name}' of '{entity_set.name}' is not sortable")
    if direction.strip() not in {"", "asc", "desc"}:
        raise bad_request(f"Invalid direction '{direction}' in $orderby")
    return name, direction.strip() == "desc"


def take_page(rows: list[Row], options: Mapping[str, str], page_size: int) -> Page:
    """Cut the window of $skip and $top, and of it the page that $skiptoken points at."""
    skip = _number(options, "$skip", 0)
    top = _number(options, "$top", len(rows))
    at = _number(options, "$skiptoken", 0)
    window = rows[skip : skip + top]
    more = len(window) > at + page_size
    return Page(
        window[at : at + page_size],
        total=len(rows),
        next_token=at + page_size if more else None,
    )


def _number(options: Mapping[str, str], name: str, default: int) -> int:
    text = options.get(name)
    if text is None:
        return default
    if not text.isdigit():
        raise bad_request(f"Invalid value '{text}' for {name}")
    return int(text)


def next_query(query: str, token: int) -> str:
    """The request's parameters, pointing at the next page."""
    kept = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != "$skiptoken"]
    return urlencode([*kept, ("$skiptoken", str(token))], quote_via=quote, safe=_MARKS)
