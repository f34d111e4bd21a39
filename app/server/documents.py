"""Documents: each text is parsed, validated and measured once, and kept."""

from collections import OrderedDict
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    MaxIntrospectionDepthRule,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    parse,
    specified_rules,
    validate,
)
from msgspec import Struct

_KEPT: Final = 1_000
_KEPT_CHARACTERS: Final = 20_000_000
_MAX_TOKENS: Final = 20_000
_MAX_ROOT_FIELDS: Final = 50
_MAX_ERRORS: Final = 10
_RULES: Final = (*specified_rules, MaxIntrospectionDepthRule)


class Document(Struct, frozen=True):
    """A document that may be run, or why it may not.

    Attributes:
        tree: The parsed document; None if it could not be parsed.
        errors: What is wrong with it.
    """

    tree: DocumentNode | None
    errors: tuple[GraphQLError, ...]

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation to run.

        Raises:
            GraphQLError: if it cannot be told which.
        """
        definitions = self.tree.definitions if self.tree else ()
        operations = [d for d in definitions if isinstance(d, OperationDefinitionNode)]
        if name is not None:
            operations = [o for o in operations if o.name is not None and o.name.value == name]
            if not operations:
                raise GraphQLError(f"the document has no operation named {name!r}")
        if len(operations) != 1:
            raise GraphQLError("say which operation to run with `operationName`")
        return operations[0]


class Documents:
    """Documents by their text, the least recently used forgotten first."""

    def __init__(self, schema: GraphQLSchema, max_depth: int) -> None:
        self._schema = schema
        self._max_depth = max_depth
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._characters = 0

    def get(self, text: str) -> Document:
        """The document of a text."""
        document = self._kept.get(text)
        if document is not None:
            self._kept.move_to_end(text)
            return document
        document = self._checked(text)
        self._kept[text] = document
        self._characters += len(text)
        while len(self._kept) > _KEPT or self._characters > _KEPT_CHARACTERS:
            gone, _ = self._kept.popitem(last=False)
            self._characters -= len(gone)
        return document

    def _checked(self, text: str) -> Document:
        try:
            tree = parse(text, max_tokens=_MAX_TOKENS)
        except GraphQLError as exc:
            return Document(None, (_coded(exc, "GRAPHQL_PARSE_FAILED"),))
        except RecursionError:
            return Document(None, (GraphQLError("the document is nested too deeply"),))
        errors = validate(self._schema, tree, _RULES, max_errors=_MAX_ERRORS)
        if not errors:
            errors = _measured(tree, self._max_depth)
        return Document(tree, tuple(_coded(e, "GRAPHQL_VALIDATION_FAILED") for e in errors))


def is_introspection(operation: OperationDefinitionNode) -> bool:
    """Tell whether an operation asks about the schema alone."""
    return operation.operation is OperationType.QUERY and all(
        isinstance(s, FieldNode) and s.name.value.startswith("__")
        for s in operation.selection_set.selections
    )


def _measured(tree: DocumentNode, max_depth: int) -> list[GraphQLError]:
    fragments = {d.name.value: d for d in tree.definitions if isinstance(d, FragmentDefinitionNode)}
    depths: dict[str, int] = {}
    for definition in tree.definitions:
        if not isinstance(definition, OperationDefinitionNode):
            continue
        depth = _depth(definition.selection_set, fragments, depths)
        if depth > max_depth:
            message = f"the operation is {depth} levels deep; at most {max_depth} are answered"
            return [GraphQLError(message, definition)]
        fields = len(definition.selection_set.selections)
        if fields > _MAX_ROOT_FIELDS:
            message = (
                f"the operation has {fields} root fields; at most {_MAX_ROOT_FIELDS} are answered"
            )
            return [GraphQLError(message, definition)]
    return []


def _depth(
    selection: SelectionSetNode,
    fragments: dict[str, FragmentDefinitionNode],
    known: dict[str, int],
) -> int:
    deepest = 0
    for node in selection.selections:
        if isinstance(node, FragmentSpreadNode):
            name = node.name.value
            if name not in known:
                known[name] = _depth(fragments[name].selection_set, fragments, known)
            deepest = max(deepest, known[name])
        elif isinstance(node, InlineFragmentNode):
            deepest = max(deepest, _depth(node.selection_set, fragments, known))
        elif isinstance(node, FieldNode) and not node.name.value.startswith("__"):
            inner = node.selection_set
            deepest = max(deepest, 1 + (_depth(inner, fragments, known) if inner else 0))
    return deepest


def _coded(error: GraphQLError, code: str) -> GraphQLError:
    error.extensions = {**(error.extensions or {}), "code": code}
    return error
