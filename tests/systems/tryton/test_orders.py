"""Orders, receipts, stock, forecasts and requests are what Tryton itself says."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from canonical.entities import EntityName
from canonical.purchase_orders import PurchaseOrderStatus as Status
from canonical.recommendations import RecommendationStatus
from canonical.values import Money, Quantity
from tests.systems.opening import Opened
from tests.systems.tryton.client import Client
from tests.systems.tryton.harness import Tryton

pytestmark = [pytest.mark.xdist_group("tryton"), pytest.mark.timeout(400)]

UNITS = {"u": "PC", "kg": "KG"}
STATUSES = {
    "draft": Status.DRAFT,
    "quotation": Status.PENDING_APPROVAL,
    "confirmed": Status.APPROVED,
    "processing": Status.SENT,
    "partial": Status.PARTIALLY_RECEIVED,
    "received": Status.RECEIVED,
    "done": Status.CLOSED,
    "cancelled": Status.CANCELLED,
}
LINES = ["purchase", "type", "sequence", "product.code", "quantity", "unit.symbol", "unit_price"]


def exact(number: float) -> Decimal:
    return Decimal(repr(number))


def product_lines(truth: Client) -> dict[int, list[dict[str, Any]]]:
    lines: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for line in truth.read("purchase.line", [["type", "=", "line"]], LINES):
        lines[line["purchase"]].append(line)
    return lines


def line_ids(truth: Client) -> dict[tuple[str, int], int]:
    """Ids of lines, by their order's key and their number in it."""
    lines = truth.read("purchase.line", [["type", "=", "line"]], ["purchase", "sequence"])
    return {(str(line["purchase"]), line["sequence"]): line["id"] for line in lines}


def done_moves(truth: Client) -> list[dict[str, Any]]:
    fields = [
        "origin.id",
        "origin.sequence",
        "purchase",
        "shipment",
        "product.code",
        "quantity",
        "unit.symbol",
    ]
    domain = [["state", "=", "done"], ["from_location.type", "=", "supplier"]]
    return truth.read("stock.move", domain, fields)


async def test_all_eight_kinds_have_their_status(erp: Opened, tryton: Tryton) -> None:
    found = await erp.every(EntityName.PURCHASE_ORDER)
    for kind, ids in tryton.seed["orders"].items():
        assert len(ids) == 2
        for n in ids:
            assert found[str(n)].status is STATUSES[kind]


async def test_orders(erp: Opened, truth: Client) -> None:
    fields = ["number", "reference", "state", "party.code", "purchase_date", "currency.code"]
    fields += ["untaxed_amount", "write_date", "create_date", "warehouse.code"]
    expected = truth.read("purchase.purchase", [], fields)
    lines = product_lines(truth)
    found = await erp.every(EntityName.PURCHASE_ORDER)
    assert len(found) == len(expected) == 16
    for row in expected:
        order = found[str(row["id"])]
        currency = row["currency."]["code"]
        assert order.number == (row["number"] or row["reference"])
        assert (order.raw_status, order.supplier) == (row["state"], row["party."]["code"])
        assert order.ordered_on == row["purchase_date"]
        assert order.total == Money(row["untaxed_amount"], currency)
        assert order.updated_at == (row["write_date"] or row["create_date"])
        assert {x.ship_to for x in order.lines} == {row["warehouse."]["code"]}
        assert {(x.line_number, x.item, x.quantity, x.unit, x.unit_price) for x in order.lines} == {
            (
                x["sequence"],
                x["product."]["code"],
                exact(x["quantity"]),
                UNITS[x["unit."]["symbol"]],
                Money(x["unit_price"], currency),
            )
            for x in lines[row["id"]]
        }
        assert {x.cancelled for x in order.lines} == {row["state"] == "cancelled"}


async def test_received_is_what_the_done_moves_brought(erp: Opened, truth: Client) -> None:
    came: dict[int, Decimal] = defaultdict(Decimal)
    for move in done_moves(truth):
        came[move["origin."]["id"]] += exact(move["quantity"])
    found, ids = await erp.every(EntityName.PURCHASE_ORDER), line_ids(truth)
    lines = [(ids[key, x.line_number], x) for key, order in found.items() for x in order.lines]
    assert sum(bool(x.received) for _, x in lines) == len(came) > 5
    for number, line in lines:
        amount = came.get(number)
        assert line.received == ((Quantity(amount, line.unit),) if amount else ())


