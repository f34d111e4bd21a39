"""Where things are in JSON (RFC 6901, `/` for the whole), and along dotted paths in a row."""

from collections.abc import Iterator
from typing import Any, Final

MISSING: Final = object()
"""What a pointer gives that leads nowhere."""


def at(body: Any, pointer: str) -> Any:
    """The value that a pointer leads to, or `MISSING`."""
    if pointer == "/":
        return body
    found = body
    for token in pointer.removeprefix("/").split("/"):
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict):
            found = found.get(name, MISSING)
        elif isinstance(found, list) and name.isdigit() and int(name) < len(found):
            found = found[int(name)]
        else:
            return MISSING
    return found


def told(value: Any) -> str:
    """A value of an error body in a few words: names and messages, however deep they lie."""
    return "; ".join(_told(value, ""))


def _told(value: Any, name: str) -> Iterator[str]:
    if isinstance(value, dict):
        for inner, deeper in value.items():
            yield from _told(deeper, f"{name}.{inner}" if name else str(inner))
    elif isinstance(value, list):
        for deeper in value:
            yield from _told(deeper, name)
    elif value is not None and value != "":
        yield f"{name}: {value}" if name else str(value)


def values_along(row: Any, path: str) -> list[Any]:
    """All values at a dotted path, through lists."""
    found = [row]
    for name in path.split("."):
        step: list[Any] = []
        for value in found:
            inner = value.get(name) if isinstance(value, dict) else None
            step.extend(inner if isinstance(inner, list) else [inner])
        found = step
    return found


def put(row: dict[str, Any], path: str, value: Any) -> None:
    """Set the value at a dotted path where the row does not have it."""
    *parents, last = path.split(".")
    for name in parents:
        inner = row.setdefault(name, {})
        if not isinstance(inner, dict):
            return
        row = inner
    row.setdefault(last, value)
