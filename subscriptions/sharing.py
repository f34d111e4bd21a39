"""Which subscriptions ask the same: text and variables, without where each of them begins.

`after` and `snapshot` differ by client and say nothing about the answers to come. They are taken
out of the text, and variables that serve them alone out of the variables.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from graphql import (
    REMOVE,
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    print_ast,
    visit,
)
from msgspec import Struct

_KEPT: Final = 1_000
_STARTS: Final = frozenset({"after", "snapshot"})


class _Text(Struct, frozen=True):
    """What is the same for all who send a text: the question in it, and its own variables."""

    digest: bytes
    variables: frozenset[str]


class Questions:
    """Tells questions apart; texts are looked into once, the least recently used forgotten."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str | None], _Text] = OrderedDict()

    def digest(
        self, query: str, tree: DocumentNode, name: str | None, variables: Mapping[str, Any]
    ) -> bytes:
        """The same for all who ask the same, wherever they begin.

        Args:
            query: The document's text.
            tree: The same, parsed; valid.
            name: Which operation, where it has several.
            variables: As the client sent them.
        """
        text = self._kept.get((query, name))
        if text is None:
            text = self._kept[query, name] = _looked_into(tree, name)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end((query, name))
        values = {k: v for k, v in variables.items() if k in text.variables}
        written = msgspec.json.encode(values, order="deterministic")
        return hashlib.blake2b(text.digest + written, digest_size=20).digest()


def _looked_into(tree: DocumentNode, name: str | None) -> _Text:
    operation = _chosen(tree, name)
    fragments = {d.name.value: d for d in tree.definitions if isinstance(d, FragmentDefinitionNode)}
    starts = [
        argument
        for root in _fields(operation.selection_set, fragments)
        for argument in root.arguments or ()
        if argument.name.value in _STARTS
    ]
    stripped: DocumentNode = visit(tree, _Without(starts, frozenset()))
    used = _Used()
    visit(stripped, used)
    own = {d.variable.name.value for d in operation.variable_definitions or ()}
    kept = frozenset(own & used.names)
    plain = visit(stripped, _Without([], own - kept))
    digest = hashlib.blake2b(f"{name}\n{print_ast(plain)}".encode(), digest_size=20)
    return _Text(digest.digest(), kept)


def _chosen(tree: DocumentNode, name: str | None) -> OperationDefinitionNode:
    return next(
        d
        for d in tree.definitions
        if isinstance(d, OperationDefinitionNode)
        and (name is None or (d.name is not None and d.name.value == name))
    )


def _fields(
    selected: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> Iterator[FieldNode]:
    """The root field, wherever it stands; fragments of a valid document hold no rings."""
    for selection in selected.selections:
        if isinstance(selection, FieldNode):
            yield selection
        elif isinstance(selection, InlineFragmentNode):
            yield from _fields(selection.selection_set, fragments)
        elif isinstance(selection, FragmentSpreadNode):
            yield from _fields(fragments[selection.name.value].selection_set, fragments)


class _Without(Visitor):
    """Takes out arguments, and definitions of variables."""

    def __init__(self, arguments: list[ArgumentNode], variables: frozenset[str] | set[str]) -> None:
        super().__init__()
        self._arguments = {id(a) for a in arguments}
        self._variables = variables

    def enter_argument(self, node: ArgumentNode, *_: Any) -> Any:
        return REMOVE if id(node) in self._arguments else None

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: Any) -> Any:
        return REMOVE if node.variable.name.value in self._variables else None


class _Used(Visitor):
    """Finds variables that are used."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_variable_definition(self, *_: Any) -> Any:
        return False  # not gone into: a definition is no use

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.names.add(node.name.value)
