"""Documents: each text is looked at, parsed, measured and validated once, and kept.

What is too large is refused before anything is done that takes longer than a look at each token.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    parse,
    specified_rules,
    validate,
)
from msgspec import Struct, field

from app.access.judging import Remembered
from app.demand.bounds import Bounds
from app.demand.lexing import oversize
from app.demand.measures import Measured, measured
from app.demand.merging import FieldsMerge

_KEPT: Final = 1_000
_KEPT_CHARACTERS: Final = 1_000_000
# A parsed document takes some 70 bytes for each character of its text.
_MAX_ERRORS: Final = 10
_RULES: Final = tuple(
    FieldsMerge if rule is OverlappingFieldsCanBeMergedRule else rule for rule in specified_rules
)


class Document(Struct):
    """A document that may be run, or why it may not.

    Attributes:
        tree: The parsed document; None if it could not be parsed.
        errors: What is wrong with it.
        size: Its measure; None if it could not be parsed.
        unkept: How many of its last answers in a row could not be kept.
        judged: What its senders may see of it.
        worked_out: What was worked out about it, by whatever names that.
    """

    tree: DocumentNode | None
    errors: tuple[GraphQLError, ...]
    size: Measured | None = None
    unkept: int = 0
    judged: Remembered = field(default_factory=Remembered)
    worked_out: dict[Any, Any] = field(default_factory=dict)

    def once(self, name: Any, make: Callable[[], Any]) -> Any:
        """Work something out about it the first time it is wanted."""
        if name not in self.worked_out:
            self.worked_out[name] = make()
        return self.worked_out[name]

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
                raise _invalid("the document has no operation of the name in `operationName`")
        if not operations:
            raise _invalid("the document has no operation, only fragments")
        if len(operations) > 1:
            raise _invalid("say which operation of the document to run with `operationName`")
        return operations[0]

    def name(self, given: str | None) -> str | None:
        """The name of the operation to run, also where it is not given; None if it has none."""
        try:
            name = self.operation(given).name
        except GraphQLError:
            return given
        return None if name is None else name.value


class Documents:
    """Documents by their text, the least recently used forgotten first."""

    def __init__(self, schema: GraphQLSchema, bounds: Bounds, *, suggestions: bool = False) -> None:
        self._schema = schema
        self._suggestions = suggestions
        self._bounds = bounds
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._characters = 0

    def known(self, text: str) -> bool:
        """Whether a text was looked at already."""
        return text in self._kept

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
        problem = oversize(text, self._bounds)
        if problem is not None:
            return Document(None, (problem,))
        try:
            tree = parse(text)
        except GraphQLError as exc:
            return Document(None, (_coded(exc, "GRAPHQL_PARSE_FAILED"),))
        size = measured(tree)
        if size.circle:
            return Document(tree, (_circular(size.circle),), size)
        excess = size.excess(self._bounds)
        if excess:
            return Document(tree, tuple(excess[:_MAX_ERRORS]), size)
        errors = validate(
            self._schema,
            tree,
            _RULES,
            max_errors=_MAX_ERRORS,
            hide_suggestions=not self._suggestions,
        )
        told = (_coded(_about_text(e), "GRAPHQL_VALIDATION_FAILED") for e in errors)
        return Document(tree, tuple(told), size)


def _circular(circle: Sequence[str]) -> GraphQLError:
    by_way = ", ".join(repr(name) for name in circle[1:])
    message = f"Cannot spread fragment {circle[0]!r} within itself"
    message += f" via {by_way}." if by_way else "."
    return _coded(GraphQLError(message), "GRAPHQL_VALIDATION_FAILED")


def _about_text(error: GraphQLError) -> GraphQLError:
    """An error about the text, also where Python could not read a value of it."""
    if error.original_error is None or isinstance(error.original_error, GraphQLError):
        return error
    return GraphQLError("a value is not one of the type that is wanted here", error.nodes)


def _invalid(message: str) -> GraphQLError:
    return _coded(GraphQLError(message), "OPERATION_RESOLUTION_FAILED")


def _coded(error: GraphQLError, code: str) -> GraphQLError:
    error.extensions = {"code": code, **(error.extensions or {})}
    return error
