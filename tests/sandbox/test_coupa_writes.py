"""The pretend Coupa takes orders, actions, confirmations and receipts, and refuses in its words."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.launch import Simulator, start_one
from sandbox.world import World
from tests.fixtures.waiting import until
from tests.sandbox.tokens import COUPA_SCOPES, request_token

pytestmark = pytest.mark.xdist_group("coupa-writes")
WRITES = f"{COUPA_SCOPES} core.purchase_order.write core.inventory.receiving.write"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with start_one("coupa", size=0.02, options=["--rate-per-s", "0"]) as running:
        yield running.coupa


@pytest.fixture(scope="module")
def coupa(simulator: Simulator) -> Iterator[httpx.Client]:
    token = request_token(simulator, scope=WRITES).json()["access_token"]
    headers = {"accept": "application/json", "authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"{simulator.url}/api/", headers=headers) as client:
        yield client


def order(world: World, key: str = "k", **changes: Any) -> dict[str, Any]:
    item = next(i for i in world.items if i.status == "active")
    supplier = next(s for s in world.suppliers if s.status == "approved")
    line = {
        "line-num": 1,
        "type": "OrderQuantityLine",
        "item": {"item-number": item.coupa_number},
        "quantity": 10,
        "uom": {"code": item.base_unit},
        "price": "2.50",
        "need-by-date": "2026-12-20",
        "ship-to-address": {"location-code": world.plants[0].coupa_code},
    }
    return {
        "type": "ExternalOrderHeader",
        "supplier": {"number": supplier.coupa_number},
        "currency": {"code": supplier.currency},
        "custom-fields": {"supplygraph-key": key},
        "order-lines": [line, {**line, "line-num": 2, "quantity": "5.0"}],
        **changes,
    }


def made(coupa: httpx.Client, world: World, key: str = "k") -> dict[str, Any]:
    answer = coupa.post("purchase_orders", json=order(world, key))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_an_order_is_a_draft_until_it_is_issued(coupa: httpx.Client, world: World) -> None:
    row = made(coupa, world, "first")
    assert (row["status"], row["version"], row["total"]) == ("draft", 1, "37.500000")
    assert [line["line-num"] for line in row["order-lines"]] == ["1", "2"]
    found = coupa.get("purchase_orders", params={"custom_fields[supplygraph_key][in]": "first"})
    assert [r["id"] for r in found.json()] == [row["id"]]

    issued = coupa.put(f"purchase_orders/{row['id']}/issue").json()
    assert (issued["status"], issued["version"]) == ("issued", 2)
    assert issued["transmission-status"].startswith("sent_")
    again = coupa.put(f"purchase_orders/{row['id']}/issue")
    assert again.status_code == 422
    assert again.json() == {"errors": {"status": ["cannot be issued when sent"]}}


def test_everything_that_is_wrong_with_an_order_is_told(coupa: httpx.Client, world: World) -> None:
    wrong = order(world, type="X", supplier={"number": "?"}, **{"po-number": "P" * 21})
    wrong["order-lines"][1].update({"quantity": 0, "uom": {"code": "?"}, "need-by-date": "soon"})
    answer = coupa.post("purchase_orders", json=wrong)
    assert answer.status_code == 422
    assert sorted(answer.json()["errors"]) == [
        "order-lines.need-by-date",
        "order-lines.quantity",
        "order-lines.uom",
        "po-number",
        "supplier",
        "type",
    ]
    assert coupa.post("purchase_orders", content=b"[]").status_code == 400
    assert coupa.post("items", json={}).status_code == 405


def test_lines_are_changed_and_cancelled_and_stale_changes_refused(
    coupa: httpx.Client, world: World
) -> None:
    row = made(coupa, world)
    first, second = row["order-lines"]
    told = {
        "version": row["version"],
        "order-lines": [
            {"id": first["id"], "quantity": "7", "need-by-date": "2027-01-05"},
            {"id": second["id"], "status": "cancelled"},
        ],
    }
    changed = coupa.put(f"purchase_orders/{row['id']}", json=told).json()
    assert [(x["quantity"], x["status"]) for x in changed["order-lines"]] == [
        ("7.000000", "created"),
        ("5.000000", "cancelled"),
    ]
    assert changed["order-lines"][0]["need-by-date"].startswith("2027-01-05")
    stale = coupa.put(f"purchase_orders/{row['id']}", json=told)
    assert stale.status_code == 412
    assert stale.json() == {"errors": {"version": ["is stale: it is 2 by now"]}}


def test_a_supplier_confirms_late_and_less_and_goods_come(
    coupa: httpx.Client, world: World
) -> None:
    row = made(coupa, world)
    promise = {"line-num": "1", "quantity": "8", "delivery-date": "2026-12-24"}
    told = {
        "order-header": {"id": row["id"]},
        "comments": "two are out of stock",
        "order-confirmation-lines": [promise],
    }
    assert coupa.post("order_confirmations", json=told).status_code == 422
    coupa.put(f"purchase_orders/{row['id']}/issue")
    confirmed = coupa.post("order_confirmations", json=told).json()
    assert [x["quantity"] for x in confirmed["order-confirmation-lines"]] == ["8.000000"]
    assert confirmed["comments"] == "two are out of stock"
    after = coupa.get(f"purchase_orders/{row['id']}").json()
    assert (after["acknowledged-flag"], after["confirmation-status"]) == (
        True,
        "partially_confirmed",
    )

    receipt = {
        "type": "ReceivingQuantityConsumption",
        "order-line": {"id": row["order-lines"][0]["id"]},
        "quantity": "4",
        "custom-fields": {"supplygraph-key": "r-1"},
    }
    booked = coupa.post("receiving_transactions", json=receipt).json()
    assert (booked["quantity"], booked["custom-fields"]) == ("4.000000", {"supplygraph-key": "r-1"})
    assert coupa.get(f"purchase_orders/{row['id']}").json()["order-lines"][0]["received"] == (
        "4.000000"
    )
    assert coupa.put(f"purchase_orders/{row['id']}/cancel").status_code == 422


@pytest.mark.parametrize("fault, done", [("drop", True), ("status", True), ("status", False)])
def test_an_answer_may_be_lost_after_it_was_done(
    coupa: httpx.Client, simulator: Simulator, world: World, fault: str, done: bool
) -> None:
    key = f"lost-{fault}-{done}"
    rule = {"method": "POST", "match": "/api/", "count": 1, "done": done}
    rule |= {"drop": True} if fault == "drop" else {"status": 500}
    httpx.put(f"{simulator.control_url}faults", json=[rule]).raise_for_status()
    if fault == "drop":
        with pytest.raises(httpx.TransportError):
            coupa.post("purchase_orders", json=order(world, key))
    else:
        assert coupa.post("purchase_orders", json=order(world, key)).status_code == 500
    found = coupa.get("purchase_orders", params={"custom_fields[supplygraph_key][in]": key})
    assert len(found.json()) == int(done)


def test_suppliers_answer_as_they_are_told_to(
    coupa: httpx.Client, simulator: Simulator, world: World
) -> None:
    habits = {"after_s": 0.01, "share": "0.75", "days_late": 4, "silent": []}
    url = f"{simulator.control_url}suppliers"
    assert httpx.put(url, json=habits).json()["share"] == "0.75"
    late = made(coupa, world)
    coupa.put(f"purchase_orders/{late['id']}/issue")

    def row() -> dict[str, Any]:
        return dict(coupa.get(f"purchase_orders/{late['id']}").json())

    asyncio.run(until(lambda: bool(row()["acknowledged-flag"])))
    assert row()["confirmation-status"] == "partially_confirmed"
    query = {"order_header[id]": late["id"]}
    (told,) = coupa.get("order_confirmations", params=query).json()
    assert [
        (x["line-num"], x["quantity"], x["delivery-date"][:10])
        for x in told["order-confirmation-lines"]
    ] == [("1", "7.000000", "2026-12-24"), ("2", "3.000000", "2026-12-24")]

    silent = [order(world)["supplier"]["number"]]
    httpx.put(url, json={**habits, "silent": silent}).raise_for_status()
    never = made(coupa, world)
    coupa.put(f"purchase_orders/{never['id']}/issue")
    httpx.put(url, json={}).raise_for_status()
    assert not coupa.get(f"purchase_orders/{never['id']}").json()["acknowledged-flag"]


def test_who_may_only_read_tells_nothing(simulator: Simulator, world: World) -> None:
    token = request_token(simulator).json()["access_token"]
    answer = httpx.post(
        f"{simulator.url}/api/purchase_orders",
        json=order(world),
        headers={"accept": "application/json", "authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 403


def test_the_clock_goes_on_with_made_orders_there(
    coupa: httpx.Client, simulator: Simulator, world: World
) -> None:
    row = made(coupa, world)
    httpx.post(f"{simulator.control_url}tick", json={"count": 200}).raise_for_status()
    after = coupa.get(f"purchase_orders/{row['id']}").json()
    assert after["order-lines"] == row["order-lines"]
    newest = made(coupa, world)
    assert newest["updated-at"] > row["updated-at"]
