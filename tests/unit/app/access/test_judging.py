"""What a caller gets of a document: all of it, all but what is masked, or nothing."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import GraphQLError, OperationDefinitionNode, parse, validate

from app.access.judging import ALLOWED, Judge, Remembered, Verdict
from runtime.security.access_table import AccessTable
from runtime.security.principal import Principal, Role
from schema.access import access_over
from tests.fakes.desk import SCHEMA

INNER = SCHEMA._schema
DEEP: Any = []
for _ in range(5_000):
    DEEP = [DEEP]
NEVER = datetime(2100, 1, 1, tzinfo=UTC)


def caller(*roles: Role, scopes: str = "") -> Principal:
    return Principal("x", frozenset(roles), None, NEVER, scopes=frozenset(scopes.split()))


PLANNER = caller(Role.PLANNER)
SUPPLIER = caller(Role.SUPPLIER)


def a_judge(**table: Any) -> Judge:
    return Judge(INNER, access_over(INNER, AccessTable.model_validate(table)))


def verdict(
    text: str,
    principal: Principal | None,
    judge: Judge | None = None,
    variables: Mapping[str, Any] | None = None,
) -> Verdict:
    document = parse(text)
    assert validate(INNER, document) == []
    operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))
    return (judge or a_judge()).verdict(
        Remembered(), document, operation, principal, variables or {}
    )


def about(error: GraphQLError) -> tuple[str, str]:
    told = error.extensions or {}
    return told["code"], told["coordinate"]


def told(found: Verdict) -> list[tuple[str, str]]:
    return [about(e) for e in found.refusals]


def test_what_may_be_seen_costs_nothing() -> None:
    text = "{ items { nodes { sku standardCost { amount } inventory { onHand } } } }"
    assert verdict(text, PLANNER) is ALLOWED


def test_what_may_be_null_is_masked_once_for_each_selection() -> None:
    text = """{ items { nodes { sku standardCost { amount } ...F } } }
      fragment F on Item { safetyStock }"""
    found = verdict(text, SUPPLIER)
    assert told(found) == []
    assert found.mask == {("Item", "standardCost"), ("Item", "safetyStock")}
    assert [about(e) for e in found.notes] == [
        ("FORBIDDEN_FIELD", "Item.standardCost"),
        ("FORBIDDEN_FIELD", "Item.safetyStock"),
    ]
    places = [x for e in found.notes for x in e.locations or ()]
    assert [(x.line, x.column) for x in places] == [(1, 23), (2, 28)]


@pytest.mark.parametrize(
    "text, coordinate",
    [
        ("{ forecasts { __typename } }", "Query.forecasts"),
        ("{ items { nodes { inventory { __typename } } } }", "Item.inventory"),
        (("{ items { ...F } } fragment F on ItemConnection { nodes { projectedInventory "
         "{ closing } } }"), "Item.projectedInventory"),
        (('mutation { createPurchaseOrder(input: {supplier: "S", lines: [], idempotencyKey: '
         '"k"}) { __typename } }'), "Mutation.createPurchaseOrder"),
        ("subscription { forecastChanged { cursor } }", "Subscription.forecastChanged"),
        ('{ deadLetter(id: "x") { id } }', "Query.deadLetter"),
    ],
)  # fmt: skip
def test_what_cannot_be_null_and_every_root_field_is_refused(text: str, coordinate: str) -> None:
    assert told(verdict(text, SUPPLIER)) == [("FORBIDDEN", coordinate)]


def test_sums_go_with_what_they_are_made_of() -> None:
    judge = a_judge(fields={"PurchaseOrderLine.unitPrice": ["buyer"], "SupplySource.price": []})
    text = """{ purchaseOrders { nodes { total { amount } } }
      recommendations { nodes { estimatedCost { amount } } } }"""
    found = verdict(text, PLANNER, judge)
    assert told(found) == [("FORBIDDEN", "PurchaseOrder.total")]
    assert found.mask == {("ReplenishmentRecommendation", "estimatedCost")}
    assert (
        verdict("{ purchaseOrders { nodes { total { amount } } } }", caller(Role.BUYER), judge)
        is ALLOWED
    )


def test_no_rule_of_a_field_opens_its_object() -> None:
    judge = a_judge(objects={"Item": ["buyer"]})
    text = '{ node(id: "x") { ... on PurchaseOrderLine { item { standardCost { amount } } } } }'
    assert told(verdict(text, PLANNER, judge)) == [("FORBIDDEN", "PurchaseOrderLine.item")]


def test_a_machine_has_what_its_scopes_grant() -> None:
    text = "{ purchaseOrders { nodes { number total { amount } } } }"
    assert told(verdict(text, caller(Role.MACHINE))) == [("FORBIDDEN", "Query.purchaseOrders")]
    reads = caller(Role.MACHINE, scopes="orders:read")
    assert told(verdict(text, reads)) == [("FORBIDDEN", "PurchaseOrder.total")]
    assert verdict(text, caller(Role.MACHINE, scopes="orders:read prices:read")) is ALLOWED
    # Scopes add to a role, too.
    assert (
        verdict(
            "{ inventory { nodes { onHand } } }", caller(Role.SUPPLIER, scopes="inventory:read")
        )
        is ALLOWED
    )


def test_an_auditor_has_no_business_data() -> None:
    text = "{ viewer { subject } items { nodes { sku } } }"
    assert told(verdict(text, caller(Role.AUDITOR))) == [("FORBIDDEN", "Query.items")]


def test_objects_that_may_not_be_seen_never_stand_where_others_may() -> None:
    text = """{ node(id: "x") { id __typename ... on InventoryPosition { onHand }
      ...F ... on Item { sku safetyStock } } } fragment F on Forecast { quantity }"""
    found = verdict(text, SUPPLIER)
    assert told(found) == []
    assert found.mask == {("Item", "safetyStock")}


def test_what_is_hidden_cannot_be_asked_by() -> None:
    judge = a_judge(fields={"PurchaseOrder.updatedAt": ["buyer"], "Item.name": ["buyer"]})
    literal = (
        '{ purchaseOrders(filter: {updatedAt: {gte: "2026-01-01T00:00:00Z"}}) { totalCount } }'
    )
    assert told(verdict(literal, PLANNER, judge)) == [
        ("FORBIDDEN", "PurchaseOrderFilter.updatedAt")
    ]
    ordered = "{ purchaseOrders(orderBy: [{field: UPDATED_AT}]) { totalCount } }"
    assert told(verdict(ordered, PLANNER, judge)) == [
        ("FORBIDDEN", "PurchaseOrderOrderField.UPDATED_AT")
    ]
    harmless = '{ purchaseOrders(filter: {updatedAt: null, number: {eq: "1"}}) { totalCount } }'
    assert verdict(harmless, PLANNER, judge) is ALLOWED


def test_nor_through_variables_or_their_defaults() -> None:
    judge = a_judge(fields={"PurchaseOrder.updatedAt": ["buyer"]})
    text = """query ($f: PurchaseOrderFilter, $o: [PurchaseOrderOrder!])
      { purchaseOrders(filter: $f, orderBy: $o) { totalCount } }"""
    for variables, coordinate in (
        ({"f": {"updatedAt": {"gte": "x"}}}, "PurchaseOrderFilter.updatedAt"),
        ({"o": [{"field": "UPDATED_AT"}]}, "PurchaseOrderOrderField.UPDATED_AT"),
        ({"o": {"field": "UPDATED_AT"}}, "PurchaseOrderOrderField.UPDATED_AT"),
        ({"f": {"updatedAt": None, "number": {"eq": "1"}}}, None),
        ({"f": 3, "o": [[{}]]}, None),
        ({"f": [{"updatedAt": {}}], "o": DEEP}, None),  # refused when they are coerced
    ):
        expected = [] if coordinate is None else [("FORBIDDEN", coordinate)]
        assert told(verdict(text, PLANNER, judge, variables)) == expected
        assert told(verdict(text, caller(Role.BUYER), judge, variables)) == []
    default = """query ($o: [PurchaseOrderOrder!] = [{field: UPDATED_AT}])
      { purchaseOrders(orderBy: $o) { totalCount } }"""
    assert told(verdict(default, PLANNER, judge)) == [
        ("FORBIDDEN", "PurchaseOrderOrderField.UPDATED_AT")
    ]


def test_arguments_may_have_rules() -> None:
    judge = a_judge(fields={"Query.purchaseOrder(system:)": ["operator"]})
    assert verdict('{ purchaseOrder(number: "1") { number } }', PLANNER, judge) is ALLOWED
    text = '{ purchaseOrder(number: "1", system: "erp") { number } }'
    assert told(verdict(text, PLANNER, judge)) == [("FORBIDDEN", "Query.purchaseOrder(system:)")]


def test_who_may_not_know_the_schema_is_told_as_if_there_were_no_such_thing() -> None:
    judge = a_judge(
        introspection={"roles": ["planner"]}, fields={"PurchaseOrder.updatedAt": ["buyer"]}
    )
    for text, words in (
        ("{ forecasts { totalCount } }", "Cannot query field 'forecasts' on type 'Query'."),
        ("{ items { nodes { safetyStock } } }", "Cannot query field 'safetyStock' on type 'Item'."),
        ("{ __schema { description } }", "Cannot query field '__schema' on type 'Query'."),
        ("{ purchaseOrders(orderBy: [{field: UPDATED_AT}]) { totalCount } }",
         "Value 'UPDATED_AT' does not exist in 'PurchaseOrderOrderField' enum."),
    ):  # fmt: skip
        [error] = verdict(text, SUPPLIER, judge).refusals
        assert (error.message, error.extensions) == (words, {"code": "GRAPHQL_VALIDATION_FAILED"})
    assert verdict("{ __schema { description } }", PLANNER, judge) is ALLOWED


def test_strangers_get_nothing_but_the_schema_where_they_may() -> None:
    assert verdict("{ __typename }", None) is ALLOWED
    assert verdict("{ __schema { description } }", None).refusals
    assert verdict("{ viewer { subject } }", None).refusals
    opened = a_judge(introspection={"strangers": True})
    assert verdict("{ __schema { description } }", None, opened) is ALLOWED


def test_fragments_that_multiply_are_judged_once() -> None:
    text = "{ items { nodes { ...F0 } } }" + "".join(
        f" fragment F{n} on Item {{ a{n}: sku ...F{n + 1} sources {{ supplier {{ items {{ nodes "
        f"{{ ...F{n + 1} }} }} }} }} }}"
        for n in range(60)
    )
    text += " fragment F60 on Item { safetyStock }"
    document = parse(text)
    operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))
    found = a_judge().verdict(Remembered(), document, operation, SUPPLIER, {})
    assert [about(e)[1] for e in found.notes] == ["Item.safetyStock"]


def test_a_verdict_is_remembered_for_all_with_the_same_rights() -> None:
    document, judge, remembered = (
        parse("{ items { nodes { safetyStock } } }"),
        a_judge(),
        Remembered(),
    )
    [operation] = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    first = judge.verdict(remembered, document, operation, SUPPLIER, {})
    other = Principal("y", frozenset({Role.SUPPLIER}), ("S2",), NEVER)
    assert judge.verdict(remembered, document, operation, other, {}) is first
    assert judge.verdict(remembered, document, operation, PLANNER, {}) is ALLOWED
    for n in range(200):
        judge.verdict(remembered, document, operation, caller(Role.SUPPLIER, scopes=f"s{n}"), {})
    assert len(remembered.verdicts) <= 64
