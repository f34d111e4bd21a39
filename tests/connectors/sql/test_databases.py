"""Tables and SELECTs of a real SQLite and PostgreSQL: the same answers, read-only, in time."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from canonical.criteria import Op, Range
from canonical.errors import MisconfiguredError, Reason, UnavailableError, UnsupportedError
from canonical.ports import Ask
from connectors.kit.policy import CallPolicy
from connectors.kit.rows import Bounds, Dataset, RowQuery, Test
from connectors.kit.services import Services
from connectors.sql import Place, SQLReader, reader

pytestmark = pytest.mark.xdist_group("scms")  # one start of PostgreSQL

ROWS: list[tuple[Any, ...]] = [
    ("p1", "a", 1, "0.10", "2026-01-01"),
    ("p2", "A", 2, "2.50", "2026-01-02"),
    ("p3", None, 3, None, None),
    ("p4", "50%_x", 4, "12345678901234567.89", "2026-02-01"),
    ("p5", "é", None, "3", "2026-03-01"),
    ("p6", "z", 6, "4", "2026-03-02"),
]
COLUMNS = ("PO / SO #", "Vendor", "Qty: n", "price", "on")
CREATE = (
    'CREATE TABLE orders ("PO / SO #" TEXT PRIMARY KEY, "Vendor" TEXT, "Qty: n" INTEGER, '
    'price {decimal}, "on" {date})'
)
ORDERS = Dataset("orders", ("PO / SO #",))
SLOW = {
    "sqlite": "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 1000000000)"
    " SELECT count(*) AS n FROM c",
    "postgresql": "SELECT pg_sleep(30)::text AS n",
}


class Calls:
    """Keeps what was counted."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, bool]] = []

    def called(self, system: str, *, milliseconds: float, rows: int, failed: bool = False) -> None:
        self.seen.append((rows, failed))


class Reading:
    """A reader of one of the two databases."""

    def __init__(self, kind: str, url: str, **settings: Any) -> None:
        self.kind = kind
        self.calls = Calls()
        services = Services(environ={}, base_dir=Path.cwd())
        place = Place("wh", url, time_zone="Europe/Berlin")
        self.reader: SQLReader = reader(place, settings, CallPolicy(), services)

    def ask(self, seconds: float = 20) -> Ask:
        return Ask(asyncio.get_running_loop().time() + seconds, "c-1", self.calls)

    async def found(self, *tests: Test, columns: tuple[str, ...] = ()) -> list[str]:
        """Keys of the rows that satisfy all tests."""
        query = RowQuery(ORDERS, tuple((t,) for t in tests), columns=columns)
        page = await self.reader.page(query, None, self.ask())
        return [row["PO / SO #"] for row in page.rows]

    async def selected(self, select: str, *columns: str, seconds: float = 20) -> list[Any]:
        data = Dataset("selected", (), {"select": select})
        query = RowQuery(data, columns=columns)
        return list((await self.reader.page(query, None, self.ask(seconds))).rows)


async def _fill_postgres(url: str) -> None:
    parts = urlsplit(url)
    connection = await asyncpg.connect(
        host=parse_qs(parts.query)["host"][0], user="postgres", database=parts.path.strip("/")
    )
    await connection.execute("DROP TABLE IF EXISTS orders")
    await connection.execute(CREATE.format(decimal="NUMERIC(30, 2)", date="DATE"))
    typed = [(*r[:3], r[3] and Decimal(r[3]), r[4] and date.fromisoformat(r[4])) for r in ROWS]
    await connection.copy_records_to_table("orders", records=typed)
    await connection.close()


def _fill_sqlite(file: Path) -> None:
    connection = sqlite3.connect(file)
    with connection:
        connection.execute(CREATE.format(decimal="TEXT", date="TEXT"))
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", ROWS)
    connection.close()


@pytest.fixture(params=["sqlite", "postgresql"])
async def reading(
    request: pytest.FixtureRequest, postgres_server: str, tmp_path: Path
) -> AsyncIterator[Reading]:
    if request.param == "sqlite":
        _fill_sqlite(tmp_path / "wh.db")
        url = f"sqlite:///{tmp_path}/wh.db"
    else:
        await _fill_postgres(postgres_server)
        url = postgres_server
    opened = Reading(request.param, url, page_rows=4, max_keys=2)
    yield opened
    await opened.reader.aclose()


