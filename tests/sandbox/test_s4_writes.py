"""Orders are told to the pretend S/4HANA as to the real one: checked, locked, all or nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

import httpx
import pytest

from sandbox.changes import make_changes
from sandbox.kit.product import Limits
from sandbox.launch import Sandbox
from sandbox.s4.product import S4
from sandbox.world import World

_SERVICE = "API_PURCHASEORDER_PROCESS_SRV"
_ORDERS = f"{_SERVICE}/A_PurchaseOrder"
_EXPANDED = {"$expand": "to_PurchaseOrderItem/to_ScheduleLine"}


@pytest.fixture
def writer(sandbox: Sandbox, s4: httpx.Client) -> Iterator[httpx.Client]:
    """A client with a token, while nothing is locked."""
    fetched = s4.get(f"{_SERVICE}/", headers={"x-csrf-token": "Fetch"})
    s4.headers["x-csrf-token"] = fetched.headers["x-csrf-token"]
    yield s4
    del s4.headers["x-csrf-token"]
    httpx.put(f"{sandbox.s4.control_url}locks", json=[]).raise_for_status()


def _offer(world: World) -> tuple[Any, Any, Any]:
    """An active item of Europe, where it is planned, and an approved supplier of it."""
    return next(
        (item, at, source)
        for item in world.items
        if item.status == "active"
        for at in item.plants
        if world.plants_by_code[at.plant].region == "EU"
        for source in item.sources
        if world.suppliers_by_number[source.supplier].status == "approved"
    )


def _order(world: World, *, lines: int = 1, **changes: Any) -> dict[str, Any]:
    item, at, source = _offer(world)
    due = (world.today - date(1970, 1, 1) + timedelta(days=30)).days * 86_400_000
    line = {
        "Material": item.number,
        "Plant": at.plant,
        "OrderQuantity": "12",
        "NetPriceAmount": "3.5",
        "to_ScheduleLine": [{"ScheduleLineDeliveryDate": f"/Date({due})/"}],
    }
    order = {
        "PurchaseOrderType": "NB",
        "PurchasingOrganization": "1010",
        "PurchasingGroup": "001",
        "Supplier": source.supplier,
        "CorrespncInternalReference": "SG-1",
        "to_PurchaseOrderItem": [{**line, **changes.pop("line", {})} for _ in range(lines)],
    }
    return {**order, **changes}


def _made(writer: httpx.Client, world: World, **changes: Any) -> dict[str, Any]:
    answer = writer.post(_ORDERS, json=_order(world, **changes))
    assert answer.status_code == 201, answer.text
    entity: dict[str, Any] = answer.json()["d"]
    return entity


def _read(client: httpx.Client, number: str) -> dict[str, Any]:
    entity: dict[str, Any] = client.get(f"{_ORDERS}('{number}')", params=_EXPANDED).json()["d"]
    return entity


def _said(answer: httpx.Response) -> list[tuple[str, str]]:
    details = answer.json()["error"]["innererror"]["errordetails"]
    return [(detail["code"], detail["message"]) for detail in details]


def test_an_order_is_made_with_its_items(writer: httpx.Client, world: World) -> None:
    item, _, _ = _offer(world)
    made = _made(writer, world, lines=2)
    assert _read(writer, made["PurchaseOrder"]) == made
    assert (made["CompanyCode"], made["DocumentCurrency"]) != ("", "")
    assert made["PurchasingProcessingStatus"] == "02"
    lines = made["to_PurchaseOrderItem"]["results"]
    assert [line["PurchaseOrderItem"] for line in lines] == ["10", "20"]
    assert {line["PurchaseOrderQuantityUnit"] for line in lines} == {item.base_unit}
    assert {line["OrderQuantity"] for line in lines} == {"12.000"}
    (part,) = lines[1]["to_ScheduleLine"]["results"]
    assert part["ScheduleLineOrderQuantity"] == "12.000"
    assert part["SchedLineStscDeliveryDate"] == part["ScheduleLineDeliveryDate"]
    found = writer.get(_ORDERS, params={"$filter": "CorrespncInternalReference eq 'SG-1'"}).json()
    assert made["PurchaseOrder"] in {row["PurchaseOrder"] for row in found["d"]["results"]}


def test_all_that_is_wrong_is_said_at_once(writer: httpx.Client, world: World) -> None:
    wrong = _order(world, Supplier="99999999", PurchasingGroup="")
    line = {"Material": "NIX", "Plant": "1710", "OrderQuantity": "0", "NetPriceAmount": "0"}
    wrong["to_PurchaseOrderItem"] = [line]
    answer = writer.post(_ORDERS, json=wrong)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "ME/083"
    assert _said(answer) == [
        ("ME/083", "Enter Purchasing Group"),
        ("06/321", "Supplier 99999999 does not exist"),
        ("ME/083", "Item 10: Enter PO Quantity"),
        ("ME/083", "Item 10: Enter Net Price"),
        ("ME/083", "Item 10: Enter Delivery Date"),
        ("06/294", "Item 10: Plant 1710 is not assigned to purchasing organization 1010"),
        ("M3/305", "Item 10: Material NIX does not exist or is not activated"),
    ]


@pytest.mark.parametrize(
    "change, code",
    [
        ({"Supplier": "17300001X"}, "06/321"),
        ({"line": {"Plant": "9999"}}, "M3/890"),
        ({"line": {"PurchaseOrderQuantityUnit": "XXX"}}, "M3/096"),
        ({"to_PurchaseOrderItem": []}, "ME/065"),
    ],
)
def test_what_is_not_there_is_told_by_its_code(
    writer: httpx.Client, world: World, change: dict[str, Any], code: str
) -> None:
    answer = writer.post(_ORDERS, json=_order(world, **change))
    assert answer.status_code == 400
    assert code in [said[0] for said in _said(answer)]


@pytest.mark.parametrize(
    "change",
    [
        {"CorrespncInternalReference": "longer than twelve"},
        {"NoSuchField": "x"},
        {"line": {"OrderQuantity": 12}},
        {"line": {"OrderQuantity": "12.3456"}},
        {"line": {"to_ScheduleLine": [{"ScheduleLineDeliveryDate": "2026-12-01"}]}},
    ],
)
def test_values_must_be_of_their_type(
    writer: httpx.Client, world: World, change: dict[str, Any]
) -> None:
    assert writer.post(_ORDERS, json=_order(world, **change)).status_code == 400


@pytest.mark.parametrize("tunneled", [False, True])
def test_changes_need_the_state_that_they_change(
    writer: httpx.Client, world: World, *, tunneled: bool
) -> None:
    made = _made(writer, world)
    number, etag = made["PurchaseOrder"], made["__metadata"]["etag"]
    address = f"{_SERVICE}/A_PurchaseOrderItem(PurchaseOrder='{number}',PurchaseOrderItem='10')"

    def change(quantity: str, **headers: str) -> httpx.Response:
        body = {"OrderQuantity": quantity}
        if tunneled:
            return writer.post(address, json=body, headers={"x-http-method": "MERGE", **headers})
        return writer.patch(address, json=body, headers=headers)

    assert change("7").status_code == 428
    changed = change("7", **{"if-match": etag})
    assert changed.status_code == 204
    assert change("8", **{"if-match": etag}).status_code == 412
    (line,) = (after := _read(writer, number))["to_PurchaseOrderItem"]["results"]
    assert line["OrderQuantity"] == "7.000"
    assert line["to_ScheduleLine"]["results"][0]["ScheduleLineOrderQuantity"] == "7.000"
    assert line["__metadata"]["etag"] == after["__metadata"]["etag"] == changed.headers["etag"]
    assert after["__metadata"]["etag"] != etag


def test_an_order_is_called_off_with_its_items(writer: httpx.Client, world: World) -> None:
    made = _made(writer, world)
    address = f"{_ORDERS}('{made['PurchaseOrder']}')"
    match = {"if-match": made["__metadata"]["etag"]}
    body = {"PurchasingDocumentDeletionCode": "L"}
    assert writer.patch(address, json=body, headers=match).status_code == 204
    after = _read(writer, made["PurchaseOrder"])
    (line,) = after["to_PurchaseOrderItem"]["results"]
    assert line["PurchasingDocumentDeletionCode"] == "L"
    again = writer.patch(address, json=body, headers={"if-match": "*"})
    assert [code for code, _ in _said(again)] == ["06/017"]


def test_what_somebody_works_on_cannot_be_changed(
    writer: httpx.Client, world: World, sandbox: Sandbox
) -> None:
    number = _made(writer, world)["PurchaseOrder"]
    httpx.put(f"{sandbox.s4.control_url}locks", json=[number]).raise_for_status()
    body = {"PurchasingDocumentDeletionCode": "L"}
    answer = writer.patch(f"{_ORDERS}('{number}')", json=body, headers={"if-match": "*"})
    assert answer.status_code == 400
    assert "currently being processed" in answer.json()["error"]["message"]["value"]


def test_an_error_may_hide_in_a_good_answer(
    writer: httpx.Client, world: World, sandbox: Sandbox
) -> None:
    before = int(writer.get(f"{_ORDERS}/$count").text)
    httpx.put(f"{sandbox.s4.control_url}sap-message", json={"code": "ME/1"}).raise_for_status()
    answer = writer.post(_ORDERS, json=_order(world))
    assert (answer.status_code, answer.json()["d"]["PurchaseOrder"]) == (201, "")
    assert json.loads(answer.headers["sap-message"])["severity"] == "error"
    assert int(writer.get(f"{_ORDERS}/$count").text) == before
    past = {"to_ScheduleLine": [{"ScheduleLineDeliveryDate": "/Date(0)/"}]}
    warned = writer.post(_ORDERS, json=_order(world, line=past))
    assert json.loads(warned.headers["sap-message"])["severity"] == "warning"
    assert int(writer.get(f"{_ORDERS}/$count").text) == before + 1


def _changeset(parts: list[tuple[str, dict[str, Any]]], etag: str) -> bytes:
    inner = "".join(
        "--c\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        f"PATCH {path} HTTP/1.1\r\nContent-Type: application/json\r\nIf-Match: {etag}\r\n\r\n"
        f"{json.dumps(body)}\r\n"
        for path, body in parts
    )
    head = "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
    return f"{head}{inner}--c--\r\n\r\n--b--\r\n".encode()


def test_a_changeset_is_done_whole_or_not_at_all(writer: httpx.Client, world: World) -> None:
    made = _made(writer, world, lines=2)
    number, etag = made["PurchaseOrder"], made["__metadata"]["etag"]
    items = [
        f"A_PurchaseOrderItem(PurchaseOrder='{number}',PurchaseOrderItem='{n}')" for n in (10, 20)
    ]
    form = {"content-type": "multipart/mixed; boundary=b"}

    def send(second: str, match: str = etag) -> httpx.Response:
        parts = [(items[0], {"OrderQuantity": "5"}), (items[1], {"OrderQuantity": second})]
        answer = writer.post(f"{_SERVICE}/$batch", content=_changeset(parts, match), headers=form)
        assert answer.status_code == 202
        return answer

    def quantities() -> list[int]:
        lines = _read(writer, number)["to_PurchaseOrderItem"]["results"]
        return [int(Decimal(line["OrderQuantity"])) for line in lines]

    assert "HTTP/1.1 400" in send("0").text
    assert quantities() == [12, 12]
    assert _read(writer, number)["__metadata"]["etag"] == etag
    assert send("6").text.count("HTTP/1.1 204") == 2
    assert quantities() == [5, 6]
    assert "HTTP/1.1 412" in send("7").text
    assert quantities() == [5, 6]


def test_other_services_are_only_read(writer: httpx.Client) -> None:
    answer = writer.post("API_PRODUCT_SRV/A_Product", json={})
    assert answer.status_code == 405
    assert "not allowed" in answer.json()["error"]["message"]["value"]


def test_made_orders_live_on_under_the_clock(world: World) -> None:
    product = S4(world, Limits(), "user", "password")
    body = _order(world)
    made, _ = product.orders.create(body, "user")
    number, before = made["PurchaseOrder"], dict(made)
    for change in islice(make_changes(world), 300):
        product.apply(change)
    table = product.stores[_SERVICE].tables["A_PurchaseOrder"]
    assert table.find((number,)) == before
    product.orders.change(table, made, {"PaymentTerms": "NT30"})
    latest = max(row["LastChangeDateTime"] or "" for row in table.rows)
    assert made["LastChangeDateTime"] == latest  # who asks what is new is told of it
