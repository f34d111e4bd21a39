"""Which business objects an operation is about: those a change names, and those that were read.

What a change names is found by the names of its arguments and of their fields, literal or given by
variables, so that a new mutation is audited without a word about it.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    value_from_ast_untyped,
)

from canonical.catalogue import SourceKind
from canonical.errors import InvalidInputError
from canonical.ids import decode_global_id
from execution.engine import Outcome
from schema.ownership import source_of

MOST: Final = 200
"""Objects that one entry names; how many more there were is counted."""
_DEEPEST: Final = 10
_LEAST_BYTES: Final = 8
# An object with one field of one letter, and the comma behind it.
_PLUMBING_ENDS: Final = ("Connection", "Edge", "Payload")
_KEPT_HERE: Final = frozenset({"AuditEntry", "DeadLetter"})
"""What this service keeps itself, and is as worth a record as what systems have."""


def named_objects(
    tree: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> tuple[str, ...]:
    """The objects that an operation's root fields name, as `Item:SKU-1`, each once, in order."""
    found: dict[str, None] = {}
    for field in _root_fields(tree, operation):
        for argument in field.arguments or ():
            value = value_from_ast_untyped(argument.value, dict(variables))
            found.update(dict.fromkeys(_names(argument.name.value, value, 0)))
    return tuple(found)


def root_names(tree: DocumentNode, operation: OperationDefinitionNode) -> tuple[str, ...]:
    """The root fields that an operation asks for, each once, in order."""
    names = (field.name.value for field in _root_fields(tree, operation))
    return tuple(dict.fromkeys(names))


def exported(outcome: Outcome, exports_from: int) -> Mapping[str, int]:
    """How many distinct objects an answer has, by type, if so many that it is an export.

    What only holds others is not counted.
    """
    data, objects = outcome.data or b"", outcome.objects
    if len(data) < _LEAST_BYTES * exports_from:
        return {}
    if objects is None:  # not known; an answer has not more objects than braces
        found = {"": data.count(b"{")}
    else:
        found = {name: count for name, count in objects.items() if not _is_plumbing(name)}
    return found if sum(found.values()) >= exports_from else {}


def refused_in_words(outcome: Outcome) -> tuple[str, ...]:
    """Codes of what the payloads of a change say was refused, each once."""
    errors = (e for payload in outcome.payloads for e in getattr(payload, "user_errors", ()))
    return tuple(dict.fromkeys(error.code for error in errors))


@cache
def _is_plumbing(type_name: str) -> bool:
    """Whether objects of a type only hold others, or are no business of anybody's."""
    if type_name.startswith("__") or type_name.endswith(_PLUMBING_ENDS):
        return True
    if type_name in _KEPT_HERE:
        return False
    return source_of(type_name).kind in (SourceKind.VALUE, SourceKind.SERVICE)


def _root_fields(tree: DocumentNode, operation: OperationDefinitionNode) -> Iterator[FieldNode]:
    fragments = {d.name.value: d for d in tree.definitions if isinstance(d, FragmentDefinitionNode)}
    seen: set[str] = set()
    pending: list[SelectionNode] = list(operation.selection_set.selections)
    while pending:
        node = pending.pop(0)
        if isinstance(node, FieldNode):
            yield node
        elif isinstance(node, InlineFragmentNode):
            pending[:0] = node.selection_set.selections
        elif (
            isinstance(node, FragmentSpreadNode)
            and node.name.value not in seen
            and node.name.value in fragments
        ):
            seen.add(node.name.value)
            pending[:0] = fragments[node.name.value].selection_set.selections


def _names(name: str, value: Any, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        for inner_name, inner in value.items():
            yield from _names(inner_name, inner, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _names(name, inner, depth + 1)
    elif isinstance(value, str) and name in _NAMED:
        yield _NAMED[name](value)


def _of_id(value: str) -> str:
    try:
        found = decode_global_id(value)
    except InvalidInputError:
        return f"id:{value}"
    return ":".join((found.type_name, *found.parts))


def _of_kind(kind: str) -> Callable[[str], str]:
    return lambda value: f"{kind}:{value}"


_NAMED: Final[Mapping[str, Callable[[str], str]]] = {
    "id": _of_id,
    "ids": _of_id,
    "businessKey": str,
    "number": _of_kind("PurchaseOrder"),
    "purchaseOrder": _of_kind("PurchaseOrder"),
    "sku": _of_kind("Item"),
    "item": _of_kind("Item"),
    "supplier": _of_kind("Supplier"),
    "location": _of_kind("Location"),
    "shipTo": _of_kind("Location"),
    "consumer": _of_kind("consumer"),
}
"""How values of arguments and input fields are named, by their names."""
