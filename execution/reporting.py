"""What went wrong in a run, told at every path of an answer where it shows.

Objects that are the same are run once, so one error may stand at many paths, and in the answers of
several roots. They are worked out last, and only if there is an error.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from graphql import GraphQLError
from graphql.error import located_error
from msgspec import Struct

from canonical.errors import SupplygraphError
from execution.cells import Place
from execution.operation import Path

MOST_PATHS: Final = 20_000
"""Most paths that are told of one root: an answer with more errors than that is past reading."""


class _Report(Struct, frozen=True):
    cause: Any
    place: Place
    position: int


class Reports:
    """Errors of fields, and what is missing in values that are there, of one run.

    Args:
        roots: How many answers the run makes.
    """

    def __init__(self, roots: int) -> None:
        self._roots = roots
        self._errors: list[_Report] = []
        self._problems: list[_Report] = []

    def error(self, cause: Exception, place: Place, position: int) -> None:
        """A field ended in an error at a position."""
        self._errors.append(_Report(cause, place, position))

    def problems(self, causes: Sequence[SupplygraphError], place: Place, position: int) -> None:
        """A field's value at a position is incomplete."""
        self._problems += [_Report(c, place, position) for c in causes]

    def errors(self) -> list[list[GraphQLError]]:
        """For each root its errors, each at its paths."""
        told: list[list[GraphQLError]] = [[] for _ in range(self._roots)]
        for r, root, path in self._placed(self._errors):
            told[root].append(located_error(_unlocated(r.cause), r.place.field.nodes, path))
        return told

    def incomplete(self) -> list[list[tuple[SupplygraphError, Path]]]:
        """For each root what is missing in its answer, at its paths."""
        told: list[list[tuple[SupplygraphError, Path]]] = [[] for _ in range(self._roots)]
        for r, root, path in self._placed(self._problems):
            told[root].append((r.cause, path))
        return told

    def _placed(self, reports: Sequence[_Report]) -> Iterator[tuple[_Report, int, Path]]:
        places = ((r, int(p[0]), p[1:]) for r in reports for p in r.place.paths(r.position))
        return islice(places, MOST_PATHS * self._roots)


def _unlocated(cause: Exception) -> Exception:
    """The cause without a path of its own, which would win over ours."""
    if isinstance(cause, GraphQLError) and cause.path is not None:
        return GraphQLError(cause.message, original_error=cause, extensions=cause.extensions)
    return cause
