"""Plans: an operation as it is run, worked out once for its text and the values of skip/include.

    Plan -> Selection (of one object type) -> Field -> Selection ... -> leaf

A field knows how it is answered for all its parents at once, its arguments, what it asks of the
records below it, and how its values become JSON. What lies below an abstract type is planned for
each concrete type when an object of that type first turns up.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    is_leaf_type,
)
from msgspec import Struct

from execution.arguments import Arguments
from execution.fields import Answer, Asked, Computed, Link, answer_of, columns_of
from execution.leaves import ColumnWriter, Leaf, leaf_of
from execution.operation import NO_MASK, Mask
from execution.selection import Groups, Selections
from execution.sources import Writer, writer

TYPENAME: Final = "__typename"
PLAIN: Final = "%s"
QUOTED: Final = '"%s"'
LIST: Final = "[%s]"
"""Forms of a field in its object: as it is, within quotes, within brackets."""


class NotPlannedError(Exception):
    """An operation holds something that only graphql-core can run; the message says what."""


class Shape(Struct, frozen=True):
    """Whether a value may be null, and for a list the shape of its elements."""

    nullable: bool
    item: "Shape | None" = None


class Field:
    """One field of a selection.

    Attributes:
        key: Its name in the answer.
        owner: Name of the type that it stands on.
        nodes: Where it stands in the document.
        definition: Its definition in the schema.
        answer: How it is answered; None for `__typename`.
        shape: Which of its values may be null.
        arguments: Its arguments; None if it takes none.
        asked: What it wants of the records that answer it.
        leaf: How its values become JSON; None if they are objects.
        below: What is asked of them where they are objects.
        early: Places, in the selection below, of links that can be followed before this one ends.
    """

    __slots__ = (
        "answer",
        "arguments",
        "asked",
        "below",
        "definition",
        "early",
        "key",
        "leaf",
        "nodes",
        "owner",
        "shape",
    )

    def __init__(self, key: str, owner: str, nodes: Sequence[FieldNode]) -> None:
        self.key = key
        self.owner = owner
        self.nodes = nodes
        self.definition: GraphQLField
        self.answer: Answer | None = None
        self.shape = Shape(nullable=False)
        self.arguments: Arguments | None = None
        self.asked = Asked(frozenset())
        self.leaf: Leaf | None = None
        self.below: Below | None = None
        self.early: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Its name in the schema, with its type's: for messages."""
        return f"{self.owner}.{self.nodes[0].name.value}"


class Selection:
    """What is asked of objects of one type.

    Attributes:
        type_name: The type.
        fields: The fields, in the order of the answer.
    """

    __slots__ = ("_writers", "fields", "type_name")

    def __init__(self, type_name: str, fields: Sequence[Field]) -> None:
        self.type_name = type_name
        self.fields = tuple(fields)
        self._writers: dict[tuple[str, ...], Writer] = {}

    def writer(self, forms: tuple[str, ...]) -> Writer:
        """What makes the JSON of objects of the columns of all fields but `__typename`.

        Args:
            forms: What each column's values look like.
        """
        known = self._writers.get(forms)
        if known is None:
            given = iter(forms)
            own = f'"{self.type_name}"'
            every = tuple(own if f.answer is None else next(given) for f in self.fields)
            known = self._writers[forms] = writer(tuple(f.key for f in self.fields), every)
        return known

    def constant(self) -> str:
        """The JSON of an object of which only `__typename` is asked."""
        parts = (f'"{f.key}":"{self.type_name}"' for f in self.fields)
        return f"{{{','.join(parts)}}}"


class Below:
    """What is asked of a field's objects, whichever type they are of.

    Attributes:
        only: The selection, where all objects are of one type.
    """

    __slots__ = ("_by_class", "_by_type", "_make", "_types", "only")

    def __init__(
        self, types: Sequence[GraphQLObjectType], make: Callable[[GraphQLObjectType], Selection]
    ) -> None:
        self._types = types
        self._make = make
        self._by_type: dict[str, Selection] = {}
        self._by_class: dict[type, Selection | None] = {}
        self.only = make(types[0]) if len(types) == 1 else None

    def of(self, value: Any) -> Selection | None:
        """The selection for an object; None if it is of none of the types.

        Types are told apart by the Python class of their objects.
        """
        kind = value.__class__
        if kind not in self._by_class:
            named = next((t for t in self._types if _is_of(t, value)), None)
            self._by_class[kind] = None if named is None else self._selection(named)
        return self._by_class[kind]

    def _selection(self, named: GraphQLObjectType) -> Selection:
        if self.only is not None:
            return self.only
        if named.name not in self._by_type:
            self._by_type[named.name] = self._make(named)
        return self._by_type[named.name]


class Plan(Struct, frozen=True):
    """How an operation is run.

    Attributes:
        operation: The operation.
        root: What is asked of the root.
        serial: Whether root fields are run one after another (mutations).
    """

    operation: OperationDefinitionNode
    root: Selection
    serial: bool


