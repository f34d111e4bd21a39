"""Tests become query parameters by declared templates, exact or marked as giving rows too many."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from canonical.criteria import Op, Range
from canonical.errors import UnsupportedError
from connectors.kit.rows import Bounds, Push, RowQuery, Test
from tests.unit.connectors.rest.calls import ASK, dataset, opened

COUPA: dict[str, Any] = {
    "filters": {
        "operators": {
            "eq": "{name}={value}",
            "in": "{name}[in]={values}",
            "gte": "{name}[gt_or_eq]={value}",
            "lt": "{name}[lt]={value}",
            "contains": "{name}[contains]={value}",
            "starts_with": "{name}[starts_with]={value}",
            "null": "{name}[blank]={value}",
        },
        "join": "brackets",
        "replace": {"-": "_"},
    }
}
DJANGO: dict[str, Any] = {
    "filters": {
        "operators": {
            "eq": "{name}={value}",
            "in": "{name}__in={values}",
            "gte": "{name}__gte={value}",
            "gt": "{name}__gt={value}",
            "lt": "{name}__lt={value}",
            "contains": {"send": "{name}__contains={value}", "superset": True},
        },
        "by_kind": {"string": ["eq", "in", "contains"]},
        "join": "double_underscore",
    }
}
ORDERED = Test("created-at", Op.RANGE, Range(date(2026, 1, 1), date(2026, 2, 1)), "date")


async def _sent(settings: Mapping[str, Any], *tests: Test, **options: Any) -> list[tuple[str, str]]:
    reader, calls = opened(lambda _: [], settings)
    await reader.page(RowQuery(dataset(**options), tuple((t,) for t in tests)), None, ASK)
    return list(calls.requests[0].query) if calls.requests else []


@pytest.mark.parametrize(
    "settings, test, expected",
    [
        (COUPA, Test("po-number", Op.IN, ("A", "B")), [("po_number[in]", "A,B")]),
        (COUPA, Test("po-number", Op.IN, ("A",)), [("po_number", "A")]),
        (COUPA, Test("supplier.number", Op.IN, ("V1",)), [("supplier[number]", "V1")]),
        (
            COUPA,
            ORDERED,
            [("created_at[gt_or_eq]", "2026-01-01"), ("created_at[lt]", "2026-02-01")],
        ),
        (COUPA, Test("name", Op.STARTS_WITH, "a b"), [("name[starts_with]", "a b")]),
        (COUPA, Test("name", Op.IS_NULL, True), [("name[blank]", "true")]),
        (COUPA, Test("name", Op.IS_NULL, True, negated=True), [("name[blank]", "false")]),
        (DJANGO, Test("item.category", Op.IN, ("x", "y")), [("item__category__in", "x,y")]),
        (
            DJANGO,
            Test("qty", Op.RANGE, Bounds(gt=Decimal("1E+3")), "decimal"),
            [("qty__gt", "1000")],
        ),
        (DJANGO, Test("name", Op.STARTS_WITH, "ab"), [("name__contains", "ab")]),
    ],
)
async def test_a_test_is_written_as_declared(
    settings: Mapping[str, Any], test: Test, expected: list[tuple[str, str]]
) -> None:
    assert await _sent(settings, test) == expected


@pytest.mark.parametrize(
    "test, expected",
    [
        (Test("item", Op.IN, ("x",)), Push.EXACT),
        (Test("item", Op.CONTAINS, "x"), Push.SUPERSET),
        (Test("item", Op.STARTS_WITH, "x"), Push.SUPERSET),
        (Test("item", Op.RANGE, Range("a", None)), Push.NO),
        (Test("qty", Op.RANGE, Range(1, 2), "decimal"), Push.EXACT),
        (Test("qty", Op.RANGE, Bounds(lte=2), "decimal"), Push.NO),
        (Test("qty", Op.RANGE, Bounds(gte=1, lte=2), "decimal"), Push.SUPERSET),
        (Test("item", Op.IN, ("x",), negated=True), Push.NO),
        (Test("item", Op.IN, ("a,b", "c")), Push.NO),
        (Test("item", Op.IN, ("a,b",)), Push.EXACT),
        (Test("item", Op.IN, ("",)), Push.NO),
        (Test("item", Op.IN, tuple(str(n) for n in range(201))), Push.NO),
        (Test("item", Op.IN, tuple("x" * 900 + str(n) for n in range(10))), Push.NO),
        (Test("item", Op.IS_NULL, True), Push.NO),
        (Test("item", Op.CONTAINS, ""), Push.NO),
    ],
)
def test_what_can_be_pushed(test: Test, expected: Push) -> None:
    reader, _ = opened(lambda _: [], DJANGO)
    assert reader.push(dataset(), test) is expected


def test_systems_that_ignore_case_give_supersets() -> None:
    ids = Test("id", Op.IN, (1, 2), "integer")
    text = Test("name", Op.IN, ("a",))
    folding = {"filters": {**COUPA["filters"], "case_sensitive": False}}

    assert opened(lambda _: [], folding)[0].push(dataset(), ids) is Push.EXACT
    assert opened(lambda _: [], folding)[0].push(dataset(), text) is Push.SUPERSET


async def test_fields_have_their_own_names_formats_and_operators() -> None:
    fields = {
        "created-at": {"name": "createdFrom", "date": "%d.%m.%Y", "operators": ["gte"]},
        "note": {"operators": []},
    }
    lower = Test("created-at", Op.RANGE, Range(date(2026, 1, 2), None), "date")

    assert await _sent(COUPA, lower, fields=fields) == [("createdFrom[gt_or_eq]", "02.01.2026")]
    reader, _ = opened(lambda _: [], COUPA)
    assert reader.push(dataset(fields=fields), ORDERED) is Push.SUPERSET
    assert reader.push(dataset(fields=fields), Test("note", Op.IN, ("x",))) is Push.NO


@pytest.mark.parametrize(
    "formats, expected",
    [
        ({}, "2026-01-31T12:30:00Z"),
        ({"datetime": "%Y-%m-%dT%H:%M:%S", "time_zone": "Asia/Tokyo"}, "2026-01-31T21:30:00"),
        ({"time_zone": "America/New_York"}, "2026-01-31T07:30:00-05:00"),
        ({"datetime": "epoch"}, "1769862600"),
        ({"datetime": "epoch_ms"}, "1769862600000"),
    ],
)
async def test_datetimes_are_written_in_the_systems_zone(
    formats: Mapping[str, str], expected: str
) -> None:
    since = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)
    test = Test("at", Op.RANGE, Range(since, None), "datetime")
    assert await _sent({**COUPA, "formats": formats}, test) == [("at[gt_or_eq]", expected)]


async def test_booleans_and_repeated_parameters() -> None:
    settings = {
        "filters": {"operators": {"in": "{name}={value}", "eq": "{name}={value}"}},
        "formats": {"boolean": ["J", "N"]},
    }
    assert await _sent(settings, Test("open", Op.IN, (True,), "boolean")) == [("open", "J")]
    assert await _sent(settings, Test("id", Op.IN, (1, 2), "integer")) == [("id", "1"), ("id", "2")]


async def test_two_tests_of_one_field_become_one() -> None:
    several = Test("id", Op.IN, ("1", "2", "3"))
    both = [("id[in]", "2,3")]
    assert await _sent(COUPA, several, Test("id", Op.IN, ("2", "3", "4"))) == both

    later = Test("created-at", Op.RANGE, Range(date(2026, 1, 10), None), "date")
    assert await _sent(COUPA, ORDERED, later) == [
        ("created_at[gt_or_eq]", "2026-01-10"),
        ("created_at[lt]", "2026-02-01"),
    ]


async def test_what_nothing_satisfies_is_not_asked() -> None:
    impossible = (Test("id", Op.IN, ("1",)), Test("id", Op.IN, ("2",)))
    assert await _sent(COUPA, *impossible) == []


async def test_a_choice_of_values_is_one_parameter_and_a_choice_of_fields_is_refused() -> None:
    reader, calls = opened(lambda _: [], COUPA)
    choice = (Test("id", Op.IN, ("1",)), Test("id", Op.IN, ("2", "1")))
    fields = (Test("id", Op.IN, ("1",)), Test("name", Op.IN, ("x",)))

    assert reader.push_any(dataset(), choice) is Push.EXACT
    assert reader.push_any(dataset(), fields) is Push.NO
    await reader.page(RowQuery(dataset(), (choice,)), None, ASK)
    assert calls.queries == [{"id[in]": "1,2"}]
    with pytest.raises(UnsupportedError, match="choice of id or name"):
        await reader.page(RowQuery(dataset(), (fields,)), None, ASK)


async def test_what_cannot_be_said_is_refused_rather_than_left_out() -> None:
    reader, calls = opened(lambda _: [], COUPA)
    for tests in (
        (Test("name", Op.CONTAINS, "a"), Test("name", Op.CONTAINS, "b")),
        (Test("name", Op.IN, ("",)),),
    ):
        with pytest.raises(UnsupportedError):
            await reader.page(RowQuery(dataset(), tuple((t,) for t in tests)), None, ASK)
    assert calls.requests == []


async def test_too_long_an_address_is_refused() -> None:
    reader, calls = opened(lambda _: [], COUPA, max_url_bytes=300)
    tests = [Test(name, Op.CONTAINS, "x" * 150) for name in ("name", "note")]
    with pytest.raises(UnsupportedError, match="Ask for fewer values"):
        await reader.page(RowQuery(dataset(), tuple((t,) for t in tests)), None, ASK)
    assert calls.requests == []


async def test_only_fields_that_rows_can_be_chosen_by_are_asked_about() -> None:
    settings = {"filters": {"operators": {"in": "{name}={values}"}, "fields": ["id"]}}
    reader, _ = opened(lambda _: [], settings)
    assert reader.push(dataset(), Test("id", Op.IN, ("A",))) is Push.EXACT
    assert reader.push(dataset(), Test("status", Op.IN, ("A",))) is Push.NO
