"""What went wrong in a run, told at every path of the answer where it shows.

Objects that are the same are run once, so one error may stand at many paths. They are worked out
last, and only if there is an error.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

from graphql import GraphQLError
from graphql.error import located_error
from msgspec import Struct

from canonical.errors import SupplygraphError
from execution.cells import Place
from execution.operation import Operation

MOST_PATHS: Final = 20_000
"""Most paths that are told of one run: an answer with more errors than that is past reading."""


class _Report(Struct, frozen=True):
    cause: Any
    place: Place
    position: int


class Reports:
    """Errors of fields, and what is missing in values that are there, of one run."""

    def __init__(self) -> None:
        self._errors: list[_Report] = []
        self._problems: list[_Report] = []

    def error(self, cause: Exception, place: Place, position: int) -> None:
        """A field ended in an error at a position."""
        self._errors.append(_Report(cause, place, position))

    def problems(self, causes: Sequence[SupplygraphError], place: Place, position: int) -> None:
        """A field's value at a position is incomplete."""
        self._problems += [_Report(c, place, position) for c in causes]

    def errors(self) -> list[GraphQLError]:
        """All errors, each at its paths."""
        told = (
            located_error(_unlocated(r.cause), r.place.field.nodes, path)
            for r in self._errors
            for path in r.place.paths(r.position)
        )
        return list(islice(told, MOST_PATHS))

    def tell_problems(self, operation: Operation) -> None:
        """Report what is incomplete to the operation, at its paths."""
        told = ((r.cause, path) for r in self._problems for path in r.place.paths(r.position))
        for problem, path in islice(told, MOST_PATHS):
            operation.report(problem, path)


def _unlocated(cause: Exception) -> Exception:
    """The cause without a path of its own, which would win over ours."""
    if isinstance(cause, GraphQLError) and cause.path is not None:
        return GraphQLError(cause.message, original_error=cause, extensions=cause.extensions)
    return cause
