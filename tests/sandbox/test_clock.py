"""The clock: each change is seen over HTTP by the product's own delta filter, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.changes import KINDS
from sandbox.launch import Sandbox
from tests.sandbox.ticking import Row, client_of, control, differing, tick, touched

_BEGIN = "2026-11-23T21:00:00"
_CHANGES = 250

_S4 = {
    "A_PurchaseOrder": "API_PURCHASEORDER_PROCESS_SRV",
    "A_PurchaseOrderItem": "API_PURCHASEORDER_PROCESS_SRV",
    "A_PurchaseOrderScheduleLine": "API_PURCHASEORDER_PROCESS_SRV",
    "A_MaterialDocumentHeader": "API_MATERIAL_DOCUMENT_SRV",
    "A_MaterialDocumentItem": "API_MATERIAL_DOCUMENT_SRV",
    "A_MatlStkInAcctMod": "API_MATERIAL_STOCK_SRV",
    "PlannedIndepRqmtItem": "API_PLND_INDEP_RQMT_SRV",
    "A_Product": "API_PRODUCT_SRV",
    "A_ProductDescription": "API_PRODUCT_SRV",
    "A_ProductPlant": "API_PRODUCT_SRV",
    "A_BusinessPartner": "API_BUSINESS_PARTNER",
    "A_Supplier": "API_BUSINESS_PARTNER",
    "A_SupplierPurchasingOrg": "API_BUSINESS_PARTNER",
    "A_PurchasingInfoRecord": "API_INFORECORD_PROCESS_SRV",
}
_COUPA = (
    "items", "suppliers", "supplier_items", "addresses", "purchase_orders",
    "purchase_order_lines", "receiving_transactions", "order_confirmations",
)  # fmt: skip
_FREPPLE = (
    "input/item", "input/supplier", "input/location", "input/itemsupplier", "input/buffer",
    "input/purchaseorder", "input/demand", "forecast/forecastplan",
)  # fmt: skip


@pytest.fixture(scope="module")
def lively() -> Iterator[Sandbox]:
    options = {"s4": ["--page-size", "100000"], "coupa": ["--rate-per-s", "0"]}
    with Sandbox(size=0.02, options=options) as running:  # type: ignore[arg-type]  # names
        yield running


_SHARED = ("A_PurchaseOrderItem", "A_PurchaseOrderScheduleLine")
"""Sets whose rows have the etag of their order."""


def _s4_rows(client: httpx.Client, name: str, **params: str) -> dict[Any, Row]:
    rows = client.get(f"{_S4[name]}/{name}", params=params).json()["d"]["results"]
    return {row["__metadata"]["uri"].rpartition("/")[2]: _plain(name, row) for row in rows}


def _plain(name: str, row: Row) -> Row:
    shown = {name: value for name, value in row.items() if not isinstance(value, dict)}
    return shown if name in _SHARED else {**shown, "etag": row["__metadata"].get("etag")}


def test_what_the_erp_shows_of_its_changes(lively: Sandbox) -> None:
    with client_of(lively.s4, "/sap/opu/odata/sap/") as client:
        before = {name: _s4_rows(client, name) for name in _S4}
        changes = tick(lively.s4, count=_CHANGES)
        after = {name: _s4_rows(client, name) for name in _S4}
        for name in _S4:
            differences = differing(before[name], after[name])
            told = touched(changes, name)
            assert len({str(row["key"]) for row in told}) == len(differences), name
            assert all(values is not None for values in differences.values())
        since = f"datetimeoffset'{_BEGIN}Z'"
        newer = _s4_rows(client, "A_PurchaseOrder", **{"$filter": f"LastChangeDateTime gt {since}"})
    moved = differing(before["A_PurchaseOrder"], after["A_PurchaseOrder"])
    assert newer.keys() == moved.keys()
    assert all(values and "LastChangeDateTime" in values for values in moved.values())
    assert all(values and "etag" in values for values in moved.values())
    items = differing(before["A_PurchaseOrderItem"], after["A_PurchaseOrderItem"])
    assert any(values == {"IsCompletelyDelivered": True} for values in items.values())


@pytest.mark.parametrize(
    "name,condition",
    [
        ("A_MaterialDocumentHeader", f"CreationDate ge datetime'{_BEGIN[:10]}T00:00:00'"),
        ("A_Product", f"LastChangeDateTime gt datetimeoffset'{_BEGIN}Z'"),
        ("PlannedIndepRqmtItem", f"PlndIndepRqmtLastChgdDateTime gt datetime'{_BEGIN}'"),
        ("A_BusinessPartner", f"LastChangeDate ge datetime'{_BEGIN[:10]}T00:00:00'"),
    ],
)
def test_the_erp_s_own_filters_find_what_is_new(lively: Sandbox, name: str, condition: str) -> None:
    with client_of(lively.s4, "/sap/opu/odata/sap/") as client:
        before = _s4_rows(client, name, **{"$filter": condition})
        changes = tick(lively.s4, count=_CHANGES)
        after = _s4_rows(client, name, **{"$filter": condition})
    keys = {str(row["key"]) for row in touched(changes, name)}
    assert keys
    assert keys == {
        str({key: row[key] for key in changes_key})
        for changes_key in [touched(changes, name)[0]["key"].keys()]
        for uri in differing(before, after)
        for row in [after[uri]]
    }


def _coupa_rows(client: httpx.Client, name: str, **params: str) -> dict[Any, Row]:
    rows: list[Row] = []
    while len(rows) % 50 == 0:
        page = client.get(name, params={**params, "offset": str(len(rows))}).json()
        if not page:
            break
        rows += page
    return {row["id"]: _without_item(row) for row in rows}


def _without_item(node: Any) -> Any:
    """Without the names of items, which change wherever they are shown."""
    if isinstance(node, list):
        return [_without_item(part) for part in node]
    if not isinstance(node, dict):
        return node
    return {name: _without_item(value) for name, value in node.items() if name != "item"}


def test_what_procurement_shows_of_its_changes(lively: Sandbox) -> None:
    with client_of(lively.coupa, "/api/") as client:
        before = {name: _coupa_rows(client, name) for name in _COUPA}
        changes = tick(lively.coupa, count=_CHANGES)
        after = {name: _coupa_rows(client, name) for name in _COUPA}
        newer = {
            name: _coupa_rows(client, name, **{"updated_at[gt]": f"{_BEGIN}Z"}) for name in _COUPA
        }
    for name in _COUPA:
        keys = {row["key"]["id"] for row in touched(changes, name)}
        assert differing(before[name], after[name]).keys() == keys, name
        if name != "purchase_orders":
            assert newer[name].keys() == keys, name
    orders = differing(before["purchase_orders"], after["purchase_orders"])
    silent = set(orders) - set(newer["purchase_orders"])
    lines = newer["purchase_order_lines"].values()
    assert set(orders) <= set(newer["purchase_orders"]) | {ln["order-header-id"] for ln in lines}
    assert all(after["purchase_orders"][n]["id"] % 10 for n in silent)


def test_what_planning_shows_of_its_changes(lively: Sandbox) -> None:
    with client_of(lively.frepple, "/api/") as client:

        def read(name: str, **params: str) -> dict[Any, Row]:
            rows = client.get(f"{name}/", params=params).json()
            return {row.get("id", row.get("reference", row.get("name"))): row for row in rows}

        before = {name: read(name) for name in _FREPPLE}
        changes = tick(lively.frepple, count=_CHANGES)
        after = {name: read(name) for name in _FREPPLE}
        newer = {name: read(name, lastmodified__gte=_BEGIN) for name in _FREPPLE}
    for name in _FREPPLE:
        differences = differing(before[name], after[name])
        assert len({str(row["key"]) for row in touched(changes, name)}) >= len(differences), name
        assert newer[name].keys() == {key for key, values in differences.items() if values}, name
    gone = differing(before["input/purchaseorder"], after["input/purchaseorder"])
    assert None in gone.values()
    assert differing(before["forecast/forecastplan"], after["forecast/forecastplan"])


def test_all_stand_at_the_same_change_and_agree(lively: Sandbox) -> None:
    for simulator in lively.simulators.values():
        if control(simulator, "GET", "clock")["number"] < _CHANGES:
            tick(simulator, to=_CHANGES)
    told = {name: control(s, "GET", "changes") for name, s in lively.simulators.items()}
    numbers: dict[int, set[tuple[str, str]]] = {}
    for changes in told.values():
        for change in changes:
            numbers.setdefault(change["number"], set()).add((change["kind"], change["at"]))
    assert all(len(facts) == 1 for facts in numbers.values())
    items = [
        {c["number"] for c in changes if c["kind"] == "item_changed" and c["number"] <= _CHANGES}
        for changes in told.values()
    ]
    assert items[0] == items[1] == items[2] != set()


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_can_be_waited_for(lively: Sandbox, kind: str) -> None:
    seen_by = lively.frepple if kind == "forecast_revised" else lively.coupa
    seen_by = lively.s4 if kind.startswith("stock") else seen_by
    changes = tick(seen_by, kind=kind, count=2)
    assert changes[-1]["kind"] == kind
    assert [change["kind"] for change in changes].count(kind) == 2


def test_a_clock_runs_at_its_speed_until_stopped(lively: Sandbox) -> None:
    start = control(lively.frepple, "PUT", "clock", {"running": True, "speed": 30_000})["number"]
    deadline = time.monotonic() + 5
    while control(lively.frepple, "GET", "clock")["number"] < start + 50:
        assert time.monotonic() < deadline
    stopped = control(lively.frepple, "PUT", "clock", {"running": False})
    assert (stopped["running"], stopped["speed"]) == (False, 30_000)
    assert control(lively.frepple, "GET", "clock")["number"] == stopped["number"]


@pytest.mark.parametrize(
    "method,name,body",
    [
        ("PUT", "clock", {"speed": 0}),
        ("PUT", "clock", {"pace": 1}),
        ("POST", "tick", {"count": -1}),
        ("POST", "tick", {"count": 10_001}),
        ("POST", "tick", {"to": 0}),
        ("POST", "tick", {"kind": "exploded"}),
    ],
)
def test_what_a_clock_cannot_do_is_refused(
    lively: Sandbox, method: str, name: str, body: Row
) -> None:
    tick(lively.coupa, count=1)
    answer = httpx.request(method, f"{lively.coupa.control_url}{name}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]
