"""Questions become requests, answers become rows, page after page."""

import re
from datetime import date
from typing import Any

import pytest

from canonical.criteria import Op
from canonical.errors import (
    BadAnswerError,
    InvalidInputError,
    MisconfiguredError,
    Reason,
    UnavailableError,
    UnsupportedError,
)
from connectors.kit.http import Request, query_string
from connectors.kit.policy import CallPolicy
from connectors.kit.rows import Bounds, Push, RowQuery, Test
from connectors.odata import ODataReader
from tests.unit.connectors.odata.calls import ASK, NOW, answering, opened, results
from tests.unit.connectors.odata.documents import V2
from tests.unit.connectors.odata.shapes import dataset

ORDERS = dataset()


def within(path: str, *values: Any, kind: str = "string") -> Test:
    return Test(path, Op.IN, values, kind)


async def every(reader: ODataReader, query: RowQuery) -> list[Any]:
    page = await reader.page(query, None, ASK)
    rows = list(page.rows)
    while page.next is not None:
        page = await reader.page(query, page.next, ASK)
        rows.extend(page.rows)
    return rows


async def test_a_question_is_asked_in_the_system_s_language() -> None:
    reader, calls = opened(
        answering(results([{"Order": "1"}], __count="7")),
        root="/sap/opu/odata/sap",
        sap_client="100",
        sap_language="EN",
        query={"tenant": "a"},
    )
    query = RowQuery(
        ORDERS,
        where=((within("Supplier", "17"),),),
        sort=(("OrderedOn", True),),
        columns=("Supplier", "Items.Material"),
        limit=50,
        count=True,
    )
    page = await reader.page(query, None, ASK)
    assert (page.rows, page.next, page.total) == ([{"Order": "1"}], None, 7)
    assert calls.requests[0].path == "/sap/opu/odata/sap/SRV/Orders"
    assert calls.requests[0].label == "Orders"
    assert calls.requests[0].headers["Accept"] == "application/json"
    assert list(calls.requests[0].query) == [
        ("$filter", "Supplier eq '17'"),
        ("$select", "Items/Material,Order,Supplier"),
        ("$expand", "Items"),
        ("$orderby", "OrderedOn desc,Order"),
        ("$top", "50"),
        ("$inlinecount", "allpages"),
        ("sap-client", "100"),
        ("sap-language", "EN"),
        ("tenant", "a"),
    ]


async def test_v4_asks_for_decimals_as_text_and_counts_its_way() -> None:
    reader, calls = opened(answering({"value": [], "@odata.count": 0}), version="v4")
    page = await reader.page(RowQuery(ORDERS, limit=5, count=True), None, ASK)
    assert page.total == 0
    assert calls.requests[0].headers["Accept"] == "application/json;IEEE754Compatible=true"
    assert calls.queries()[0] == {"$orderby": "Order", "$top": "5", "$count": "true"}


async def test_next_links_are_followed_as_they_are() -> None:
    link = "https://inner.host/sap/opu/SRV/Orders?$skiptoken=%2Bx%3D&a=1"
    reader, calls = opened(
        answering(results([{"Order": "1"}], __next=link), results([{"Order": "2"}])),
        sap_client="100",
    )
    assert await every(reader, RowQuery(ORDERS)) == [{"Order": "1"}, {"Order": "2"}]
    assert calls.requests[1].path == link + "&sap-client=100"
    assert not calls.requests[1].query


async def test_relative_links_start_at_the_service() -> None:
    reader, calls = opened(
        answering({"value": [], "@odata.nextLink": "Orders?$skiptoken=1"}, {"value": []}),
        version="v4",
        root="/odata4",
    )
    await every(reader, RowQuery(ORDERS))
    expected = "https://erp.example:44300/odata4/SRV/Orders?$skiptoken=1"
    assert calls.requests[1].path == expected


async def test_full_pages_without_a_link_are_continued_by_skip() -> None:
    pages = [[{"Order": str(n)} for n in range(at, min(at + 4, 10))] for at in (0, 4, 8)]
    reader, calls = opened(answering(*map(results, pages)), page_size=4)
    rows = await every(reader, RowQuery(ORDERS, count=True))
    assert [row["Order"] for row in rows] == [str(n) for n in range(10)]
    assert [q.get("$skip") for q in calls.queries()] == [None, "4", "8"]
    assert [q.get("$inlinecount") for q in calls.queries()] == ["allpages", None, None]


