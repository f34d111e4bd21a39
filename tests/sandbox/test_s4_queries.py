"""OData queries give exactly the rows that plain Python gives, in the shapes of V2."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.s4.conditions import matching_rows
from sandbox.s4.rows import rows_by_service
from sandbox.s4.services import SERVICES
from sandbox.s4.store import Store
from sandbox.world import World

_ORDERS = "API_PURCHASEORDER_PROCESS_SRV/A_PurchaseOrder"
_ITEMS = "API_PURCHASEORDER_PROCESS_SRV/A_PurchaseOrderItem"
_PRODUCTS = "API_PRODUCT_SRV/A_Product"
_STOCK = "API_MATERIAL_STOCK_SRV/A_MatlStkInAcctMod"


def _results(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    rows: list[dict[str, Any]] = response.json()["d"]["results"]
    return rows


def _error(response: httpx.Response) -> str:
    error = response.json()["error"]
    assert set(error) == {"code", "message", "innererror"}
    assert error["message"]["lang"] == "en"
    assert error["innererror"]["errordetails"][0]["severity"] == "error"
    text: str = error["message"]["value"]
    return text


def test_an_order_has_the_wire_shape_of_v2(s4: httpx.Client, world: World) -> None:
    order = next(o for o in world.orders if o.system == "erp" and o.changed_at is not None)
    body = s4.get(f"{_ORDERS}('{order.number}')").json()["d"]
    uri = f"{str(s4.base_url).rstrip('/')}/{_ORDERS}('{order.number}')"
    assert body["__metadata"]["uri"] == uri
    assert body["__metadata"]["type"] == "API_PURCHASEORDER_PROCESS_SRV.A_PurchaseOrderType"
    assert body["__metadata"]["etag"].startswith('W/"')
    assert body["to_PurchaseOrderItem"] == {"__deferred": {"uri": f"{uri}/to_PurchaseOrderItem"}}
    midnight = datetime.combine(order.ordered_on, datetime.min.time(), UTC)
    assert body["PurchaseOrderDate"] == f"/Date({int(midnight.timestamp() * 1000)})/"
    assert order.changed_at is not None
    changed = int(order.changed_at.timestamp() * 1000)
    assert body["LastChangeDateTime"] == f"/Date({changed}+0000)/"
    assert body["ReleaseIsNotCompleted"] is False


def test_decimals_are_strings_of_the_declared_scale(s4: httpx.Client) -> None:
    item = _results(s4.get(_ITEMS, params={"$top": "1"}))[0]
    assert re.fullmatch(r"\d+\.\d{3}", item["OrderQuantity"])
    assert re.fullmatch(r"\d+", item["NetPriceQuantity"])
    stock = _results(s4.get(_STOCK, params={"$top": "1"}))[0]
    assert re.fullmatch(r"\d+\.\d{14}", stock["MatlWrhsStkQtyInMatlBaseUnit"])
    assert stock["__metadata"]["uri"].count("=") == 11


def test_expand_goes_down_nested_paths(s4: httpx.Client, world: World) -> None:
    params = {
        "$expand": "to_PurchaseOrderItem/to_ScheduleLine",
        "$select": "PurchaseOrder,to_PurchaseOrderItem/PurchaseOrderItem,"
        "to_PurchaseOrderItem/to_ScheduleLine/ScheduleLineOrderQuantity",
        "$filter": "PurchaseOrder eq '4500000003'",
    }
    (order,) = _results(s4.get(_ORDERS, params=params))
    expected = next(o for o in world.orders if o.number == "4500000003")
    assert set(order) == {"__metadata", "PurchaseOrder", "to_PurchaseOrderItem"}
    lines = order["to_PurchaseOrderItem"]["results"]
    assert [line["PurchaseOrderItem"] for line in lines] == [str(n.number) for n in expected.lines]
    assert set(lines[0]) == {"__metadata", "PurchaseOrderItem", "to_ScheduleLine"}
    quantities = [
        part["ScheduleLineOrderQuantity"] for part in lines[0]["to_ScheduleLine"]["results"]
    ]
    assert [Decimal(q) for q in quantities] == [p.quantity for p in expected.lines[0].schedule]


def test_to_one_links_open_as_an_object(s4: httpx.Client) -> None:
    params = {"$top": "1", "$expand": "to_ProductSupplyPlanning"}
    (row,) = _results(s4.get("API_PRODUCT_SRV/A_ProductPlant", params=params))
    assert row["to_ProductSupplyPlanning"]["Plant"] == row["Plant"]


def test_what_is_expanded_but_not_selected_is_not_shown(s4: httpx.Client) -> None:
    params = {"$top": "1", "$expand": "to_Plant", "$select": "Product"}
    (row,) = _results(s4.get(_PRODUCTS, params=params))
    assert set(row) == {"__metadata", "Product"}


def test_email_is_two_links_away(s4: httpx.Client, world: World) -> None:
    params = {"$expand": "to_BusinessPartnerAddress/to_EmailAddress", "$top": "1"}
    (row,) = _results(s4.get("API_BUSINESS_PARTNER/A_BusinessPartner", params=params))
    address = row["to_BusinessPartnerAddress"]["results"][0]
    assert address["to_EmailAddress"]["results"][0]["EmailAddress"] == world.suppliers[0].email


def test_keys_are_found_however_they_are_written(s4: httpx.Client) -> None:
    for key in ("'4500000003'", "PurchaseOrder='4500000003'"):
        assert s4.get(f"{_ORDERS}({key})").json()["d"]["PurchaseOrder"] == "4500000003"
    for number in ("10", "00010"):
        key = f"PurchaseOrder='4500000003',PurchaseOrderItem='{number}'"
        assert s4.get(f"{_ITEMS}({key})").json()["d"]["PurchaseOrderItem"] == "10"
    assert s4.get(f"{_PRODUCTS}('GLV-00017%2FL')").json()["d"]["Product"] == "GLV-00017/L"
    assert s4.get(f"{_PRODUCTS}('GLV-00017%2FL')/BaseUnit").json() == {"d": {"BaseUnit": "PC"}}


def test_links_can_be_walked(s4: httpx.Client, world: World) -> None:
    item = world.items[0]
    rows = _results(s4.get(f"{_PRODUCTS}('{item.number}')/to_Plant"))
    assert [row["Plant"] for row in rows] == [at.plant for at in item.plants]
    count = s4.get(f"{_PRODUCTS}('{item.number}')/to_Plant/$count")
    assert count.text == str(len(item.plants))


def test_the_stock_key_has_eleven_parts(s4: httpx.Client) -> None:
    (row,) = _results(s4.get(_STOCK, params={"$top": "1"}))
    assert s4.get(row["__metadata"]["uri"]).json()["d"] == row


_LISTS: tuple[tuple[str, str, Any], ...] = (
    (_ORDERS, "Supplier eq '17300001'", lambda r: r["Supplier"] == "17300001"),
    (_ORDERS, "Supplier eq '0017300001'", lambda r: r["Supplier"] == "17300001"),
    (_ORDERS, "ReleaseIsNotCompleted eq true", lambda r: r["ReleaseIsNotCompleted"]),
    (_ORDERS, "ReleaseIsNotCompleted", lambda r: r["ReleaseIsNotCompleted"]),
    (_ORDERS, "not (DocumentCurrency eq 'EUR')", lambda r: r["DocumentCurrency"] != "EUR"),
    (
        _ORDERS,
        "PurchaseOrderDate ge datetime'2026-09-01T00:00:00' and DocumentCurrency ne 'USD'",
        lambda r: int(r["PurchaseOrderDate"][6:-2]) >= 1_788_220_800_000
        and r["DocumentCurrency"] != "USD",
    ),
    (
        _ORDERS,
        "LastChangeDateTime lt datetimeoffset'2026-09-01T02:00:00+02:00'",
        lambda r: r["LastChangeDateTime"] is not None
        and int(r["LastChangeDateTime"][6:-7]) < 1_788_220_800_000,
    ),
    (_ORDERS, "LastChangeDateTime eq null", lambda r: r["LastChangeDateTime"] is None),
    (_ITEMS, "OrderQuantity gt 40.5M", lambda r: Decimal(r["OrderQuantity"]) > Decimal("40.5")),
    (_ITEMS, "40 lt OrderQuantity", lambda r: Decimal(r["OrderQuantity"]) > 40),
    (_ITEMS, "PurchaseOrderItem ge '00030'", lambda r: int(r["PurchaseOrderItem"]) >= 30),
    (
        _ITEMS,
        "(Plant eq '1010' or Plant eq '1710') and PurchaseOrderQuantityUnit eq 'BOX'",
        lambda r: r["Plant"] in {"1010", "1710"} and r["PurchaseOrderQuantityUnit"] == "BOX",
    ),
    (
        _ITEMS,
        "PurchaseOrder eq '4500000003' and PurchaseOrderItem eq '10' or Material eq 'NIX'",
        lambda r: (r["PurchaseOrder"], r["PurchaseOrderItem"]) == ("4500000003", "10"),
    ),
    (
        _ITEMS,
        "Plant eq '1010' or PurchaseOrderQuantityUnit eq 'KG'",
        lambda r: r["Plant"] == "1010" or r["PurchaseOrderQuantityUnit"] == "KG",
    ),
    (_PRODUCTS, "startswith(Product,'PMP')", lambda r: r["Product"].startswith("PMP")),
    (_PRODUCTS, "endswith(Product,'1') eq true", lambda r: r["Product"].endswith("1")),
    (_PRODUCTS, "substringof('002',Product)", lambda r: "002" in r["Product"]),
    (
        _PRODUCTS,
        "substringof('pmp',tolower(Product)) or length(Product) eq 8",
        lambda r: "pmp" in r["Product"].lower() or len(r["Product"]) == 8,
    ),
    ("API_BUSINESS_PARTNER/A_Supplier", "SupplierName eq 'O''Neil Sensors'",
     lambda r: r["SupplierName"] == "O'Neil Sensors"),
)  # fmt: skip


@pytest.mark.parametrize("path,text,holds", _LISTS)
def test_filter_gives_the_rows_that_python_gives(
    s4: httpx.Client, path: str, text: str, holds: Any
) -> None:
    everything = _results(s4.get(path))
    expected = [row for row in everything if holds(row)]
    assert 0 < len(expected) < len(everything)
    assert _results(s4.get(path, params={"$filter": text})) == expected
    assert s4.get(f"{path}/$count", params={"$filter": text}).text == str(len(expected))


def test_filter_reaches_through_a_link_to_one(s4: httpx.Client) -> None:
    path = "API_MATERIAL_DOCUMENT_SRV/A_MaterialDocumentItem"
    text = "to_MaterialDocumentHeader/GoodsMovementCode eq '05'"
    rows = _results(s4.get(path, params={"$filter": text}))
    assert {row["GoodsMovementType"] for row in rows} == {"561"}


@cache
def _order_store() -> Store:
    name = "API_PURCHASEORDER_PROCESS_SRV"
    return Store(SERVICES[name], rows_by_service(World(size=0.02))[name])


_VALUES = {
    "Plant": ("1010", "1020", "1710", "3010"),
    "PurchaseOrderQuantityUnit": ("PC", "BOX", "KG"),
    "PurchaseOrder": ("4500000001", "4500000003", "4500000007", "4500000040"),
    "OrderQuantity": (1, 5, 40),
}
_OPERATORS = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "ge": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
}
_comparisons = st.sampled_from(sorted(_VALUES)).flatmap(
    lambda name: st.tuples(
        st.just(name),
        st.sampled_from(["eq", "eq", "ne", "ge", "lt"]),
        st.sampled_from(_VALUES[name]),
    )
)
_trees = st.recursive(
    _comparisons,
    lambda inner: (
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=4))
        | st.tuples(st.just("not"), inner)
    ),
    max_leaves=8,
)


def _text(tree: Any) -> str:
    if len(tree) == 3:
        name, operator, value = tree
        return f"{name} {operator} {value if isinstance(value, int) else repr(value)}"
    if tree[0] == "not":
        return f"not ({_text(tree[1])})"
    return "(" + f" {tree[0]} ".join(_text(part) for part in tree[1]) + ")"


def _holds(tree: Any, row: dict[str, Any]) -> bool:
    if len(tree) == 3:
        name, operator, value = tree
        own = Decimal(row[name]) if isinstance(value, int) else row[name]
        return bool(_OPERATORS[operator](own, value))
    if tree[0] == "not":
        return not _holds(tree[1], row)
    combine = all if tree[0] == "and" else any
    return combine(_holds(part, row) for part in tree[1])


@settings(max_examples=150, deadline=None)
@given(_trees)
def test_any_filter_gives_the_rows_that_python_gives(tree: Any) -> None:
    store = _order_store()
    table = store.tables["A_PurchaseOrderItem"]
    expected = [row for row in table.rows if _holds(tree, row)]
    assert matching_rows(store, table, None, _text(tree)) == expected


def test_reading_100_keys_takes_a_few_ms(s4: httpx.Client, world: World) -> None:
    numbers = [item.number for item in world.items] + [f"NIX-{n}" for n in range(60)]
    text = "(" + " or ".join(f"Material eq '{number}'" for number in numbers) + ")"
    for _ in range(3):
        assert len(_results(s4.get(_STOCK, params={"$filter": text}))) == len(world.stock)
    entries = s4.get(str(s4.base_url.join("/__sandbox__/log"))).json()
    assert min(entry["ms"] for entry in entries) < 30


def test_sorting_by_several_properties(s4: httpx.Client) -> None:
    params = {"$orderby": "DocumentCurrency desc,PurchaseOrderDate asc,PurchaseOrder desc"}
    rows = _results(s4.get(_ORDERS, params=params))
    expected = sorted(rows, key=lambda r: r["PurchaseOrder"], reverse=True)
    expected.sort(key=lambda r: int(r["PurchaseOrderDate"][6:-2]))
    expected.sort(key=lambda r: r["DocumentCurrency"], reverse=True)
    assert rows == expected


def test_sorting_puts_what_is_empty_first(s4: httpx.Client, sandbox: Any, world: World) -> None:
    rows = _results(s4.get(_ORDERS, params={"$orderby": "LastChangeDateTime"}))
    empty = [row["LastChangeDateTime"] is None for row in rows]
    assert empty == sorted(empty, reverse=True)


@pytest.mark.parametrize("orderby", ["", "PurchaseOrder desc", "Material,PurchaseOrder"])
def test_pages_hold_every_row_once(s4: httpx.Client, sandbox: Any, orderby: str) -> None:
    params = {"$filter": "Plant ne '1710'", **({"$orderby": orderby} if orderby else {})}
    whole = _results(s4.get(_ITEMS, params=params))
    httpx.put(f"{sandbox.s4.control_url}limits", json={"page_size": 37})
    rows: list[dict[str, Any]] = []
    response, pages = s4.get(_ITEMS, params=params), 1
    while link := response.json()["d"].get("__next"):
        assert link.startswith(str(s4.base_url))
        assert "$skiptoken=" in link
        rows += _results(response)
        response, pages = s4.get(link), pages + 1
    rows += _results(response)
    assert pages == -(-len(whole) // 37)
    assert rows == whole


def test_top_and_skip_cut_a_window_that_pages_do_not_leave(s4: httpx.Client, sandbox: Any) -> None:
    whole = _results(s4.get(_ITEMS))
    httpx.put(f"{sandbox.s4.control_url}limits", json={"page_size": 20})
    params = {"$skip": "5", "$top": "30", "$inlinecount": "allpages"}
    first = s4.get(_ITEMS, params=params).json()["d"]
    second = s4.get(first["__next"]).json()["d"]
    assert first["__count"] == second["__count"] == str(len(whole))
    keys = [row["__metadata"]["uri"] for row in (*first["results"], *second["results"])]
    assert keys == [row["__metadata"]["uri"] for row in whole[5:35]]
    assert "__next" not in second


@pytest.mark.parametrize(
    "path,params,words",
    [
        (_PRODUCTS, {"$filter": "Foo eq 'x'"}, "Property 'Foo' not found in type 'A_ProductType'"),
        (_PRODUCTS, {"$filter": "Product eq 5"}, "Invalid parameter type"),
        (_PRODUCTS, {"$filter": "Product eq 'x"}, "Invalid token at position 10"),
        (_PRODUCTS, {"$filter": "Product eq 'x' oder"}, "Invalid token 'oder'"),
        (_PRODUCTS, {"$filter": "Product eq"}, "ends too early"),
        (
            _PRODUCTS,
            {"$filter": "CreationDate gt datetime'2026-02-30'"},
            "Invalid literal",
        ),
        (_PRODUCTS, {"$filter": "concat(Product,'x') eq 'y'"}, "Unknown function 'concat'"),
        (_PRODUCTS, {"$filter": "to_Plant/Plant eq '1010'"}, "collection 'to_Plant'"),
        (_PRODUCTS, {"$orderby": "to_Plant/Plant"}, "Sorting by 'to_Plant/Plant'"),
        (_PRODUCTS, {"$orderby": "Product sideways"}, "Invalid direction"),
        (_PRODUCTS, {"$select": "Foo"}, "Property 'Foo' not found"),
        (_PRODUCTS, {"$select": "to_Plant/Plant"}, "not expanded"),
        (_PRODUCTS, {"$expand": "to_Foo"}, "Navigation property 'to_Foo' not found"),
        (_PRODUCTS, {"$top": "-1"}, "Invalid value '-1' for $top"),
        (_PRODUCTS, {"$foo": "1"}, "Invalid system query option '$foo'"),
        (_STOCK, {"$filter": "MatlWrhsStkQtyInMatlBaseUnit gt 5M"}, "is not filterable"),
        (_STOCK, {"$orderby": "MatlWrhsStkQtyInMatlBaseUnit"}, "is not sortable"),
    ],
)
def test_what_cannot_be_done_is_refused_in_odata_words(
    s4: httpx.Client, path: str, params: dict[str, str], words: str
) -> None:
    response = s4.get(path, params=params)
    assert response.status_code == 400
    assert words in _error(response)


@pytest.mark.parametrize(
    "path,status",
    [
        (f"{_PRODUCTS}('NIX')", 404),
        (f"{_PRODUCTS}('NIX')/to_Plant", 404),
        ("API_PRODUCT_SRV/A_Nix", 404),
        (f"{_PRODUCTS}(Foo='1')", 400),
        (f"{_ITEMS}('4500000003')", 400),
        ("API_NIX_SRV/A_Product", 403),
    ],
)
def test_wrong_addresses(s4: httpx.Client, path: str, status: int) -> None:
    response = s4.get(path)
    assert response.status_code == status
    assert _error(response)
