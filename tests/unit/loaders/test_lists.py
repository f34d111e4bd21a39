"""Lists across systems: everything once, in order, whatever is added between pages."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from typing_extensions import override

from canonical.entities import EntityName
from canonical.errors import BadAnswerError, InvalidInputError, Reason, UnavailableError
from canonical.ports import Ask, ListQuery, Page
from tests.fakes.desk import Desk
from tests.fakes.distributor import MONDAY, Distributor, item, order, origin, receipt
from tests.fakes.sources import FakeSource

PAGE = """
query Page($first: Int, $after: String, $field: PurchaseOrderOrderField!, $way: SortDirection!) {
  purchaseOrders(first: $first, after: $after, orderBy: [{field: $field, direction: $way}]) {
    nodes { number orderedOn updatedAt provenance { system } }
    pageInfo { hasNextPage endCursor }
    completeness { complete systems { system state message } }
  }
}
"""
COLUMNS = {"NUMBER": "number", "ORDERED_ON": "orderedOn", "UPDATED_AT": "updatedAt"}
orders = st.lists(
    st.tuples(st.sampled_from(["erp", "procurement"]), st.integers(0, 4), st.booleans()),
    max_size=25,
)


def an_order(number: int, system: str, day: int, *, dated: bool) -> Any:
    changes: dict[str, Any] = {"ordered_on": date(2026, 11, 1) + timedelta(days=day)}
    if not dated:
        changes["updated_at"] = None
    return order(number, system, lines=(), **changes)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=orders,
    later=orders,
    first=st.integers(1, 6),
    field=st.sampled_from(sorted(COLUMNS)),
    way=st.sampled_from(["ASC", "DESC"]),
)
async def test_pages_hold_every_order_once_and_in_order_while_others_are_added(
    rows: list[Any], later: list[Any], first: int, field: str, way: str
) -> None:
    world = Distributor([an_order(n, s, d, dated=t) for n, (s, d, t) in enumerate(rows)])
    desk = Desk(*world.sources)
    seen: list[dict[str, Any]] = []
    after = None
    added = [an_order(1000 + n, s, d, dated=t) for n, (s, d, t) in enumerate(later)]
    for _ in range(80):
        answer = await desk.ask(PAGE, first=first, after=after, field=field, way=way)
        assert answer.errors == ()
        page = answer.data["purchaseOrders"]
        assert len(page["nodes"]) <= first
        seen += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        if added:
            new = added.pop()
            source = world.orders if new.provenance.system == "erp" else world.procurement
            source.records.append(new)
    numbers = [n["number"] for n in seen]
    assert len(numbers) == len(set(numbers))
    assert {f"PO{n}" for n in range(len(rows))} <= set(numbers)
    # What is added in one system while another is ahead may come late, but it comes.
    values = [n[COLUMNS[field]] for n in seen if int(n["number"][2:]) < len(rows)]
    dated = [v for v in values if v is not None]
    assert dated == sorted(dated, reverse=way == "DESC")
    assert values == dated + [None] * (len(values) - len(dated))


async def test_a_cursor_goes_on_only_in_its_own_list() -> None:
    desk = Desk(*Distributor().sources)
    start = "{ purchaseOrders(first: 2) { pageInfo { endCursor } } }"
    cursor = (await desk.ask(start)).data["purchaseOrders"]["pageInfo"]["endCursor"]
    other = """query ($c: String) {
        purchaseOrders(after: $c, orderBy: [{field: NUMBER}]) { nodes { id } } }"""
    answer = await desk.ask(other, c=cursor)
    assert "another filter or order" in answer.errors[0].message


@pytest.mark.parametrize("cursor", ["", "x", "é", "AAAA", "kwGkSXRlbaJJMQ", "z" * 9000])
async def test_a_foreign_cursor_is_refused_in_words(cursor: str) -> None:
    question = "query ($c: String) { purchaseOrders(after: $c) { nodes { id } } }"
    answer = await Desk(*Distributor().sources).ask(question, c=cursor)
    assert "`after` is not a cursor of this service" in answer.errors[0].message


@pytest.mark.parametrize("first", [0, -1, 2001])
async def test_a_page_is_bounded(first: int) -> None:
    question = "query ($n: Int) { items(first: $n) { nodes { sku } } }"
    answer = await Desk(*Distributor().sources).ask(question, n=first)
    assert "it must be from 1 to 2000" in answer.errors[0].message


async def test_a_list_says_which_system_is_missing() -> None:
    world = Distributor()
    world.procurement.error = UnavailableError("procurement", Reason.CONNECTION, "is not there")
    answer = await Desk(*world.sources).ask(PAGE, first=50, field="NUMBER", way="ASC")
    page = answer.data["purchaseOrders"]
    assert len(page["nodes"]) == 20
    assert page["completeness"] == {
        "complete": False,
        "systems": [
            {"system": "erp", "state": "LIVE", "message": None},
            {
                "system": "procurement",
                "state": "MISSING",
                "message": "procurement: is not there",
            },
        ],
    }
    assert [(str(p), at) for p, at in answer.problems] == [
        ("procurement: is not there", ("purchaseOrders",))
    ]


async def test_a_list_that_nobody_can_answer_is_an_error() -> None:
    world = Distributor()
    for source in (world.orders, world.procurement):
        source.error = UnavailableError(source.system, Reason.TIMEOUT, "did not answer")
    answer = await Desk(*world.sources).ask(PAGE, field="NUMBER", way="ASC")
    assert answer.data is None
    assert answer.errors[0].path == ["purchaseOrders"]


async def test_a_second_look_within_freshness_asks_nobody() -> None:
    desk = Desk(*Distributor().sources)
    question = "{ purchaseOrders(first: 7) { nodes { number lines { item { name } } } } }"
    first = await desk.ask(question)
    assert first.journal.calls() == 3
    second = await desk.ask(question)
    assert second.journal.calls() == 0
    assert second.data == first.data


async def test_a_list_keeps_keys_so_that_a_refreshed_record_shows_in_it() -> None:
    world = Distributor()
    desk = Desk(*world.sources)
    question = "{ purchaseOrders(first: 50) { nodes { number buyer } } }"
    await desk.ask(question)
    world.orders.records = [structs.replace(r, buyer="new") for r in world.orders.records]
    await desk.ask('{ purchaseOrder(number: "PO3") { buyer } }', max_staleness_s=0)
    slots = ["erp:purchase_order:key::K3"]
    await desk.cache.drop(slots)
    again = await desk.ask(question)
    buyers = {n["number"]: n["buyer"] for n in again.data["purchaseOrders"]["nodes"]}
    assert buyers["PO3"] == "new"
    assert buyers["PO4"] is None


async def test_one_item_in_two_systems_is_listed_once_as_the_leading_system_has_it() -> None:
    leading = FakeSource("eu", EntityName.ITEM, [item(1, provenance=origin("I1", "eu"), name="eu")])
    second = FakeSource(
        "us",
        EntityName.ITEM,
        [
            item(1, provenance=origin("I1", "us"), name="us", description="told by us"),
            item(2, provenance=origin("I2", "us"), name="only us"),
        ],
    )
    question = """{ items(first: 1) { nodes { sku name description provenance { system } }
        pageInfo { hasNextPage endCursor } } }"""
    desk = Desk(leading, second)
    page = (await desk.ask(question)).data["items"]
    assert page["nodes"] == [
        {
            "sku": "I1",
            "name": "eu",
            "description": "told by us",
            "provenance": {"system": "eu"},
        }
    ]
    rest = """query ($c: String) { items(first: 5, after: $c) { nodes { sku name }
        pageInfo { hasNextPage } } }"""
    after = (await desk.ask(rest, c=page["pageInfo"]["endCursor"])).data["items"]
    assert after["nodes"] == [{"sku": "I2", "name": "only us"}]
    assert after["pageInfo"]["hasNextPage"] is False


async def test_a_stale_page_is_served_once_patience_with_its_system_is_over() -> None:
    world = Distributor()
    desk = Desk(*world.sources)
    await desk.ask(PAGE, first=50, field="NUMBER", way="ASC")
    desk.now_s += 120
    world.procurement.delay_s = 30
    answer = await desk.ask(PAGE, first=50, field="NUMBER", way="ASC")
    page = answer.data["purchaseOrders"]
    assert len(page["nodes"]) == 30
    assert page["completeness"] == {
        "complete": True,
        "systems": [
            {"system": "erp", "state": "LIVE", "message": None},
            {
                "system": "procurement",
                "state": "STALE",
                "message": "procurement: no answer within 0.05 s",
            },
        ],
    }
    assert answer.problems == []


async def test_a_system_that_refuses_a_list_leaves_the_others_alone() -> None:
    world = Distributor()
    world.procurement.error = InvalidInputError("procurement: purchase orders were refused (400)")
    answer = await Desk(*world.sources).ask(PAGE, first=50, field="NUMBER", way="ASC")
    assert len(answer.data["purchaseOrders"]["nodes"]) == 20
    assert [s["state"] for s in answer.data["purchaseOrders"]["completeness"]["systems"]] == [
        "LIVE",
        "MISSING",
    ]
    assert [at for _, at in answer.problems] == [("purchaseOrders",)]


async def test_every_record_of_a_page_that_cannot_be_read_is_told() -> None:
    world = Distributor()
    world.procurement.failures = {
        k: BadAnswerError("procurement", f"purchase_order {k!r}: no number") for k in ("K1", "K2")
    }
    answer = await Desk(*world.sources).ask(PAGE, first=50, field="NUMBER", way="ASC")
    told = answer.data["purchaseOrders"]["completeness"]
    assert told["complete"] is False
    assert told["systems"][1] == {
        "system": "procurement",
        "state": "LIVE",
        "message": "procurement: purchase_order 'K1': no number (and 1 more)",
    }
    assert [str(p) for p, _ in answer.problems] == [
        "procurement: purchase_order 'K1': no number",
        "procurement: purchase_order 'K2': no number",
    ]


async def test_a_record_that_a_list_from_the_cache_cannot_show_is_told() -> None:
    world = Distributor()
    desk = Desk(*world.sources)
    await desk.ask("{ purchaseOrders(first: 50) { nodes { number } } }")
    world.procurement.error = UnavailableError("procurement", Reason.CONNECTION, "is not there")
    answer = await desk.ask(
        """{ purchaseOrders(first: 50) { nodes { number buyer }
            completeness { complete systems { state message } } } }"""
    )
    page = answer.data["purchaseOrders"]
    assert len(page["nodes"]) == 20
    assert page["completeness"] == {
        "complete": False,
        "systems": [
            {"state": "CACHED", "message": None},
            {"state": "CACHED", "message": "procurement: is not there"},
        ],
    }
    assert [(str(p), at) for p, at in answer.problems] == [
        ("procurement: is not there", ("purchaseOrders",))
    ]


class NumericSource(FakeSource):
    """A system that pages by its integer keys, where text would be in another order."""

    @override
    async def page(self, query: ListQuery, ask: Ask) -> Page:
        rows = sorted(self.records, key=lambda r: int(r.provenance.key))
        if query.after is not None:
            rows = [r for r in rows if int(r.provenance.key) > int(query.after[-1])]
        return Page(rows[: query.limit], more=len(rows) > query.limit)


@pytest.mark.parametrize("first", [1, 2, 3, 7])
async def test_a_systems_own_order_is_kept_where_no_other_is_asked_for(first: int) -> None:
    sources = [
        NumericSource(
            system,
            EntityName.RECEIPT,
            [
                structs.replace(receipt(n, "K1", MONDAY), provenance=origin(str(n), system))
                for n in keys
            ],
        )
        for system, keys in (("erp", [2, 10, 9, 100, 11]), ("procurement", [30, 4, 200]))
    ]
    desk = Desk(*Distributor().sources[:1], *sources)
    question = """query ($n: Int, $c: String) { receipts(first: $n, after: $c) {
        nodes { provenance { key } } pageInfo { hasNextPage endCursor } } }"""
    seen: list[str] = []
    cursor = None
    while True:
        page = (await desk.ask(question, n=first, c=cursor)).data["receipts"]
        seen += [n["provenance"]["key"] for n in page["nodes"]]
        cursor = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == ["2", "9", "10", "11", "100", "4", "30", "200"]
