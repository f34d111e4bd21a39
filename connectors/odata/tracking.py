"""Change tracking of OData V4: what a delta says has changed, and where it goes on.

A list that was asked for with `Prefer: odata.track-changes` ends in a delta link. Behind it lies
what has changed since: changed rows, perhaps in part; removed ones as `@removed` (4.01) or with a
context that ends in `$deletedEntity` (4.0), by their key fields or by their address; and links
between rows that came or went.
"""

import re
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from connectors.kit.rows import Row

GONE: Final = 410
"""Status that says that a link is too old."""

_LITERAL: Final = re.compile(r"(?:(\w+)=)?(?:'((?:[^']|'')*)'|([^,'=()]+))(?:,|$)")


class Cursor(NamedTuple):
    """Where changes go on: within the list that all begins with, or behind a delta link.

    Attributes:
        link: The service's link; empty at the very beginning.
        whole: Whether it is within that list.
    """

    link: str = ""
    whole: bool = True

    @classmethod
    def read(cls, text: str | None, asked: str) -> "Cursor | None":
        """The place that a text stands for; the very beginning for None.

        Args:
            text: What `after` gave.
            asked: What is asked for.

        Returns:
            None if something else was asked for then: its links tell of that alone.
        """
        if text is None:
            return cls()
        kind, then, link = text.split(" ", 2)
        return cls(link, whole=kind == "all") if then == _short(asked) else None

    def after(self, body: Any, asked: str) -> tuple[str | None, bool]:
        """Where it goes on after an answer, and whether more of the same follows.

        Returns:
            None where the answer names no place to go on.
        """
        following, delta = _named(body, "nextLink"), _named(body, "deltaLink")
        kind = "all" if self.whole and following is not None else "new"
        link = following or delta
        text = None if link is None else f"{kind} {_short(asked)} {link}"
        return text, following is not None


class Entries(NamedTuple):
    """What a delta names.

    Attributes:
        changed: Rows that came or changed, with their key fields at least.
        removed: Key fields of rows that went.
    """

    changed: Sequence[Row]
    removed: Sequence[Row]


def entries(body: Any, set_name: str, key: Sequence[str]) -> Entries | None:
    """The rows that a delta names; one that is named several times counts by the last.

    Args:
        body: The answer.
        set_name: The entity set whose rows are wanted.
        key: Names of its key fields.

    Returns:
        None if something cannot be tied to a row of the set.

    Raises:
        ValueError: if it is no list of entries.
    """
    found = body.get("value") if isinstance(body, dict) else None
    if not isinstance(found, list) or not all(isinstance(e, dict) for e in found):
        raise ValueError("no `value` that holds entries")
    last: dict[tuple[Any, ...], tuple[Row, bool]] = {}
    for entry in found:
        entity, kind = _context(entry)
        removed = "@removed" in entry or "@odata.removed" in entry or kind == "$deletedEntity"
        is_link = kind in {"$link", "$deletedLink"}
        row = _keyed(entry, set_name, key, is_link=is_link)
        if row is None or (entity not in {"", set_name} and not is_link):
            return None
        last[tuple(row[name] for name in key)] = (row, removed)
    return Entries(
        [row for row, removed in last.values() if not removed],
        [row for row, removed in last.values() if removed],
    )


def _short(asked: str) -> str:
    return blake2b(asked.encode(), digest_size=6).hexdigest()


def _named(body: Any, name: str) -> str | None:
    """A link of an answer, as 4.0 and 4.01 write it."""
    for spelled in (f"@odata.{name}", f"@{name}"):
        value = body.get(spelled) if isinstance(body, dict) else None
        if isinstance(value, str) and value:
            return value
    return None


def _context(entry: Mapping[str, Any]) -> tuple[str, str]:
    """Entity set and kind of an entry, as its context says: `#Orders/$deletedEntity`."""
    context = entry.get("@odata.context", entry.get("@context"))
    if not isinstance(context, str):
        return "", ""
    entity, _, kind = context.rpartition("#")[2].partition("/")
    return entity.partition("(")[0], kind


def _keyed(
    entry: Mapping[str, Any], set_name: str, key: Sequence[str], *, is_link: bool
) -> Row | None:
    """An entry's row with its key fields; None if they cannot be told."""
    if not is_link and all(name in entry for name in key):
        return {name: value for name, value in entry.items() if "@" not in name}
    names = ("source",) if is_link else ("@odata.id", "@id", "id")
    address = next((entry[n] for n in names if isinstance(entry.get(n), str)), None)
    return None if address is None else _of_address(address, set_name, key)


def _of_address(address: str, set_name: str, key: Sequence[str]) -> Row | None:
    """The key fields in an address: `Orders('45')`, `Items(Order='45',Line=1)`."""
    name, opened, rest = unquote(urlsplit(address).path.rpartition("/")[2]).partition("(")
    if name != set_name or not opened or not rest.endswith(")"):
        return None
    text, found, at = rest[:-1], dict[str, Any](), 0
    while at < len(text):
        match = _LITERAL.match(text, at)
        if match is None:
            return None
        field, quoted, bare = match.groups()
        if field is None and len(key) > 1:
            return None
        found[field or key[0]] = _value(quoted, bare)
        at = match.end()
    return found if set(found) == set(key) else None


def _value(quoted: str | None, bare: str | None) -> Any:
    if quoted is not None:
        return quoted.replace("''", "'")
    text = bare or ""
    return int(text) if text.isascii() and text.isdigit() else text
