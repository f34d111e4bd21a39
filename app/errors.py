"""Errors as clients see them: what was wrong, where, and what to do.

Never what it looks like inside.

Errors of our own tree keep their message and say their code; errors of the GraphQL engine are about
the question and are passed on; anything else is a fault of ours, told only by its correlation id
and logged whole.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import structlog
from graphql import GraphQLError

from canonical.errors import SupplygraphError

_log = structlog.get_logger("supplygraph.errors")

MAX_ERRORS: Final = 100
"""Errors of one answer; how many more there are is said in a last one."""

_ALIKE: Final = 20

Path = Sequence[str | int]
Told = dict[str, Any]


def told(error: GraphQLError, correlation_id: str) -> Told:
    """An error of an operation as it is sent.

    Args:
        error: What the engine reports, with the error of a resolver as its cause.
        correlation_id: Of the operation.
    """
    cause = error.original_error
    if isinstance(cause, SupplygraphError):
        shown = _own(cause, correlation_id)
    elif cause is None or isinstance(cause, GraphQLError):
        code = str((error.extensions or {}).get("code", "BAD_USER_INPUT"))
        shown = _told(error.message, code, correlation_id)
    else:
        _log.error("internal error", path=error.path, exc_info=cause)
        message = "something went wrong here; quote the correlation id to the operators"
        shown = _told(message, "INTERNAL", correlation_id)
    if error.locations:
        shown["locations"] = [{"line": x.line, "column": x.column} for x in error.locations]
    if error.path:
        shown["path"] = list(error.path)
    return shown


def told_problem(problem: SupplygraphError, path: Path, correlation_id: str) -> Told:
    """What is missing at a path whose value is there nonetheless."""
    return {**_own(problem, correlation_id), "path": list(path)}


def told_refusal(problem: SupplygraphError, correlation_id: str) -> Told:
    """Why a whole request was refused."""
    return _own(problem, correlation_id)


def bounded(errors: Iterable[Told], correlation_id: str) -> list[Told]:
    """The errors of an answer, a bounded number of them.

    Where many positions of a list have the same error, the first stands for all and says for how
    many.
    """
    groups: dict[tuple[object, ...], list[Told]] = {}
    for error in errors:
        fields = tuple(p for p in error.get("path", ()) if isinstance(p, str))
        groups.setdefault((error["message"], fields), []).append(error)
    kept: list[Told] = []
    for alike in groups.values():
        if len(alike) <= _ALIKE:
            kept += alike
        else:
            first = alike[0]
            kept.append({**first, "extensions": {**first["extensions"], "positions": len(alike)}})
    if len(kept) > MAX_ERRORS:
        left_out = len(kept) - MAX_ERRORS
        kept = kept[:MAX_ERRORS]
        kept.append(
            _told(f"{left_out} further errors are not shown", "MORE_ERRORS", correlation_id)
        )
    return kept


def _own(error: SupplygraphError, correlation_id: str) -> Told:
    shown = _told(error.message, error.code, correlation_id)
    shown["extensions"].update(error.details())
    return shown


def _told(message: str, code: str, correlation_id: str) -> Told:
    return {"message": message, "extensions": {"code": code, "correlationId": correlation_id}}
