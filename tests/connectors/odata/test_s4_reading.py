"""Reading the pretend S/4HANA: what is pushed down is seen in its log, and what comes is all."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from canonical.criteria import Op
from canonical.errors import (
    BadAnswerError,
    InvalidInputError,
    MisconfiguredError,
    UnavailableError,
)
from connectors.kit.http import Request
from connectors.kit.policy import CallPolicy
from connectors.kit.rows import Bounds, Dataset, Push, Row, RowQuery, Test
from connectors.odata import ODataReader
from connectors.odata.csrf import Session
from sandbox.launch import Simulator, start_one
from sandbox.world import World
from tests.connectors.odata.backends import ROOT, Control, Opened, ask

ORDERS = Dataset("API_PURCHASEORDER_PROCESS_SRV/A_PurchaseOrder", ("PurchaseOrder",))
ITEMS = Dataset(
    "API_PURCHASEORDER_PROCESS_SRV/A_PurchaseOrderItem", ("PurchaseOrder", "PurchaseOrderItem")
)
PRODUCTS = Dataset("API_PRODUCT_SRV/A_Product", ("Product",))


def within(path: str, *values: Any, kind: str = "string") -> Test:
    return Test(path, Op.IN, values, kind)


async def every(reader: ODataReader, query: RowQuery) -> list[Row]:
    page = await reader.page(query, None, ask())
    rows = list(page.rows)
    while page.next is not None:
        page = await reader.page(query, page.next, ask())
        rows.extend(page.rows)
    return rows


def own_orders(world: World) -> list[Any]:
    return [order for order in world.orders if order.system == "erp"]


async def test_filter_sort_columns_and_page_are_the_system_s(
    opened: Opened, control: Control, world: World
) -> None:
    reader = opened()
    supplier = own_orders(world)[0].supplier
    since = date(2026, 1, 1)
    query = RowQuery(
        ORDERS,
        where=(
            (within("Supplier", supplier, "99999999"),),
            (Test("PurchaseOrderDate", Op.RANGE, Bounds(gte=since), "date"),),
        ),
        sort=(("PurchaseOrderDate", True),),
        columns=("Supplier", "PurchaseOrderDate", "to_PurchaseOrderItem.Material"),
        limit=3,
        count=True,
    )
    page = await reader.page(query, None, ask())
    expected = [o for o in own_orders(world) if o.supplier == supplier and o.ordered_on >= since]
    assert page.total == len(expected)
    assert len(page.rows) == min(3, len(expected))
    found = {row["PurchaseOrder"]: row for row in page.rows}
    for order in expected:
        if order.number in found:
            row = found[order.number]
            assert row["PurchaseOrderDate"] == f"{order.ordered_on}T00:00:00"
            materials = [item["Material"] for item in row["to_PurchaseOrderItem"]]
            assert materials == [line.item for line in order.lines]
            assert set(row) == {
                "PurchaseOrder", "Supplier", "PurchaseOrderDate", "to_PurchaseOrderItem",
            }  # fmt: skip
    days = [row["PurchaseOrderDate"] for row in page.rows]
    assert days == sorted(days, reverse=True)
    *metadata, asked = control.log()
    assert [entry["path"].rpartition("/")[2] for entry in metadata] == ["$metadata"]
    assert asked["path"] == "/sap/opu/odata/sap/API_PURCHASEORDER_PROCESS_SRV/A_PurchaseOrder"
    assert asked["headers"]["accept"] == "application/json"
    assert asked["query"] == {
        "$filter": f"(Supplier eq '{supplier}' or Supplier eq '99999999')"
        " and PurchaseOrderDate ge datetime'2026-01-01T00:00:00'",
        "$select": "PurchaseOrder,PurchaseOrderDate,Supplier,to_PurchaseOrderItem/Material",
        "$expand": "to_PurchaseOrderItem",
        "$orderby": "PurchaseOrderDate desc,PurchaseOrder",
        "$top": "3",
        "$inlinecount": "allpages",
    }


@pytest.mark.parametrize("page_size", [1000, 7])
async def test_all_rows_come_once_whoever_cuts_the_pages(
    opened: Opened, control: Control, world: World, page_size: int
) -> None:
    control.limits(page_size=10, max_concurrent=10)
    reader = opened(page_size=page_size)
    rows = await every(reader, RowQuery(PRODUCTS, columns=("BaseUnit",)))
    assert [row["Product"] for row in rows] == sorted(item.number for item in world.items)
    asked = control.queries()
    step = min(10, page_size)
    assert len(asked) == -(-len(world.items) // step)
    assert sum("$skiptoken" in query for query in asked) == (len(asked) - 1 if step == 10 else 0)


async def test_links_that_name_an_inner_host_are_followed_on_our_own(opened: Opened) -> None:
    options = ["--link-host", "inner.example:8000", "--page-size", "10"]
    with start_one("s4", size=0.02, options=options) as sandbox:
        reader = opened(at=sandbox.s4, sap_client="100", query={"tenant": "a b"})
        rows = await every(reader, RowQuery(PRODUCTS))
        assert len(rows) == len(sandbox.world.items)
        asked = Control(sandbox.s4).queries()
    assert len(asked) == -(-len(rows) // 10)
    assert {(query["sap-client"], query["tenant"]) for query in asked} == {("100", "a b")}


async def test_two_hundred_and_fifty_keys_are_three_requests(
    opened: Opened, control: Control, world: World
) -> None:
    reader = opened()
    items = sorted(item.number for item in world.items)
    keys = [*items, *(f"missing {n}" for n in range(250 - len(items)))]
    batch = await reader.by_values(PRODUCTS, "Product", keys, ("BaseUnit",), ask())
    assert sorted(row["Product"] for row in batch.rows) == items
    assert batch.failures == {}
    counts = [query["$filter"].count("Product eq") for query in control.queries()]
    assert sorted(counts) == [50, 100, 100]


async def test_long_keys_are_split_by_the_length_of_the_address(
    opened: Opened, control: Control
) -> None:
    policy = CallPolicy(max_keys_per_request=1000)
    reader = opened(policy)
    keys = [f"{'Ü' * 38}{n:03d}" for n in range(250)]
    batch = await reader.by_values(PRODUCTS, "Product", keys, ("BaseUnit",), ask())
    assert (list(batch.rows), batch.failures) == ([], {})
    counts = [query["$filter"].count("Product eq") for query in control.queries()]
    assert sum(counts) == 250
    assert max(counts) < 32
    assert {entry["status"] for entry in control.log()} == {200}


async def test_batches_go_at_the_same_time_within_the_limit(
    opened: Opened, control: Control, world: World
) -> None:
    control.limits(service_ms=30, max_concurrent=4)
    reader = opened(CallPolicy(max_keys_per_request=10, max_concurrency=4, retries=0))
    items = [item.number for item in world.items]
    batch = await reader.by_values(PRODUCTS, "Product", items, (), ask())
    assert len(batch.rows) == len(items)
    assert batch.failures == {}
    assert control.stats()["most_in_flight"] == 4


async def test_rows_behind_keys_are_read_to_the_end(
    opened: Opened, control: Control, world: World
) -> None:
    control.limits(page_size=9, max_concurrent=10)
    reader = opened(page_size=20)
    orders = own_orders(world)[:30]
    batch = await reader.by_values(
        ITEMS, "PurchaseOrder", [o.number for o in orders], ("Material",), ask()
    )
    found = [(r["PurchaseOrder"], r["PurchaseOrderItem"], r["Material"]) for r in batch.rows]
    expected = [(o.number, str(x.number), x.item) for o in orders for x in o.lines]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(
    "test,holds",
    [
        (Test("Product", Op.CONTAINS, "-0000"), lambda item: "-0000" in item.number),
        (Test("Product", Op.STARTS_WITH, "GLV"), lambda item: item.number.startswith("GLV")),
        (
            Test("Product", Op.STARTS_WITH, "GLV", negated=True),
            lambda item: not item.number.startswith("GLV"),
        ),
        (within("Product", "GLV-00017/L"), lambda item: item.number == "GLV-00017/L"),
        (
            Test("BaseUnit", Op.IN, ("PC", "KG"), negated=True),
            lambda item: item.base_unit not in {"PC", "KG"},
        ),
        (
            Test("Product", Op.RANGE, Bounds(gt="BRG", lte="GLV-00017/L")),
            lambda item: "BRG" < item.number <= "GLV-00017/L",
        ),
        (
            Test("GrossWeight", Op.RANGE, Bounds(gte=Decimal("2.5"), lt=10), "decimal"),
            lambda item: Decimal("2.5") <= item.weight < 10,
        ),
        (
            within("IsBatchManagementRequired", True, kind="boolean"),
            lambda item: item.batch_managed,
        ),
        (
            Test("LastChangeDateTime", Op.RANGE, Bounds(gte=date(2026, 3, 1)), "date"),
            lambda item: item.changed_at.date() >= date(2026, 3, 1),
        ),
        (
            Test("LastChangeDateTime", Op.IS_NULL, value=True),
            lambda item: item.changed_at is None,
        ),
    ],
    ids=[
        "contains",
        "starts",
        "not starts",
        "slash",
        "none of",
        "text range",
        "numbers",
        "boolean",
        "since",
        "never changed",
    ],
)
async def test_the_system_filters_as_we_would(
    opened: Opened, world: World, test: Test, holds: Any
) -> None:
    reader = opened()
    assert reader.push(PRODUCTS, test) is Push.EXACT
    rows = await every(reader, RowQuery(PRODUCTS, where=((test,),), columns=("Product",)))
    expected = sorted(item.number for item in world.items if holds(item))
    assert [row["Product"] for row in rows] == expected


async def test_links_to_one_row_can_be_filtered_by(opened: Opened, world: World) -> None:
    items = Dataset(ITEMS.name, ITEMS.key, {"to_one": ["to_PurchaseOrder"]})
    supplier = own_orders(world)[3].supplier
    test = within("to_PurchaseOrder.Supplier", supplier)
    reader = opened()
    assert reader.push(items, test) is Push.EXACT
    rows = await every(reader, RowQuery(items, where=((test,),)))
    expected = sum(len(o.lines) for o in own_orders(world) if o.supplier == supplier)
    assert len(rows) == expected > 0


async def test_metadata_tells_what_cannot_be_filtered(opened: Opened) -> None:
    reader = opened()
    rate = within("ExchangeRate", "1.00000")
    assert reader.push(ORDERS, rate) is Push.EXACT
    await reader.describe(ORDERS, (), ask())
    assert reader.push(ORDERS, rate) is Push.NO
    assert reader.push(ORDERS, within("to_PurchaseOrderItem.Material", "x")) is Push.NO
    assert not reader.sorts(ORDERS, (("ExchangeRate", False),))


async def test_describe_finds_a_misspelt_field(opened: Opened) -> None:
    columns = ("Supplier", "Suplier", "to_PurchaseOrderItem.Material", "to_Items.Material")
    info = await opened().describe(ORDERS, columns, ask())
    assert info.exists
    assert info.paths is not None
    assert [column for column in columns if column not in info.paths] == [
        "Suplier",
        "to_Items.Material",
    ]
    assert info.paths["to_PurchaseOrderItem.Material"] == "Edm.String"
    assert set(info.sample[0]) == {"PurchaseOrder", "Supplier", "to_PurchaseOrderItem"}


async def test_describe_tells_of_missing_sets_and_services(opened: Opened) -> None:
    reader = opened()
    info = await reader.describe(Dataset("API_PRODUCT_SRV/A_Products", ("Product",)), (), ask())
    assert not info.exists
    assert "no entity set A_Products; it has A_Product, A_ProductBasicText" in info.message
    info = await reader.describe(Dataset("API_NONE_SRV/A_None", ("None",)), (), ask())
    assert not info.exists
    assert "No service found" in info.message


async def test_what_the_system_says_of_a_mistake_is_passed_on(opened: Opened) -> None:
    reader = opened(metadata=None)
    with pytest.raises(InvalidInputError, match="Property 'Suplier' not found in type"):
        await reader.page(RowQuery(ORDERS, columns=("Suplier",)), None, ask())
    rate = within("ExchangeRate", "1.00000")
    with pytest.raises(InvalidInputError, match=r"'ExchangeRate' .* is not filterable"):
        await reader.page(RowQuery(ORDERS, where=((rate,),)), None, ask())
    batch = await reader.by_values(ORDERS, "Suplier", ["1"], (), ask())
    assert "Suplier" in str(batch.failures["1"])


async def test_answers_that_are_none_are_told(opened: Opened, control: Control) -> None:
    reader = opened()
    control.fault(match="A_Product", rubbish="html", count=1)
    with pytest.raises(BadAnswerError, match="A_Product"):
        await reader.page(RowQuery(PRODUCTS), None, ask())
    control.fault(match="A_Product", truncate="body", count=1)
    with pytest.raises(BadAnswerError, match="not valid JSON"):
        await reader.page(RowQuery(PRODUCTS), None, ask())
    xml = "<?xml version='1.0'?><error><code>X/1</code><message>No roll area</message></error>"
    control.fault(match="A_Product", status=400, body=xml, count=1)
    with pytest.raises(InvalidInputError, match=r"No roll area \(X/1\)"):
        await reader.page(RowQuery(PRODUCTS), None, ask())
    control.fault(match="A_Product", status=500, body=xml, count=1)  # its insides go to the log
    with pytest.raises(UnavailableError, match=r"^erp-eu: A_Product failed there \(500\)$"):
        await reader.page(RowQuery(PRODUCTS), None, ask())


async def test_a_system_that_gives_the_same_page_for_ever_is_found_out(
    opened: Opened, control: Control
) -> None:
    reader = opened()
    control.fault(match="A_Product", huge_mb=12)  # far more rows than a page, whatever is skipped
    batch = await reader.by_values(PRODUCTS, "Product", ["P-1", "P-2"], (), ask())
    assert "its pages go in a circle" in str(batch.failures["P-1"])
    assert batch.rows == []


async def test_a_failed_chunk_leaves_the_others(
    opened: Opened, control: Control, world: World
) -> None:
    control.fault(match="A_Product", status=500, count=1)
    reader = opened(CallPolicy(max_keys_per_request=25, max_concurrency=1, retries=0))
    items = [item.number for item in world.items]
    batch = await reader.by_values(PRODUCTS, "Product", items, (), ask())
    assert len(batch.failures) == 25
    assert {row["Product"] for row in batch.rows} == set(items) - set(batch.failures)


async def test_who_may_not_read_is_told(opened: Opened) -> None:
    reader = opened(user="RESTRICTED")
    with pytest.raises(MisconfiguredError, match="No authorization to access the service"):
        await reader.page(RowQuery(ORDERS), None, ask())
    info = await reader.describe(ORDERS, (), ask())
    assert not info.exists
    assert "No authorization" in info.message


async def test_tokens_for_writes_are_fetched_and_renewed(
    opened: Opened, s4: Simulator, control: Control
) -> None:
    caller = opened()._caller
    session = Session(caller, f"{ROOT}/API_PRODUCT_SRV")
    write = Request(path=f"{ROOT}/API_PRODUCT_SRV/A_Product", label="A_Product", method="POST")
    for _ in range(2):
        with pytest.raises(MisconfiguredError, match="Method POST not allowed"):
            await session.send(write, ask())
    control.fault(expire_tokens=True)
    with pytest.raises(MisconfiguredError, match="Method POST not allowed"):
        await session.send(write, ask())
    asked = [(entry["method"], entry["status"]) for entry in control.log()]
    assert asked == [
        ("GET", 200),
        ("POST", 405),
        ("POST", 405),
        ("POST", 403),
        ("GET", 200),
        ("POST", 405),
    ]
