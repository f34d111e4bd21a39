"""Running one operation in one setting with one engine, and what came of it."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from graphql import (
    DirectiveNode,
    DocumentNode,
    GraphQLError,
    NameNode,
    OperationDefinitionNode,
    Visitor,
    visit,
)
from graphql.type.directives import GraphQLDisableErrorPropagationDirective
from msgspec import Struct
from typing_extensions import override

from canonical.errors import SupplygraphError
from execution.engine import Engine, Outcome
from execution.operation import NO_MASK, BatchError, Mask, Operation, OperationContext
from tests.differential.operations import Asking
from tests.differential.settings import PATIENCE_S, Opening

Path = tuple[str | int, ...]


class Told(Struct, frozen=True, order=True):
    """What is told of an error or a problem."""

    path: tuple[str, ...]
    code: str
    message: str
    locations: tuple[tuple[int, int], ...] = ()

    @property
    def steps(self) -> Path:
        """The path with its indices as numbers."""
        return tuple(int(p[1:]) if p.startswith("#") else p[1:] for p in self.path)


class Ran(Struct, frozen=True):
    """What came of an operation.

    Attributes:
        data: The answer's `data`; None if the operation was not begun.
        begun: Whether it was.
        errors: What went wrong, sorted.
        problems: What is incomplete, sorted.
        calls: Requests to each source.
        fault: What was raised out of the engine; empty if nothing.
        possible: Errors of which any may be told; None if only `errors` are.
    """

    data: Any
    begun: bool
    errors: Sequence[Told]
    problems: Sequence[Told]
    calls: Mapping[str, int]
    fault: str = ""
    possible: frozenset[Told] | None = None


class RepeatedKeyError(Exception):
    """An object of an answer has a key twice."""


class Unspreading(Engine):
    """graphql-core, going on where a null would spread: so it meets every error that there is."""

    @override
    async def run(
        self,
        text: str,
        document: DocumentNode,
        operation_name: str | None,
        variables: Mapping[str, Any],
        context: OperationContext,
        *,
        mask: Mask = NO_MASK,
    ) -> Outcome:
        """As every engine, but for the nulls."""
        changed = unspreading(document)
        return await super().run(text, changed, operation_name, variables, context, mask=mask)


def unspreading(document: DocumentNode) -> DocumentNode:
    """The document with a directive, for graphql-core alone, that keeps nulls where they are."""
    changed: DocumentNode = visit(document, _Unspread())
    return changed


class _Unspread(Visitor):
    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> Any:
        name = NameNode(value=GraphQLDisableErrorPropagationDirective.name)
        directives = (*(node.directives or ()), DirectiveNode(name=name, arguments=()))
        parts = {k: getattr(node, k) for k in node.keys if k != "directives"}
        return OperationDefinitionNode(**parts, directives=directives)


def run(
    engine: Engine,
    setting: Opening,
    asking: Asking,
    document: DocumentNode,
    who: str,
    mask: Mask = NO_MASK,
) -> list[Ran]:
    """Run an operation, each time that it is sent, in a setting where nothing was asked before."""

    async def each() -> list[Ran]:
        runs = [_run(engine, setting, asking, document, (who, mask), v) for v in asking.variables]
        return await asyncio.gather(*runs) if asking.together else [await r for r in runs]

    return asyncio.run(each())


async def _run(
    engine: Engine,
    setting: Opening,
    asking: Asking,
    document: DocumentNode,
    caller: tuple[str, Mask],
    variables: Mapping[str, Any],
) -> Ran:
    operation = Operation()
    who, mask = caller
    opened = setting.opened(operation, who)
    try:
        async with asyncio.timeout(PATIENCE_S):
            outcome = await engine.run(
                asking.text, document, asking.operation_name, variables, opened.context, mask=mask
            )
        data = None if outcome.data is None else decoded(outcome.data)
    except (Exception, asyncio.CancelledError) as exc:  # noqa: BLE001  # a finding, not a failure
        return Ran(None, False, (), (), {}, fault=repr(exc))
    finally:
        operation.scheduler.end()
    return came_of(data, outcome, opened.calls())


def came_of(data: Any, outcome: Outcome, calls: Mapping[str, int]) -> Ran:
    """What came of an operation, or of one event, in a form that can be compared."""
    return Ran(
        data,
        outcome.data is not None,
        sorted(map(_told, outcome.errors)),
        sorted(Told(_path(path), p.code, p.message) for p, path in outcome.problems),
        calls,
    )


def decoded(data: bytes) -> Any:
    """JSON with the order of its keys.

    Raises:
        RepeatedKeyError: if an object has a key twice.
    """
    return json.loads(data, object_pairs_hook=_once)


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    known = list(pairs)
    made = dict(known)
    if len(made) < len(known):
        raise RepeatedKeyError([k for k, _ in known])
    return made


def _told(error: GraphQLError) -> Told:
    cause: BaseException | None = error.original_error
    if isinstance(cause, BatchError) and cause.__cause__ is not None:
        cause = cause.__cause__
    code = cause.code if isinstance(cause, SupplygraphError) else type(cause).__name__
    message = str(cause) if cause is not None else error.message
    if message.startswith(_NO_LIST):
        code, message = "FAULT", "what should be a list is none"
    places = tuple((x.line, x.column) for x in error.locations or ())
    return Told(_path(error.path or ()), code, message, places)


_NO_LIST: Final = ("Expected Iterable, but did not find one", "Expected a list, but got")
"""A fault of resolvers, which clients are not told: each engine says it in its own words."""


def _path(path: Iterable[str | int]) -> tuple[str, ...]:
    """A path in a form that can be sorted."""
    return tuple(f"#{p}" if isinstance(p, int) else f".{p}" for p in path)
