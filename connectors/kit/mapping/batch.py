"""Rows, or elements of lists in them, that are read together; and their values by path."""

from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from operator import itemgetter
from typing import Any

from connectors.kit.mapping.paths import BadValueError, Env, Getter, walk


class OddError(BadValueError):
    """Something in a batch is not as it mostly is: its rows are to be read one by one."""


class Batch:
    """Elements that are read together.

    Args:
        elements: Rows; or the elements of a list that each row of `outer` has.
        outer: What the elements are parts of; None for rows.
        counts: How many of them belong to each of `outer`, in order.
        places: The place of each in its list, from 0, where that is asked for.
    """

    __slots__ = ("_columns", "_counts", "_envs", "_outer", "elements", "places")

    def __init__(
        self,
        elements: Sequence[Any],
        outer: "Batch | None" = None,
        counts: Sequence[int] = (),
        places: Sequence[int] | None = None,
    ) -> None:
        self.elements = elements
        self.places = places
        self._outer = outer
        self._counts = counts
        self._columns: dict[str, Sequence[Any]] = {}
        self._envs: Sequence[Env] | None = None

    @property
    def envs(self) -> Sequence[Env]:
        """For each element the environment of the record that it belongs to."""
        if self._envs is None:
            if self._outer is None:
                self._envs = [Env([row]) for row in self.elements]
            else:
                self._envs = self.spread(self._outer.envs)
        return self._envs

    def env(self, at: int) -> Env:
        """The environment of one element."""
        if self._envs is not None:
            return self._envs[at]
        if self._outer is None:
            return Env([self.elements[at]])
        return self._outer.env(self.spread(range(len(self._counts)))[at])

    def at(self, path: str) -> Sequence[Any]:
        """The value at a path, for each element.

        Raises:
            BadValueError: if something on the way is no object.
        """
        found = self._columns.get(path)
        if found is None:
            found = self._columns[path] = self._read(path)
        return found

    def each(self, get: Getter) -> list[Any]:
        """What a getter gives for each element.

        Raises:
            BadValueError: if it does for one of them.
        """
        if self.places is None:
            return list(map(get, self.elements, self.envs))
        found: list[Any] = []
        for element, env, place in zip(self.elements, self.envs, self.places, strict=True):
            env.place = place
            found.append(get(element, env))
        return found

    def spread(self, values: Iterable[Any]) -> list[Any]:
        """For each element the one of some values of `outer` that belongs to it."""
        return list(chain.from_iterable(map(repeat, values, self._counts)))

    def _read(self, path: str) -> Sequence[Any]:
        if path == ".":
            return self.elements
        if path.startswith("/") and self._outer is not None:
            return self.spread(self._outer.at(path))
        if path == "/":
            return self.elements
        column: Sequence[Any] = self.elements
        for name in path.lstrip("/").split("."):
            column = _step(column, name)
        return column


def types_of(values: Iterable[Any]) -> set[type[Any]]:
    """The types of some values."""
    return set(map(type, values))


def demanded(values: list[Any], *, required: bool) -> list[Any]:
    """The values, of which none may be null if a value is required.

    Raises:
        OddError: if one is.
    """
    if required and type(None) in types_of(values):
        raise OddError
    return values


def _step(column: Sequence[Any], name: str) -> list[Any]:
    """One step of a path, which most rows have."""
    try:
        return list(map(itemgetter(name), column))
    except (KeyError, TypeError):
        if types_of(column) == {dict}:
            return [element.get(name) for element in column]
        return [walk(element, (name,)) for element in column]
