"""A revised forecast becomes an order in a real Tryton, confirmed, received: one correlation id."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.manifest.loading import load_manifest
from runtime.security.development import new_development_key
from runtime.security.principal import Role
from tests.journeys.house import Served, serving
from tests.systems.tryton.client import Client
from tests.systems.tryton.conftest import config_for
from tests.systems.tryton.harness import Tryton

pytestmark = [pytest.mark.xdist_group("tryton"), pytest.mark.timeout(400)]

ITEM, PLACE = "ITM-0002", "DC-WEST"
ENTITIES = (
    *("item", "supplier", "location", "inventory", "supply_source"),
    *("purchase_order", "receipt", "forecast"),
)
PROPOSED = """query ($item: [String!]!) { recommendations(filter: {item: $item}) { nodes {
  id status reason quantity unit correlationId location { code } supplier { code }
  provenance { system } purchaseOrder { number } } } }"""
APPROVE = """mutation ($input: DecideRecommendationInput!) {
  approveRecommendation(input: $input) { userErrors { code message } } }"""
ORDER = """query ($number: String!) { purchaseOrder(number: $number) {
  id number status provenance { key }
  lines { lineNumber quantity receivedQuantity confirmedQuantity confirmedOn dueOn } } }"""
ACKNOWLEDGE = """mutation ($input: AcknowledgePurchaseOrderInput!) {
  acknowledgePurchaseOrder(input: $input) { pending userErrors { code message field } } }"""
TOLD = """query ($id: String!) {
  processes(filter: {correlationId: $id}) { nodes { kind state } }
  timeline(correlationId: $id) { nodes { __typename } }
}"""
AUDITED = "query ($id: String!) { auditEntries(filter: {correlationId: $id}) { nodes { action } } }"


@pytest.fixture
async def house(tryton: Tryton, tmp_path: Path, valkey_url: str) -> AsyncIterator[Served]:
    key = new_development_key()
    declared = {
        "version": 1,
        "identity": {"development_key": {"env": "KEY"}},
        "backends": {"erp": config_for(tryton)},
        "entities": {name: {"sources": ["erp"], "freshness_s": 1} for name in ENTITIES},
        "ingestion": {"erp": {"watch": {"forecast": {"every_s": 0.5}}}},
        "processes": {
            "ordering": {"lead": "erp"},
            "confirmation": {"tolerances": [{"percent": 5, "days_late": 20}]},
            "replenishment": {
                "debounce_s": 0,
                "wait_at_most_s": 5,
                "nightly_at": None,
                "policy": {"safety_stock": 10},
            },
            "approval": {"limits": [{"roles": ["buyer"]}]},
        },
    }
    file = tmp_path / "supplygraph.yaml"
    file.write_text(json.dumps(declared))
    environ = {"KEY": key, "REDIS_URL": valkey_url, "ERP_PASSWORD": tryton.user.password}
    async with serving(load_manifest(file, environ), key) as served:
        yield served


class Planning:
    """Who plans in Tryton, and changes their mind."""

    def __init__(self, truth: Client) -> None:
        self._truth = truth
        self._quantity = 4_000
        starts = datetime.now(UTC).date() + timedelta(days=5)
        [item] = truth.read("product.product", [["code", "=", ITEM]], ["default_uom"])
        line = {
            "product": item["id"],
            "unit": item["default_uom"],
            "quantity": float(self._quantity),
            "minimal_quantity": 1.0,
        }
        # Forecasts for one destination must not overlap, and those that are there may.
        [shops] = truth.create("stock.location", {"name": "Shops", "type": "customer"})
        values = {
            "warehouse": self._one("stock.location", ["code", "=", PLACE]),
            "destination": shops,
            "from_date": starts,
            "to_date": starts + timedelta(days=13),
            "company": 1,
            "lines": [["create", [line]]],
        }
        [self._forecast] = truth.create("stock.forecast", values)
        truth.call("stock.forecast", "confirm", [self._forecast])

    def _one(self, model: str, condition: list[Any]) -> int:
        return int(self._truth.read(model, [condition], ["id"])[0]["id"])

    def revise(self) -> None:
        """A little more, as another thought."""
        self._quantity += 10
        self._truth.call("stock.forecast", "draft", [self._forecast])
        lines = self._truth.read("stock.forecast.line", [["forecast", "=", self._forecast]], ["id"])
        ids = [line["id"] for line in lines]
        self._truth.call("stock.forecast.line", "write", ids, {"quantity": float(self._quantity)})
        self._truth.call("stock.forecast", "confirm", [self._forecast])


async def proposal(house: Served, planning: Planning) -> dict[str, Any]:
    """What is recommended once a revision was heard of; the first may come too early for that."""
    async with asyncio.timeout(90):
        while True:
            await asyncio.to_thread(planning.revise)
            for _ in range(20):
                reply = await house.ask(PROPOSED, Role.BUYER, item=[ITEM])
                assert not reply.errors, reply.errors
                for each in reply.data["recommendations"]["nodes"]:
                    here = each["location"]["code"] == PLACE and each["status"] == "PROPOSED"
                    if here and each["provenance"]["system"] == "supplygraph":
                        return dict(each)
                await asyncio.sleep(0.1)


async def test_a_forecast_becomes_an_order_that_is_confirmed_and_received(
    house: Served, truth: Client
) -> None:
    planning = await asyncio.to_thread(Planning, truth)
    ours = await proposal(house, planning)
    correlation = ours["correlationId"]
    thread = {"X-Correlation-ID": correlation}
    approved = await house.ask(APPROVE, Role.BUYER, headers=thread, input={"id": ours["id"]})
    assert approved.data["approveRecommendation"]["userErrors"] == []

    def is_ordered(data: Any) -> bool:
        nodes = data["recommendations"]["nodes"]
        return any(n["id"] == ours["id"] and n["status"] == "ORDERED" for n in nodes)

    data = await house.until(PROPOSED, is_ordered, Role.BUYER, item=[ITEM])
    [ours] = [n for n in data["recommendations"]["nodes"] if n["id"] == ours["id"]]
    number = ours["purchaseOrder"]["number"]
    rows = truth.read(
        "purchase.purchase",
        [["number", "=", number]],
        ["state", "shipment_state", "lines.quantity", "party.code"],
    )
    [row] = rows
    assert (row["state"], row["shipment_state"]) == ("processing", "waiting")
    assert row["party."]["code"] == ours["supplier"]["code"]
    assert [Decimal(str(x["quantity"])) for x in row["lines."]] == [Decimal(ours["quantity"])]

    shown = (await house.ask(ORDER, Role.BUYER, number=number)).data["purchaseOrder"]
    [line] = shown["lines"]
    later = date.fromisoformat(line["dueOn"]) + timedelta(days=7)
    promise = {
        "lineNumber": line["lineNumber"],
        "confirmedQuantity": line["quantity"],
        "confirmedOn": later.isoformat(),
    }
    said = await house.ask(
        ACKNOWLEDGE,
        Role.SUPPLIER,
        suppliers=[ours["supplier"]["code"]],
        headers=thread,
        input={"number": number, "lines": [promise]},
    )
    assert said.data["acknowledgePurchaseOrder"]["userErrors"] == []

    for _ in range(300):
        if planned(truth, row["id"]) == {later}:
            break
        await asyncio.sleep(0.2)
    assert planned(truth, row["id"]) == {later}

    await asyncio.to_thread(receive, truth, row["id"])
    await house.until(
        ORDER,
        lambda data: data["purchaseOrder"]["status"] == "RECEIVED",
        Role.BUYER,
        number=number,
    )

    def has_ended(data: Any) -> bool:
        nodes = data["processes"]["nodes"]
        kinds = {p["kind"] for p in nodes if p["state"] == "SUCCEEDED"}
        return {"approval", "ordering", "confirmation"} <= kinds

    told = await house.until(TOLD, has_ended, Role.OPERATOR, id=correlation)
    assert told["timeline"]["nodes"]
    audited = await house.ask(AUDITED, Role.AUDITOR, id=correlation)
    assert audited.data["auditEntries"]["nodes"]


def planned(truth: Client, order: int) -> set[date]:
    """Days on which what was ordered is expected."""
    moves = truth.read("stock.move", [["purchase", "=", order]], ["planned_date"])
    return {move["planned_date"] for move in moves}


def receive(truth: Client, order: int) -> None:
    """Book everything of an order in, as a warehouse does."""
    moves = truth.read("stock.move", [["purchase", "=", order]], ["id"])
    [row] = truth.read("purchase.purchase", [["id", "=", order]], ["party", "warehouse"])
    [place] = truth.read(
        "stock.location", [["id", "=", row["warehouse"]]], ["input_location", "storage_location"]
    )
    shipment = {
        "supplier": row["party"],
        "warehouse": row["warehouse"],
        "company": 1,
        "warehouse_input": place["input_location"],
        "warehouse_storage": place["storage_location"],
        "incoming_moves": [["add", [move["id"] for move in moves]]],
    }
    [made] = truth.create("stock.shipment.in", shipment)
    truth.call("stock.shipment.in", "receive", [made])
    truth.call("stock.shipment.in", "do", [made])