@pytest.mark.parametrize(
    "test, expected",
    [
        (Test("Vendor", Op.IN, ("a", "z")), ["p1", "p6"]),
        (Test("Vendor", Op.IN, ("a", None)), ["p1", "p3"]),
        (Test("Vendor", Op.IN, ("a", "A", "z"), negated=True), ["p3", "p4", "p5"]),
        (Test("Vendor", Op.CONTAINS, "%_"), ["p4"]),
        (Test("Vendor", Op.CONTAINS, "A"), ["p2"]),
        (Test("Vendor", Op.STARTS_WITH, "50%"), ["p4"]),
        (Test("Vendor", Op.IS_NULL, True), ["p3"]),
        (Test("Vendor", Op.IS_NULL, True, negated=True), ["p1", "p2", "p4", "p5", "p6"][:4]),
        (Test("Vendor", Op.RANGE, Range("a", None)), ["p1", "p5", "p6"]),
        (Test("Qty: n", Op.RANGE, Bounds(gt=2, lte=4), "integer"), ["p3", "p4"]),
        (Test("Qty: n", Op.IN, (6,), "integer"), ["p6"]),
        (Test("on", Op.RANGE, Range(date(2026, 1, 2), date(2026, 3, 1)), "date"), ["p2", "p4"]),
    ],
)
async def test_tests_mean_what_criteria_mean(
    reading: Reading, test: Test, expected: list[str]
) -> None:
    assert await reading.found(test) == expected


async def test_a_choice_between_columns(reading: Reading) -> None:
    clause = (Test("Vendor", Op.IN, ("z",)), Test("Qty: n", Op.IN, (1,), "integer"))
    page = await reading.reader.page(RowQuery(ORDERS, (clause,)), None, reading.ask())
    assert [row["PO / SO #"] for row in page.rows] == ["p1", "p6"]


@pytest.mark.parametrize("descending", [False, True])
async def test_text_sorts_by_code_point_and_nothing_comes_last(
    reading: Reading, descending: bool
) -> None:
    found: list[Any] = []
    cursor: str | None = None
    query = RowQuery(ORDERS, sort=(("Vendor", descending),), columns=("Vendor",), count=True)
    while True:
        page = await reading.reader.page(query, cursor, reading.ask())
        assert page.total == 6
        found += [row["Vendor"] for row in page.rows]
        if page.next is None:
            break
        cursor = page.next
    named = sorted((r[1] for r in ROWS if r[1] is not None), reverse=descending)
    assert found == [*named, None]


async def test_numbers_are_exact(reading: Reading) -> None:
    query = RowQuery(ORDERS, columns=("price",))
    rows = (await reading.reader.page(query, None, reading.ask())).rows
    prices = {row["PO / SO #"]: row["price"] for row in rows}
    assert Decimal(prices["p4"]) == Decimal("12345678901234567.89")
    floats = await reading.selected("SELECT CAST(0.1 AS DOUBLE PRECISION) AS f", "f")
    assert floats == [{"f": Decimal("0.1")}]


async def test_many_values_go_in_chunks_and_each_statement_is_counted(reading: Reading) -> None:
    values = ["a", "A", "z", "nobody", "a"]
    batch = await reading.reader.by_values(ORDERS, "Vendor", values, ("Vendor",), reading.ask())

    assert sorted(row["PO / SO #"] for row in batch.rows) == ["p1", "p2", "p6"]
    assert batch.failures == {}
    assert sorted(reading.calls.seen) == [(1, False), (2, False)]


async def test_too_many_rows_of_a_batch_are_an_error_and_no_cut(
    reading: Reading, postgres_server: str, tmp_path: Path
) -> None:
    url = postgres_server if reading.kind == "postgresql" else f"sqlite:///{tmp_path}/wh.db"
    bounded = Reading(reading.kind, url, max_rows=1)
    batch = await bounded.reader.by_values(ORDERS, "Vendor", ["a", "A"], (), bounded.ask())
    await bounded.reader.aclose()
    assert batch.rows == []
    assert {type(e) for e in batch.failures.values()} == {UnsupportedError}


async def test_selects_are_read_like_tables(reading: Reading) -> None:
    select = "SELECT \"Vendor\" AS v, count(*) AS n, '12:30' AS t FROM orders GROUP BY 1 -- end"
    data = Dataset("by_vendor", ("v",), {"select": select})
    query = RowQuery(
        data,
        ((Test("v", Op.IN, ("a", "z")),), (Test("n", Op.RANGE, Bounds(gte=1), "integer"),)),
        (("v", True),),
        ("n", "t"),
    )
    page = await reading.reader.page(query, None, reading.ask())
    assert page.rows == [{"v": "z", "n": 1, "t": "12:30"}, {"v": "a", "n": 1, "t": "12:30"}]


