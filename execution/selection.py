"""What a selection asks for: its fields type by type, and the columns of records that they need.

Fields say in their metadata what they are (`execution.fields`): a column of the record, a link with
the columns that it starts from, or transparent (a connection's `edges`, `node`), where the same
record is described further down.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Self

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
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

from execution.fields import columns_of
from execution.operation import NO_MASK, Mask

Groups = dict[str, list[FieldNode]]
"""Field nodes by response key, in the order of the answer."""

_CONDITIONS: Final = {"skip": False, "include": True}


class Selections:
    """Reads selections of one operation.

    Args:
        schema: The schema.
        fragments: The document's fragments, by name.
        conditions: Values of at least those variables that `@skip` and `@include` name.
        mask: Fields that are null, unread: they need no columns.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        conditions: Mapping[str, Any],
        mask: Mask = NO_MASK,
    ) -> None:
        self.schema = schema
        self.mask = mask
        self._fragments = fragments
        self._conditions = conditions

    @classmethod
    def of(cls, info: GraphQLResolveInfo[Any]) -> Self:
        """The selections of an operation that graphql-core is walking."""
        values: Any = info.variable_values
        fragments = {n: getattr(f, "definition", f) for n, f in info.fragments.items()}
        mask: Mask = info.context.operation.mask
        return cls(info.schema, fragments, getattr(values, "coerced", values), mask)

    def fields(self, owner: GraphQLObjectType, nodes: Iterable[FieldNode]) -> Groups:
        """What the subselections of some nodes of one field ask of an object of a type."""
        found: Groups = {}
        seen: set[str] = set()
        for node in nodes:
            if node.selection_set is not None:
                self._gather(owner, node.selection_set, found, seen)
        return found

    def of_operation(self, owner: GraphQLObjectType, selection: SelectionSetNode) -> Groups:
        """What an operation asks of the root."""
        found: Groups = {}
        self._gather(owner, selection, found, set())
        return found

    def columns(self, returns: GraphQLOutputType, nodes: Iterable[FieldNode]) -> frozenset[str]:
        """Columns that a field's subselection needs of the record which answers it."""
        found: set[str] = set()
        self._columns(returns, list(nodes), "", found)
        return frozenset(found)

    def selects(self, returns: GraphQLOutputType, nodes: Iterable[FieldNode], name: str) -> bool:
        """Tell whether a field's subselection names a certain field directly."""
        given = list(nodes)
        return any(
            group[0].name.value == name and (owner.name, name) not in self.mask
            for owner in self.possible(returns)
            for group in self.fields(owner, given).values()
        )

    def possible(self, output: GraphQLOutputType) -> tuple[GraphQLObjectType, ...]:
        """Types of the objects that a field may answer with."""
        named = get_named_type(output)
        if isinstance(named, GraphQLObjectType):
            return (named,)
        if isinstance(named, GraphQLInterfaceType | GraphQLUnionType):
            return tuple(self.schema.get_possible_types(named))
        return ()

    def _columns(
        self, returns: GraphQLOutputType, nodes: list[FieldNode], prefix: str, found: set[str]
    ) -> None:
        for owner in self.possible(returns):
            for group in self.fields(owner, nodes).values():
                name = group[0].name.value
                field = owner.fields.get(name)
                if field is None or (owner.name, name) in self.mask:
                    continue
                columns = columns_of(field)
                found.update(n[1:] if n.startswith("/") else prefix + n for n in columns.names)
                if columns.inside is not None:
                    inner = f"{prefix}{columns.inside}." if columns.inside else prefix
                    self._columns(field.type, group, inner, found)

    def _gather(
        self,
        owner: GraphQLObjectType,
        selection: SelectionSetNode,
        found: Groups,
        seen: set[str],
    ) -> None:
        for node in selection.selections:
            if not self._included(node):
                continue
            if isinstance(node, FieldNode):
                key = node.alias.value if node.alias else node.name.value
                found.setdefault(key, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                if self._applies(owner, node):
                    self._gather(owner, node.selection_set, found, seen)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                fragment = self._fragments[node.name.value]
                if self._applies(owner, fragment):
                    self._gather(owner, fragment.selection_set, found, seen)

    def _applies(
        self, owner: GraphQLObjectType, node: InlineFragmentNode | FragmentDefinitionNode
    ) -> bool:
        if node.type_condition is None:
            return True
        named = self.schema.get_type(node.type_condition.name.value)
        if isinstance(named, GraphQLInterfaceType | GraphQLUnionType):
            return self.schema.is_sub_type(named, owner)
        return named is owner

    def _included(self, node: SelectionNode) -> bool:
        for directive in node.directives or ():
            name = directive.name.value
            if name in _CONDITIONS and self._condition(directive) is not _CONDITIONS[name]:
                return False
        return True

    def _condition(self, directive: DirectiveNode) -> bool:
        [given] = (a.value for a in directive.arguments or () if a.name.value == "if")
        if isinstance(given, VariableNode):
            return bool(self._conditions[given.name.value])
        return isinstance(given, BooleanValueNode) and given.value
