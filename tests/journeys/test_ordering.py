"""An order is made in procurement and in the ERP, and called off in both, as they speak."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runtime.security.principal import Role
from sandbox.launch import Sandbox
from tests.journeys.house import WITH_PROCESSES, House, Reply, Simulators, open_house

TERMS = """{
  items(first: 100) { nodes {
    sku status unit
    sources { supplier { code status } minimumOrderQuantity price { amount currency } }
  } }
  locations(first: 1) { nodes { code } } }"""
CREATE = """mutation ($input: CreatePurchaseOrderInput!) {
  done: createPurchaseOrder(input: $input) {
  purchaseOrder { id number status provenance { system } lines { lineNumber quantity unit } }
  pending userErrors { code message field } } }"""
CANCEL = """mutation ($input: CancelPurchaseOrderInput!) {
  done: cancelPurchaseOrder(input: $input) {
  purchaseOrder { number status } pending userErrors { code message field } } }"""


@pytest.fixture
async def house(
    sandbox: Sandbox, systems: Simulators, tmp_path: Path, valkey_url: str
) -> AsyncIterator[House]:
    async with open_house(sandbox, tmp_path, valkey_url, WITH_PROCESSES) as open_one:
        yield open_one


def wish(found: Reply) -> dict[str, Any]:
    """An order of an item whose price every system can hold."""
    for item in found.data["items"]["nodes"]:
        for terms in item["sources"]:
            price = terms["price"]
            plain = price is not None and len(price["amount"].partition(".")[2].rstrip("0")) <= 2
            approved = terms["supplier"]["status"] == "APPROVED"
            if plain and approved and (item["status"], item["unit"]) == ("ACTIVE", "PC"):
                quantity = max(500, int(float(terms["minimumOrderQuantity"] or 0)))
                line = {
                    "item": item["sku"],
                    "quantity": str(quantity),
                    "dueOn": (datetime.now(UTC).date() + timedelta(days=120)).isoformat(),
                    "shipTo": found.data["locations"]["nodes"][0]["code"],
                }
                return {"supplier": terms["supplier"]["code"], "lines": [line]}
    raise AssertionError(found.data)


def told(systems: Simulators, system: str) -> list[dict[str, Any]]:
    """The requests that changed something in a system."""
    entries = [e for e in systems.log(system) if e["method"] != "GET" and "oauth2" not in e["path"]]
    return [e for e in entries if not e["path"].endswith("/")]


async def done(house: House, question: str, **given: Any) -> Reply:
    """Ask for something until it is done."""
    reply = await house.ask(question, Role.BUYER, input=given)
    for _ in range(20):
        assert reply.data["done"]["userErrors"] == []
        if not reply.data["done"]["pending"]:
            break
        reply = await house.ask(question, Role.BUYER, input=given)
    assert not reply.data["done"]["pending"]
    return reply


async def test_an_order_is_made_and_called_off_in_both_systems(
    house: House, systems: Simulators
) -> None:
    order = wish(await house.ask(TERMS, Role.BUYER))
    first = await house.ask(CREATE, Role.BUYER, input={**order, "idempotencyKey": "k1"})
    made = (await done(house, CREATE, **order, idempotencyKey="k1")).data["done"]["purchaseOrder"]
    assert (made["provenance"]["system"], made["status"]) == ("procurement", "SENT")
    assert [x["unit"] for x in made["lines"]] == ["PC"]
    procurement, erp = told(systems, "procurement"), told(systems, "erp")
    assert [e["path"].rsplit("/", 1)[-1] for e in procurement] == ["purchase_orders", "issue"]
    assert [e["path"].rsplit("/", 1)[-1] for e in erp] == ["A_PurchaseOrder"]
    correlations = {e["headers"]["x-correlation-id"] for e in procurement + erp}
    assert correlations == {first.cost["correlationId"]}
    gone = await done(house, CANCEL, id=made["id"], reason="not needed", idempotencyKey="c1")
    assert gone.data["done"]["purchaseOrder"]["status"] == "CANCELLED"
    assert told(systems, "procurement")[-1]["path"].endswith("/cancel")
    assert len(told(systems, "erp")) > 1
