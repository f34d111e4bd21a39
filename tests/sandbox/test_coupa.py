"""The pretend Coupa: tokens, pages of 50, filters, projections and throttling."""

from __future__ import annotations

import re
from collections import defaultdict
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from sandbox.coupa.rows import Rows
from sandbox.launch import Sandbox
from sandbox.world import World
from tests.sandbox.tokens import request_token

_RESOURCES = (
    "items", "suppliers", "supplier_items", "addresses", "purchase_orders",
    "purchase_order_lines", "receiving_transactions", "order_confirmations",
)  # fmt: skip


def _everything(coupa: httpx.Client, path: str, **params: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while True:
        page = coupa.get(path, params={**params, "offset": str(len(rows))}).json()
        rows += page
        if len(page) < 50:
            return rows


@pytest.mark.parametrize("resource", _RESOURCES)
def test_pages_of_50_hold_every_row_once(coupa: httpx.Client, resource: str) -> None:
    rows = _everything(coupa, resource)
    ids = [row["id"] for row in rows]
    assert ids == sorted(set(ids))
    assert len(coupa.get(resource, params={"limit": "500"}).json()) == min(50, len(rows))
    one = coupa.get(f"{resource}/{ids[-1]}").json()
    assert one == rows[-1]


def test_an_order_in_wire_form(coupa: httpx.Client, world: World) -> None:
    expected = next(o for o in world.orders if o.system == "procurement")
    (order,) = coupa.get("purchase_orders", params={"po-number": expected.number}).json()
    assert order["supplier"]["number"] == world.suppliers_by_number[expected.supplier].coupa_number
    assert order["currency"] == {"code": expected.currency}
    assert order["created-at"].endswith("-08:00")
    assert order["created-at"].startswith(str(expected.ordered_on))
    line, shown = expected.lines[0], order["order-lines"][0]
    assert shown["line-num"] == "1"
    assert shown["uom"] == {"code": line.unit}
    assert re.fullmatch(r"\d+\.\d{6}", shown["quantity"])
    assert Decimal(shown["quantity"]) == line.quantity
    assert shown["item"]["item-number"] == world.items_by_number[line.item].coupa_number
    assert shown["need-by-date"] == f"{line.due_on}T00:00:00-08:00"


def test_every_status_occurs(coupa: httpx.Client) -> None:
    orders = _everything(coupa, "purchase_orders")
    assert {"draft", "buyer_hold", "issued", "cancelled", "closed"} <= {
        row["status"] for row in orders
    }
    assert any(row["acknowledged-flag"] and row["acknowledged-at"] for row in orders)
    assert any(row["transmission-status"].startswith("sent_via") for row in orders)


def test_full_size_has_every_status_and_transmission() -> None:
    orders = Rows(World()).by_resource()["purchase_orders"]
    assert {row["status"] for row in orders} == {
        "draft", "error", "buyer_hold", "supplier_window_hold", "issued", "soft_closed", "closed",
        "cancelled",
    }  # fmt: skip
    assert {row["transmission-status"] for row in orders} == {
        "pending", "not_sent", "sent_via_email", "sent_via_cxml", "sent_via_xml",
    }  # fmt: skip
    confirmations = {row["confirmation-status"] for row in orders}
    assert confirmations == {None, "confirmed", "partially_confirmed"}


def test_receipts_sum_up_to_what_the_lines_received(coupa: httpx.Client) -> None:
    received: dict[int, Decimal] = defaultdict(Decimal)
    for row in _everything(coupa, "receiving_transactions"):
        sign = -1 if row["type"].startswith("ReceivingReturn") else 1
        if row["status"] != "voided":
            received[row["order-line"]["id"]] += sign * Decimal(row["quantity"])
    for line in _everything(coupa, "purchase_order_lines"):
        assert Decimal(line["received"]) == received[line["id"]]


def test_confirmations_say_what_was_promised(coupa: httpx.Client, world: World) -> None:
    confirmed = [o for o in world.orders if o.system == "procurement" and o.acknowledged_at]
    rows = _everything(coupa, "order_confirmations")
    assert [row["order-header"]["po-number"] for row in rows] == [o.number for o in confirmed]
    line, shown = confirmed[0].lines[0], rows[0]["order-confirmation-lines"][0]
    assert Decimal(shown["quantity"]) == line.confirmed_quantity
    assert shown["delivery-date"] == f"{line.confirmed_on}T00:00:00-08:00"


_FILTERS: tuple[tuple[str, dict[str, str], Any], ...] = (
    ("items", {"id[in]": "1001,1003,1"}, lambda r: r["id"] in {1001, 1003}),
    ("items", {"id[gt]": "1030"}, lambda r: r["id"] > 1030),
    ("items", {"item-number[starts_with]": "ALT-"}, lambda r: r["item-number"].startswith("ALT-")),
    ("items", {"name[contains]": "PUMP"}, lambda r: "pump" in r["name"]),
    ("items", {"uom[code]": "KG"}, lambda r: r["uom"]["code"] == "KG"),
    ("suppliers", {"number[in]": "C-10001,C-10002"}, lambda r: r["number"] < "C-10003"),
    ("suppliers", {"number[not_in]": "C-10001"}, lambda r: r["number"] != "C-10001"),
    ("supplier_items", {"price[lt]": "20"}, lambda r: Decimal(r["price"]) < 20),
    ("supplier_items", {"supplier[number]": "C-10003"}, lambda r: r["supplier"]["id"] == 102),
    (
        "purchase_orders",
        {"status[in]": "issued,draft"},
        lambda r: r["status"] in {"issued", "draft"},
    ),
    ("purchase_orders", {"acknowledged_flag": "true"}, lambda r: r["acknowledged-flag"]),
    ("purchase_orders", {"acknowledged-at[blank]": "true"}, lambda r: not r["acknowledged-at"]),
    (
        "purchase_orders",
        {"updated_at[gt_or_eq]": "2026-06-01T08:00:00Z"},
        lambda r: r["updated-at"] >= "2026-06-01T00:00:00-08:00",
    ),
    (
        "purchase_orders",
        {"order-lines[item][item-number][contains]": "cbl"},
        lambda r: any("CBL" in line["item"]["item-number"] for line in r["order-lines"]),
    ),
    (
        "receiving_transactions",
        {"order_line[order_header_number]": "PO-70000003"},
        lambda r: r["order-line"]["order-header-number"] == "PO-70000003",
    ),
)


@pytest.mark.parametrize("path,params,holds", _FILTERS)
def test_filters(coupa: httpx.Client, path: str, params: dict[str, str], holds: Any) -> None:
    everything = _everything(coupa, path)
    expected = [row for row in everything if holds(row)]
    assert 0 < len(expected) < len(everything)
    assert _everything(coupa, path, **params) == expected


def test_unknown_filters_are_passed_over(coupa: httpx.Client) -> None:
    everything = coupa.get("items").json()
    assert coupa.get("items", params={"colour": "blue"}).json() == everything


def test_fields_cut_rows_down_at_every_depth(coupa: httpx.Client) -> None:
    fields = '["id","po-number","nix",{"order-lines":["line_num",{"item":["item-number"]}]}]'
    (row,) = coupa.get("purchase_orders", params={"fields": fields, "limit": "1"}).json()
    assert set(row) == {"id", "po-number", "order-lines"}
    assert all(set(line) == {"line-num", "item"} for line in row["order-lines"])
    assert all(set(line["item"]) == {"item-number"} for line in row["order-lines"])


def test_return_object_makes_rows_small(coupa: httpx.Client) -> None:
    params = {"limit": "1", "return_object": "limited"}
    (row,) = coupa.get("purchase_orders", params=params).json()
    assert set(row) == {"id"}
    (row,) = coupa.get("purchase_orders", params={**params, "return_object": "shallow"}).json()
    assert set(row["supplier"]) == {"id"}
    assert row["currency"].keys() == {"code"}


def test_order_by_sorts_times_and_numbers_by_what_they_mean(coupa: httpx.Client) -> None:
    rows = coupa.get("purchase_orders", params={"order_by": "updated_at", "dir": "desc"}).json()
    moments = [row["updated-at"] for row in rows]
    assert moments == sorted(moments, reverse=True)
    totals = [
        Decimal(row["total"])
        for row in coupa.get("purchase_orders", params={"order_by": "total"}).json()
    ]
    assert totals == sorted(totals)


@pytest.mark.parametrize(
    "path,status,field",
    [
        ("items?limit=ten", 400, "limit"),
        ("items?fields=[1", 400, "fields"),
        ("items?order_by=colour", 400, "order_by"),
        ("purchase_orders?order_by=supplier", 400, "order_by"),
        ("items?id[gt]=many", 400, "id"),
        ("items/1", 404, "base"),
        ("nix", 404, "base"),
    ],
)
def test_errors(coupa: httpx.Client, path: str, status: int, field: str) -> None:
    response = coupa.get(path)
    assert response.status_code == status
    assert list(response.json()) == ["errors"]
    assert list(response.json()["errors"]) == [field]


def test_xml_is_what_one_gets_without_asking_for_json(coupa: httpx.Client) -> None:
    response = coupa.get("purchase_orders?limit=2", headers={"accept": "*/*"})
    assert response.headers["content-type"].startswith("application/xml")
    root = ET.fromstring(response.content)  # noqa: S314  -- the sandbox's own answer
    assert root.tag == "order-headers"
    assert len(root.findall("order-header/order-lines/order-line/line-num")) > 1
    refused = coupa.get("nix", headers={"accept": "*/*"})
    assert ET.fromstring(refused.content).tag == "errors"  # noqa: S314  -- as above


def test_a_token_is_good_for_its_scopes(sandbox: Sandbox, coupa: httpx.Client) -> None:
    answer = request_token(sandbox.coupa, scope="core.item.read").json()
    assert answer["token_type"] == "bearer"
    assert (answer["scope"], answer["expires_in"]) == ("core.item.read", 86_400)
    headers = {"authorization": f"Bearer {answer['access_token']}"}
    assert coupa.get("items", headers=headers).status_code == 200
    assert coupa.get("suppliers", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "secret,scope,status,code",
    [
        ("wrong", "core.item.read", 401, "invalid_client"),
        (None, "core.nix.read", 400, "invalid_scope"),
        (None, "", 400, "invalid_scope"),
    ],
)
def test_refused_tokens(
    sandbox: Sandbox, secret: str | None, scope: str, status: int, code: str
) -> None:
    response = request_token(sandbox.coupa, secret, scope)
    assert (response.status_code, response.json()["error"]) == (status, code)


def test_expired_tokens_are_refused(sandbox: Sandbox, coupa: httpx.Client) -> None:
    assert coupa.get("items").status_code == 200
    httpx.put(f"{sandbox.coupa.control_url}faults", json=[{"expire_tokens": True}])
    assert coupa.get("items").status_code == 401
    token = request_token(sandbox.coupa).json()["access_token"]
    headers = {"authorization": f"Bearer {token}"}
    assert coupa.get("items", headers=headers).status_code == 200


def test_the_bucket_overflows_with_and_without_retry_after(
    sandbox: Sandbox, coupa: httpx.Client
) -> None:
    limits = {"rate_per_s": 0.001, "burst": 5, "service_ms": 0}
    httpx.put(f"{sandbox.coupa.control_url}limits", json=limits)
    responses = [coupa.get("items", params={"limit": "1"}) for _ in range(9)]
    refused = [response for response in responses if response.status_code == 429]
    assert 4 <= len(refused) <= 9
    hints = ["retry-after" in response.headers for response in refused]
    assert set(hints[:2]) == {True, False}
    assert hints[::2] == [hints[0]] * len(hints[::2])
    assert list(refused[0].json()) == ["errors"]
    assert request_token(sandbox.coupa).status_code == 200


def test_orders_can_appear_between_pages(sandbox: Sandbox, coupa: httpx.Client) -> None:
    before = _everything(coupa, "purchase_orders", return_object="limited")
    added = httpx.post(f"{sandbox.coupa.control_url}orders").json()
    after = _everything(coupa, "purchase_orders", return_object="limited")
    assert after == [*before, {"id": added["id"]}]
    (order,) = coupa.get("purchase_orders", params={"po_number": added["number"]}).json()
    assert len(order["order-lines"]) == 1
