"""How much a document asks for, measured before anything is run.

A fragment is measured once, however often it is spread: a short text whose fragments spread each
other stands for an answer that doubles with each of them.
"""

from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)
from msgspec import Struct

from app.server.schema_questions import WEIGHTS

_MANY: Final = 1_000_000


class Bounds(Struct, frozen=True):
    """The largest operation that is answered.

    Attributes:
        depth: Levels of fields.
        root_fields: Fields at its root.
        fields: Fields with all fragments in their places.
        schema_fields: Of these, fields of questions about the schema, which nobody pays for with a
            token. The query that tools send has 229.
    """

    depth: int
    root_fields: int = 50
    fields: int = 5_000
    schema_fields: int = 500


class _Size(Struct):
    depth: int = 0
    fields: int = 0
    schema_fields: int = 0

    def add(self, other: "_Size", *, levels: int = 0) -> None:
        self.depth = max(self.depth, levels + other.depth)
        self.fields = min(self.fields + other.fields, _MANY)
        self.schema_fields = min(self.schema_fields + other.schema_fields, _MANY)


def too_much(tree: DocumentNode, bounds: Bounds) -> list[GraphQLError]:
    """Why a valid document asks for too much; empty if it does not."""
    found: list[GraphQLError] = []
    measure = _Measure(tree)
    for definition in tree.definitions:
        if isinstance(definition, OperationDefinitionNode):
            size = measure.of(definition.selection_set)
            roots = measure.roots(definition.selection_set)
            found += [
                GraphQLError(
                    f"the operation has {n} {what}; at most {most} are answered", definition
                )
                for n, most, what in (
                    (size.depth, bounds.depth, "levels of fields"),
                    (roots, bounds.root_fields, "root fields"),
                    (size.fields, bounds.fields, "fields in all"),
                    (size.schema_fields, bounds.schema_fields, "fields about the schema"),
                )
                if n > most
            ]
    return found


class _Measure:
    def __init__(self, tree: DocumentNode) -> None:
        self._fragments = {
            d.name.value: d for d in tree.definitions if isinstance(d, FragmentDefinitionNode)
        }
        self._sizes: dict[str, _Size] = {}
        self._roots: dict[str, int] = {}

    def of(self, selection: SelectionSetNode) -> _Size:
        total = _Size()
        for node in selection.selections:
            if isinstance(node, FragmentSpreadNode):
                name = node.name.value
                if name not in self._sizes:
                    self._sizes[name] = self.of(self._fragments[name].selection_set)
                total.add(self._sizes[name])
            elif isinstance(node, InlineFragmentNode):
                total.add(self.of(node.selection_set))
            elif isinstance(node, FieldNode):
                total.add(self._of_field(node), levels=1)
        return total

    def _of_field(self, node: FieldNode) -> _Size:
        inner = self.of(node.selection_set) if node.selection_set else _Size()
        inner.fields += 1
        weight = WEIGHTS.get(node.name.value)
        if weight is not None:  # another rule bounds the depth of these
            return _Size(0, inner.fields, inner.fields * weight)
        return inner

    def roots(self, selection: SelectionSetNode) -> int:
        """Fields of a selection, with fragments in their places."""
        count = 0
        for node in selection.selections:
            if isinstance(node, FragmentSpreadNode):
                name = node.name.value
                if name not in self._roots:
                    self._roots[name] = self.roots(self._fragments[name].selection_set)
                count = min(count + self._roots[name], _MANY)
            elif isinstance(node, InlineFragmentNode):
                count += self.roots(node.selection_set)
            else:
                count += 1
        return count
