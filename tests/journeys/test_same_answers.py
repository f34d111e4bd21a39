"""Whatever systems filter and sort themselves, and whatever is done here: the same rows come.

All rows of a list are read once without any condition. Then random conditions, orders and page
sizes are asked for, and compared with the same conditions evaluated here on these rows.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.embedded.valkey import EmbeddedValkey
from sandbox.launch import Sandbox
from tests.journeys.conditions import FILTERS
from tests.journeys.house import House, Simulators, open_house
from tests.journeys.troubles import NOTHING_OLD, SYSTEMS, manifest

pytestmark = pytest.mark.asyncio(loop_scope="module")

Row = Mapping[str, Any]
Values = Callable[[Row], Sequence[Any]]
Drawn = st.SearchStrategy[tuple[Any, Callable[[Sequence[Any]], bool]]]
"""A condition as GraphQL has it, and whether the values of a row satisfy it."""


class Listing(NamedTuple):
    """A list: what is read of it, what it is filtered by, and what it is ordered by."""

    selection: str
    conditions: Mapping[str, tuple[Callable[[Sequence[Any]], Drawn], Values]]
    orders: Mapping[str, str]


def some(values: Sequence[Any]) -> st.SearchStrategy[Any]:
    known = sorted({v for v in values if v is not None})
    return st.sampled_from(known)


def text(known: Sequence[Any]) -> Drawn:
    """Conditions on text: whole values, pieces of them in either case, and what nobody has."""
    value = some(known)
    piece = st.builds(
        lambda v, i, n, swap: (v[i : i + n] or v).swapcase() if swap else v[i : i + n] or v,
        value,
        st.integers(0, 6),
        st.integers(1, 5),
        st.booleans(),
    )
    several = st.lists(value | st.just("nobody's"), min_size=1, max_size=6)
    return st.one_of(
        value.map(lambda w: ({"eq": w}, lambda vs: w in vs)),
        several.map(lambda w: ({"in": w}, lambda vs: any(v in w for v in vs))),
        piece.map(lambda w: ({"contains": w}, lambda vs: any(w in v for v in vs if v is not None))),
        piece.map(
            lambda w: (
                {"startsWith": w},
                lambda vs: any(v.startswith(w) for v in vs if v is not None),
            )
        ),
    )


def one_of(known: Sequence[Any]) -> Drawn:
    return st.lists(some(known), min_size=1, max_size=4).map(
        lambda w: (w, lambda vs: any(v in w for v in vs))
    )


def span(known: Sequence[Any], parse: Callable[[str], Any], step: timedelta) -> Drawn:
    def condition(start: str, days: int, ends: str) -> tuple[Any, Callable[[Sequence[Any]], bool]]:
        gte = None if ends == "below" else parse(start)
        lt = None if ends == "from" else parse(start) + days * step
        bounds = {"gte": gte, "lt": lt}
        return (
            {n: b.isoformat() for n, b in bounds.items() if b is not None},
            lambda vs: any(
                (gte is None or parse(v) >= gte) and (lt is None or parse(v) < lt)
                for v in vs
                if v is not None
            ),
        )

    ends = st.sampled_from(["from", "below", "between"])
    return st.builds(condition, some(known), st.integers(1, 60), ends)


def days(known: Sequence[Any]) -> Drawn:
    return span(known, date.fromisoformat, timedelta(days=1))


def moments(known: Sequence[Any]) -> Drawn:
    return span(known, datetime.fromisoformat, timedelta(hours=7))


LISTINGS = {
    "purchaseOrders": Listing(
        """id number status orderedOn updatedAt supplier { code }
           lines { dueOn item { sku } }""",
        {
            "number": (text, lambda r: [r["number"]]),
            "status": (one_of, lambda r: [r["status"]]),
            "supplier": (one_of, lambda r: [r["supplier"]["code"]]),
            "item": (one_of, lambda r: [line["item"]["sku"] for line in r["lines"]]),
            "orderedOn": (days, lambda r: [r["orderedOn"]]),
            "dueOn": (days, lambda r: [line["dueOn"] for line in r["lines"]]),
            "updatedAt": (moments, lambda r: [r["updatedAt"]]),
        },
        {"NUMBER": "number", "ORDERED_ON": "orderedOn", "UPDATED_AT": "updatedAt"},
    ),
    "items": Listing(
        "id sku name category status sources { supplier { code } }",
        {
            "sku": (text, lambda r: [r["sku"]]),
            "name": (text, lambda r: [r["name"]]),
            "category": (text, lambda r: [r["category"]]),
            "status": (one_of, lambda r: [r["status"]]),
            "supplier": (one_of, lambda r: [s["supplier"]["code"] for s in r["sources"]]),
        },
        {"SKU": "sku", "NAME": "name"},
    ),
    "suppliers": Listing(
        "id code name country status",
        {
            "code": (text, lambda r: [r["code"]]),
            "name": (text, lambda r: [r["name"]]),
            "country": (one_of, lambda r: [r["country"]]),
            "status": (one_of, lambda r: [r["status"]]),
        },
        {"CODE": "code", "NAME": "name"},
    ),
    "receipts": Listing(
        """id number receivedAt location { code } purchaseOrder { number }
           lines { item { sku } }""",
        {
            "number": (text, lambda r: [r["number"]]),
            "purchaseOrder": (one_of, lambda r: [(r["purchaseOrder"] or {}).get("number")]),
            "item": (one_of, lambda r: [line["item"]["sku"] for line in r["lines"]]),
            "location": (one_of, lambda r: [(r["location"] or {}).get("code")]),
            "receivedAt": (moments, lambda r: [r["receivedAt"]]),
        },
        {},
    ),
}


class Asked(NamedTuple):
    """A random question, with what it means here."""

    filter: Mapping[str, Any]
    tests: Sequence[Callable[[Row], bool]]
    order: Sequence[tuple[str, bool]]
    first: int

    def matches(self, row: Row) -> bool:
        return all(test(row) for test in self.tests)


@st.composite
def questions(draw: st.DrawFn, listing: Listing, rows: Sequence[Row]) -> Asked:
    names = draw(st.sets(st.sampled_from(sorted(listing.conditions)), max_size=3))
    filters: dict[str, Any] = {}
    tests: list[Callable[[Row], bool]] = []
    for name in sorted(names):
        make, values = listing.conditions[name]
        filters[name], test = draw(make([v for row in rows for v in values(row)]))
        tests.append(lambda row, test=test, values=values: test(values(row)))  # type: ignore[misc]
    fields = draw(
        st.lists(st.sampled_from(sorted(listing.orders) or [""]), max_size=2, unique=True)
    )
    order = [(field, draw(st.booleans())) for field in fields if field]
    return Asked(filters, tests, order, draw(st.sampled_from([30, 100, 500])))


@pytest.fixture(scope="module")
def unlimited(sandbox: Sandbox) -> Iterator[Sandbox]:
    """Systems that bear any rate."""
    systems = Simulators(sandbox)
    for name in SYSTEMS:
        systems.limits(name, rate_per_s=0)
    yield sandbox
    systems.reset()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def quick(
    unlimited: Sandbox,
    sandbox: Sandbox,
    valkey_server: EmbeddedValkey,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[House]:
    """A house that asks as fast as it likes."""
    free = {name: {"rate_per_s": 10_000, "burst": 10_000} for name in SYSTEMS}
    folder = tmp_path_factory.mktemp("same")
    async with open_house(unlimited, folder, valkey_server.url, manifest(policies=free)) as house:
        yield house


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def everything(quick: House) -> Mapping[str, Sequence[Row]]:
    """All rows of every list, read without a condition."""
    nothing = Asked({}, (), (), 1_000)
    return {root: await answered(quick, root, nothing) for root in LISTINGS}


async def answered(house: House, root: str, asked: Asked) -> list[Row]:
    """All pages of an answer."""
    name = f"{FILTERS[root].removesuffix('Filter')}Order"
    sortable = bool(LISTINGS[root].orders)
    order = [{"field": f, "direction": "DESC" if down else "ASC"} for f, down in asked.order]
    question = (
        f"query($filter: {FILTERS[root]}, $first: Int, $after: String"
        f"{f', $order: [{name}!]' if sortable else ''}) {{ {root}(filter: $filter, first: $first, "
        f"after: $after{', orderBy: $order' if sortable else ''}) {{ nodes {{ "
        f"{LISTINGS[root].selection} }} pageInfo {{ hasNextPage endCursor }} }} }}"
    )
    variables: dict[str, Any] = {"filter": asked.filter, "first": asked.first}
    if sortable:
        variables["order"] = order or None
    rows: list[Row] = []
    while True:
        reply = await house.ask(question, headers=NOTHING_OLD, **variables)
        assert reply.errors == ()
        page = reply.data[root]
        assert len(page["nodes"]) <= asked.first
        rows += page["nodes"]
        variables["after"] = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return rows


def in_order(rows: Sequence[Row], root: str, order: Sequence[tuple[str, bool]]) -> list[Row]:
    """Sorted by one field after the other, the last first; rows without a value come last."""
    found = list(rows)
    for field, descending in reversed(order):
        column = LISTINGS[root].orders[field]
        known = [r for r in found if r[column] is not None]
        known.sort(key=itemgetter(column), reverse=descending)
        found = known + [r for r in found if r[column] is None]
    return found


@settings(
    max_examples=25,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
@pytest.mark.parametrize("root", LISTINGS)
async def test_pushed_down_or_done_here_the_same_rows_come_in_the_same_order(
    quick: House, everything: Mapping[str, Sequence[Row]], root: str, data: st.DataObject
) -> None:
    rows = everything[root]
    asked = data.draw(questions(LISTINGS[root], rows))
    found = await answered(quick, root, asked)
    expected = in_order([r for r in rows if asked.matches(r)], root, asked.order)
    assert sorted(r["id"] for r in found) == sorted(r["id"] for r in expected)
    columns = [LISTINGS[root].orders[field] for field, _ in asked.order]
    assert [[r[c] for c in columns] for r in found] == [[r[c] for c in columns] for r in expected]


async def test_a_text_that_a_system_cannot_have_finds_nothing_there(quick: House) -> None:
    reply = await quick.ask('{ receipts(filter: {number: {eq: "no number"}}) { nodes { id } } }')
    assert reply.errors == ()
    assert reply.data["receipts"]["nodes"] == []