class Planner:
    """Makes the plan of one operation.

    Args:
        schema: The schema.
        document: A valid document.
        conditions: Values of the variables that `@skip` and `@include` name.
        writers: How custom scalars are written, by name.
        read: Reads an attribute of a parent, for fields that are nothing else.
        mask: Fields that are null, unread.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        conditions: Mapping[str, Any],
        *,
        writers: Mapping[str, ColumnWriter],
        read: Callable[[Any, str], Any],
        mask: Mask = NO_MASK,
    ) -> None:
        fragments = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        self._schema = schema
        self._selections = Selections(schema, fragments, conditions, mask)
        self._writers = writers
        self._read = read

    def plan(self, operation: OperationDefinitionNode) -> Plan:
        """The plan of an operation.

        Raises:
            NotPlannedError: if it cannot be run in batches.
        """
        root, groups = self._root(operation)
        selection = self._selection(root, groups)
        return Plan(operation, selection, operation.operation is OperationType.MUTATION)

    def heard(self, operation: OperationDefinitionNode) -> Field:
        """The field of a subscription, without what hangs below it."""
        root, groups = self._root(operation)
        [(key, nodes)] = groups.items()
        field = Field(key, root.name, nodes)
        self._define(field, root.fields[nodes[0].name.value])
        return field

    def _root(self, operation: OperationDefinitionNode) -> tuple[GraphQLObjectType, Groups]:
        root = self._schema.get_root_type(operation.operation)
        assert root is not None  # noqa: S101  # the document is valid
        return root, self._selections.of_operation(root, operation.selection_set)

    def _selection(self, owner: GraphQLObjectType, groups: Groups) -> Selection:
        return Selection(owner.name, [self._field(owner, k, nodes) for k, nodes in groups.items()])

    def _field(self, owner: GraphQLObjectType, key: str, nodes: Sequence[FieldNode]) -> Field:
        field = Field(key, owner.name, nodes)
        name = nodes[0].name.value
        if name == TYPENAME:
            return field
        definition = owner.fields.get(name)
        if definition is None:
            raise NotPlannedError("introspection")
        if (owner.name, name) in self._selections.mask:
            return self._masked(field, definition)
        field.answer = answer_of(definition, self._read)
        if field.answer is None:
            raise NotPlannedError(f"{field.name} has no batch")
        self._define(field, definition)
        field.shape = _shape(definition.type)
        named: Any = get_named_type(definition.type)
        if is_leaf_type(named):
            field.leaf = leaf_of(named, self._writers)
        else:
            field.below = self._below(named, nodes)
        if isinstance(field.answer, Link):
            field.asked = self._asked(definition.type, nodes)
            field.early = _early(field)
        return field

    def _masked(self, field: Field, definition: GraphQLField) -> Field:
        """A field that is null, whatever stands below it."""
        field.definition = definition
        field.answer = _NOTHING
        field.shape = _shape(definition.type)
        named: Any = get_named_type(definition.type)
        if is_leaf_type(named):
            field.leaf = leaf_of(named, self._writers)
        else:
            types = self._selections.possible(named)
            field.below = Below(types, lambda t: Selection(t.name, ()))
        return field

    def _define(self, field: Field, definition: GraphQLField) -> None:
        field.definition = definition
        if definition.args:
            field.arguments = Arguments(self._schema, definition, field.nodes[0])

    def _below(self, named: Any, nodes: Sequence[FieldNode]) -> Below:
        types = self._selections.possible(named)
        if not types:
            raise NotPlannedError(f"{named.name} has no types")
        return Below(types, lambda t: self._selection(t, self._selections.fields(t, nodes)))

    def _asked(self, returns: GraphQLOutputType, nodes: Sequence[FieldNode]) -> Asked:
        return Asked(
            self._selections.columns(returns, nodes),
            self._selections.selects(returns, nodes, "totalCount"),
        )


_NOTHING: Final = Computed(lambda parents: [None] * len(parents))


def _shape(output: GraphQLOutputType) -> Shape:
    nullable = True
    if isinstance(output, GraphQLNonNull):
        nullable, output = False, output.of_type
    item = _shape(output.of_type) if isinstance(output, GraphQLList) else None
    return Shape(nullable, item)


def _early(field: Field) -> tuple[int, ...]:
    """Links below a reference that need no more of it than what its parents tell."""
    reference = field.answer.reference if isinstance(field.answer, Link) else None
    if reference is None or field.below is None or field.below.only is None or field.shape.item:
        return ()
    if field.asked.columns <= reference.columns:
        return ()  # nothing is read on the way, so nothing can be gained
    links: list[int] = []
    for number, inner in enumerate(field.below.only.fields):
        if isinstance(inner.answer, Link):
            needs = set(columns_of(inner.definition).names)
            if not needs or not needs <= reference.columns or not inner.answer.separate:
                return ()  # what must wait may ask for the same as what need not: once is enough
            links.append(number)
    return tuple(links)


def _is_of(named: GraphQLObjectType, value: Any) -> bool:
    return named.is_type_of is None or bool(named.is_type_of(value, None))  # type: ignore[arg-type]
