"""The coordinates of a document, collected once: fields of which objects, asked by which inputs.

A fragment is looked at once, however often it is spread: what a valid document's fragment asks for
follows from its own type condition alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from graphql import (
    ArgumentNode,
    EnumValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    ListValueNode,
    Node,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    get_named_type,
    get_nullable_type,
    is_non_null_type,
    type_from_ast,
)
from msgspec import Struct, field

_META: Final = "__"


class Input(Struct, frozen=True):
    """An argument, a field of an input or a value of an enum that is used.

    Attributes:
        coordinate: `Query.items(filter:)`, `ItemFilter.sku`, `ItemOrderField.NAME`.
        node: Where.
    """

    coordinate: str
    node: Node


class Use(Struct):
    """One field of a selection.

    Attributes:
        parent: The type that it is asked of.
        owners: The objects that may stand there.
        name: The field.
        nullable: Whether it may be null on all of them.
        node: Where.
        inputs: What it is asked by.
        below: What is asked of its objects.
    """

    parent: str
    owners: tuple[str, ...]
    name: str
    nullable: bool
    node: FieldNode
    inputs: Sequence[Input] = ()
    below: "Block | None" = None


class Block(Struct):
    """A selection.

    Attributes:
        owners: The objects that it may be made of.
        uses: Its fields.
        inner: Selections in it that fragments narrow to objects of some types.
    """

    owners: tuple[str, ...]
    uses: list[Use] = field(default_factory=list)
    inner: "list[Block]" = field(default_factory=list)


class Asked(Struct, frozen=True):
    """What an operation asks for.

    Attributes:
        root: Its selection.
        variables: Inputs that its variables may bring: a variable's name, and its type.
        inputs: What stands in the defaults of its variables.
    """

    root: Block
    variables: Mapping[str, GraphQLInputType]
    inputs: Sequence[Input]


class Collector:
    """Collects what the operations of one valid document ask for.

    Args:
        schema: The schema.
        fragments: The document's fragments, by name.
    """

    def __init__(
        self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode]
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._known: dict[str, Block] = {}

    def asked(self, operation: OperationDefinitionNode) -> Asked:
        """What an operation asks for."""
        root = self._schema.get_root_type(operation.operation)
        assert root is not None  # noqa: S101  # the document is valid
        variables: dict[str, GraphQLInputType] = {}
        inputs: list[Input] = []
        for definition in operation.variable_definitions or ():
            kind: Any = type_from_ast(self._schema, definition.type)
            if isinstance(get_named_type(kind), GraphQLInputObjectType | GraphQLEnumType):
                variables[definition.variable.name.value] = kind
                if definition.default_value is not None:
                    inputs += _used(kind, definition.default_value)
        return Asked(self._block(root, operation.selection_set), variables, inputs)

    def _block(self, kind: GraphQLNamedType, selection: SelectionSetNode) -> Block:
        block = Block(self._owners(kind))
        for node in selection.selections:
            if isinstance(node, FieldNode):
                block.uses.append(self._use(kind, block.owners, node))
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                narrowed = self._type(condition.name.value) if condition else kind
                block.inner.append(self._block(narrowed, node.selection_set))
            elif isinstance(node, FragmentSpreadNode):
                block.inner.append(self._fragment(node.name.value))
        return block

    def _fragment(self, name: str) -> Block:
        if name not in self._known:
            fragment = self._fragments[name]
            kind = self._type(fragment.type_condition.name.value)
            self._known[name] = self._block(kind, fragment.selection_set)
        return self._known[name]

    def _use(self, kind: GraphQLNamedType, owners: tuple[str, ...], node: FieldNode) -> Use:
        name = node.name.value
        fields = kind.fields if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) else {}
        definition = fields.get(name)
        if definition is None:  # what every object has, and questions about the schema
            return Use(kind.name, owners, name, nullable=False, node=node)
        given = node.arguments or ()
        inputs = list(_arguments(f"{kind.name}.{name}", definition.args, given)) if given else ()
        below = None
        if node.selection_set is not None:
            below = self._block(get_named_type(definition.type), node.selection_set)
        nullable = all(self._nullable(o, name) for o in owners)
        return Use(kind.name, owners, name, nullable, node, inputs, below)

    def _nullable(self, owner: str, name: str) -> bool:
        kind = self._type(owner)
        assert isinstance(kind, GraphQLObjectType)  # noqa: S101  # owners are objects
        return not is_non_null_type(kind.fields[name].type)

    def _type(self, name: str) -> GraphQLNamedType:
        return self._schema.type_map[name]

    def _owners(self, kind: GraphQLNamedType) -> tuple[str, ...]:
        if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            return tuple(t.name for t in self._schema.get_possible_types(kind))
        return (kind.name,)


def is_meta(name: str) -> bool:
    """Tell whether a field is one that GraphQL itself defines."""
    return name.startswith(_META)


def inputs_in(kind: GraphQLInputType, value: object) -> Iterator[str]:
    """Coordinates of the inputs that a variable's value uses; what is null asks for nothing.

    A value is gone into as far as its type goes; what is not of it is refused when it is coerced.
    """
    known = get_nullable_type(kind)
    if isinstance(known, GraphQLList):
        for inner in value if isinstance(value, list) else (value,):
            yield from inputs_in(known.of_type, inner)
    elif isinstance(known, GraphQLEnumType):
        if isinstance(value, str):
            yield f"{known.name}.{value}"
    elif isinstance(known, GraphQLInputObjectType) and isinstance(value, dict):
        for name, inner in value.items():
            if name in known.fields and inner is not None:
                yield f"{known.name}.{name}"
                yield from inputs_in(known.fields[name].type, inner)


def _arguments(
    place: str, known: Mapping[str, GraphQLArgument], given: Sequence[ArgumentNode]
) -> Iterator[Input]:
    for argument in given:
        name = argument.name.value
        yield Input(f"{place}({name}:)", argument)
        yield from _used(known[name].type, argument.value)


def _used(kind: GraphQLInputType, value: ValueNode) -> Iterator[Input]:
    named = get_named_type(kind)
    if isinstance(value, ListValueNode):
        for inner in value.values:
            yield from _used(kind, inner)
    elif isinstance(named, GraphQLEnumType) and isinstance(value, EnumValueNode):
        yield Input(f"{named.name}.{value.value}", value)
    elif isinstance(named, GraphQLInputObjectType) and isinstance(value, ObjectValueNode):
        for one in value.fields:
            if not isinstance(one.value, NullValueNode):
                yield Input(f"{named.name}.{one.name.value}", one)
                yield from _used(named.fields[one.name.value].type, one.value)
