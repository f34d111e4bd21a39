"""Prices of operations over the published schema: exact, from arguments and variables."""

from collections.abc import Mapping
from typing import Any

import pytest
from graphql import (
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    get_introspection_query,
    parse,
)

from app.demand.pricing import Price, Prices


@pytest.fixture(scope="module")
def prices(schema: GraphQLSchema) -> Prices:
    return Prices(schema, page_size=50)


def price(prices: Prices, text: str) -> Price:
    tree = parse(text)
    [operation] = [d for d in tree.definitions if isinstance(d, OperationDefinitionNode)]
    return prices.of(tree, operation)


@pytest.mark.parametrize(
    "text, cost",
    [
        ("{ __typename }", 0),
        ("{ viewer { subject roles } }", 1),
        ('{ item(sku: "1") { sku name } }', 1),
        ("{ items { nodes { sku } } }", 1 + 50),
        ("{ items(first: 3) { nodes { sku } } }", 1 + 3),
        ("{ items(first: 3) { nodes { sku } edges { cursor node { sku } } } }", 1 + 3 + 3 * 2),
        ("{ items(first: 3) { totalCount pageInfo { endCursor } } }", 1 + 1),
        ("{ items(first: 3) { nodes { inventory { location { code } } } } }", 1 + 3 * (1 + 5 * 2)),
        ("{ items(first: 3) { nodes { projectedInventory { closing } } } }", 1 + 3 * (1 + 13 * 2)),
        ("{ items(first: 3) { nodes { projectedInventory(weeks: 2) { closing } } } }", 1 + 3 * 5),
        ('{ supplier(code: "S") { performance { onTimeRate } } }', 1 + 100),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', 3),
        ('{ nodes(ids: "a") { id } }', 1),
        ("{ items(first: 0) { nodes { sku } } }", 1),
        ("{ items(first: -5) { nodes { sku } } }", 1),
        ("{ items(first: null) { nodes { sku } } }", 1 + 50),
        ("{ items(first: 99999999999) { nodes { sku } } }", 1 + 10**9),
        ("{ items(first: 1, maxStaleness: 0) { nodes { sku } } }", 1 + 1 + 5),
        ("{ items(first: 1, maxStaleness: null) { nodes { sku } } }", 1 + 1),
        ('{ items(first: 1, filter: {sku: {eq: "1"}}) { nodes { sku } } }', 1 + 1 + 2),
        ("{ items(first: 1, orderBy: [{field: SKU}, {field: NAME}]) { nodes { id } } }", 1 + 1 + 2),
        ("{ items(first: 1, orderBy: {field: SKU}) { nodes { sku } } }", 1 + 1 + 1),
    ],
)  # fmt: skip
def test_what_a_query_costs(prices: Prices, text: str, cost: int) -> None:
    assert price(prices, text).of({}) == cost


@pytest.mark.parametrize(
    "given, cost",
    [
        ({}, 1 + 7),
        ({"first": None}, 1 + 50),
        ({"first": 2000}, 1 + 2000),
        ({"first": 2.0}, 1 + 2),
        ({"first": -1}, 1),
        ({"first": 10**400}, 1 + 10**9),
        ({"first": 1e300}, 1 + 10**9),
        ({"first": True}, 1 + 50),
        ({"first": {"a": 1}}, 1 + 50),
        ({"first": "5"}, 1 + 1),
    ],
)
def test_a_length_may_be_a_variable(prices: Prices, given: Mapping[str, Any], cost: int) -> None:
    text = "query Q($first: Int = 7) { items(first: $first) { nodes { sku } } }"
    assert price(prices, text).of(given) == cost


def test_a_price_is_worked_out_of_all_its_variables(prices: Prices) -> None:
    text = """query Q($n: Int, $m: Int, $weeks: Int, $ids: [ID!]!, $age: Int, $f: ItemFilter) {
      items(first: $n, filter: $f) { nodes { projectedInventory(weeks: $weeks) { closing } } }
      suppliers(first: $m) { nodes { items(first: $n) { nodes { sku } } } }
      nodes(ids: $ids) { id }
      item(sku: "1", maxStaleness: $age) { sku } }"""
    found = price(prices, text)
    given = {"n": 2, "m": 3, "weeks": 4, "ids": ["a", "b"], "age": 9, "f": {"sku": {"eq": "1"}}}
    items, suppliers = 1 + 2 * (1 + 4 * 2) + 2, 1 + 3 * (1 + 1 + 2)
    assert found.of(given) == items + suppliers + 2 + (1 + 5)
    assert found.of({**given, "m": 0, "f": None, "age": None}) == items - 2 + 1 + 2 + 1
    assert found.of({**given, "f": [{"sku": "?"}, 5]}) == items - 2 + suppliers + 2 + 6


