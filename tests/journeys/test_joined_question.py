"""The joined question: complete, correct, and in exactly the calls that the plan says."""

import math
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sandbox.launch import Sandbox
from sandbox.world import World
from tests.journeys.house import JOINED, House, Simulators, open_house

# The same links as the demo's question, with few enough fields to run it on 2,000 orders here.
QUESTION = """
query Joined($first: Int!, $until: Date!) {
  purchaseOrders(first: $first, orderBy: [{ field: NUMBER }]) {
    nodes {
      number
      supplier { name }
      lines {
        lineNumber
        quantity
        item { name inventory { location { code } onHand } forecasts(to: $until) { quantity } }
      }
    }
    completeness { complete }
  }
}
"""

# By preset: keys in one request, rows on one page (S/4 as the simulator is set, Coupa at most).
ERP_KEYS = PLANNING_KEYS = 100
ERP_PAGE, PROCUREMENT_PAGE = 1_000, 50


@pytest.fixture(scope="module")
def large() -> Iterator[Sandbox]:
    """2,000 orders: 1,500 of them in the ERP."""
    with Sandbox(seed=7, size=0.5, today=datetime.now(UTC).date()) as running:
        yield running


@pytest.fixture
async def large_house(large: Sandbox, tmp_path: Path, valkey_url: str) -> AsyncIterator[House]:
    Simulators(large).reset()
    async with open_house(large, tmp_path, valkey_url) as house:
        yield house


def planned(world: World, nodes: list[Any], first: int) -> dict[str, dict[str, int]]:
    """Requests by system and collection: levels x systems x chunks."""
    in_system = Counter(o.system for o in world.orders)
    suppliers = {n["supplier"]["name"] for n in nodes}
    items = {line["item"]["name"] for n in nodes for line in n["lines"]}
    # One row more than is wanted tells the ERP's list whether there are more. Coupa sorts text by a
    # collation of its own, so that its orders are all read, up to a short page, and sorted here.
    erp_pages = math.ceil(min(first + 1, in_system["erp"] + 1) / ERP_PAGE)
    procurement_pages = in_system["procurement"] // PROCUREMENT_PAGE + 1
    chunks = math.ceil(len(items) / ERP_KEYS)
    return {
        "erp": {
            "A_PurchaseOrder": erp_pages,
            "A_Supplier": math.ceil(len(suppliers) / ERP_KEYS),
            "A_Product": chunks,
            "A_MatlStkInAcctMod": chunks,
        },
        "procurement": {"token": 1, "purchase_orders": procurement_pages},
        "planning": {"forecastplan": math.ceil(len(items) / PLANNING_KEYS)},
    }


@pytest.mark.xdist_group("large")
@pytest.mark.parametrize("first", [1, 20, 200, 2_000])
async def test_the_number_of_calls_is_what_the_plan_says(
    large: Sandbox, large_house: House, first: int
) -> None:
    systems = Simulators(large)
    until = (large.world.today + timedelta(days=7)).isoformat()
    reply = await large_house.ask(QUESTION, first=first, until=until)
    assert reply.errors == ()
    nodes = reply.data["purchaseOrders"]["nodes"]
    assert len(nodes) == first
    expected = planned(large.world, nodes, first)
    assert {name: dict(systems.calls(name)) for name in expected} == expected
    again = await large_house.ask(QUESTION, first=first, until=until)
    assert again.data == reply.data
    assert again.calls() == 0
    assert {name: dict(systems.calls(name)) for name in expected} == expected


async def test_the_demos_question_is_answered_completely_and_correctly(
    house: House, sandbox: Sandbox
) -> None:
    world = sandbox.world
    reply = await house.ask(JOINED, first=200)
    assert reply.errors == ()
    page = reply.data["purchaseOrders"]
    assert page["completeness"]["complete"] is True
    assert {n["number"] for n in page["nodes"]} == {o.number for o in world.orders}
    days = [n["orderedOn"] for n in page["nodes"]]
    assert days == sorted(days, reverse=True)
    orders = {o.number: o for o in world.orders}
    suppliers = {s.number: s.name for s in world.suppliers}
    for node in page["nodes"]:
        order = orders[node["number"]]
        assert node["provenance"]["system"] == order.system
        assert node["supplier"]["code"] == order.supplier
        assert suppliers[order.supplier] in node["supplier"]["name"]
        assert node["orderedOn"] == order.ordered_on.isoformat()
        assert node["status"] == order.state.upper(), order
        assert len(node["lines"]) == len(order.lines)
        for shown, line in zip(node["lines"], order.lines, strict=True):
            assert shown["item"]["sku"] == line.item
            assert Decimal(shown["quantity"]) == line.quantity
            assert shown["unit"] == line.unit
            assert shown["shipTo"]["code"] == line.plant
            assert shown["dueOn"] == line.due_on.isoformat()


async def test_stock_and_forecasts_are_the_worlds(house: House, sandbox: Sandbox) -> None:
    world = sandbox.world
    reply = await house.ask(JOINED, first=200)
    on_hand: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for stock in world.stock:
        if stock.kind == "01" and not stock.special:
            on_hand[stock.item, stock.plant] += stock.quantity
    forecast: dict[str, Decimal] = defaultdict(Decimal)
    for row in world.forecasts:
        forecast[row.item] += row.quantity
    seen: set[str] = set()
    for node in reply.data["purchaseOrders"]["nodes"]:
        for line in node["lines"]:
            item = line["item"]
            seen.add(item["sku"])
            shown = {p["location"]["code"]: Decimal(p["onHand"]) for p in item["inventory"]}
            known = {plant: q for (sku, plant), q in on_hand.items() if sku == item["sku"]}
            assert {k: q for k, q in shown.items() if q} == {k: q for k, q in known.items() if q}
            total = sum(Decimal(f["quantity"]) for f in item["forecasts"])
            assert total == forecast[item["sku"]]
    assert len(seen) > 50


async def test_received_and_open_quantities_are_the_worlds(house: House, sandbox: Sandbox) -> None:
    lines = {(x.order, x.number): x for o in sandbox.world.orders for x in o.lines}
    reply = await house.ask(
        """{ purchaseOrders(first: 200) { nodes { number status lines {
            lineNumber receivedQuantity openQuantity cancelled confirmedOn confirmedQuantity
            unitPrice { amount } } } } }"""
    )
    assert reply.errors == ()
    partly = 0
    for node in reply.data["purchaseOrders"]["nodes"]:
        for shown in node["lines"]:
            line = lines[node["number"], shown["lineNumber"]]
            received = Decimal(shown["receivedQuantity"])
            assert abs(received - line.received) < Decimal("0.001"), line
            partly += 0 < received < line.quantity
            if not shown["cancelled"] and node["status"] in {"APPROVED", "ACKNOWLEDGED", "SENT"}:
                assert abs(Decimal(shown["openQuantity"]) - (line.quantity - line.received)) < 1
            if line.confirmed_on is not None:
                assert shown["confirmedOn"] == line.confirmed_on.isoformat()
    assert partly > 5
