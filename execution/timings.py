"""How long each field of an operation took, as a tree along the paths of its answer.

A field is run once for all of its parents, so it has one time, and one node: at the first place of
the answer where it was run. A list shows those of its elements alone that such a place is in. So
the tree grows with the question, and not with the answer.
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from execution.cells import Many, Objects, Place, Rows
from execution.plans import Field

Timer = Callable[[], int]
"""A clock that only goes forward, in nanoseconds."""

_NEVER: Final = (0, 0)


class Timing(Struct):
    """A field that was run, or an element of a list.

    Attributes:
        step: The field's key in the answer, or the element's index.
        field: The field; None for an element, and for the root.
        begun_ns: When it was begun.
        ended_ns: When its values were there.
        below: What is below it.
    """

    step: str | int
    field: Field | None = None
    begun_ns: int = 0
    ended_ns: int = 0
    below: "dict[str | int, Timing]" = msgspec.field(default_factory=dict)

    def at(self, path: Sequence[str | int]) -> "Timing":
        """The node at a path, or the nearest above it that there is."""
        node = self
        for step in path:
            if step not in node.below:
                return node
            node = node.below[step]
        return node


def timings_of(root: Rows) -> Timing:
    """The tree of a run that is over, but not written yet."""
    return _Tree(root).grown()


class _Tree:
    def __init__(self, root: Rows) -> None:
        self._root = Timing("")
        self._rows = [root]
        self._homes: dict[tuple[int, int], Timing] = {(id(root), 0): self._root}

    def grown(self) -> Timing:
        for rows in self._rows:  # which grows meanwhile
            home = self._home(rows, 0)
            for number, one in enumerate(rows.selection.fields):
                if one.answer is not None:
                    self._timed(home, rows, number)
                self._rows += _below(rows, number)
        return self._root

    def _home(self, rows: Rows, number: int) -> Timing:
        """The node of the first place where an object stands."""
        key = (id(rows), number)
        if key not in self._homes:
            assert rows.standing is not None  # noqa: S101  # only the root stands nowhere
            cells, group = rows.standing
            self._homes[key] = self._cell(cells.place, _position(cells, group, number))
        return self._homes[key]

    def _cell(self, place: Place, position: int) -> Timing:
        """The node of a cell."""
        indexes: list[int] = []
        for lengths in reversed(place.lists):
            row, position = _row(lengths, position)
            indexes.append(position)
            position = row
        number = place.rows.selection.fields.index(place.field)
        node = self._timed(self._home(place.rows, position), place.rows, number)
        for index in reversed(indexes):
            node = node.below.setdefault(index, Timing(index))
        return node

    def _timed(self, home: Timing, rows: Rows, number: int) -> Timing:
        one = rows.selection.fields[number]
        if one.key not in home.below:
            begun, ended = (rows.times or {}).get(number, _NEVER)
            home.below[one.key] = Timing(one.key, one, begun, ended)
        return home.below[one.key]


def _below(rows: Rows, number: int) -> Sequence[Rows]:
    cells = rows.cells[number]
    while isinstance(cells, Many):
        cells = cells.inner
    return [r for r in cells.rows if len(r.objects)] if isinstance(cells, Objects) else ()


def _position(cells: Objects, group: int, number: int) -> int:
    """The first position of an object of one type, by its number among these."""
    if cells.homes is not None:
        number = cells.homes.index((group, number))
    return number if cells.numbers is None else cells.numbers.index(number)


def _row(lengths: Sequence[int], position: int) -> tuple[int, int]:
    """The list that holds an element of all lists in a row, and which it is of that list."""
    for row, length in enumerate(lengths):
        if position < length:
            return row, position
        position -= max(length, 0)
    raise IndexError(position)
