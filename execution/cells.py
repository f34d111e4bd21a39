"""Results of a field for all its parents, put in order: which objects, which of them are the same.

    values of a field -> Many (lists in lists) -> Objects, each distinct one once -> Rows (one type)
                                               -> Leaves

Nothing is copied for a parent that shares its child with others: it has the child's number.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, Final

from execution.plans import Field, Selection

NULL: Final = -1
"""In place of a child's number or a list's length: there is none."""
FAILED: Final = -2
"""As NULL, because of an error that is reported already."""


class Leaves:
    """Values of a leaf field, errors among them, and where they stand."""

    __slots__ = ("place", "values")

    def __init__(self, values: Sequence[Any], place: "Place") -> None:
        self.values = values
        self.place = place


class Many:
    """Lists: how long each is, the cells of all their elements in a row, and where they stand."""

    __slots__ = ("inner", "lengths", "place")

    def __init__(self, lengths: list[int], inner: "Cells", place: "Place") -> None:
        self.lengths = lengths
        self.inner = inner
        self.place = place


class Objects:
    """Objects.

    Attributes:
        numbers: For each position the number of its object, or NULL or FAILED; None where position
            and number are the same.
        rows: The objects, type by type.
        homes: For each number its rows and its place in them; None where all are in the one `rows`.
        place: Where they stand.
    """

    __slots__ = ("homes", "numbers", "place", "rows")

    def __init__(
        self,
        numbers: list[int] | None,
        rows: "Sequence[Rows]",
        place: "Place",
        homes: list[tuple[int, int]] | None = None,
    ) -> None:
        self.numbers = numbers
        self.rows = rows
        self.place = place
        self.homes = homes
        for group, one in enumerate(rows):
            one.standing = (self, group)

    def positions(self, group: int) -> dict[int, list[int]]:
        """For each object of one type, by its place in its rows, the positions where it stands."""
        found: dict[int, list[int]] = {}
        for position, number in enumerate(self.numbers or ()):
            if number >= 0:
                home = (0, number) if self.homes is None else self.homes[number]
                if home[0] == group:
                    found.setdefault(home[1], []).append(position)
        return found


Cells = Leaves | Many | Objects


class Place:
    """Where cells stand: in which lists of which field of which rows.

    Attributes:
        rows: The parents.
        field: The field.
        lists: Lengths of the lists around, outermost first.
    """

    __slots__ = ("_ends", "field", "lists", "rows")

    def __init__(self, rows: "Rows", field: Field, lists: tuple[list[int], ...] = ()) -> None:
        self.rows = rows
        self.field = field
        self.lists = lists
        self._ends: list[list[int]] | None = None

    def inside(self, lengths: list[int]) -> "Place":
        """The place of the elements of lists that stand here."""
        return Place(self.rows, self.field, (*self.lists, lengths))

    def paths(self, position: int) -> Iterator[tuple[str | int, ...]]:
        """Every path at which the cell at a position stands, from the number of its root on."""
        indexes: list[int] = []
        if self._ends is None:  # once for all errors that stand here
            self._ends = [list(accumulate(max(n, 0) for n in lengths)) for lengths in self.lists]
        for ends in reversed(self._ends):
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
        standing: The cells that they are the objects of, and which type of these; None at the root.
        times: When fields were begun and when their values were there, by number of the field, in
            nanoseconds; None where nobody asks for it.
    """

    __slots__ = ("_positions", "cells", "objects", "selection", "standing", "times")

    def __init__(self, selection: Selection, objects: Sequence[Any]) -> None:
        self.selection = selection
        self.objects = objects
        self.cells: list[Cells | None] = [None] * len(selection.fields)
        self.standing: tuple[Objects, int] | None = None
        self.times: dict[int, tuple[int, int]] | None = None
        self._positions: dict[int, list[int]] | None = None

    def begun(self, number: int, moment_ns: int) -> None:
        """Note that a field was begun."""
        if self.times is None:
            self.times = {}
        self.times[number] = (moment_ns, moment_ns)

    def ended(self, number: int, moment_ns: int) -> None:
        """Note that the values of a field, which was begun, are there."""
        assert self.times is not None  # noqa: S101  # it was begun
        self.times[number] = (self.times[number][0], moment_ns)

    def inner_objects(self) -> list[Any]:
        """The objects that their fields have led to, in the order of the fields."""
        found: list[Any] = []
        for cells in self.cells:
            inner = cells
            while isinstance(inner, Many):
                inner = inner.inner
            if isinstance(inner, Objects):
                found += (one for rows in inner.rows for one in rows.objects)
        return found

    def paths(self, number: int) -> Iterator[tuple[str | int, ...]]:
        """Every path at which an object stands, from the number of its root on."""
        if self.standing is None:
            yield (number,)
            return
        cells, group = self.standing
        if cells.numbers is None:
            yield from cells.place.paths(number)
            return
        if self._positions is None:
            self._positions = cells.positions(group)
        for position in self._positions.get(number, ()):
            yield from cells.place.paths(position)
