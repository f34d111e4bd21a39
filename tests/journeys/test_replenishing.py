"""One revised forecast becomes an order that a supplier confirms, under one correlation id."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from runtime.security.principal import Role
from sandbox.launch import Sandbox
from sandbox.scene import chosen, jumps
from tests.journeys.house import WITH_PROCESSES, House, Simulators, open_house

CORRELATION = "the-forecast-of-december"
QUICK = WITH_PROCESSES.replace("debounce_s: 2", "debounce_s: 0")
PUBLISH = """mutation ($input: PublishForecastsInput!) {
  publishForecasts(input: $input) { accepted userErrors { message } } }"""
PROPOSED = """query ($item: [String!]!) { recommendations(filter: {item: $item}) { nodes {
  id status quantity reason correlationId supplier { code } decidedBy
  explanation { label value }
  purchaseOrder { number provenance { system } } } } }"""
APPROVE = """mutation ($input: DecideRecommendationInput!) {
  approveRecommendation(input: $input) {
    recommendation { status } userErrors { code message } } }"""
ORDER = """query ($number: String!) { purchaseOrder(number: $number, system: "procurement") {
  number status lines { lineNumber quantity confirmedQuantity confirmedOn dueOn } } }"""
ACKNOWLEDGE = """mutation ($input: AcknowledgePurchaseOrderInput!) {
  acknowledgePurchaseOrder(input: $input) { pending userErrors { code message field } } }"""
TROUBLES = """query ($id: String!) { exceptions(filter: {correlationId: $id}) { nodes {
  category state message owner correlationId } } }"""
DECIDE = """mutation ($input: DecideAcknowledgementInput!) {
  decideAcknowledgement(input: $input) { pending userErrors { code message } } }"""
PROCESSES = """query ($id: String!) { processes(filter: {correlationId: $id}) { nodes {
  kind state correlationId } } }"""


@pytest.fixture
async def house(
    sandbox: Sandbox, systems: Simulators, tmp_path: Path, valkey_url: str
) -> AsyncIterator[House]:
    async with open_house(sandbox, tmp_path, valkey_url, QUICK) as open_one:
        yield open_one


async def test_one_forecast_goes_all_the_way(  # noqa: PLR0915  # one story
    house: House, systems: Simulators
) -> None:
    world = house.sandbox.world
    item = chosen(world)[1]
    code = item.plants[0].plant
    forecasts = [
        {
            "item": item.number,
            "location": code,
            "periodStart": f.starts_on.isoformat(),
            "periodEnd": f.ends_on.isoformat(),
            "quantity": str(f.quantity * 12),
        }
        for f in jumps(world)
        if f.item == item.number
    ]
    revised = {"forecasts": forecasts, "idempotencyKey": "december"}
    headers = {"X-Correlation-ID": CORRELATION}
    published = await house.ask(PUBLISH, Role.PLANNER, headers=headers, input=revised)
    assert published.data["publishForecasts"]["accepted"] == len(forecasts)

    def proposed(data: Any) -> bool:
        return any(r["correlationId"] == CORRELATION for r in data["recommendations"]["nodes"])

    found = await house.until(PROPOSED, proposed, Role.BUYER, item=[item.number])
    [ours] = [r for r in found["recommendations"]["nodes"] if r["correlationId"] == CORRELATION]
    assert ours["status"] == "PROPOSED"
    assert "below the safety stock" in ours["reason"]
    assert {"Policy", "Stock now"} <= {line["label"] for line in ours["explanation"]}

    decision = {"id": ours["id"], "note": "the season begins"}
    approved = await house.ask(APPROVE, Role.BUYER, input=decision)
    assert approved.data["approveRecommendation"]["userErrors"] == []

    def ordered(data: Any) -> bool:
        return any(
            r["id"] == ours["id"] and r["status"] == "ORDERED"
            for r in data["recommendations"]["nodes"]
        )

    done = await house.until(PROPOSED, ordered, Role.BUYER, item=[item.number])
    [ours] = [r for r in done["recommendations"]["nodes"] if r["id"] == ours["id"]]
    number = ours["purchaseOrder"]["number"]
    assert ours["purchaseOrder"]["provenance"]["system"] == "procurement"

    [line] = (await house.ask(ORDER, Role.BUYER, number=number)).data["purchaseOrder"]["lines"]
    less = (Decimal(line["quantity"]) / 2).quantize(Decimal(1))
    later = date.fromisoformat(line["dueOn"]) + timedelta(days=20)
    promise = {
        "lineNumber": line["lineNumber"],
        "confirmedQuantity": str(less),
        "confirmedOn": later.isoformat(),
    }
    answer = {"number": number, "system": "procurement", "lines": [promise]}
    said = await house.ask(
        ACKNOWLEDGE, Role.SUPPLIER, suppliers=[ours["supplier"]["code"]], input=answer
    )
    assert said.data["acknowledgePurchaseOrder"] == {"pending": True, "userErrors": []}

    def deviates(data: Any) -> bool:
        return "QUANTITY_DEVIATION" in {
            e["category"] for e in data["exceptions"]["nodes"] if e["state"] == "OPEN"
        }

    troubles = await house.until(TROUBLES, deviates, Role.BUYER, id=CORRELATION)
    owners = {e["category"]: e["owner"] for e in troubles["exceptions"]["nodes"]}
    assert owners["QUANTITY_DEVIATION"] == "role:buyer"
    accepted = {"number": number, "system": "procurement", "decision": "ACCEPT"}
    decided = await house.ask(DECIDE, Role.BUYER, input=accepted)
    assert not decided.errors, decided.errors
    assert decided.data["decideAcknowledgement"]["userErrors"] == []

    def confirmed(data: Any) -> bool:
        [shown] = data["purchaseOrder"]["lines"]
        return (
            shown["confirmedQuantity"] is not None and Decimal(shown["confirmedQuantity"]) == less
        )

    await house.until(ORDER, confirmed, Role.BUYER, number=number)

    def closed(data: Any) -> bool:
        nodes = data["exceptions"]["nodes"]
        return all(e["state"] != "OPEN" for e in nodes if e["owner"] == "role:buyer")

    await house.until(TROUBLES, closed, Role.BUYER, id=CORRELATION)
    ran = await house.ask(PROCESSES, Role.OPERATOR, id=CORRELATION)
    kinds = {p["kind"] for p in ran.data["processes"]["nodes"]}
    assert {"approval", "ordering", "confirmation"} <= kinds
    for system in ("procurement", "erp"):
        told = [
            entry
            for entry in systems.log(system)
            if entry["headers"].get("x-correlation-id") == CORRELATION
        ]
        assert "POST" in {entry["method"] for entry in told}, system
