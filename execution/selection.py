"""Which columns of a record a selection needs, so that no system is asked for more.

Fields say in their metadata what they are (`execution.links`): a column of the record, a link with
the columns that it starts from, or transparent (a connection's `edges`, `node`), where the same
record is described further down.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)
from msgspec import Struct

DEFINITION: Final = "strawberry-definition"
_CONDITIONS: Final = {"skip": False, "include": True}


class Columns(Struct, frozen=True):
    """Metadata of a field: which record columns it reads.

    Attributes:
        names: Columns that the field itself needs; with a leading slash, of the record and not of
            the part in it.
        inside: Prefix of the columns that its subselection describes; "" where it describes the
            same record (transparent), None where it describes another record or nothing.
    """

    names: tuple[str, ...] = ()
    inside: str | None = None


def selected_columns(info: GraphQLResolveInfo[Any]) -> frozenset[str]:
    """Columns that a field's subselection needs of the record which answers it."""
    found: set[str] = set()
    for node in info.field_nodes:
        if node.selection_set is not None:
            _collect(info, info.return_type, node.selection_set, "", found)
    return frozenset(found)


def selects(info: GraphQLResolveInfo[Any], name: str) -> bool:
    """Tell whether a field's subselection names a certain field directly."""
    return any(
        field.name.value == name
        for node in info.field_nodes
        if node.selection_set is not None
        for _, field in _fields(info, _types(info.schema, info.return_type), node.selection_set)
    )


def _types(schema: GraphQLSchema, output: GraphQLOutputType) -> tuple[GraphQLObjectType, ...]:
    named = get_named_type(output)
    if isinstance(named, GraphQLObjectType):
        return (named,)
    if isinstance(named, GraphQLInterfaceType | GraphQLUnionType):
        return tuple(schema.get_possible_types(named))
    return ()


def _collect(
    info: GraphQLResolveInfo[Any],
    output: GraphQLOutputType,
    selection: SelectionSetNode,
    prefix: str,
    found: set[str],
) -> None:
    for owner, node in _fields(info, _types(info.schema, output), selection):
        field = owner.fields.get(node.name.value)
        if field is None:
            continue
        columns = columns_metadata(field.extensions)
        found.update(name[1:] if name.startswith("/") else prefix + name for name in columns.names)
        if columns.inside is not None and node.selection_set is not None:
            inner = f"{prefix}{columns.inside}." if columns.inside else prefix
            _collect(info, field.type, node.selection_set, inner, found)


def columns_metadata(extensions: Mapping[str, Any]) -> Columns:
    """What a schema field says of its columns; nothing if it says nothing."""
    definition = extensions.get(DEFINITION)
    columns = definition.metadata.get("columns") if definition is not None else None
    return columns if isinstance(columns, Columns) else Columns()


def _fields(
    info: GraphQLResolveInfo[Any], types: tuple[GraphQLObjectType, ...], selection: SelectionSetNode
) -> Iterator[tuple[GraphQLObjectType, FieldNode]]:
    for node in selection.selections:
        if not _included(info, node):
            continue
        if isinstance(node, FieldNode):
            for owner in types:
                yield owner, node
        elif isinstance(node, FragmentSpreadNode):
            fragment = info.fragments[node.name.value]
            yield from _fields(info, _narrowed(info, types, fragment), fragment.selection_set)
        elif isinstance(node, InlineFragmentNode):
            yield from _fields(info, _narrowed(info, types, node), node.selection_set)


def _narrowed(
    info: GraphQLResolveInfo[Any], types: tuple[GraphQLObjectType, ...], node: Any
) -> tuple[GraphQLObjectType, ...]:
    condition = node.type_condition
    if condition is None:
        return types
    named = info.schema.get_type(condition.name.value)
    if isinstance(named, GraphQLObjectType):
        return tuple(t for t in types if t is named)
    if isinstance(named, GraphQLInterfaceType | GraphQLUnionType):
        possible = info.schema.get_possible_types(named)
        return tuple(t for t in types if t in possible)
    return ()


def _included(info: GraphQLResolveInfo[Any], node: SelectionNode) -> bool:
    for directive in node.directives or ():
        name = directive.name.value
        if name in _CONDITIONS and _condition(info, directive) is not _CONDITIONS[name]:
            return False
    return True


def _condition(info: GraphQLResolveInfo[Any], directive: DirectiveNode) -> bool:
    [given] = (a.value for a in directive.arguments or () if a.name.value == "if")
    if isinstance(given, VariableNode):
        values: Any = info.variable_values
        return bool(getattr(values, "coerced", values)[given.name.value])
    return isinstance(given, BooleanValueNode) and given.value