async def test_windows_and_the_system_s_own_pages_go_together() -> None:
    answers = [
        results([{"Order": "0"}, {"Order": "1"}], __next="https://x/n1"),
        results([{"Order": "2"}, {"Order": "3"}]),
        results([{"Order": "4"}]),
    ]
    reader, calls = opened(answering(*answers), page_size=4)
    rows = await every(reader, RowQuery(ORDERS))
    assert [row["Order"] for row in rows] == ["0", "1", "2", "3", "4"]
    assert calls.queries()[2]["$skip"] == "4"


async def test_nothing_is_asked_where_nothing_can_be_found() -> None:
    reader, calls = opened(answering())
    page = await reader.page(RowQuery(ORDERS, where=((within("Order"),),), count=True), None, ASK)
    assert (page.rows, page.total, calls.requests) == ((), 0, [])


async def test_metadata_is_read_once_and_only_for_types() -> None:
    def answer(request: Request) -> Any:
        return V2 if request.path.endswith("$metadata") else results([])

    reader, calls = opened(answer)
    await reader.page(RowQuery(ORDERS, where=((within("Order", "1"),),)), None, ASK)
    assert [r.path for r in calls.requests] == ["SRV/Orders"]
    since = Test("OrderedOn", Op.RANGE, Bounds(gte=date(2024, 1, 31)), "date")
    for _ in range(2):
        await reader.page(RowQuery(ORDERS, where=((since,),)), None, ASK)
    paths = [r.path for r in calls.requests[1:]]
    assert paths == ["SRV/$metadata", "SRV/Orders", "SRV/Orders"]
    assert calls.queries()[-1]["$filter"] == "OrderedOn ge datetime'2024-01-31T00:00:00'"
    assert reader.push(ORDERS, within("Rate", "1")) is Push.NO
    assert not reader.sorts(ORDERS, (("Rate", False),))


async def test_metadata_that_may_not_be_read_is_done_without() -> None:
    refused = MisconfiguredError("erp", "no access", reason=Reason.CREDENTIALS)

    def answer(request: Request) -> Any:
        return refused if request.path.endswith("$metadata") else results([])

    reader, calls = opened(answer)
    since = Test("OrderedOn", Op.RANGE, Bounds(gte=date(2024, 1, 31)), "date")
    for _ in range(2):
        await reader.page(RowQuery(ORDERS, where=((since,),)), None, ASK)
    paths = [r.path for r in calls.requests]
    assert paths == ["SRV/$metadata", "SRV/Orders", "SRV/Orders"]


async def test_many_values_are_split_by_number() -> None:
    reader, calls = opened(lambda _: results([]), CallPolicy(max_keys_per_request=100))
    values = [f"45{n:08d}" for n in range(250)]
    await reader.by_values(ORDERS, "Order", [*values, *values[:9]], ("Supplier",), ASK)
    found = [re.findall(r"Order eq '(\d+)'", q["$filter"]) for q in calls.queries()]
    assert [len(keys) for keys in found] == [100, 100, 50]
    assert [key for keys in found for key in keys] == values


async def test_many_values_are_split_by_the_bytes_of_the_address() -> None:
    policy = CallPolicy(max_keys_per_request=1000, max_url_bytes=2_000)
    reader, calls = opened(lambda _: results([]), policy, root="/sap")
    values = [f"Schlüssel {n:03d}" for n in range(150)]
    where = ((within("Supplier", "17"),),)
    await reader.by_values(ORDERS, "Order", values, ("Supplier",), ASK, where=where)
    lengths = [len(f"{calls.base_url}{r.path}?{query_string(r.query)}") for r in calls.requests]
    assert max(lengths) <= 2_000
    assert min(lengths[:-1]) > 1_900
    found = [re.findall(r"Order eq '([^']+)'", q["$filter"]) for q in calls.queries()]
    assert [key for keys in found for key in keys] == values
    assert all(q["$filter"].startswith("Supplier eq '17' and ") for q in calls.queries())


