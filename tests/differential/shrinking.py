"""Making a failing operation small: parts are left out for as long as it still fails."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from graphql import (
    REMOVE,
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    Node,
    ObjectFieldNode,
    OperationDefinitionNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    parse,
    print_ast,
    validate,
    visit,
)
from msgspec.structs import replace

from tests.differential.operations import Asking

_PARTS: Final = (
    OperationDefinitionNode,
    FieldNode,
    InlineFragmentNode,
    FragmentSpreadNode,
    DirectiveNode,
    ArgumentNode,
    ObjectFieldNode,
    VariableDefinitionNode,
)


def shrunk(schema: GraphQLSchema, asking: Asking, fails: Callable[[Asking], bool]) -> Asking:
    """The smallest operation found that still fails.

    Args:
        schema: Of which it asks.
        asking: An operation that fails.
        fails: Whether another one does.
    """
    once = (replace(asking, variables=[v]) for v in asking.variables)
    asking = next((a for a in once if fails(a)), asking)
    part = 0
    while part < len(_parts(parse(asking.text))):
        smaller = _without(schema, asking, part)
        if smaller is not None and fails(smaller):
            asking = smaller
        else:
            part += 1
    return asking


def _without(schema: GraphQLSchema, asking: Asking, number: int) -> Asking | None:
    """The operation without one part, if that is valid."""
    left = visit(parse(asking.text), _Remover(number))
    if left is None:
        return None
    document = _tidied(left)
    try:
        text = print_ast(document)
        if validate(schema, parse(text)):
            return None
    except GraphQLError:
        return None
    declared = {n.variable.name.value for n in _all(document, VariableDefinitionNode)}
    several = len(_all(document, OperationDefinitionNode)) > 1
    return (
        replace(
            asking,
            text=text,
            operation_name=asking.operation_name if several else None,
            variables=[_only(v, declared) for v in asking.variables],
        )
        if text != asking.text
        else None
    )


class _Remover(Visitor):
    """Leaves out the part with a number, in the document's order."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._left = number

    def enter(self, node: Node, *_: Any) -> Any:
        if not isinstance(node, _PARTS):
            return None
        self._left -= 1
        return REMOVE if self._left == -1 else None


def _tidied(document: DocumentNode) -> DocumentNode:
    """Without fragments that are spread nowhere, and variables that nothing uses."""
    while True:
        spread = {n.name.value for n in _all(document, FragmentSpreadNode)}
        kept = [
            d
            for d in document.definitions
            if not isinstance(d, FragmentDefinitionNode) or d.name.value in spread
        ]
        if len(kept) == len(document.definitions):
            break
        document = DocumentNode(definitions=tuple(kept))
    used = [n.name.value for n in _all(document, VariableNode)]
    once = {n for n in used if used.count(n) == 1}
    tidied: DocumentNode = visit(document, _Undeclared(once))
    return tidied


class _Undeclared(Visitor):
    def __init__(self, names: set[str]) -> None:
        super().__init__()
        self._names = names

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: Any) -> Any:
        return REMOVE if node.variable.name.value in self._names else None


def _all(document: DocumentNode, kind: type[Any]) -> list[Any]:
    found: list[Any] = []

    class Finder(Visitor):
        def enter(self, node: Node, *_: Any) -> None:
            if isinstance(node, kind):
                found.append(node)

    visit(document, Finder())
    return found


def _parts(document: DocumentNode) -> list[Any]:
    return [n for kind in _PARTS for n in _all(document, kind)]


def _only(variables: Mapping[str, Any], names: set[str]) -> Mapping[str, Any]:
    return {n: v for n, v in variables.items() if n in names}
