"""How long lists will be, and sums and products of what depends on variables.

What a client gave is read as it is sent, before anything has checked it: what cannot be a length
counts like none given, and nothing makes a list shorter than empty.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    get_nullable_type,
    is_list_type,
)

from schema.costs import ASSUMED, ListSize

Expression = int | Callable[[Mapping[str, Any]], int]
"""A number, or what works it out from values of variables."""

_MOST: Final = 1_000_000_000
_DIGITS: Final = 10


class Sizes:
    """Tells how long lists are.

    Args:
        schema: The schema, of which questions about the schema are answered.
        page_size: Records of a page where nothing is said.
    """

    def __init__(self, schema: GraphQLSchema, page_size: int) -> None:
        self._page_size = page_size
        self._of_schema = _of_schema(schema)

    def of(
        self, owner: str, field: GraphQLField, node: FieldNode, said: ListSize | None
    ) -> Expression:
        """The length of a field's list, or of the lists in what it returns; 1 if it has neither."""
        if said is None:
            if not is_list_type(get_nullable_type(field.type)):
                return 1
            return self._of_schema.get((owner, node.name.value), ASSUMED)
        assumed = self._page_size if said.sized_fields else said.assumed_size
        given = {a.name.value: a.value for a in node.arguments or ()}
        lengths = [
            _length(given[name], assumed)
            if name in given
            else _default(field.args[name].default_value, assumed)
            for name in said.slicing_arguments
        ]
        if not lengths:
            return assumed
        return lengths[0] if len(lengths) == 1 else _longest(lengths)


def total(parts: Iterable[Expression]) -> Expression:
    """A sum."""
    fixed, functions = 0, []
    for part in parts:
        if isinstance(part, int):
            fixed += part
        else:
            functions.append(part)
    if not functions:
        return fixed
    if len(functions) == 1:
        only = functions[0]
        return lambda values: fixed + only(values) if fixed else only(values)
    return lambda values: fixed + sum(f(values) for f in functions)


def product(size: Expression, each: Expression) -> Expression:
    """What as many cost."""
    if isinstance(size, int):
        if isinstance(each, int):
            return size * each
        return each if size == 1 else lambda values: size * each(values)
    if isinstance(each, int):
        return (lambda values: size(values) * each) if each else 0
    return lambda values: size(values) * each(values)


def as_length(value: Any, otherwise: int) -> int:
    """What a slicing argument's value makes a list's length."""
    if isinstance(value, list):
        return len(value)
    if isinstance(value, str):
        return 1  # a list may be given by its only element
    if isinstance(value, bool) or not isinstance(value, int | float):
        return otherwise
    if isinstance(value, float) and math.isnan(value):
        return otherwise
    return int(min(max(value, 0), _MOST))


def _length(value: ValueNode, assumed: int) -> Expression:
    if isinstance(value, VariableNode):
        name = value.name.value
        return lambda values: as_length(values.get(name), assumed)
    if isinstance(value, ListValueNode):
        return len(value.values)
    if isinstance(value, NullValueNode):
        return assumed
    if not isinstance(value, IntValueNode):
        return 1
    text = value.value
    if text.startswith("-"):
        return 0
    return int(text) if len(text) <= _DIGITS else _MOST


def _default(value: Any, assumed: int) -> int:
    return assumed if value is Undefined else as_length(value, assumed)


def _longest(lengths: Sequence[Expression]) -> Expression:
    return lambda values: max(n if isinstance(n, int) else n(values) for n in lengths)


def _of_schema(schema: GraphQLSchema) -> Mapping[tuple[str, str], int]:
    """How long the lists of the schema about itself are, on average."""
    types = list(schema.type_map.values())
    with_fields = [t for t in types if isinstance(t, GraphQLObjectType | GraphQLInterfaceType)]
    fields = [f for t in with_fields for f in t.fields.values()]
    inputs = [t for t in types if isinstance(t, GraphQLInputObjectType)]
    values = [len(getattr(t, "values", ())) for t in types]

    def mean(lengths: Iterable[int], over: Sequence[Any]) -> int:
        return 1 + sum(lengths) // max(1, len(over))

    return {
        ("__Schema", "types"): len(types),
        ("__Schema", "directives"): len(schema.directives),
        ("__Type", "fields"): mean([len(t.fields) for t in with_fields], types),
        ("__Type", "inputFields"): mean([len(t.fields) for t in inputs], types),
        ("__Type", "enumValues"): mean(values, types),
        ("__Type", "interfaces"): mean([len(t.interfaces) for t in with_fields], types),
        ("__Type", "possibleTypes"): 1,
        ("__Field", "args"): mean([len(f.args) for f in fields], fields),
        ("__Directive", "args"): mean([len(d.args) for d in schema.directives], schema.directives),
    }
