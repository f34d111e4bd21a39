"""Arguments of one field of a plan: literals are coerced once, what holds variables at each run."""

from collections.abc import Mapping
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLSchema,
    ValueNode,
    VariableNode,
    get_argument_values,
)
from graphql.execution.values import VariableValues
from strawberry.types.arguments import convert_arguments

from execution.fields import DEFINITION
from execution.links import canonical_arguments


class Arguments:
    """A field's arguments.

    Args:
        schema: The schema, made by strawberry.
        definition: The field's definition.
        node: Where the field stands.
    """

    def __init__(self, schema: GraphQLSchema, definition: GraphQLField, node: FieldNode) -> None:
        self._schema = schema.extensions[DEFINITION]
        self._definition = definition
        self._node = node
        self._constant = not any(_holds_variable(a.value) for a in node.arguments or ())
        self._known: Mapping[str, Any] | None = None

    def values(self, variables: VariableValues) -> Mapping[str, Any]:
        """The arguments as batch resolvers take them; not to be changed.

        Raises:
            GraphQLError: if one of them cannot be what it has to be.
        """
        if self._known is not None:
            return self._known
        made = self._made(variables)
        if self._constant:
            self._known = made
        return made

    def _made(self, variables: VariableValues) -> Mapping[str, Any]:
        given = get_argument_values(self._definition, self._node, variables)
        converted = convert_arguments(
            given,
            self._definition.extensions[DEFINITION].arguments,
            scalar_registry=self._schema.schema_converter.scalar_registry,
            config=self._schema.config,
        )
        return canonical_arguments(converted)


def _holds_variable(value: ValueNode) -> bool:
    if isinstance(value, VariableNode):
        return True
    inner = getattr(value, "values", None) or [
        f.value for f in getattr(value, "fields", None) or ()
    ]
    return any(_holds_variable(v) for v in inner)
