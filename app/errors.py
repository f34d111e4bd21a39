"""Errors as clients see them: what was wrong, where, what to do; never what it is like inside.

Errors of our own tree keep their message and say their code; errors of the GraphQL engine are about
the question and are passed on; anything else is a fault of ours, told only by its correlation id
and logged whole, once.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import structlog
from graphql import GraphQLError

from canonical.errors import SupplygraphError
from execution.operation import BatchError

_log = structlog.get_logger("supplygraph.errors")

MAX_ERRORS: Final = 100
"""Errors of one answer; how many more there are is said in a last one."""

_ALIKE: Final = 20
_JSON_WORDS: Final = {"None": "null", "True": "true", "False": "false"}
_PYTHON: Final = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\b(?:None|True|False)\b""")
_LONGEST: Final = 1_000

Path = Sequence[str | int]
Told = dict[str, Any]


class Translator:
    """Tells the errors of one operation.

    Args:
        correlation_id: Of the operation.
    """

    def __init__(self, correlation_id: str) -> None:
        self._correlation_id = correlation_id
        self._logged: list[BaseException] = []

    def all(
        self, errors: Iterable[GraphQLError], problems: Iterable[tuple[SupplygraphError, Path]]
    ) -> list[Told]:
        """The errors of an answer, a bounded number of them.

        Args:
            errors: What the engine reports, with the error of a resolver as its cause.
            problems: What is missing at paths whose values are there nonetheless.
        """
        told = [self._error(e) for e in errors]
        return self._bounded([*told, *(self.problem(p, path) for p, path in problems)])

    def problem(self, problem: SupplygraphError, path: Path = ()) -> Told:
        """An error of our own tree, at a path if it is about a part of the answer."""
        shown = told_refusal(problem, self._correlation_id)
        return {**shown, "path": list(path)} if path else shown

    def _error(self, error: GraphQLError) -> Told:
        cause = _cause(error)
        if isinstance(cause, SupplygraphError):
            shown = told_refusal(cause, self._correlation_id)
        elif cause is None or isinstance(cause, GraphQLError):
            code = str((error.extensions or {}).get("code", "BAD_USER_INPUT"))
            shown = _told(_in_json_words(error.message), code, self._correlation_id)
            shown["extensions"].update(
                {k: v for k, v in (error.extensions or {}).items() if k == "coordinate"}
            )
        else:
            shown = self._fault(cause, error.path)
        if error.locations:
            shown["locations"] = [{"line": x.line, "column": x.column} for x in error.locations]
        if error.path:
            shown["path"] = list(error.path)
        return shown

    def _fault(self, cause: BaseException, path: Path | None) -> Told:
        if any(cause is known for known in self._logged):
            return _told_fault(self._correlation_id)
        self._logged.append(cause)
        return told_fault(cause, self._correlation_id, path)

    def _bounded(self, errors: Iterable[Told]) -> list[Told]:
        """Where many positions of a list have the same error, the first stands for all."""
        groups: dict[tuple[object, ...], list[Told]] = {}
        for error in errors:
            fields = tuple(p for p in error.get("path", ()) if isinstance(p, str))
            groups.setdefault((error["message"], fields), []).append(error)
        kept: list[Told] = []
        for alike in groups.values():
            if len(alike) <= _ALIKE:
                kept += alike
            else:
                said = {**alike[0]["extensions"], "positions": len(alike)}
                kept.append({**alike[0], "extensions": said})
        if len(kept) > MAX_ERRORS:
            message = f"{len(kept) - MAX_ERRORS} further errors are not shown"
            kept[MAX_ERRORS:] = [_told(message, "MORE_ERRORS", self._correlation_id)]
        return kept


def told_codes(told: Iterable[Told]) -> tuple[str, ...]:
    """The codes of errors that were told, each once, in order."""
    return tuple(dict.fromkeys(error["extensions"]["code"] for error in told))


def codes_of(
    errors: Iterable[GraphQLError], problems: Iterable[tuple[SupplygraphError, Path]]
) -> list[str]:
    """The codes under which errors and problems are told, each once, in order."""
    codes = [*map(_code, errors), *(problem.code for problem, _ in problems)]
    return list(dict.fromkeys(codes))


def _code(error: GraphQLError) -> str:
    cause = _cause(error)
    if isinstance(cause, SupplygraphError):
        return cause.code
    if cause is None or isinstance(cause, GraphQLError):
        return str((error.extensions or {}).get("code", "BAD_USER_INPUT"))
    return SupplygraphError.code


def _cause(error: GraphQLError) -> BaseException | None:
    cause: BaseException | None = error.original_error
    if isinstance(cause, BatchError) and cause.__cause__ is not None:
        return cause.__cause__
    return cause


def told_refusal(problem: SupplygraphError, correlation_id: str) -> Told:
    """An error of our own tree."""
    shown = _told(problem.message, problem.code, correlation_id)
    shown["extensions"].update(problem.details())
    return shown


def told_request(message: str, code: str, correlation_id: str) -> Told:
    """Why an HTTP request was not answered."""
    return _told(message, code, correlation_id)


def told_fault(cause: BaseException, correlation_id: str, path: Path | None = None) -> Told:
    """A fault of ours: the client gets its number, the log gets the rest."""
    _log.error("internal error", correlation_id=correlation_id, path=path, exc_info=cause)
    return _told_fault(correlation_id)


def _in_json_words(message: str) -> str:
    """What graphql-core says in words of Python, outside of quotation marks."""
    shown = message[: _LONGEST + 1]  # what is longer is cut off anyway, and takes its time
    return _PYTHON.sub(lambda found: _JSON_WORDS.get(found[0], found[0]), shown)


def _told_fault(correlation_id: str) -> Told:
    message = "something went wrong here; quote the correlation id to the operators"
    return _told(message, "INTERNAL_SERVER_ERROR", correlation_id)


def _told(message: str, code: str, correlation_id: str) -> Told:
    if len(message) > _LONGEST:
        message = f"{message[: _LONGEST - 3]}..."
    return {"message": message, "extensions": {"code": code, "correlationId": correlation_id}}
