"""Arguments of one field of a plan: what holds no variable is worked out once.

Most arguments are literals, or variables of leaf types that need no conversion: these take a
look-up at each run. Whatever is more than that goes the whole way, through graphql-core and
strawberry.
"""

from collections.abc import Mapping
from typing import Any

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLNonNull,
    GraphQLSchema,
    Undefined,
    ValueNode,
    VariableNode,
    get_argument_values,
    get_nullable_type,
    is_leaf_type,
)
from graphql.execution.values import VariableValues
from msgspec import Struct
from strawberry.types.arguments import convert_arguments

from execution.fields import DEFINITION
from execution.links import canonical_arguments


class _Variable(Struct, frozen=True):
    """An argument that is a variable of a leaf type; `required` if it may not be null."""

    argument: str
    variable: str
    required: bool


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
        given = {a.name.value: a.value for a in node.arguments or ()}
        self._variables = self._plain_variables(given)
        held = [v for v in given.values() if _holds_variable(v)]
        self._whole_way = len(held) > len(self._variables)
        self._constants: Mapping[str, Any] | None = None

    def values(self, variables: VariableValues) -> Mapping[str, Any]:
        """The arguments as batch resolvers take them; not to be changed.

        Raises:
            GraphQLError: if one of them cannot be what it has to be.
            SupplygraphError: if an input's own rules are broken.
        """
        if self._whole_way:
            return self._made(self._definition.args, variables)
        if self._constants is None:
            inner = {v.argument for v in self._variables}
            named = self._python_names()
            rest = {n: a for n, a in self._definition.args.items() if named[n] not in inner}
            self._constants = self._made(rest, variables)
        if not self._variables:
            return self._constants
        found = dict(self._constants)
        for variable in self._variables:
            value = variables.coerced.get(variable.variable)
            if value is not None:
                found[variable.argument] = value
            elif variable.required:
                return self._made(self._definition.args, variables)
        return found

    def _plain_variables(self, given: Mapping[str, ValueNode]) -> tuple[_Variable, ...]:
        """Arguments that are variables of leaf types, and have no default to fall back on."""
        named = self._python_names()
        found: list[_Variable] = []
        for name, value in given.items():
            argument = self._definition.args[name]
            plain = is_leaf_type(get_nullable_type(argument.type)) and not _has_default(argument)
            if isinstance(value, VariableNode) and plain:
                required = isinstance(argument.type, GraphQLNonNull)
                found.append(_Variable(named[name], value.name.value, required))
        return tuple(found)

    def _python_names(self) -> Mapping[str, str]:
        name_of = self._schema.config.name_converter.from_argument
        declared = self._definition.extensions[DEFINITION].arguments
        return {name_of(a): a.python_name for a in declared}

    def _made(
        self, arguments: Mapping[str, GraphQLArgument], variables: VariableValues
    ) -> Mapping[str, Any]:
        part = GraphQLField(self._definition.type, args=dict(arguments))
        given = get_argument_values(part, self._node, variables)
        converted = convert_arguments(
            given,
            self._definition.extensions[DEFINITION].arguments,
            scalar_registry=self._schema.schema_converter.scalar_registry,
            config=self._schema.config,
        )
        return canonical_arguments(converted)


def _has_default(argument: GraphQLArgument) -> bool:
    return argument.default is not None or argument.default_value is not Undefined


def _holds_variable(value: ValueNode) -> bool:
    if isinstance(value, VariableNode):
        return True
    fields = getattr(value, "fields", None) or ()
    inner = (*(getattr(value, "values", None) or ()), *(f.value for f in fields))
    return any(_holds_variable(v) for v in inner)
