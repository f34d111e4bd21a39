"""What a caller may not see: refused before anything is done, or null with a word about it."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from app.demand.bounds import Bounds
from app.server.answering import EngineAnswering
from app.server.documents import Documents
from app.server.operator import Operator
from canonical.events import InventoryThreshold
from resolvers.events import Shown
from runtime.security.access_table import AccessTable
from runtime.security.principal import Role
from subscriptions.answering import Asker, Opened, Refused, SubscriptionRequest
from tests.fakes.desk import PLANNER, SCHEMA, supplier_principal
from tests.fakes.distributor import Distributor, location
from tests.fakes.happenings import threshold_crossed
from tests.fakes.serving import FakeServing, Site, a_token, running

PLANNING = "{ items { nodes { sku safetyStock standardCost { amount } } } }"


def columns_asked(world: Distributor) -> set[str]:
    return {c for _, query in world.items.asked for c in query.columns}


async def test_a_hidden_field_is_null_and_no_system_is_asked_for_it(
    site: Site, world: Distributor
) -> None:
    body = (await site.ask(PLANNING, token=a_token(Role.SUPPLIER, "S1"))).json()
    nodes = body["data"]["items"]["nodes"]
    assert [n["sku"] for n in nodes] == ["I1", "I4", "I7"]
    assert {(n["safetyStock"], n["standardCost"]) for n in nodes} == {(None, None)}
    told = [(e["extensions"]["code"], e["extensions"]["coordinate"]) for e in body["errors"]]
    assert told == [
        ("FORBIDDEN_FIELD", "Item.safetyStock"),
        ("FORBIDDEN_FIELD", "Item.standardCost"),
    ]
    assert body["errors"][0]["locations"] == [{"line": 1, "column": 23}]
    assert columns_asked(world) == {"sku"}
    whole = (await site.ask(PLANNING)).json()
    assert all(n["safetyStock"] is not None for n in whole["data"]["items"]["nodes"])
    assert "errors" not in whole


async def test_it_is_the_same_for_operations_that_are_not_planned(
    site: Site, world: Distributor
) -> None:
    text = "{ items { nodes { sku safetyStock } } __schema { queryType { name } } }"
    body = (await site.ask(text, token=a_token(Role.SUPPLIER, "S1"))).json()
    assert {n["safetyStock"] for n in body["data"]["items"]["nodes"]} == {None}
    assert body["data"]["__schema"] == {"queryType": {"name": "Query"}}
    assert [e["extensions"]["code"] for e in body["errors"]] == ["FORBIDDEN_FIELD"]
    assert columns_asked(world) == {"sku"}


@pytest.mark.parametrize(
    "text, coordinate",
    [
        ("{ items { nodes { sku } } forecasts { nodes { id } } }", "Query.forecasts"),
        ("{ items { nodes { inventory { onHand } } } }", "Item.inventory"),
        (
            "mutation { rejectRecommendation(input: {id: 1}) { __typename } }",
            "Mutation.rejectRecommendation",
        ),
    ],
)
async def test_what_cannot_be_null_is_refused_and_nothing_is_done(
    site: Site, serving: FakeServing, text: str, coordinate: str
) -> None:
    response = await site.ask(text, token=a_token(Role.SUPPLIER, "S1"))
    assert response.status_code == 403
    body = response.json()
    assert "data" not in body
    [error] = body["errors"]
    assert (error["extensions"]["code"], error["extensions"]["coordinate"]) == (
        "FORBIDDEN",
        coordinate,
    )
    assert serving.asks == []


async def test_whoever_may_not_know_the_schema_learns_nothing_of_it(world: Distributor) -> None:
    serving = FakeServing(*world.sources)
    serving.access = AccessTable.model_validate({"introspection": {"roles": ["planner"]}})
    async with running(serving) as site:
        token = a_token(Role.SUPPLIER, "S1")
        told = [
            await site.ask(f"{{ {field} {{ totalCount }} }}", token=token)
            for field in ("forecasts", "nonsense")
        ]
    assert [r.status_code for r in told] == [400, 400]
    hidden, absent = (_shape(r.json()["errors"][0]) for r in told)
    assert hidden == absent
    assert hidden["message"] == "Cannot query field 'FIELD' on type 'Query'."


def _shape(error: dict[str, Any]) -> dict[str, Any]:
    text = error["message"].replace("forecasts", "FIELD").replace("nonsense", "FIELD")
    text = text.partition(" Did you mean")[0]
    return {
        "message": text,
        "code": error["extensions"]["code"],
        "extensions": sorted(error["extensions"]),
        "locations": error["locations"],
    }


def opening(text: str, suppliers: str | None = "S1") -> Opened | Refused:
    serving = FakeServing()
    operator = Operator(SCHEMA, serving)
    documents = Documents(SCHEMA._schema, Bounds())
    answering = EngineAnswering(operator.engine, documents, operator.judge, serving)
    caller = PLANNER if suppliers is None else supplier_principal(suppliers)
    return answering.open(SubscriptionRequest(text, {}, None, caller, "c"))


def test_a_subscription_goes_through_the_same_judge() -> None:
    told = opening("subscription { forecastChanged { cursor } }")
    assert isinstance(told, Refused)
    [error] = msgspec.json.decode(told.errors)
    assert error["extensions"] == {
        "code": "FORBIDDEN",
        "coordinate": "Subscription.forecastChanged",
        "correlationId": "c",
    }
    assert isinstance(opening("subscription { forecastChanged { cursor } }", None), Opened)
    text = "subscription { purchaseOrderChanged { purchaseOrder { lines { item { %s } } } } }"
    assert isinstance(opening(text % "safetyStock"), Opened)
    assert isinstance(opening(text % "inventory { onHand }"), Refused)


async def test_events_of_another_region_are_not_told() -> None:
    world = Distributor()
    world.locations.records = [
        replace(location(n), region=region) for n, region in enumerate(("EU", "US"))
    ]
    serving = FakeServing(*world.sources)
    operator = Operator(SCHEMA, serving)
    answering = EngineAnswering(operator.engine, operator.documents, operator.judge, serving)
    text = "subscription { inventoryThresholdBreached { position { location { code } } } }"
    shown = [Shown(threshold_crossed(f"I1|L{n}", breach(f"L{n}")), str(n)) for n in range(2)]
    bound = replace(PLANNER, regions=("EU",))
    for principal, codes in ((bound, ["L0", None]), (PLANNER, ["L0", "L1"])):
        opened = answering.open(SubscriptionRequest(text, {}, None, principal, "c"))
        assert isinstance(opened, Opened)
        answers = await answering.execute(opened, shown, Asker(principal, "c"))
        told = [msgspec.json.decode(p)["data"] if p else None for p in answers.payloads]
        heard = "inventoryThresholdBreached"
        assert [t and t[heard]["position"]["location"]["code"] for t in told] == codes


def breach(place: str) -> InventoryThreshold:
    five = Decimal(5)
    return InventoryThreshold(
        item="I1", location=place, threshold=five, available=five, rule="safety_stock"
    )