async def test_datasets_are_described(reading: Reading) -> None:
    found = await reading.reader.describe(ORDERS, ("Vendor", "nothing"), reading.ask())
    assert found.exists
    assert found.paths is not None
    assert tuple(found.paths) == COLUMNS
    assert len(found.sample) == len(ROWS)

    missing = await reading.reader.describe(Dataset("ordres", ("id",)), (), reading.ask())
    assert (missing.exists, "no such table or view" in missing.message) == (False, True)
    wrong = Dataset("by_vendor", (), {"select": "SELECT nothing FROM orders"})
    described = await reading.reader.describe(wrong, (), reading.ask())
    assert not described.exists


async def test_an_unknown_column_is_an_error_in_every_database(reading: Reading) -> None:
    with pytest.raises(MisconfiguredError, match="does not have the table, view or column"):
        await reading.found(columns=("nothing",))
    assert reading.calls.seen[-1] == (0, True)


async def test_a_column_of_another_type_is_an_error_or_matches_nothing(reading: Reading) -> None:
    wrong = Test("Qty: n", Op.IN, ("x",))
    if reading.kind == "sqlite":
        assert await reading.found(wrong) == []
    else:
        with pytest.raises(MisconfiguredError, match="holds another type"):
            await reading.found(wrong)


async def test_wrong_options_are_told(reading: Reading) -> None:
    with pytest.raises(MisconfiguredError, match="options of selected: select: write one query"):
        await reading.selected("DELETE FROM orders")


async def test_nothing_can_be_written(reading: Reading) -> None:
    if reading.kind == "sqlite":
        asked = "SELECT query_only AS n FROM pragma_query_only"
        assert await reading.selected(asked, "n") == [{"n": 1}]
    else:
        asked = "SELECT current_setting('transaction_read_only') AS n"
        assert await reading.selected(asked, "n") == [{"n": "on"}]
        with pytest.raises(MisconfiguredError):
            await reading.selected("SELECT lo_create(0)::text AS n", "n")


async def test_a_slow_statement_is_stopped_in_time_and_the_next_one_works(reading: Reading) -> None:
    started = monotonic()
    with pytest.raises(UnavailableError) as caught:
        await reading.selected(SLOW[reading.kind], "n", seconds=0.3)
    assert caught.value.reason is Reason.TIMEOUT
    assert monotonic() - started < 2
    assert await reading.found(Test("Vendor", Op.IN, ("a",))) == ["p1"]


async def test_a_statement_that_nobody_waits_for_is_given_up(reading: Reading) -> None:
    task = asyncio.create_task(reading.selected(SLOW[reading.kind], "n"))
    await asyncio.sleep(0.3)
    task.cancel()
    started = monotonic()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert monotonic() - started < 2
    assert await reading.found(Test("Vendor", Op.IN, ("a",))) == ["p1"]


async def test_times_without_zone_are_the_databases(postgres_server: str) -> None:
    select = (
        "SELECT id, day + at::time AS at FROM (VALUES (1, '14:00'), (2, '13:59')) v(id, at), "
        "(SELECT TIMESTAMP '2026-07-01' AS day) d"
    )
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)  # 14:00 in Berlin
    data = Dataset("moments", ("id",), {"select": select})
    since = Test("at", Op.RANGE, Range(noon, None), "datetime")
    berlin = Reading("postgresql", postgres_server)
    page = await berlin.reader.page(RowQuery(data, ((since,),)), None, berlin.ask())
    await berlin.reader.aclose()
    assert [row["id"] for row in page.rows] == [1]


async def test_a_database_that_is_not_there() -> None:
    for url, reason in (
        ("sqlite:///no/such/file.db", Reason.CONNECTION),
        ("postgresql://nobody@127.0.0.1:1/none", Reason.CONNECTION),
    ):
        reading = Reading("none", url)
        with pytest.raises(UnavailableError) as caught:
            await reading.found()
        assert caught.value.reason is reason
        assert "127.0.0.1" not in caught.value.message
        await reading.reader.aclose()


async def test_the_circuit_opens_for_a_database_that_fails() -> None:
    reading = Reading("none", "sqlite:///no/such/file.db")
    for _ in range(5):
        with pytest.raises(UnavailableError):
            await reading.found()
    with pytest.raises(UnavailableError) as caught:
        await reading.found()
    assert caught.value.reason is Reason.CIRCUIT_OPEN
    assert reading.reader.health()["circuit"] == "open"
    await reading.reader.aclose()