async def test_single_rows_per_value_fit_one_page() -> None:
    reader, calls = opened(lambda _: results([]), page_size=20)
    values = [str(n) for n in range(50)]
    await reader.by_values(ORDERS, "Order", values, (), ASK)
    assert len(calls.requests) == 3
    await reader.by_values(ORDERS, "Supplier", values, (), ASK)
    assert len(calls.requests) == 4


async def test_each_chunk_is_read_to_its_end() -> None:
    def answer(request: Request) -> Any:
        if request.path.startswith("https"):
            return results([{"Order": "2"}])
        return results([{"Order": "1"}], __next="https://x/more")

    reader, _ = opened(answer)
    batch = await reader.by_values(ORDERS, "Supplier", ["a"], (), ASK)
    assert batch.rows == [{"Order": "1"}, {"Order": "2"}]
    assert batch.failures == {}


async def test_a_failed_chunk_fails_its_values_only() -> None:
    def answer(request: Request) -> Any:
        if "'3'" in dict(request.query)["$filter"]:
            return UnavailableError("erp", Reason.TIMEOUT, "too slow")
        return results([{"Order": "1"}])

    reader, _ = opened(answer, CallPolicy(max_keys_per_request=2))
    batch = await reader.by_values(ORDERS, "Order", ["1", "2", "3", "4"], (), ASK)
    assert batch.rows == [{"Order": "1"}]
    assert {k: str(e) for k, e in batch.failures.items()} == {
        "3": "erp: too slow",
        "4": "erp: too slow",
    }


async def test_padded_keys_go_out_long_and_come_in_short() -> None:
    orders = dataset(pad={"Order": 10, "Items.Order": 10})
    row = {"Order": "0000000045", "Items": {"results": [{"Order": "0000000045"}]}}
    reader, calls = opened(answering(results([row])))
    batch = await reader.by_values(orders, "Order", ["45"], (), ASK)
    assert calls.queries()[0]["$filter"] == "Order eq '0000000045'"
    assert batch.rows == [{"Order": "45", "Items": [{"Order": "45"}]}]


async def test_rows_may_carry_the_moment_of_reading() -> None:
    stock = dataset("SRV/Items", key=("Order",), read_at="read_at")
    reader, calls = opened(answering(results([{"Order": "1"}]), V2, results([])))
    query = RowQuery(stock, columns=("Material", "read_at"))
    page = await reader.page(query, None, ASK)
    assert page.rows == [{"Order": "1", "read_at": NOW}]
    assert calls.queries()[0]["$select"] == "Material,Order"
    assert reader.push(stock, within("read_at", NOW)) is Push.NO
    assert not reader.sorts(stock, (("read_at", False),))
    info = await reader.describe(stock, ("Quantity", "read_at"), ASK)
    assert info.paths is not None
    assert "read_at" in info.paths


async def test_lists_within_rows_are_completed() -> None:
    row = {"Order": "1", "Items": {"results": [{"N": "1"}], "__next": "https://x/i?t=1"}}
    reader, calls = opened(
        answering(
            results([row]),
            results([{"N": "2"}], __next="https://x/i?t=2"),
            results([{"N": "3"}]),
        )
    )
    page = await reader.page(RowQuery(ORDERS), None, ASK)
    assert page.rows == [{"Order": "1", "Items": [{"N": "1"}, {"N": "2"}, {"N": "3"}]}]
    assert [r.path for r in calls.requests[1:]] == ["https://x/i?t=1", "https://x/i?t=2"]


async def test_links_in_a_circle_are_noticed() -> None:
    reader, _ = opened(lambda _: results([{"Order": "1"}], __next="https://x/same"))
    batch = await reader.by_values(ORDERS, "Supplier", ["a"], (), ASK)
    assert list(batch.failures) == ["a"]
    assert isinstance(batch.failures["a"], BadAnswerError)
    row = {"Items": {"results": [], "__next": "https://x/same"}}
    reader, _ = opened(
        lambda r: (
            results([], __next="https://x/same") if r.path.startswith("https") else results([row])
        )
    )
    with pytest.raises(BadAnswerError, match="circle"):
        await reader.page(RowQuery(ORDERS), None, ASK)


