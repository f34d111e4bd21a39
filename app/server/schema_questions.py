"""Questions about the schema itself: introspection, and what a gateway reads of a subgraph.

Who may ask them is decided here and nowhere else, so that one way of asking is never left open
where another is closed.
"""

from typing import Final

from graphql import FieldNode, OperationDefinitionNode, OperationType

from schema.federation import SERVICE

WEIGHTS: Final = {"__schema": 1, "__type": 1, SERVICE: 150}
"""Root fields that are about the schema, and what each field below them counts for: an SDL is as
long as all that introspection can tell."""


def is_introspection(operation: OperationDefinitionNode) -> bool:
    """Tell whether an operation asks about the schema alone."""
    return operation.operation is OperationType.QUERY and all(
        isinstance(s, FieldNode) and (s.name.value.startswith("__") or s.name.value in WEIGHTS)
        for s in operation.selection_set.selections
    )