async def test_lines_are_completed_when_nothing_is_to_come(erp: Opened, truth: Client) -> None:
    progress = truth.read("purchase.line", [["type", "=", "line"]], ["moves_progress"])
    states = {o["id"]: o["state"] for o in truth.read("purchase.purchase", [], ["state"])}
    arrived = {x["id"] for x in progress if x["moves_progress"] == 1}
    found, ids = await erp.every(EntityName.PURCHASE_ORDER), line_ids(truth)
    for key, order in found.items():
        is_done = states[int(key)] == "done"
        assert [x.completed for x in order.lines] == [
            is_done or ids[key, x.line_number] in arrived for x in order.lines
        ]


async def test_due_day_is_the_order_s_or_that_of_what_is_to_come(
    erp: Opened, truth: Client
) -> None:
    orders = truth.read("purchase.purchase", [], ["delivery_date"])
    moves = truth.read(
        "stock.move",
        [["state", "=", "draft"], ["purchase", "!=", None]],
        ["origin.id", "planned_date"],
    )
    planned = {m["origin."]["id"]: m["planned_date"] for m in moves}
    computed = {
        x["id"]: x["delivery_date"] for x in truth.read("purchase.line", [], ["delivery_date"])
    }
    found, ids = await erp.every(EntityName.PURCHASE_ORDER), line_ids(truth)
    for order in orders:
        for line in found[str(order["id"])].lines:
            n = ids[str(order["id"]), line.line_number]
            assert line.due_on == (order["delivery_date"] or planned.get(n) or computed[n])
    assert any(o["delivery_date"] for o in orders)
    assert any(planned.values())


async def test_receipts(erp: Opened, truth: Client) -> None:
    fields = ["number", "state", "supplier.code", "warehouse.code", "effective_date"]
    shipments = truth.read("stock.shipment.in", [["state", "in", ["received", "done"]]], fields)
    moves: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for move in done_moves(truth):
        moves[f"{move['shipment'].rpartition(',')[2]}|{move['purchase']}"].append(move)
    found = await erp.every(EntityName.RECEIPT)
    assert found.keys() == moves.keys()
    assert len(found) == len(shipments) == 6
    assert {s["state"] for s in shipments} == {"received", "done"}
    by_id = {str(s["id"]): s for s in shipments}
    for key, receipt in found.items():
        shipment, order = key.split("|")
        row, day = by_id[shipment], by_id[shipment]["effective_date"]
        assert (receipt.number, receipt.purchase_order) == (row["number"], order)
        assert receipt.supplier == row["supplier."]["code"]
        assert receipt.location == row["warehouse."]["code"]
        assert receipt.received_at == datetime(day.year, day.month, day.day, tzinfo=UTC)
        assert {
            (x.line_number, x.order_line_number, x.item, x.quantity, x.unit) for x in receipt.lines
        } == {
            (
                m["id"],
                m["origin."]["sequence"],
                m["product."]["code"],
                exact(m["quantity"]),
                UNITS[m["unit."]["symbol"]],
            )
            for m in moves[key]
        }


async def test_receipts_are_found_by_order(erp: Opened, tryton: Tryton) -> None:
    orders = [str(n) for kind in ("partial", "done", "draft") for n in tryton.seed["orders"][kind]]
    source = erp.sources[EntityName.RECEIPT]
    batch = await source.by_keys("purchase_order", orders, frozenset({"purchase_order"}), erp.ask())
    found: list[Any] = list(batch.records)
    assert sorted(r.purchase_order for r in found) == sorted(orders[:4])
    assert not batch.failures


async def test_stock_of_every_item_at_every_warehouse(
    erp: Opened, truth: Client, tryton: Tryton
) -> None:
    found = await erp.every(EntityName.INVENTORY)
    assert len(found) == 24 * 3
    before = datetime.now(UTC) - timedelta(minutes=1)
    total = Decimal(0)
    for code, warehouse in tryton.seed["warehouses"].items():
        expected = truth.read(
            "product.product",
            [],
            ["code", "quantity", "default_uom.symbol"],
            locations=[warehouse],
            active_test=False,
        )
        for row in expected:
            position = found[f"{warehouse}|{row['id']}"]
            assert (position.item, position.location) == (row["code"], code)
            assert position.on_hand == position.available == exact(row["quantity"])
            assert position.reserved == 0
            assert position.unit == UNITS[row["default_uom."]["symbol"]]
            assert position.as_of > before
            total += position.on_hand
    assert total > 1000


