"""What arguments cost: each input object 1, and what the table says of an argument.

Values in the text are counted once; those of variables when they are known.
"""

from collections.abc import Mapping
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLSchema,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
)

from app.demand.sizes import Expression, total
from schema.costs import OBJECT


class Inputs:
    """Tells what arguments cost.

    Args:
        schema: The schema.
    """

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema

    def cost(self, field: GraphQLField, node: FieldNode, weights: Mapping[str, int]) -> Expression:
        """What the arguments of a field cost.

        Args:
            field: The field.
            node: Where it stands.
            weights: What some arguments cost if they are given.
        """
        parts: list[Expression] = []
        for argument in node.arguments or ():
            name, value = argument.name.value, argument.value
            parts.append(self._written(field.args[name].type, value))
            if name in weights:
                parts.append(_given(value, weights[name]))
        return total(parts)

    def _written(self, kind: Any, value: ValueNode) -> Expression:
        """What a value in the text costs."""
        if not isinstance(get_named_type(kind), GraphQLInputObjectType):
            return 0
        if isinstance(value, VariableNode):
            name = value.name.value
            return lambda values: self._sent(kind, values.get(name))
        kind = get_nullable_type(kind)
        if isinstance(kind, GraphQLList):
            inner = value.values if isinstance(value, ListValueNode) else [value]
            return total([self._written(kind.of_type, v) for v in inner])
        if not isinstance(value, ObjectValueNode):
            return 0
        fields = kind.fields
        return total(
            [OBJECT, *(self._written(fields[f.name.value].type, f.value) for f in value.fields)]
        )

    def _sent(self, kind: Any, value: Any) -> int:
        """What a value of a variable costs, which nothing has checked yet."""
        kind = get_nullable_type(kind)
        if value is None:
            return 0
        if isinstance(kind, GraphQLList):
            inner = value if isinstance(value, list) else [value]
            return sum(self._sent(kind.of_type, v) for v in inner)
        if not isinstance(kind, GraphQLInputObjectType) or not isinstance(value, Mapping):
            return 0
        known = kind.fields
        return OBJECT + sum(
            self._sent(known[name].type, inner) for name, inner in value.items() if name in known
        )


def _given(value: ValueNode, weight: int) -> Expression:
    if isinstance(value, NullValueNode):
        return 0
    if not isinstance(value, VariableNode):
        return weight
    name = value.name.value
    return lambda values: 0 if values.get(name) is None else weight
