"""What an operation asks for, by schema coordinates, and what it is called without its literals."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    parse,
    print_ast,
    strip_ignored_characters,
    visit,
)
from msgspec import Struct

_DIGEST_BYTES: Final = 16
_MOST: Final = 2_000


class Shape(Struct, frozen=True):
    """An operation, whatever its literals.

    Attributes:
        operation: Its digest.
        name: Its name; empty if it has none.
        kind: query, mutation or subscription.
        coordinates: What it asks for, sorted: fields and arguments.
    """

    operation: str
    name: str
    kind: str
    coordinates: tuple[str, ...]


def shape_of(
    schema: GraphQLSchema, tree: DocumentNode, operation: OperationDefinitionNode
) -> Shape:
    """The shape of an operation of a valid document."""
    parts = DocumentNode(definitions=(operation, *_fragments(tree, operation).values()))
    found = _Coordinates(TypeInfo(schema))
    visit(parts, TypeInfoVisitor(found.types, found))
    text = strip_ignored_characters(print_ast(visit(parts, _Literals())))
    return Shape(
        hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES).hexdigest(),
        "" if operation.name is None else operation.name.value,
        operation.operation.value,
        tuple(sorted(found.names)[:_MOST]),
    )


def _fragments(
    tree: DocumentNode, operation: OperationDefinitionNode
) -> Mapping[str, FragmentDefinitionNode]:
    """The fragments that an operation spreads, directly or not, in the order of their names."""
    known = {d.name.value: d for d in tree.definitions if isinstance(d, FragmentDefinitionNode)}
    found: dict[str, FragmentDefinitionNode] = {}
    pending: list[Node] = [operation]
    while pending:
        spreads = _Spreads()
        visit(pending.pop(), spreads)
        for name in spreads.names - found.keys():
            found[name] = known[name]
            pending.append(known[name])
    return dict(sorted(found.items()))


class _Spreads(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        self.names.add(node.name.value)


class _Coordinates(Visitor):
    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self.types = types
        self.names: set[str] = set()

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        parent, name = self.types.get_parent_type(), node.name.value
        if parent is None or name.startswith("__") or parent.name.startswith("__"):
            return
        field = f"{parent.name}.{name}"
        self.names.add(field)
        self.names.update(f"{field}({a.name.value}:)" for a in node.arguments or ())


class _Literals(Visitor):
    """Takes the values out of literals."""

    def enter_int_value(self, *_: Any) -> Node:
        return _ZERO

    def enter_float_value(self, *_: Any) -> Node:
        return _ZERO

    def enter_string_value(self, *_: Any) -> Node:
        return _EMPTY

    def enter_list_value(self, *_: Any) -> Node:
        return _LIST

    def enter_object_value(self, *_: Any) -> Node:
        return _OBJECT


def _value(text: str) -> Node:
    [operation] = parse(f"{{ a(b: {text}) }}").definitions
    assert isinstance(operation, OperationDefinitionNode)  # noqa: S101  # written above
    [field] = operation.selection_set.selections
    assert isinstance(field, FieldNode)  # noqa: S101  # as above
    [argument] = field.arguments or ()
    return argument.value


_ZERO: Final[Node] = _value("0")
_EMPTY: Final[Node] = _value('""')
_LIST: Final[Node] = _value("[]")
_OBJECT: Final[Node] = _value("{}")
