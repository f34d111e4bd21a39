"""Clauses become Tryton's domains, or are not pushed where a domain would mean something else."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from canonical.criteria import Op, Range
from connectors.jsonrpc.tryton.domains import columns, domain, push
from connectors.kit.rows import Bounds, Push, Test

NULL = Test("code", Op.IS_NULL, True)


@pytest.mark.parametrize(
    "test,expected",
    [
        (Test("code", Op.IN, ("A",)), [["code", "=", "A"]]),
        (Test("code", Op.IN, ("A", "B")), [["code", "in", ["A", "B"]]]),
        (Test("code", Op.IN, ("A", None)), ["OR", ["code", "=", "A"], ["code", "=", None]]),
        (Test("code", Op.IN, (None,)), ["OR", ["code", "=", None]]),
        (Test("code", Op.IN, ()), [["id", "in", []]]),
        (Test("code", Op.IN, (), negated=True), [["id", "!=", None]]),
        (
            Test("code", Op.IN, ("A", "B"), negated=True),
            ["OR", ["code", "not in", ["A", "B"]], ["code", "=", None]],
        ),
        (
            Test("code", Op.IN, ("A", None), negated=True),
            [["code", "not in", ["A"]], ["code", "!=", None]],
        ),
        (Test("active", Op.IN, (False,), "boolean"), [["active", "=", False]]),
        (Test("active", Op.IN, (False,), "boolean", negated=True), [["active", "=", True]]),
        (Test("active", Op.IN, (True, False), "boolean"), [["id", "!=", None]]),
        (Test("id", Op.IN, ("5", "x", 7), "integer"), [["id", "in", ["5", 7]]]),
        (NULL, [["code", "=", None]]),
        (Test("code", Op.IS_NULL, False), [["code", "!=", None]]),
        (Test("code", Op.CONTAINS, "50%_\\"), [["code", "like", "%50\\%\\_\\\\%"]]),
        (Test("code", Op.STARTS_WITH, "SUP-"), [["code", "like", "SUP-%"]]),
        (
            Test("day", Op.RANGE, Range(date(2026, 1, 1), date(2026, 2, 1)), "date"),
            [["day", ">=", date(2026, 1, 1)], ["day", "<", date(2026, 2, 1)]],
        ),
        (Test("n", Op.RANGE, Bounds(gt=1, lte=2), "integer"), [["n", ">", 1], ["n", "<=", 2]]),
        (Test("n", Op.RANGE, Bounds(), "integer"), [["n", "!=", None]]),
        (
            Test("shipment.reference", Op.STARTS_WITH, "stock.shipment.in,"),
            [["shipment", "like", "stock.shipment.in,%"]],
        ),
    ],
)
def test_a_test_as_a_domain(test: Test, expected: Any) -> None:
    assert domain([(test,)]) == [expected]


def test_clauses_all_hold_and_one_of_their_tests_is_enough() -> None:
    a, b = Test("number", Op.IN, ("1",)), Test("reference", Op.IN, ("1",))
    assert domain([(a, b), (NULL,)]) == [
        ["OR", [["number", "=", "1"]], [["reference", "=", "1"]]],
        [["code", "=", None]],
    ]


def test_a_clause_without_tests_holds_for_nothing() -> None:
    assert domain([()]) == [[["id", "in", []]]]


@pytest.mark.parametrize(
    "test,answer",
    [
        (Test("code", Op.IN, ("A",)), Push.EXACT),
        (Test("party.code", Op.IN, ("A",)), Push.EXACT),
        (Test("party.code", Op.IN, ("A", None)), Push.NO),
        (Test("party.code", Op.IN, ("A",), negated=True), Push.NO),
        (Test("party.code", Op.IS_NULL, True), Push.NO),
        (Test("party.code", Op.IS_NULL, False), Push.EXACT),
        (NULL, Push.EXACT),
        (Test("code", Op.CONTAINS, "a"), Push.SUPERSET),
        (Test("code", Op.CONTAINS, "a", negated=True), Push.NO),
        (Test("code", Op.RANGE, Range("a", "b")), Push.NO),
        (Test("n", Op.RANGE, Range(Decimal(1), None), "decimal"), Push.EXACT),
        (Test("n", Op.RANGE, Range(Decimal(1), None), "decimal", negated=True), Push.NO),
        (Test("lead_time", Op.IN, (7,), "days"), Push.NO),
        (Test("shipment.reference", Op.STARTS_WITH, "a"), Push.SUPERSET),
    ],
)
def test_what_a_domain_can_say(test: Test, answer: Push) -> None:
    assert push(test) is answer


def test_references_are_asked_for_with_their_record() -> None:
    assert columns(("code", "shipment.reference", "shipment.number")) == [
        "code",
        "shipment",
        "shipment.id",
        "shipment.number",
    ]