async def test_a_transfer_is_reserved_then_in_transit(
    erp: Opened, truth: Client, tryton: Tryton
) -> None:
    places = {p["code"]: p["id"] for p in truth.read("stock.location", [], ["code"])}
    stock = truth.read("product.product", [], ["quantity"], locations=[places["DC-EAST-A"]])
    item = next(row["id"] for row in stock if row["quantity"] >= 7)
    keys = [f"{tryton.seed['warehouses'][code]}|{item}" for code in ("DC-EAST", "DC-WEST")]

    async def positions() -> list[tuple[Any, ...]]:
        source = erp.sources[EntityName.INVENTORY]
        batch = await source.by_keys("key", keys, source.columns, erp.ask())
        found: dict[str, Any] = {r.provenance.key: r for r in batch.records}
        return [
            (p.on_hand, p.reserved, p.available, p.in_transit) for p in (found[k] for k in keys)
        ]

    [east, west] = [p[0] for p in await positions()]
    transfer = transfer_of(truth, item, places["DC-EAST-A"], places["DC-WEST-A"])
    for step in ("wait", "assign_try"):
        truth.call("stock.shipment.internal", step, [transfer])
    assert await positions() == [(east, 7, east - 7, 0), (west, 0, west, 0)]
    for step in ("pack", "ship"):
        truth.call("stock.shipment.internal", step, [transfer])
    assert await positions() == [(east - 7, 0, east - 7, 0), (west, 0, west, 7)]
    truth.call("stock.shipment.internal", "do", [transfer])
    assert await positions() == [(east - 7, 0, east - 7, 0), (west + 7, 0, west + 7, 0)]


def transfer_of(truth: Client, item: int, here: int, there: int) -> int:
    """A transfer of seven, still a draft."""
    [product] = truth.read("product.product", [["id", "=", item]], ["default_uom"])
    way = {"from_location": here, "to_location": there, "company": truth.context["company"]}
    move = {"product": item, "unit": product["default_uom"], "quantity": 7.0, **way}
    [made] = truth.create("stock.shipment.internal", {**way, "moves": [["create", [move]]]})
    return made


async def test_forecasts_are_those_that_were_confirmed(erp: Opened, truth: Client) -> None:
    fields = ["product.code", "quantity", "unit.symbol", "forecast.warehouse.code"]
    fields += ["forecast.from_date", "forecast.to_date", "forecast.state"]
    rows = truth.read("stock.forecast.line", [], fields)
    expected = [r for r in rows if r["forecast."]["state"] == "done"]
    found = await erp.every(EntityName.FORECAST)
    assert 0 < len(found) == len(expected) < len(rows)
    for row in expected:
        forecast, about = found[str(row["id"])], row["forecast."]
        assert forecast.item == row["product."]["code"]
        assert forecast.location == about["warehouse."]["code"]
        assert forecast.period_start == about["from_date"]
        assert forecast.period_end == about["to_date"] + timedelta(days=1)
        assert forecast.quantity == exact(row["quantity"])
        assert forecast.unit == UNITS[row["unit."]["symbol"]]


async def test_requests_to_buy_are_recommendations(erp: Opened, truth: Client) -> None:
    fields = ["product.code", "party.code", "warehouse.code", "quantity", "unit.symbol"]
    fields += ["supply_date", "create_date", "state"]
    expected = truth.read("purchase.request", [], fields)
    found = await erp.every(EntityName.RECOMMENDATION)
    assert len(found) == len(expected) > 0
    for row in expected:
        proposal = found[str(row["id"])]
        assert proposal.status is RecommendationStatus.PROPOSED
        assert proposal.item == row["product."]["code"]
        assert proposal.supplier == row["party."]["code"]
        assert proposal.location == row["warehouse."]["code"]
        assert proposal.quantity == exact(row["quantity"])
        assert proposal.need_by == row["supply_date"]
        assert proposal.created_at == row["create_date"]
        assert proposal.purchase_order is None
        assert proposal.reason == "Stock falls below the order point"
