"""Every field, root field, mutation and subscription, for every kind of caller.

The matrix is made of the schema: each field is asked for by each caller in a document of its own,
and what the judge says is held against what the table grants. Who sees what is pinned besides, so
that a change of the table is a change of this file.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

import pytest
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    OperationDefinitionNode,
    get_named_type,
    is_leaf_type,
    is_non_null_type,
    is_required_argument,
    parse,
)

from app.access.judging import Judge, Remembered, Verdict
from runtime.security.access import ROOTS, rights_of
from runtime.security.principal import Principal, Role
from runtime.security.scopes import KNOWN_SCOPES
from schema.access import access_over
from tests.fakes.desk import SCHEMA

INNER: Final = SCHEMA._schema
ACCESS: Final = access_over(INNER)
JUDGE: Final = Judge(INNER, ACCESS)


def caller(*roles: Role, scopes: frozenset[str] = frozenset()) -> Principal:
    return Principal("x", frozenset(roles), None, datetime(2100, 1, 1, tzinfo=UTC), scopes=scopes)


CALLERS: Final[Mapping[str, Principal]] = {
    **{role.value: caller(role) for role in Role},
    "reader": caller(
        Role.MACHINE, scopes=frozenset(s for s in KNOWN_SCOPES if s.endswith(":read"))
    ),
    "orders": caller(Role.MACHINE, scopes=frozenset({"orders:read"})),
}
OPERATORS: Final = {
    "Query.deadLetter",
    "Query.deadLetters",
    "Query.schemaUsage",
    "Mutation.replayDeadLetter",
    "Mutation.correctDeadLetter",
    "Mutation.discardDeadLetter",
    "Mutation.replayEvents",
}
AUDIT: Final = {"Query.auditEntries"}
ORDERING: Final = {
    "Mutation.createPurchaseOrder",
    "Mutation.validatePurchaseOrder",
    "Mutation.cancelPurchaseOrder",
}
CHANGES: Final = ORDERING | {
    "Mutation.acknowledgePurchaseOrder",
    "Mutation.decideAcknowledgement",
    "Mutation.publishForecasts",
    "Mutation.approveRecommendation",
    "Mutation.rejectRecommendation",
}
PROCESSES: Final = {"Query.processes", "Query.process", "Query.processTimes"}
EXCEPTIONS: Final = {
    "Query.exception",
    "Query.exceptions",
    "Subscription.exceptionChanged",
}
SAID: Final = {"Mutation.assignException", "Mutation.commentException"}
DECIDED: Final = {
    "Mutation.retryException",
    "Mutation.resolveException",
    "Mutation.cancelException",
}
PLANNING: Final = {
    "Query.inventory",
    "Query.forecasts",
    "Query.recommendations",
    "Query.recalculateRecommendation",
    "Subscription.inventoryThresholdBreached",
    "Subscription.forecastChanged",
    "Subscription.recommendationChanged",
}
FOR_ALL: Final = {"Query.node", "Query.nodes", "Query.viewer", "Query._entities", "Query._service"}
CLOSED: Final[Mapping[str, set[str]]] = {
    "planner": OPERATORS | AUDIT | DECIDED,
    "buyer": OPERATORS | AUDIT | {"Mutation.publishForecasts"},
    "operator": AUDIT | CHANGES - ORDERING,
    "supplier": (
        OPERATORS
        | AUDIT
        | PROCESSES
        | PLANNING
        | CHANGES
        | EXCEPTIONS
        | SAID
        | DECIDED
        | {"Query.catalog"}
    )
    - {"Mutation.acknowledgePurchaseOrder"},
    "reader": OPERATORS | CHANGES | PROCESSES | SAID | DECIDED,
}
"""What those who may ask nearly everything may not."""
OPEN: Final[Mapping[str, set[str]]] = {
    "auditor": FOR_ALL | AUDIT | {"Query.catalog"},
    "machine": FOR_ALL,
    "orders": FOR_ALL
    | {"Query.purchaseOrder", "Query.purchaseOrders", "Subscription.purchaseOrderChanged"},
}
"""What those who may ask nearly nothing may."""

HIDDEN_FROM_SUPPLIERS: Final = {
    "Item.standardCost",
    "Item.leadTimeDays",
    "Item.safetyStock",
    "Item.reorderPoint",
    "Item.minimumOrderQuantity",
    "Item.preferredSupplier",
    "Item.inventory",
    "Item.forecasts",
    "Item.projectedInventory",
    "Location.inventory",
    "DecideRecommendationPayload.recommendation",
    "ValidatePurchaseOrderPayload.order",
}
"""Fields of objects that a supplier sees, and that it does not."""


def fields() -> Iterator[tuple[str, str, GraphQLField]]:
    for name, kind in INNER.type_map.items():
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and name[:2] != "__":
            for field_name, field in kind.fields.items():
                yield name, field_name, field


def asked(owner: str, name: str, field: GraphQLField, principal: Principal) -> Verdict:
    """What the judge says of a document that asks for a field, wherever its object comes from."""
    given = ", ".join(f"{n}: null" for n, a in field.args.items() if is_required_argument(a))
    below = "" if is_leaf_type(get_named_type(field.type)) else " { __typename }"
    selection = f"{name}{f'({given})' if given else ''}{below}"
    if owner in ROOTS:
        text = f"{owner.lower()} {{ {selection} }}"
    else:
        text = f"{{ viewer {{ ... on {owner} {{ {selection} }} }} }}"  # wherever it stands
    document = parse(text)
    [operation] = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    return JUDGE.verdict(Remembered(), document, operation, principal, {})


@pytest.mark.parametrize("who", CALLERS)
def test_each_field_is_given_masked_or_refused_as_the_table_has_it(who: str) -> None:
    principal = CALLERS[who]
    rights = rights_of(principal)
    tried = 0
    for owner, name, field in fields():
        coordinate = f"{owner}.{name}"
        if isinstance(INNER.type_map[owner], GraphQLInterfaceType):
            continue  # judged as fields of the objects that stand there
        found = asked(owner, name, field, principal)
        reached = owner in ROOTS or ACCESS.allows(owner, rights)
        refused = [(e.extensions or {})["coordinate"] for e in found.refusals]
        if not reached:
            assert (refused, found.mask) == ([], frozenset())  # none of its objects ever turns up
        elif ACCESS.allows(coordinate, rights):
            assert (refused, found.mask) == ([], frozenset()), coordinate
        elif owner in ROOTS or is_non_null_type(field.type):
            assert refused == [coordinate]
        else:
            assert refused == []
            assert found.mask == {(owner, name)}
        tried += 1
    assert tried > 300


@pytest.mark.parametrize("who", CALLERS)
def test_what_a_caller_may_ask_at_all(who: str) -> None:
    rights = rights_of(CALLERS[who])
    roots = {f"{o}.{n}" for o, n, _ in fields() if o in ROOTS}
    allowed = {c for c in roots if ACCESS.allows(c, rights)}
    assert allowed == (roots - CLOSED[who] if who in CLOSED else OPEN[who])


def test_what_suppliers_do_not_see_of_what_they_see() -> None:
    rights = rights_of(CALLERS["supplier"])
    hidden = {
        f"{o}.{n}"
        for o, n, _ in fields()
        if o not in ROOTS and ACCESS.allows(o, rights) and not ACCESS.allows(f"{o}.{n}", rights)
    }
    assert hidden == HIDDEN_FROM_SUPPLIERS


def test_no_role_opens_business_data_to_machines_and_auditors() -> None:
    for who, beside in (("machine", set[str]()), ("auditor", {"AuditEntry", "Catalog"})):
        rights = rights_of(CALLERS[who])
        objects = {o for o, _, _ in fields() if o not in ROOTS and ACCESS.allows(o, rights)}
        named = {o for o in objects if o in ACCESS.table.objects}
        assert named == {"Viewer"} | beside
