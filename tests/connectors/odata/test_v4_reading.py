"""Reading a V4 service: filters in V4's own literals, nested options, next links and counts."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from canonical.criteria import Condition, Op, Range, holds
from canonical.errors import InvalidInputError
from connectors.kit.policy import CallPolicy
from connectors.kit.rows import Bounds, Dataset, Push, Row, RowQuery, Test
from connectors.kit.services import Services
from connectors.kit.transport_open import open_transport
from connectors.odata import ODataReader, Settings, reader
from tests.connectors.odata.backends import ask
from tests.connectors.odata.v4_server import V4Service
from tests.fixtures.server import served

ORDERS = Dataset("srv/orders/Orders", ("Number",))
ITEMS = Dataset("srv/orders/Items", ("Order", "Line"), {"to_one": ["_Order"]})
START = datetime(2026, 1, 1, 22, tzinfo=UTC)


def order(n: int) -> Row:
    changed = None if n % 7 == 0 else START + timedelta(hours=9 * n)
    return {
        "Number": f"45{n:04d}",
        "Id": str(UUID(int=n)),
        "Supplier": None if n % 11 == 0 else ("O'Neil", "Müller & Söhne", "100%", "a+b")[n % 4],
        "Status": "Open" if n % 3 else "Closed",
        "Total": Decimal(n) * Decimal("10.25"),
        "Lines": Decimal(n % 4),
        "OrderedOn": date(2026, 1, 1) + timedelta(days=n),
        "ChangedAt": changed,
        "_Item": [
            {"Order": f"45{n:04d}", "Line": line, "Material": f"M{(n + line) % 9}", "Quantity": 1}
            for line in range(n % 4)
        ],
    }


ROWS = [order(n) for n in range(60)]


@pytest.fixture
async def service() -> AsyncIterator[tuple[V4Service, str]]:
    """The service on a free port of the loopback interface."""
    v4 = V4Service(ROWS)
    async with served(v4.app, lifespan="off") as server:
        yield v4, server.url


@pytest.fixture
def v4(service: tuple[V4Service, str]) -> V4Service:
    return service[0]


@pytest.fixture
async def opened(service: tuple[V4Service, str]) -> AsyncIterator[Any]:
    transports = []

    def open_reader(policy: CallPolicy | None = None, **settings: Any) -> ODataReader:
        policy = policy or CallPolicy(retries=0)
        services = Services(environ={}, base_dir=Path())
        transport = open_transport("erp", service[1], policy, services)
        transports.append(transport)
        return reader("erp", Settings(version="v4", **settings), transport, policy)

    yield open_reader
    for transport in transports:
        await transport.aclose()


async def every(reader: ODataReader, query: RowQuery) -> list[Row]:
    page = await reader.page(query, None, ask())
    rows = list(page.rows)
    while page.next is not None:
        page = await reader.page(query, page.next, ask())
        rows.extend(page.rows)
    return rows


GUIDS = (str(UUID(int=3)), str(UUID(int=5)), "no guid or 1 eq 1")
CASES = {
    "text": Test("Supplier", Op.IN, ("O'Neil", "Müller & Söhne")),
    "odd text": Test("Supplier", Op.IN, ("100%", "a+b")),
    "none of": Test("Supplier", Op.IN, ("O'Neil",), negated=True),
    "contains": Test("Supplier", Op.CONTAINS, "& S"),
    "not contains": Test("Supplier", Op.CONTAINS, "Neil", negated=True),
    "starts": Test("Supplier", Op.STARTS_WITH, "O'"),
    "null": Test("Supplier", Op.IS_NULL, value=True),
    "not null": Test("ChangedAt", Op.IS_NULL, value=False),
    "enum": Test("Status", Op.IN, ("Closed",)),
    "not enum": Test("Status", Op.IN, ("Closed",), negated=True),
    "decimal": Test("Total", Op.RANGE, Bounds(gt=Decimal("20.5"), lte=Decimal("102.5")), "decimal"),
    "int64": Test("Lines", Op.IN, (2, 3), "integer"),
    "date": Test("OrderedOn", Op.RANGE, Bounds(gte=date(2026, 1, 20)), "date"),
    "one day": Test("OrderedOn", Op.IN, (date(2026, 1, 20),), "date"),
    "moment": Test("ChangedAt", Op.RANGE, Bounds(lt=START + timedelta(days=5)), "datetime"),
    "not moment": Test(
        "ChangedAt", Op.RANGE, Bounds(lt=START + timedelta(days=5)), "datetime", negated=True
    ),
    "day of moments": Test("ChangedAt", Op.IN, (date(2026, 1, 5),), "date"),
}


def satisfies(test: Test, row: Row) -> bool:
    value = row[test.path]
    if test.kind == "date" and isinstance(value, datetime):
        value = value.date()
    if test.op is not Op.RANGE:
        return holds(Condition(test.path, test.op, test.value), value) is not test.negated
    bounds: Bounds = test.value
    found = (
        value is not None
        and (bounds.gte is None or value >= bounds.gte)
        and (bounds.gt is None or value > bounds.gt)
        and (bounds.lt is None or value < bounds.lt)
        and (bounds.lte is None or value <= bounds.lte)
    )
    return found is not test.negated


@pytest.mark.parametrize("test", CASES.values(), ids=CASES.keys())
async def test_the_service_filters_as_we_would(opened: Any, test: Test) -> None:
    reader = opened()
    await reader.describe(ORDERS, (), ask())
    assert reader.push(ORDERS, test) is Push.EXACT
    rows = await every(reader, RowQuery(ORDERS, where=((test,),), columns=("Number",)))
    assert [r["Number"] for r in rows] == [r["Number"] for r in ROWS if satisfies(test, r)]
    assert 0 < len(rows) < len(ROWS)


async def test_next_links_counts_and_nested_columns(opened: Any, v4: V4Service) -> None:
    query = RowQuery(
        ORDERS,
        sort=(("OrderedOn", True),),
        columns=("Total", "_Item.Material", "_Item.Line"),
        count=True,
    )
    reader = opened(page_size=25)
    first = await reader.page(query, None, ask())
    assert first.total == 60
    rows = await every(reader, query)
    assert [r["Number"] for r in rows] == [r["Number"] for r in reversed(ROWS)]
    assert rows[0] == {
        "Number": "450059",
        "Total": "604.75",
        "_Item": [{"Line": n, "Material": f"M{(59 + n) % 9}"} for n in range(3)],
    }
    assert v4.asked[0] == {
        "$select": "Number,Total",
        "$expand": "_Item($select=Line,Material)",
        "$orderby": "OrderedOn desc,Number",
        "$top": "25",
        "$count": "true",
    }
    assert [a.get("$skip") for a in v4.asked[1:]] == [None] * 3 + ["25"] * 3 + ["50"]
    assert set(v4.accepted) == {"application/json;IEEE754Compatible=true"}


async def test_many_keys_go_by_or_or_by_in(opened: Any, v4: V4Service) -> None:
    numbers = [row["Number"] for row in ROWS]
    for in_operator in (False, True):
        v4.asked.clear()
        reader = opened(CallPolicy(max_keys_per_request=25, retries=0), in_operator=in_operator)
        batch = await reader.by_values(ORDERS, "Number", numbers, ("Number",), ask())
        assert [r["Number"] for r in batch.rows] == numbers
        texts = {a["$filter"] for a in v4.asked if "$skiptoken" not in a}
        assert len(texts) == 3
        assert all((" in (" in text) is in_operator for text in texts)


async def test_keys_that_are_no_guids_find_nothing_and_do_no_harm(
    opened: Any, v4: V4Service
) -> None:
    dataset = Dataset(ORDERS.name, ORDERS.key, {"types": {"Id": "Edm.Guid"}})
    batch = await opened().by_values(dataset, "Id", GUIDS, ("Number",), ask())
    assert [r["Number"] for r in batch.rows] == ["450003", "450005"]
    assert "1 eq 1" not in v4.asked[0]["$filter"]


async def test_lists_are_filtered_by_lambdas(opened: Any, v4: V4Service) -> None:
    reader = opened(lambdas=True)
    await reader.describe(ORDERS, (), ask())
    test = Test("_Item.Material", Op.IN, ("M3",))
    assert reader.push(ORDERS, test) is Push.EXACT
    rows = await every(reader, RowQuery(ORDERS, where=((test,),)))
    expected = [r["Number"] for r in ROWS if any(i["Material"] == "M3" for i in r["_Item"])]
    assert [r["Number"] for r in rows] == expected
    assert v4.asked[-1]["$filter"] == "_Item/any(x0:x0/Material eq 'M3')"


async def test_links_to_one_row_are_filtered_and_sorted_by(opened: Any) -> None:
    reader = opened()
    test = Test("_Order.Supplier", Op.IN, ("O'Neil",))
    assert reader.push(ITEMS, test) is Push.EXACT
    assert reader.sorts(ITEMS, (("_Order.OrderedOn", True),))
    rows = await every(
        reader, RowQuery(ITEMS, where=((test,),), sort=(("_Order.OrderedOn", True),))
    )
    expected = [
        (i["Order"], i["Line"])
        for r in reversed(ROWS)
        if r["Supplier"] == "O'Neil"
        for i in r["_Item"]
    ]
    assert [(r["Order"], r["Line"]) for r in rows] == expected


async def test_what_the_service_says_of_a_mistake_is_passed_on(opened: Any) -> None:
    reader = opened()
    with pytest.raises(InvalidInputError, match=r"Property 'Suplier' is unknown \(SADL/043\)"):
        await reader.page(RowQuery(ORDERS, columns=("Suplier",)), None, ask())


async def test_describe_finds_a_misspelt_field(opened: Any) -> None:
    info = await opened().describe(ORDERS, ("Suplier", "_Item.Material"), ask())
    assert info.paths is not None
    assert info.paths["Status"] == "com.example.orders.Status"
    assert info.paths["_Item.Material"] == "Edm.String"
    assert "Suplier" not in info.paths


def test_canonical_ranges_are_bounds_too() -> None:
    assert Bounds(*Range(1, 2)) == Bounds(gte=1, lt=2)
