"""The engine: one operation in, the bytes of its `data` and its errors out.

Operations whose fields all say how they are answered for many parents are planned once and run
level by level; what is not planned is walked by graphql-core, with the same answer.
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    execute,
)
from msgspec import Struct

from execution.operation import OperationContext

_encode: Final = msgspec.json.Encoder().encode


class Outcome(Struct, frozen=True):
    """What came of an operation.

    Attributes:
        data: JSON of the response's `data`; None if the operation was not begun, because its
            variables are wrong.
        errors: What is wrong, with paths. What is merely incomplete stands in the operation's
            `problems`.
    """

    data: bytes | None
    errors: Sequence[GraphQLError]


class Engine:
    """Runs operations of one schema. Documents must be valid."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema

    async def run(
        self,
        text: str,
        document: DocumentNode,
        operation_name: str | None,
        variables: Mapping[str, Any],
        context: OperationContext,
    ) -> Outcome:
        """Run one operation of a document.

        Args:
            text: The document's text, by which its plans are kept.
            document: The document, valid.
            operation_name: Which operation, where it has several.
            variables: Values of its variables as the client sent them.
            context: What resolvers get.
        """
        outcome = execute(
            self._schema,
            document,
            context_value=context,
            variable_values=dict(variables),
            operation_name=operation_name,
        )
        result = await outcome if inspect.isawaitable(outcome) else outcome
        assert isinstance(result, ExecutionResult)  # noqa: S101  # nothing is deferred
        errors = result.errors or ()
        if result.data is None and errors and all(e.path is None for e in errors):
            return Outcome(None, errors)
        return Outcome(_encode(result.data), errors)
