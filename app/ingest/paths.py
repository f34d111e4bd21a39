"""Times that stand somewhere in a system's own record."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any


def times_in(row: Any, path: Sequence[str]) -> Iterator[datetime]:
    """The times at a path, in every element of the lists on its way.

    What is no time in ISO 8601, or does not say its zone, is left out.
    """
    if isinstance(row, list):
        for each in row:
            yield from times_in(each, path)
    elif path:
        if isinstance(row, dict):
            yield from times_in(row.get(path[0]), path[1:])
    elif isinstance(row, str) and (at := _moment(row)) is not None:
        yield at


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if at.tzinfo is None else at.astimezone(UTC)
