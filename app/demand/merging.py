"""Whether fields of the same name in an answer can be merged, in time linear in the fields.

graphql-core compares every field with every other one of its name: 5,000 times the same field took
a third of a second. Here each is compared with the first of its group, which is enough, since what
must hold within a group is an equality (Adameit, "GraphQL: overlapping fields can be merged fast"):

    same shape    all fields of a response name: nullability, lists, leaf type; so for all below
    same field    those of them whose parents may be the same object: name and arguments; so for all
                  below

Fragments are looked at in their places, of which `app.demand.measures` has counted no more than a
bound; what has to be compared for many types over and over ends at a multiple of it.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationContext,
    ValidationRule,
    get_named_type,
    is_composite_type,
    is_leaf_type,
)
from msgspec import Struct

from app.demand.bounds import too_large

_MOST_STEPS: Final = 100_000
_META: Final = frozenset({"__typename", "__schema", "__type"})


class _Stand(Struct, frozen=True, eq=False):
    """A field where it stands: on which type, and what it answers with, as far as that is known."""

    node: FieldNode
    parent: Any
    returns: Any


class FieldsMerge(ValidationRule):
    """Fields with the same name in an answer are the same field, or cannot meet in one object."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.steps = 0
        self._arguments: dict[int, Any] = {}
        self._seen: set[tuple[bool, tuple[int, ...]]] = set()

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        """Look at an operation with all that it spreads."""
        root = self.context.schema.get_root_type(node.operation)
        whole = self._gathered([(root, node.selection_set)])
        problem = self._compared(whole, alike=False) or self._compared(whole, alike=True)
        if problem is not None:
            self.report_error(problem)

    def _compared(self, stands: Sequence[_Stand], *, alike: bool) -> GraphQLError | None:
        """Compare shapes, or `alike` fields that may meet in one object; what is wrong, if any."""
        open_ = [stands]
        while open_:
            for group in _grouped(open_.pop(), alike=alike):
                self.steps += len(group)
                if self.steps > _MOST_STEPS:
                    return too_large("fields of the same name are asked for in too many ways")
                if len(group) > 1 and (problem := self._differs(group, alike=alike)):
                    return problem
                below = [
                    (get_named_type(s.returns), s.node.selection_set)
                    for s in group
                    if s.node.selection_set is not None
                ]
                key = (alike, tuple(id(selection) for _, selection in below))
                if below and key not in self._seen:
                    self._seen.add(key)
                    open_.append(self._gathered(below))
        return None

    def _differs(self, group: Sequence[_Stand], *, alike: bool) -> GraphQLError | None:
        first = group[0]
        name, shape = first.node.name.value, _shape(first.returns)
        for other in group[1:]:
            if not alike:
                if shape is not None and _shape(other.returns) not in (None, shape):
                    return _conflict(first, other, "they return conflicting types")
            elif other.node.name.value != name:
                words = f"{name!r} and {other.node.name.value!r} are different fields"
                return _conflict(first, other, words)
            elif self._given(other.node) != self._given(first.node):
                return _conflict(first, other, "they have differing arguments")
        return None

    def _given(self, node: FieldNode) -> Any:
        """A field's arguments, equal if they are the same in whatever order."""
        if not node.arguments:
            return ()
        found = self._arguments.get(id(node))
        if found is None:
            found = frozenset((a.name.value, _literal(a.value)) for a in node.arguments)
            self._arguments[id(node)] = found
        return found

    def _gathered(self, selections: Iterable[tuple[Any, SelectionSetNode]]) -> list[_Stand]:
        """All fields of some selections, each on its type, fragments once."""
        found: list[_Stand] = []
        spread: set[str] = set()
        open_ = list(selections)[::-1]
        while open_:
            parent, selection = open_.pop()
            for node in selection.selections:
                self.steps += 1
                if isinstance(node, FieldNode):
                    found.append(_Stand(node, parent, _returns(parent, node)))
                elif isinstance(node, InlineFragmentNode):
                    open_.append((self._narrowed(parent, node.type_condition), node.selection_set))
                elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                    spread.add(node.name.value)
                    fragment = self.context.get_fragment(node.name.value)
                    if fragment is not None:
                        named = self._narrowed(parent, fragment.type_condition)
                        open_.append((named, fragment.selection_set))
        return found

    def _narrowed(self, parent: Any, condition: Any) -> Any:
        return parent if condition is None else self.context.schema.get_type(condition.name.value)


def _grouped(stands: Sequence[_Stand], *, alike: bool) -> Iterable[Sequence[_Stand]]:
    by_name: dict[str, list[_Stand]] = {}
    for stand in stands:
        node = stand.node
        by_name.setdefault((node.alias or node.name).value, []).append(stand)
    if not alike:
        return by_name.values()
    return [group for named in by_name.values() for group in _meeting(named)]


def _meeting(stands: list[_Stand]) -> Sequence[Sequence[_Stand]]:
    """Groups of fields that may stand on one object: those on a type, with all on abstract ones."""
    if len(stands) == 1:
        return [stands]
    everywhere = [s for s in stands if not isinstance(s.parent, GraphQLObjectType)]
    by_type: dict[str, list[_Stand]] = {}
    for stand in stands:
        if isinstance(stand.parent, GraphQLObjectType):
            by_type.setdefault(stand.parent.name, list(everywhere)).append(stand)
    return list(by_type.values()) or [everywhere]


def _returns(parent: Any, node: FieldNode) -> Any:
    if node.name.value in _META:
        return None  # what they return depends on nothing
    field = getattr(parent, "fields", {}).get(node.name.value)
    return None if field is None else field.type


def _shape(output: Any) -> Any:
    """What must be the same of two fields; None if it is not known."""
    if isinstance(output, GraphQLNonNull):
        return ("!", _shape(output.of_type))
    if isinstance(output, GraphQLList):
        return ("[]", _shape(output.of_type))
    if is_leaf_type(output):
        return output.name
    return "object" if is_composite_type(output) else None


def _literal(value: Any) -> Any:
    """A value of the text as something that can be compared."""
    if value.kind == "list_value":
        return ("[", *map(_literal, value.values))
    if value.kind == "object_value":
        return ("{", frozenset((f.name.value, _literal(f.value)) for f in value.fields))
    if value.kind == "variable":
        return ("$", value.name.value)
    return (value.kind, getattr(value, "value", None))


def _conflict(first: _Stand, other: _Stand, why: str) -> GraphQLError:
    name = (first.node.alias or first.node.name).value
    return GraphQLError(
        f"Fields {name!r} conflict because {why}. Use different aliases on the fields to fetch"
        " both if this was intentional.",
        [first.node, other.node],
    )