@pytest.mark.parametrize(
    "answer,message",
    [
        (b"<html>Log on</html>", r"Orders answered 19 bytes .* not valid JSON"),
        ({"value": []}, "Orders is no OData V2 answer: no `d`"),
        (b'{"d":{"results":[{"a":', "not valid JSON"),
    ],
)
async def test_rubbish_is_named(answer: Any, message: str) -> None:
    reader, _ = opened(answering(answer))
    with pytest.raises(BadAnswerError, match=message):
        await reader.page(RowQuery(ORDERS), None, ASK)


async def test_a_business_error_beside_a_good_answer_counts() -> None:
    reader, calls = opened(answering(results([])))
    calls.headers = {"sap-message": '{"code":"X/1","message":"Locked","severity":"error"}'}
    with pytest.raises(BadAnswerError, match=r"Orders: Locked \(X/1\)"):
        await reader.page(RowQuery(ORDERS), None, ASK)


async def test_too_many_values_for_one_address_are_refused_or_left_out() -> None:
    reader, calls = opened(
        lambda _: results([]), CallPolicy(max_keys_per_request=50, max_url_bytes=500)
    )
    many = within("Supplier", *map(str, range(51)))
    assert reader.push(ORDERS, many) is Push.NO
    some = within("Supplier", *(f"{n:020d}" for n in range(40)))
    assert reader.push(ORDERS, some) is Push.EXACT
    with pytest.raises(UnsupportedError, match="ask for fewer values"):
        await reader.page(RowQuery(ORDERS, where=((some,),)), None, ASK)
    assert calls.requests == []


async def test_values_of_another_type_are_refused() -> None:
    reader, _ = opened(answering(), metadata=None)
    test = Test("Total", Op.RANGE, Bounds(gte="x"), "decimal")
    with pytest.raises(InvalidInputError, match="Orders: 'x' is no number"):
        await reader.page(RowQuery(ORDERS, where=((test,),)), None, ASK)


def test_sorting_by_text_needs_a_system_that_minds_case() -> None:
    typed = dataset(types={"Total": "Edm.Decimal"}, fixed=["Rate"], to_one=["Buyer"])
    reader, _ = opened(answering())
    assert reader.sorts(typed, (("Supplier", False), ("Total", True)))
    assert not reader.sorts(typed, (("Buyer.Name", False),))
    newer, _ = opened(answering(), version="v4")
    assert newer.sorts(typed, (("Buyer.Name", True),))
    assert not reader.sorts(typed, (("Rate", False),))
    assert not reader.sorts(typed, (("Items.Number", False),))
    careless, _ = opened(answering(), ignores_case=True)
    assert careless.sorts(typed, (("Total", False),))
    assert not careless.sorts(typed, (("Supplier", False),))


async def test_describe_reads_metadata_and_a_few_rows() -> None:
    reader, calls = opened(answering(V2, results([{"Order": "1"}])))
    info = await reader.describe(ORDERS, ("Order", "Suplier", "to_Item.Quantity"), ASK)
    assert info.exists
    assert info.sample == [{"Order": "1"}]
    assert info.paths is not None
    assert info.paths["to_Item.Quantity"] == "Edm.Decimal"
    assert "Suplier" not in info.paths
    assert calls.queries()[1]["$select"] == "Order,to_Item/Quantity"


async def test_describe_tells_what_is_missing() -> None:
    reader, _ = opened(answering(V2))
    info = await reader.describe(dataset("SRV/Order"), ("Order",), ASK)
    assert not info.exists
    assert info.message == "the service has no entity set Order; it has Items, Orders"
    refused = MisconfiguredError("erp", "SRV $metadata does not exist there (404)")
    reader, _ = opened(answering(refused))
    info = await reader.describe(ORDERS, (), ASK)
    assert (info.exists, info.message) == (False, str(refused))


async def test_describe_without_metadata_asks_for_rows_alone() -> None:
    reader, calls = opened(answering(results([{"Order": "1"}])), metadata=None)
    info = await reader.describe(ORDERS, ("Order",), ASK)
    assert (info.exists, info.paths, info.sample) == (True, None, [{"Order": "1"}])
    assert len(calls.requests) == 1


async def test_metadata_that_is_none_is_a_bad_answer() -> None:
    reader, _ = opened(answering(b"<html/>"))
    with pytest.raises(BadAnswerError, match=r"SRV \$metadata: .* no OData metadata"):
        await reader.describe(ORDERS, (), ASK)
