"""Generated functions for what is done once for every row: two and a half times as fast as `%`.

    writer(("number", "lines"), ('"%s"', "[%s]"))  ->  lambda a: [f'{{"number":"{a0}", ...' for ...]
    reader("line.quantity")                        ->  lambda rows: [r.line.quantity for r in rows]

Only names that are plain identifiers get into a source, so nothing in a query can be more than the
name that it is.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

Writer = Callable[[Sequence[Sequence[Any]]], list[str]]
Reader = Callable[[Sequence[Any]], list[Any]]

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEPT: Final = 4_096


@lru_cache(_KEPT)
def writer(keys: tuple[str, ...], forms: tuple[str, ...]) -> Writer:
    """What makes JSON objects of columns, row by row.

    Args:
        keys: The objects' keys, in order.
        forms: What stands at each: JSON with a `%s` for the column's value, or without, where it is
            the same in all rows; then there is no column for it.

    Raises:
        ValueError: if there is no column at all, or a key is no name.
    """
    parts: list[str] = []
    names: list[str] = []
    for key, form in zip(keys, forms, strict=True):
        before, value, after = form.partition("%s")
        parts.append(f'"{_checked(key)}":{_literal(before)}')
        if value:
            parts[-1] += f"{{c{len(names)}}}{_literal(after)}"
            names.append(f"c{len(names)}")
    if not names:
        raise ValueError("rows are counted by their columns: there must be one")
    body = f"f'{{{{{','.join(parts)}}}}}'"
    made: Writer = eval(f"lambda a: [{body} for {','.join(names)}, in zip(*a, strict=True)]", {})  # noqa: S307  # of checked names alone
    return made


@lru_cache(_KEPT)
def reader(path: str) -> Reader:
    """What reads an attribute, dotted, of each object.

    Raises:
        ValueError: if the path is not made of names.
    """
    steps = ".".join(map(_checked, path.split(".")))
    made: Reader = eval(f"lambda rows: [r.{steps} for r in rows]", {})  # noqa: S307  # as above
    return made


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a name")
    return name


def _literal(text: str) -> str:
    if not set(text) <= set('"[]') and not _NAME.fullmatch(text.strip('"')):
        raise ValueError(f"{text!r} cannot stand in a source")
    return text
