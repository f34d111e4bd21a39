"""The shipped access table covers the whole schema, names nothing else, and is shown in the SDL."""

import re

import pytest
from graphql import GraphQLField, GraphQLSchema, GraphQLString, build_schema

from runtime.security.access_table import AccessTable
from schema.access import access_over, mistakes, shipped_table, unruled
from schema.api import build_schema as published_schema

EXTENDED = """
  extend type Query { secrets: String }
  extend type Mutation { burn: String }
  extend type Subscription { whispers: String }
  extend input ItemFilter { colour: String }
  extend enum ItemOrderField { COLOUR }
  extend type PurchaseOrder { secret: Secret }
  type Secret { word: String }
"""


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return published_schema()._schema


def test_every_field_has_a_rule(schema: GraphQLSchema) -> None:
    assert unruled(schema, access_over(schema)) == []


def test_what_is_new_and_has_no_rule_is_found(schema: GraphQLSchema) -> None:
    sdl = published_schema().as_str() + EXTENDED
    grown = build_schema(sdl)
    assert set(unruled(grown, access_over(grown))) == {
        "Query.secrets",
        "Mutation.burn",
        "Subscription.whispers",
        "PurchaseOrder.secret",
        "Secret.word",
        "ItemFilter.colour",
        "ItemOrderField.COLOUR",
    }


def test_it_names_nothing_that_is_not_there(schema: GraphQLSchema) -> None:
    assert list(mistakes(shipped_table(), schema)) == []


@pytest.mark.parametrize(
    "table, wrong",
    [
        ({"objects": {"PurchaseOder": "anyone"}}, "PurchaseOder"),
        ({"objects": {"Item": {"parts": ["Itm"]}}}, "Itm"),
        ({"fields": {"Item.cost": []}}, "Item.cost"),
        ({"fields": {"Item.sku": {"follows": ["Item.skuu"]}}}, "Item.skuu"),
        ({"fields": {"Item.sku": ["planer"]}}, "planer"),
        ({"fields": {"Item.sku": ["machine"]}}, "machine"),
        ({"fields": {"Item.sku": {"scopes": ["item:read"]}}}, "item:read"),
        ({"fields": {"Query.items(filtr:)": []}}, "Query.items(filtr:)"),
        ({"query": {"itms": "anyone"}}, "itms"),
        ({"mutation": {"items": "anyone"}}, "items"),
        ({"inputs": {"ItemFiltr": {"of": "Item"}}}, "ItemFiltr"),
        ({"inputs": {"ItemFilter": {"fields": {"sku": "Item.skuu"}}}}, "Item.skuu"),
        ({"groups": {"mine": ["byer"]}}, "byer"),
        ({"forecast_weeks": {"suplier": 3}}, "suplier"),
        ({"introspection": {"roles": ["all"]}}, "all"),
    ],
)
def test_a_slip_is_found(schema: GraphQLSchema, table: object, wrong: str) -> None:
    assert [m.wrong for m in mistakes(AccessTable.model_validate(table), schema)] == [wrong]


def test_what_a_manifest_says_lies_over_what_is_shipped(schema: GraphQLSchema) -> None:
    table = AccessTable.model_validate(
        {
            "groups": {"desk": ["buyer"]},
            "fields": {"Item.standardCost": ["desk"]},
            "introspection": {"strangers": True},
        }
    )
    whole = access_over(schema, table).table
    assert whole.fields["Item.standardCost"].roles == ("desk",)
    assert whole.fields["Item.safetyStock"] == shipped_table().fields["Item.safetyStock"]
    assert whole.introspection.strangers
    assert whole.introspection.roles == shipped_table().introspection.roles


def test_the_sdl_shows_it_as_the_manifest_has_it() -> None:
    table = AccessTable.model_validate(
        {"fields": {"PurchaseOrderLine.unitPrice": {"roles": ["buyer"], "scopes": ["prices:read"]}}}
    )
    changed, shipped = published_schema(table).as_str(), published_schema().as_str()
    assert 'unitPrice: Money! @access(roles: ["BUYER"], scopes: [["prices:read"]])' in changed
    orders = '@access(roles: ["PLANNER", "BUYER", "SUPPLIER", "OPERATOR"], scopes: [["orders:read"'
    [line] = re.findall(r"^type PurchaseOrder implements Node .*$", shipped, re.MULTILINE)
    assert f"{orders}]])" in line
    assert f'total: Money! {orders}, "prices:read"]])' in shipped
    assert re.search(r"\): DeadLetter @access\(roles: \[\"OPERATOR\"\]\)", shipped)
    assert re.search(r"  viewer: Viewer! @access$", shipped, re.MULTILINE)


def test_a_field_without_an_object_of_its_own_is_denied() -> None:
    plain = GraphQLSchema(query=None, types=())
    assert access_over(plain).requirement("Secret.word") is None
    assert isinstance(GraphQLField(GraphQLString), GraphQLField)
