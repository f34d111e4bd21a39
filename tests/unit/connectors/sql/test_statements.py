"""What each kind of database is asked, word for word: quoted names and bound values."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql, mysql, oracle, postgresql, sqlite

from canonical.criteria import Op, Range
from connectors.kit.rows import Bounds, Dataset, Push, RowQuery, Test
from connectors.sql.dialects import DIALECTS
from connectors.sql.statements import Statements

COMPILERS: dict[str, Any] = {
    "postgresql": postgresql.dialect,
    "sqlite": sqlite.dialect,
    "mysql": mysql.dialect,
    "oracle": oracle.dialect,
    "mssql": mssql.dialect,
}
ORDERS = Dataset("sales.orders", ("id",))
STATUS = Test("status", Op.IN, ("open", "late"))


def statements(name: str = "postgresql", zone: str = "UTC") -> Statements:
    return Statements("wh", DIALECTS[name], ZoneInfo(zone))


def written(statement: sa.Select[Any], name: str = "postgresql") -> tuple[str, dict[str, Any]]:
    dialect = COMPILERS[name]()
    dialect._supports_offset_fetch = True  # as SQL Server has been since 2012
    compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    return " ".join(str(compiled).split()), dict(compiled.params)


def where(test: Test, name: str = "postgresql", zone: str = "UTC") -> tuple[str, list[Any]]:
    query = RowQuery(Dataset("t", ()), ((test,),), columns=("id",))
    text, values = written(statements(name, zone).count(query), name)
    return text.split(" WHERE ")[1], list(values.values())


PAGES = {
    "postgresql": """
        SELECT q."id", q."name" FROM "sales"."orders" AS q
        WHERE q."status" = ANY (%(param_1)s::VARCHAR[])
        ORDER BY CASE WHEN (q."name" IS NULL) THEN 1 ELSE 0 END, q."name" COLLATE "C" DESC,
        CASE WHEN (q."id" IS NULL) THEN 1 ELSE 0 END, q."id" ASC
        LIMIT %(param_2)s::INTEGER OFFSET %(param_3)s::INTEGER
    """,
    "mysql": """
        SELECT q.`id`, q.`name` FROM `sales`.`orders` AS q WHERE q.`status` IN (%s, %s)
        ORDER BY CASE WHEN (q.`name` IS NULL) THEN 1 ELSE 0 END, q.`name` COLLATE utf8mb4_bin DESC,
        CASE WHEN (q.`id` IS NULL) THEN 1 ELSE 0 END, q.`id` ASC LIMIT %s, %s
    """,
    "oracle": """
        SELECT q."id", q."name" FROM "sales"."orders" q
        WHERE q."status" IN (:status_1_1, :status_1_2)
        ORDER BY CASE WHEN (q."name" IS NULL) THEN 1 ELSE 0 END, q."name" DESC,
        CASE WHEN (q."id" IS NULL) THEN 1 ELSE 0 END, q."id" ASC
        OFFSET 20 ROWS FETCH FIRST 11 ROWS ONLY
    """,
    "mssql": """
        SELECT q.[id], q.[name] FROM [sales].[orders] AS q
        WHERE q.[status] IN (:status_1_1, :status_1_2)
        ORDER BY CASE WHEN (q.[name] IS NULL) THEN 1 ELSE 0 END,
        q.[name] COLLATE Latin1_General_100_BIN2 DESC,
        CASE WHEN (q.[id] IS NULL) THEN 1 ELSE 0 END, q.[id] ASC
        OFFSET :param_1 ROWS FETCH FIRST :param_2 ROWS ONLY
    """,
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page(name: str) -> None:
    query = RowQuery(ORDERS, ((STATUS,),), (("name", True),), ("id", "name"))
    made = statements(name).rows(query, frozenset({"name"}), offset=20, limit=11)
    assert written(made, name)[0] == " ".join(PAGES[name].split())


@pytest.mark.parametrize(
    "test, expected, values",
    [
        (
            Test("n", Op.RANGE, Bounds(gt=1, lte=5), "integer"),
            'q."n" > %(n_1)s::BIGINT AND q."n" <= %(n_2)s::BIGINT',
            [1, 5],
        ),
        (
            Test("on", Op.RANGE, Range(date(2026, 1, 2), None), "date"),
            'q."on" >= %(on_1)s::DATE',
            [date(2026, 1, 2)],
        ),
        (
            Test("code", Op.RANGE, Range("a", None)),
            '(q."code" COLLATE "C") >= %(param_1)s::VARCHAR COLLATE "C"',
            ["a"],
        ),
        (Test("x", Op.IS_NULL, True), 'q."x" IS NULL', []),
        (Test("x", Op.IS_NULL, True, negated=True), 'q."x" IS NOT NULL', []),
        (
            Test("n", Op.IN, (Decimal("1.5"), None), "decimal"),
            'q."n" = ANY (%(param_1)s::NUMERIC[]) OR q."n" IS NULL',
            [[Decimal("1.5")]],
        ),
        (
            Test("s", Op.IN, ("a",), negated=True),
            'NOT (q."s" = ANY (%(param_1)s::VARCHAR[])) OR q."s" IS NULL',
            [["a"]],
        ),
        (
            Test("s", Op.STARTS_WITH, "50%_!"),
            "(q.\"s\" LIKE %(s_1)s::VARCHAR || '%%' ESCAPE '!')",
            ["50!%!_!!"],
        ),
    ],
)
def test_tests_in_postgresql(test: Test, expected: str, values: list[Any]) -> None:
    assert where(test) == (expected, values)


def test_sqlite_compares_text_by_place_because_its_like_ignores_case() -> None:
    contains = Test("s", Op.CONTAINS, "%x")
    assert where(contains, "sqlite") == ('instr(q."s", ?) > ?', ["%x", 0])
    starts = Test("s", Op.STARTS_WITH, "x")
    assert where(starts, "sqlite") == ('instr(q."s", ?) = ?', ["x", 1])


def test_times_are_bound_in_the_databases_zone_where_it_keeps_none() -> None:
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    since = Test("at", Op.RANGE, Range(noon, None), "datetime")
    assert where(since, "mysql", "Europe/Berlin")[1] == [datetime(2026, 7, 1, 14)]  # noqa: DTZ001
    assert where(since, "postgresql", "Europe/Berlin")[1] == [noon]


def test_names_cannot_leave_their_quotes_and_values_never_enter_the_text() -> None:
    nasty = 'x" FROM secrets; --'
    text, values = written(
        statements().of_values(
            Dataset('t"; DROP TABLE t; --', (nasty,)), Test(nasty, Op.IN, ("'; --",)), (), ()
        )
    )
    assert '"x"" FROM secrets; --"' in text
    assert '"t""; DROP TABLE t; --"' in text
    assert "'; --" not in text
    assert list(values.values()) == [["'; --"]]


def test_a_select_of_the_manifest_is_wrapped_whole() -> None:
    select = "SELECT id, created::date AS day FROM o WHERE t > '12:30' -- :name"
    data = Dataset("label", ("id",), {"select": select})
    text, values = written(statements().sample(data, ("day",), 5))
    assert text == f'SELECT q."id", q."day" FROM ({select} ) AS q LIMIT %(param_1)s::INTEGER'
    assert values == {"param_1": 5}


@pytest.mark.parametrize(
    "name, test, expected",
    [
        ("postgresql", STATUS, Push.EXACT),
        ("postgresql", Test("a.b", Op.IN, ("x",)), Push.NO),
        ("postgresql", Test("d", Op.IN, (1,), "days"), Push.NO),
        ("sqlite", STATUS, Push.EXACT),
        ("sqlite", Test("n", Op.RANGE, Range(Decimal(1), None), "decimal"), Push.NO),
        ("sqlite", Test("at", Op.IS_NULL, True, "datetime"), Push.EXACT),
        ("mysql", STATUS, Push.SUPERSET),
        ("mysql", Test("status", Op.IN, ("x",), negated=True), Push.NO),
        ("mysql", Test("n", Op.RANGE, Range(1, None), "integer"), Push.EXACT),
        ("mssql", Test("s", Op.CONTAINS, "x"), Push.SUPERSET),
        ("oracle", STATUS, Push.EXACT),
        ("oracle", Test("s", Op.IN, ("a", "")), Push.NO),
    ],
)
def test_what_a_database_can_be_asked(name: str, test: Test, expected: Push) -> None:
    assert statements(name).push(ORDERS, test) is expected


def test_text_sorts_by_code_point_or_not_at_all() -> None:
    view = Dataset("label", ("id",), {"select": "SELECT 1 AS id"})
    assert [n for n in DIALECTS if not statements(n).sorts(ORDERS)] == []
    assert [n for n in DIALECTS if not statements(n).sorts(view)] == ["mysql", "mariadb", "mssql"]
    code = Test("code", Op.RANGE, Range("a", None))
    assert statements("mysql").push(view, code) is Push.NO
