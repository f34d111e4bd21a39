"""Results of a field for all its parents, put in order: which objects, which of them are the same.

    values of a field -> Many (lists in lists) -> Objects, each distinct one once -> Rows (one type)
                                               -> Leaves

Nothing is copied for a parent that shares its child with others: it has the child's number.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Final

from execution.plans import Field, Selection

NULL: Final = -1
"""In place of a child's number or a list's length: there is none."""
FAILED: Final = -2
"""As NULL, because of an error that is reported already."""


class Leaves:
    """Values of a leaf field, errors among them."""

    __slots__ = ("values",)

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = values


class Many:
    """Lists: how long each is, and the cells of all their elements one after another."""

    __slots__ = ("inner", "lengths")

    def __init__(self, lengths: list[int], inner: "Cells") -> None:
        self.lengths = lengths
        self.inner = inner


class Objects:
    """Objects.

    Attributes:
        numbers: For each position the number of its object, or NULL or FAILED; None where position
            and number are the same.
        homes: For each number its rows and its place in them; None where all are in the one `rows`.
        rows: The objects, type by type.
    """

    __slots__ = ("homes", "numbers", "rows")

    def __init__(
        self,
        numbers: list[int] | None,
        rows: "Sequence[Rows]",
        homes: list[tuple[int, int]] | None = None,
    ) -> None:
        self.numbers = numbers
        self.rows = rows
        self.homes = homes


Cells = Leaves | Many | Objects


class Place:
    """Where cells stand: in which lists of which field of which rows.

    Attributes:
        rows: The parents.
        field: The field.
        lists: Lengths of the lists around, outermost first.
    """

    __slots__ = ("field", "lists", "rows")

    def __init__(self, rows: "Rows", field: Field, lists: tuple[list[int], ...] = ()) -> None:
        self.rows = rows
        self.field = field
        self.lists = lists

    def inside(self, lengths: list[int]) -> "Place":
        """The place of the elements of lists that stand here."""
        return Place(self.rows, self.field, (*self.lists, lengths))

    def paths(self, position: int) -> Iterator[tuple[str | int, ...]]:
        """Every path of the answer at which the cell at a position stands."""
        indexes: list[int] = []
        for lengths in reversed(self.lists):
            ends = list(accumulate(max(n, 0) for n in lengths))
            row = bisect_right(ends, position)
            indexes.append(position - (ends[row - 1] if row else 0))
            position = row
        indexes.reverse()
        for path in self.rows.paths(position):
            yield (*path, self.field.key, *indexes)


class Rows:
    """Distinct objects of one type, and what their fields came to.

    Attributes:
        selection: What is asked of them.
        objects: The objects.
        cells: Results, field by field; None before they are there, and for `__typename`.
    """

    __slots__ = ("_place", "_positions", "cells", "objects", "selection")

    def __init__(self, selection: Selection, objects: Sequence[Any], place: Place | None) -> None:
        self.selection = selection
        self.objects = objects
        self.cells: list[Cells | None] = [None] * len(selection.fields)
        self._place = place
        self._positions: dict[int, list[int]] | None = None

    def stand_at(self, numbers: Iterable[int]) -> None:
        """Say which object of these stands at each position; negative where none does."""
        found: dict[int, list[int]] = {}
        for position, number in enumerate(numbers):
            found.setdefault(number, []).append(position)
        self._positions = found

    def paths(self, number: int) -> Iterator[tuple[str | int, ...]]:
        """Every path of the answer at which an object stands."""
        if self._place is None:
            yield ()
            return
        positions = [number] if self._positions is None else self._positions.get(number, [])
        for position in positions:
            yield from self._place.paths(position)
