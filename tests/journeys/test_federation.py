"""A composed supergraph: questions over ours and a second subgraph, through a real gateway."""

import json
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import pytest_asyncio
from msgspec import Struct

from canonical.ids import GlobalId
from runtime.embedded.valkey import EmbeddedValkey
from runtime.security.principal import Role
from sandbox.launch import Sandbox
from tests.federation.gateways import Gateway, running_gateway
from tests.journeys.house import MANIFEST, House, Simulators, open_house

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("federation")]

SHIPPED: Final = 60
LOST: Final = GlobalId("PurchaseOrder", ("erp", "0000000000")).encode()


class Federation(Struct, frozen=True):
    """A house, a gateway over it and the carriers, and what these carry."""

    house: House
    gateway: Gateway
    orders: list[dict[str, Any]]

    async def ask(self, query: str, *suppliers: str, traces: bool = False) -> Any:
        """The answer of the gateway to a planner, or to a supplier."""
        role = Role.SUPPLIER if suppliers else Role.PLANNER
        token = self.house.token(role, suppliers or None)
        return await self.gateway.ask(query, token, traces=traces)


def shipment(number: int, order: str, skus: list[str], supplier: str) -> dict[str, Any]:
    return {
        "number": f"T{number}",
        "order": {"id": order},
        "items": [{"sku": sku} for sku in skus],
        "from": {"code": supplier},
        "to": {"code": "1010"},
        "freight": {"amount": "12.50", "currency": "EUR"},
    }


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def federation(
    sandbox: Sandbox, valkey_server: EmbeddedValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Federation]:
    folder = tmp_path_factory.mktemp("federation")
    manifest = f"{MANIFEST}\nfederation: {{traces: true}}\n"
    async with open_house(sandbox, folder, valkey_server.url, manifest) as house:
        question = """query ($first: Int) { purchaseOrders(first: $first) { nodes {
            id supplier { code } lines { item { sku } } } } }"""
        reply = await house.ask(question, first=SHIPPED)
        orders = reply.data["purchaseOrders"]["nodes"]
        shipments = [
            shipment(i, o["id"], [x["item"]["sku"] for x in o["lines"]], o["supplier"]["code"])
            for i, o in enumerate(orders)
        ]
        shipments.append(shipment(SHIPPED, LOST, ["no such item"], "nobody"))
        address = f"{house.client.base_url}/graphql"
        async with running_gateway(address, house.token(Role.PLANNER), shipments) as gateway:
            yield Federation(house, gateway, orders)


async def test_it_composes_without_a_remark(federation: Federation) -> None:
    assert federation.gateway.hints == []


async def test_a_question_that_begins_there_comes_to_us_in_one_call_for_each_collection(
    federation: Federation, systems: Simulators
) -> None:
    answer = await federation.ask(
        """{ shipments { number freight { amount }
          order { number orderedOn } items { sku category } } }"""
    )
    assert "errors" not in answer
    shipments = answer["data"]["shipments"]
    orders = {o.number: o for o in federation.house.sandbox.world.orders}
    found = [orders[s["order"]["number"]] for s in shipments[:SHIPPED]]
    days = [s["order"]["orderedOn"] for s in shipments[:SHIPPED]]
    assert days == [o.ordered_on.isoformat() for o in found]
    assert [[i["sku"] for i in s["items"]] for s in shipments[:SHIPPED]] == [
        [x.item for x in o.lines] for o in found
    ]
    assert all(i["category"] for s in shipments[:SHIPPED] for i in s["items"])
    assert shipments[SHIPPED]["order"] is None
    assert shipments[SHIPPED]["items"] == [{"sku": "no such item", "category": None}]
    calls = {name: dict(systems.calls(name)) for name in ("erp", "procurement", "planning")}
    assert calls == {
        "erp": {"A_PurchaseOrder": 1, "A_Product": 1},
        "procurement": {"purchase_orders": 1},
        "planning": {},
    }


async def test_a_question_that_begins_here_goes_on_there(federation: Federation) -> None:
    answer = await federation.ask(
        """{ items(first: 3) { nodes { sku hazardClass } pageInfo { hasNextPage } }
          purchaseOrders(first: 2) { nodes { number shipments { number freight { amount } } } } }"""
    )
    assert "errors" not in answer
    items, orders = (answer["data"][name] for name in ("items", "purchaseOrders"))
    assert [i["hazardClass"] for i in items["nodes"]] == [
        f"class of {i['sku']}" for i in items["nodes"]
    ]
    assert items["pageInfo"] == {"hasNextPage": True}
    carried = [o["shipments"] for o in orders["nodes"]]
    assert carried == [[{"number": f"T{n}", "freight": {"amount": "12.50"}}] for n in range(2)]


async def test_a_supplier_sees_its_own_and_null_for_the_rest(federation: Federation) -> None:
    own = federation.orders[0]["supplier"]["code"]
    answer = await federation.ask(
        "{ shipments { order { number supplier { code } } from { code name } } }", own
    )
    assert "errors" not in answer
    theirs = [o["supplier"]["code"] == own for o in federation.orders] + [False]
    shown = answer["data"]["shipments"]
    assert {True, False} == set(theirs)
    assert [s["order"] is not None for s in shown] == theirs
    assert {s["order"]["supplier"]["code"] for s in shown if s["order"]} == {own}
    # Who the sender is, the other subgraph says; what its name is, we do not.
    assert [s["from"] is not None for s in shown] == theirs


async def test_without_a_token_nothing_of_ours_is_told(federation: Federation) -> None:
    answer = await federation.gateway.ask("{ shipments { number order { number } } }", None)
    assert {s["order"] for s in answer["data"]["shipments"]} == {None}
    assert [e["extensions"]["code"] for e in answer["errors"]] == ["UNAUTHENTICATED"]


async def test_a_gateway_reads_our_traces(federation: Federation) -> None:
    question = "{ shipments { to { code name } } }"
    told = []
    for _ in range(2):
        answer = await federation.ask(question, traces=True)
        ours = answer["extensions"]["plan"]["sequence"]["nodes"][1]
        fetch = ours["flatten"]["node"]["fetch"]
        assert fetch["serviceName"] == "supplygraph"
        assert fetch["traceParsingFailed"] is False
        assert int(fetch["trace"]["durationNs"]) > 0
        told.append(fetch["trace"]["root"])
    [entities] = told[0]["child"]
    assert (entities["responseName"], entities["type"]) == ("_entities", "[_Entity]!")
    [name] = entities["child"][0]["child"]
    assert (name["responseName"], name["parentType"]) == ("name", "Location")
    assert int(entities["endTime"]) > int(entities["startTime"]) > 0
    assert told[1] == {}  # this one was kept: nothing was run


async def test_errors_have_a_path_and_a_code_and_nothing_from_inside(
    federation: Federation, systems: Simulators
) -> None:
    systems.faults("planning", {"status": 500})
    answer = await federation.ask("{ shipments { items { sku forecasts { quantity } } } }")
    assert all(i["forecasts"] == [] for s in answer["data"]["shipments"] for i in s["items"] if i)
    [error] = answer["errors"]
    assert error["path"] == ["shipments", 0, "items", 0, "forecasts"]
    said = error["extensions"]
    assert (said["code"], said["system"]) == ("UNAVAILABLE", "planning")
    text = json.dumps(answer["errors"])
    assert not any(word in text for word in ("127.0.0.1", "Traceback", ".py", "stacktrace"))
