"""Values along dotted paths of a row, as compiled getters.

Getters take the row or element that a path is relative to, and the record's environment (for paths
from its row).
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

from connectors.kit.rows import Row

_SHOWN: Final = 60


class BadValueError(Exception):
    """A value that cannot be read as what it should be. Says what was found, not where."""


class Env:
    """What the fields of one record share: its row, the rows of its group, indexes made once.

    `place` is the place, from 0, of the element that is read just now in the list it stands in.
    """

    __slots__ = ("index", "place", "root", "rows")

    def __init__(self, rows: list[Row]) -> None:
        self.root = rows[0]
        self.rows = rows
        self.index: dict[int, dict[Any, list[Any]]] = {}
        self.place = 0


Getter = Callable[[Any, Env], Any]


def shown(value: Any) -> str:
    """A value in few words, for messages."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def compile_path(path: str) -> Getter:
    """A getter of the one value at a path; None where anything on the way is missing.

    The getter raises `BadValueError` where something on the way is no object.
    """
    if path in (".", "/"):
        return _itself if path == "." else lambda _, env: env.root
    names = tuple(path.lstrip("/").split("."))
    if path.startswith("/"):
        return lambda _, env: walk(env.root, names)
    if len(names) == 1:
        return _single(names[0])
    return lambda element, _: walk(element, names)


def compile_list(path: str) -> Callable[[Any, Env], list[Any]]:
    """A getter of all elements at the end of a path, through lists on the way, without nulls."""
    names = tuple(n for n in path.lstrip("/").split(".") if n)
    absolute = path.startswith("/")
    return lambda element, env: list(flatten(env.root if absolute else element, names))


def flatten(element: Any, names: tuple[str, ...]) -> Iterator[Any]:
    """All values at the end of a path, through any lists on the way; nulls are left out."""
    if element is None or element is False:
        return
    if isinstance(element, list | tuple):
        for inner in element:
            yield from flatten(inner, names)
    elif not names:
        yield element
    elif isinstance(element, dict):
        yield from flatten(element.get(names[0]), names[1:])
    else:
        raise BadValueError(
            f"{shown(element)} is found where an object with {names[0]!r} should be"
        )


def values_of(row: Row, path: str) -> list[Any]:
    """All values at a path of a row, through any lists on the way; nulls are left out."""
    return list(flatten(row, tuple(path.lstrip("/").split("."))))


def token(value: Any) -> Any:
    """A value as text, so that 10, "10" and Decimal("10.0") are one key; None stays None."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal) and value.is_finite():
        return format(value.normalize(), "f")
    return str(value)


def _itself(element: Any, _: Env) -> Any:
    return element


def _single(name: str) -> Getter:
    def get(element: Any, _: Env) -> Any:
        try:
            return element.get(name)
        except AttributeError:
            return walk(element, (name,))

    return get


def walk(element: Any, names: tuple[str, ...]) -> Any:
    """The value at the end of a path through objects; None where anything on the way is missing.

    Raises:
        BadValueError: if something on the way is no object.
    """
    for name in names:
        if element is None or element is False:
            return None
        if not isinstance(element, dict):
            raise BadValueError(
                f"{shown(element)} is found where an object with {name!r} should be"
            )
        element = element.get(name)
    return element