def test_fields_that_are_merged_cost_once(prices: Prices) -> None:
    text = """{ items(first: 3) { nodes { ...A preferredSupplier { code } } ...B }
      items(first: 3) { nodes { sku ...A } } }
      fragment A on Item { preferredSupplier { name } ... on Item { inventory { unit } } }
      fragment B on ItemConnection { nodes { preferredSupplier { id } } pageInfo { endCursor } }"""
    assert price(prices, text).of({}) == 1 + 3 * (1 + 2 + 5) + 1


def test_aliases_cost_each_for_itself(prices: Prices) -> None:
    text = "{" + " ".join(f"a{n}: items(first: 10) {{ nodes {{ sku }} }}" for n in range(4)) + "}"
    assert price(prices, text).of({}) == 4 * 11


def test_of_an_abstract_type_the_dearest_counts(prices: Prices) -> None:
    text = """query Q($n: Int) { node(id: "x") {
      ... on Item { inventory { unit } }
      ... on Supplier { items(first: $n) { nodes { sku } } }
      ... on Node { id } } }"""
    found = price(prices, text)
    assert (found.of({"n": 1}), found.of({"n": 9})) == (1 + 5, 1 + 10)


@pytest.mark.parametrize(
    "given, cost",
    [({"a": True, "b": True}, 1), ({"a": True, "b": False}, 6), ({"a": False, "b": False}, 7),
     ({}, 7)],
)  # fmt: skip
def test_what_is_skipped_costs_nothing(prices: Prices, given: Mapping[str, Any], cost: int) -> None:
    text = """query Q($a: Boolean!, $b: Boolean!) { item(sku: "1") {
      inventory @skip(if: $b) { unit } inventory @skip(if: $b) { asOf }
      ... @skip(if: $a) { sources @skip(if: true) { supplier { code } } itself: sku
        unitConversions @include(if: false) { unit } } }
      viewer @skip(if: $a) { subject } }"""
    assert price(prices, text).of(given) == cost


def test_a_change_costs_ten_more_for_each_field_and_what_it_brings(prices: Prices) -> None:
    line = '{item: "1", quantity: "1", dueOn: "2026-01-01", shipTo: "L"}'
    text = f"""mutation {{
      a: createPurchaseOrder(input: {{supplier: "S", idempotencyKey: "k", lines: [{line}, {line}]}})
        {{ userErrors {{ message }} }}
      approveRecommendation(input: {{id: "1"}}) {{ userErrors {{ message }} }} }}"""
    found = price(prices, text)
    assert found.changes == 20
    assert found.of({}) == 20 + (1 + 10 + 3) + (1 + 10 + 1)


def test_questions_about_the_schema_cost_what_the_schema_is_large(
    prices: Prices, schema: GraphQLSchema
) -> None:
    types = len(schema.type_map)
    assert price(prices, "{ __schema { types { name } } }").of({}) == 1 + types
    text = get_introspection_query(specified_by_url=True, input_value_deprecation=True)
    whole = price(prices, text).of({})
    assert types * 50 < whole < 50_000
    twice = price(prices, "{ a: __schema { types { name } } b: __schema { types { name } } }")
    assert twice.of({}) == 2 * (1 + types)


def test_the_price_of_fragments_without_end_is_not_worked_out(
    prices: Prices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.demand.pricing._MOST_STEPS", 1_000)
    with pytest.raises(GraphQLError, match="too many fragments for different types"):
        price(prices, '{ node(id: "x") {' + " ... on Item { sku }" * 400 + "} }")


def test_what_was_worked_on_is_priced_alike(prices: Prices) -> None:
    met = [("Query", "items", 1), ("ItemConnection", "nodes", 30), ("Supplier", "performance", 2)]
    assert prices.actual(met) == 1 + 30 + 200
