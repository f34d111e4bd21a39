"""Suppliers: nested pages and performance, batched across suppliers."""

from datetime import timedelta
from typing import Any

from canonical.errors import Reason, UnavailableError
from canonical.purchase_orders import PurchaseOrderStatus
from tests.fakes.desk import Desk
from tests.fakes.distributor import MONDAY, Distributor, acknowledged, line, order, receipt

RECEIVED = PurchaseOrderStatus.RECEIVED


def delivered(
    number: int, supplier: str, due: int, arrived: int, **changes: Any
) -> tuple[Any, Any]:
    lines = (line(10, "I0", due_on=MONDAY + timedelta(days=due)),)
    made = order(number, supplier=supplier, status=RECEIVED, lines=lines, **changes)
    return made, receipt(number, f"K{number}", MONDAY + timedelta(days=arrived))


async def test_performance_is_measured_on_orders_with_receipts() -> None:
    pairs = [
        delivered(1, "S1", -10, -10, ordered_on=MONDAY, acknowledgement=acknowledged(6)),
        delivered(2, "S1", -10, -4),
        delivered(3, "S1", -10, -13),
        delivered(4, "S2", -10, -9, ordered_on=MONDAY - timedelta(days=400)),
    ]
    world = Distributor([o for o, _ in pairs] + [order(9, supplier="S1", status=RECEIVED)])
    world.receipts.records = [r for _, r in pairs]
    answer = await Desk(*world.sources).ask(
        """{ suppliers { nodes { code performance { ordersMeasured onTimeRate
            averageAcknowledgementHours averageDelayDays } } } }"""
    )
    assert answer.errors == ()
    by_code = {s["code"]: s["performance"] for s in answer.data["suppliers"]["nodes"]}
    assert by_code["S1"] == {
        "ordersMeasured": 3,
        "onTimeRate": 2 / 3,
        "averageAcknowledgementHours": 6.0,
        "averageDelayDays": 1.0,
    }
    assert by_code["S2"]["ordersMeasured"] == 0
    assert by_code["S2"]["onTimeRate"] is None
    assert len(world.orders.asked) == 1
    assert len(world.receipts.asked) == 1


async def test_pages_of_many_suppliers_are_read_together_and_go_on_alone() -> None:
    world = Distributor()
    desk = Desk(*world.sources)
    answer = await desk.ask(
        """{ suppliers { nodes { code purchaseOrders(first: 4, orderBy: [{field: NUMBER}]) {
            totalCount nodes { number } pageInfo { endCursor } } } } }"""
    )
    assert len(world.orders.asked) == 1
    nodes = answer.data["suppliers"]["nodes"]
    assert [n["purchaseOrders"]["totalCount"] for n in nodes] == [10, 10, 10]
    seen = [o["number"] for o in nodes[1]["purchaseOrders"]["nodes"]]
    cursor = nodes[1]["purchaseOrders"]["pageInfo"]["endCursor"]
    rest = await desk.ask(
        """query ($c: String) { supplier(code: "S1") { purchaseOrders(first: 50, after: $c,
            orderBy: [{field: NUMBER}]) { nodes { number } } } }""",
        c=cursor,
    )
    assert rest.errors == ()
    seen += [o["number"] for o in rest.data["supplier"]["purchaseOrders"]["nodes"]]
    assert sorted(seen) == sorted(f"PO{n}" for n in range(30) if n % 3 == 1)
    assert len(seen) == len(set(seen))


async def test_items_of_suppliers_page_by_sku() -> None:
    desk = Desk(*Distributor().sources)
    question = """query ($c: String) { supplier(code: "S1") { items(first: 2, after: $c) {
        nodes { sku name } pageInfo { hasNextPage endCursor } } } }"""
    first = (await desk.ask(question)).data["supplier"]["items"]
    assert [n["sku"] for n in first["nodes"]] == ["I1", "I4"]
    second = (await desk.ask(question, c=first["pageInfo"]["endCursor"])).data["supplier"]["items"]
    assert second["nodes"] == [{"sku": "I7", "name": "Item 7"}]
    assert second["pageInfo"]["hasNextPage"] is False


async def test_pages_of_several_suppliers_say_which_system_is_missing() -> None:
    world = Distributor()
    world.procurement.error = UnavailableError("procurement", Reason.CONNECTION, "is not there")
    answer = await Desk(*world.sources).ask(
        """{ suppliers { nodes { purchaseOrders(first: 1) {
             totalCount completeness { complete systems { system state } } } } } }"""
    )
    pages = [n["purchaseOrders"] for n in answer.data["suppliers"]["nodes"]]
    assert len(pages) == 3
    for page in pages:
        assert page["totalCount"] is None
        assert not page["completeness"]["complete"]
        states = {s["system"]: s["state"] for s in page["completeness"]["systems"]}
        assert states == {"erp": "LIVE", "procurement": "MISSING"}
    assert {p.details()["system"] for p, _ in answer.problems} == {"procurement"}
