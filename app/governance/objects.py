"""Which business objects an operation is about: those a change names, and those that were read.

What a change names is found by the names of its arguments and of their fields, literal or given by
variables, so that a new mutation is audited without a word about it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    SelectionNode,
    value_from_ast_untyped,
)

from canonical.errors import InvalidInputError
from canonical.ids import decode_global_id
from execution.cells import Cells, Leaves, Many, Rows
from execution.engine import Outcome

MOST: Final = 200
"""Objects that one entry names; how many more there were is counted."""
_DEEPEST: Final = 10
_LEAST_BYTES: Final = 8
# An object with one field of one letter, and the comma behind it.
_PLUMBING: Final = frozenset(
    {
        "Completeness",
        "Money",
        "Mutation",
        "PageInfo",
        "Provenance",
        "Quantity",
        "Query",
        "SystemState",
        "UnitConversion",
        "UserError",
        "Viewer",
    }
)
_PLUMBING_ENDS: Final = ("Connection", "Edge", "Payload")


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


def objects_read(rows: Rows) -> Counter[str]:
    """How many distinct objects are in an answer, by type; what only holds others is left out."""
    found: Counter[str] = Counter()
    pending = [rows]
    while pending:
        one = pending.pop()
        name = one.selection.type_name
        if name not in _PLUMBING and not name.endswith(_PLUMBING_ENDS):
            found[name] += len(one.objects)
        pending += [inner for cells in one.cells for inner in _below(cells)]
    return found


def exported(outcome: Outcome, exports_from: int) -> Mapping[str, int]:
    """How many objects an answer has, by type, if they are so many that it is an export."""
    data = outcome.data or b""
    if len(data) < _LEAST_BYTES * exports_from:
        return {}
    # What graphql-core has walked is known by its braces alone: not fewer than it has objects.
    found = {"": data.count(b"{")} if outcome.rows is None else objects_read(outcome.rows)
    return found if sum(found.values()) >= exports_from else {}


def refused_in_words(rows: Rows) -> tuple[str, ...]:
    """Codes of what the payloads of a change say was refused, each once."""
    payloads = [o for cells in rows.cells for inner in _below(cells) for o in inner.objects]
    errors = (e for payload in payloads for e in getattr(payload, "user_errors", ()))
    return tuple(dict.fromkeys(error.code for error in errors))


def _below(cells: Cells | None) -> list[Rows]:
    while isinstance(cells, Many):
        cells = cells.inner
    return [] if cells is None or isinstance(cells, Leaves) else list(cells.rows)


def _root_fields(tree: DocumentNode, operation: OperationDefinitionNode) -> Iterator[FieldNode]:
    fragments = {d.name.value: d for d in tree.definitions if isinstance(d, FragmentDefinitionNode)}
    seen: set[str] = set()
    pending: list[SelectionNode] = list(operation.selection_set.selections)
    while pending:
        node = pending.pop(0)
        if isinstance(node, FieldNode):
            yield node
        elif not isinstance(node, FragmentSpreadNode):
            pending[:0] = getattr(node, "selection_set").selections  # noqa: B009  # the only other kind
        elif node.name.value not in seen and node.name.value in fragments:
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
