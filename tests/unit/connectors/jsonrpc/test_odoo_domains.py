"""Clauses become Odoo's domains, or are not pushed where a domain would mean something else."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.criteria import Op, Range
from connectors.jsonrpc.local import satisfied
from connectors.jsonrpc.odoo.domains import domain, push
from connectors.kit.rows import Bounds, Push, Test
from tests.systems.odoo.domains import Evaluator

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "test,expected",
    [
        (Test("ref", Op.IN, ("A", "B")), [["ref", "in", ["A", "B"]]]),
        (Test("ref", Op.IN, ("A", None)), [["ref", "in", ["A", False]]]),
        (Test("ref", Op.IN, ("A",), negated=True), [["ref", "not in", ["A"]]]),
        (Test("ref", Op.IN, ()), [["id", "in", []]]),
        (Test("ref", Op.IN, (), negated=True), [["id", "!=", False]]),
        (Test("id", Op.IN, (1, "x")), [["id", "in", [1]]]),
        (Test("ref", Op.IS_NULL, True), [["ref", "=", False]]),
        (Test("ref", Op.IS_NULL, False), [["ref", "!=", False]]),
        (Test("name", Op.CONTAINS, "5%_\\"), [["name", "like", "5\\%\\_\\\\"]]),
        (Test("name", Op.STARTS_WITH, "A"), [["name", "=like", "A%"]]),
        (
            Test("price", Op.RANGE, Range(Decimal("1.5"), None), "decimal"),
            [["price", ">=", Decimal("1.5")]],
        ),
        (
            Test("date", Op.RANGE, Range(date(2026, 1, 1), date(2026, 2, 1)), "date"),
            ["&", ["date", ">=", "2026-01-01"], ["date", "<", "2026-02-01"]],
        ),
        (Test("date", Op.RANGE, Range(), "date"), [["date", "!=", False]]),
        (
            Test("at", Op.RANGE, Range(NOON, NOON + timedelta(microseconds=1)), "datetime"),
            ["&", ["at", ">=", "2026-01-01 12:00:00"], ["at", "<", "2026-01-01 12:00:01"]],
        ),
        (
            Test("at", Op.RANGE, Bounds(gt=NOON, lte=NOON + timedelta(hours=1)), "datetime"),
            ["&", ["at", ">=", "2026-01-01 12:00:01"], ["at", "<", "2026-01-01 13:00:01"]],
        ),
        (
            Test(
                "at",
                Op.RANGE,
                Range(datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))),
                "datetime",
            ),
            [["at", ">=", "2025-12-31 23:00:00"]],
        ),
    ],
)
def test_a_test_as_a_domain(test: Test, expected: Any) -> None:
    assert domain([(test,)]) == expected


def test_an_or_stands_before_its_parts() -> None:
    a, b, c = (Test(n, Op.IN, (1,), "integer") for n in "abc")
    between = Test("d", Op.RANGE, Range(1, 9), "integer")
    leaves = [[n, "in", [1]] for n in "abc"]
    assert domain([(a, b, c), (a,)]) == ["|", "|", *leaves, leaves[0]]
    inner = ["&", ["d", ">=", 1], ["d", "<", 9]]
    assert domain([(a, between)]) == ["|", leaves[0], *inner]
    assert domain([()]) == [["id", "in", []]]


@pytest.mark.parametrize(
    "test,answer",
    [
        (Test("ref", Op.IN, ("A", None)), Push.EXACT),
        (Test("partner_id.ref", Op.IN, ("A",)), Push.EXACT),
        (Test("partner_id.ref", Op.IN, (None,)), Push.NO),
        (Test("partner_id.ref", Op.IN, ("A",), negated=True), Push.NO),
        (Test("partner_id.ref", Op.IS_NULL, True), Push.NO),
        (Test("partner_id.ref", Op.IS_NULL, False), Push.EXACT),
        (Test("price", Op.IS_NULL, True, "decimal"), Push.NO),
        (Test("at", Op.IN, (NOON,), "datetime"), Push.NO),
        (Test("name", Op.RANGE, Range("a", "b")), Push.NO),
        (Test("name", Op.CONTAINS, "a"), Push.EXACT),
        (Test("name", Op.CONTAINS, "a", negated=True), Push.NO),
        (Test("n", Op.CONTAINS, "1", "integer"), Push.NO),
    ],
)
def test_what_a_domain_can_say(test: Test, answer: Push) -> None:
    assert push(test) is answer


STORED = st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 1, 0, 0, 3))  # noqa: DTZ001 as stored
BOUND = STORED.map(lambda moment: moment.replace(tzinfo=UTC))


@given(STORED, st.one_of(st.none(), BOUND), st.one_of(st.none(), BOUND), st.booleans())
def test_bounds_mean_the_seconds_that_are_shown(
    stored: datetime, lower: datetime | None, upper: datetime | None, strict: bool
) -> None:
    bounds = Bounds(gt=lower, lte=upper) if strict else Bounds(gte=lower, lt=upper)
    test = Test("at", Op.RANGE, bounds, "datetime")
    shown = stored.replace(microsecond=0, tzinfo=UTC)
    evaluator = Evaluator({"m": {"at": "datetime"}}, lambda *_: [])
    record = {"id": 1, "at": stored.strftime("%Y-%m-%d %H:%M:%S.%f")}
    found = evaluator.matches("m", domain([(test,)]), record)
    assert found is satisfied(test, shown)
