"""Values of systems become exactly typed canonical ones, or are refused."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from canonical.items import ItemStatus
from connectors.kit.mapping.convert import reader_for
from connectors.kit.mapping.fields import FieldType
from connectors.kit.mapping.paths import BadValueError

BERLIN = ZoneInfo("Europe/Berlin")


def read(target: type[Any], raw: Any, kind: FieldType | None = None, zone: Any = UTC) -> Any:
    return reader_for(target, kind, zone)(raw)


@pytest.mark.parametrize(
    "raw, expected",
    [
        ("12.500", "12.500"),
        (" 7 ", "7"),
        ("-1.5e3", "-1.5E+3"),
        (3, "3"),
        (Decimal("12345678901234567890.123"), "12345678901234567890.123"),
        (0.1, "0.1"),
        (2.675, "2.675"),
    ],
)
def test_numbers_stay_as_written(raw: Any, expected: str) -> None:
    assert str(read(Decimal, raw)) == expected


@pytest.mark.parametrize("raw", ["1,5", "NaN", "1_000", "٣", {}, [], True, float("inf"), "abc"])
def test_what_is_no_number_is_refused(raw: Any) -> None:
    with pytest.raises(BadValueError, match="is no number"):
        read(Decimal, raw)


@pytest.mark.parametrize("raw, expected", [("10", 10), ("00010", 10), ("10.000", 10), (7.0, 7)])
def test_whole_numbers(raw: Any, expected: int) -> None:
    assert read(int, raw) == expected


def test_a_fraction_is_no_whole_number() -> None:
    with pytest.raises(BadValueError, match="no whole number"):
        read(int, "10.5")


@pytest.mark.parametrize("raw", [True, 1, "1", "Y", "true", "X", "t"], ids=repr)
def test_yes(raw: Any) -> None:
    assert read(bool, raw) is True


@pytest.mark.parametrize("raw", [False, 0, "0", "N", "false", "", "f"], ids=repr)
def test_no(raw: Any) -> None:
    assert read(bool, raw) is False


@pytest.mark.parametrize("raw", ["maybe", 2, {}])
def test_neither(raw: Any) -> None:
    with pytest.raises(BadValueError, match="neither true nor false"):
        read(bool, raw)


@pytest.mark.parametrize(
    "raw",
    [
        "2023-11-14",
        "20231114",
        20231114,
        "2023-11-14T23:30:00-08:00",
        "2023-11-14 23:59:59",
        "/Date(1699920000000)/",
        "/Date(1699920000000+0000)/",
        date(2023, 11, 14),
        datetime(2023, 11, 14, 23, tzinfo=UTC),
    ],
    ids=repr,
)
def test_a_date_is_the_day_as_written(raw: Any) -> None:
    assert read(date, raw) == date(2023, 11, 14)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "00000000",
        "0000-00-00",
        "0000-00-00 00:00:00",
        "0001-01-01",
        "9999-12-31",
        "99991231",
        "/Date(-62135596800000)/",
        "/Date(-62135769600000)/",
        "/Date(253402214400000)/",
        "/Date(99999999999999999)/",
        date(1, 1, 1),
    ],
)
def test_days_that_mean_none(raw: Any) -> None:
    assert read(date, raw) is None
    assert read(datetime, raw) is None


@pytest.mark.parametrize("raw", ["2023-13-01", "yesterday", "2023-11-14x", {}, True, "/Date(x)/"])
def test_what_is_no_date_is_refused(raw: Any) -> None:
    with pytest.raises(BadValueError, match="is no date"):
        read(date, raw)


@pytest.mark.parametrize(
    "raw, expected",
    [
        ("2024-07-01T12:00:00Z", "2024-07-01T12:00:00+00:00"),
        ("2024-07-01T12:00:00+02:00", "2024-07-01T10:00:00+00:00"),
        ("2024-07-01 12:00:00", "2024-07-01T10:00:00+00:00"),
        ("2024-07-01", "2024-06-30T22:00:00+00:00"),
        ("/Date(1719835200000)/", "2024-07-01T10:00:00+00:00"),
        ("/Date(1719835200000+0000)/", "2024-07-01T12:00:00+00:00"),
        (datetime(2024, 7, 1, 12), "2024-07-01T10:00:00+00:00"),  # noqa: DTZ001 - as databases give it
    ],
)
def test_an_instant_without_zone_is_in_the_zone_of_the_system(raw: Any, expected: str) -> None:
    assert read(datetime, raw, zone=BERLIN).isoformat() == expected


def test_the_day_of_an_instant_is_that_of_the_zone() -> None:
    assert read(date, "2024-07-01T23:00:00Z", FieldType.DAY, BERLIN) == date(2024, 7, 2)
    assert read(date, "2024-07-01T23:00:00Z") == date(2024, 7, 1)


@pytest.mark.parametrize(
    "raw, monday",
    [("2026-W01", date(2025, 12, 29)), ("2020-W53", date(2020, 12, 28)), ("", None)],
)
def test_a_week_stands_for_its_monday(raw: str, monday: date | None) -> None:
    assert reader_for(date, FieldType.DATE, UTC, form="%G-W%V")(raw) == monday
    if raw:
        assert reader_for(date, FieldType.DATE, UTC, form="%G-W%V-%u")(f"{raw}-1") == monday


def test_a_week_that_the_year_does_not_have_is_refused() -> None:
    with pytest.raises(BadValueError, match="is no date as '%G-W%V' writes it"):
        reader_for(date, FieldType.DATE, UTC, form="%G-W%V")("2026-W60")


@pytest.mark.parametrize(
    "raw, days",
    [
        ("P7D", 7),
        ("PT8H", 1),
        ("PT0S", 0),
        ("P1W", 7),
        ("P1DT12H", 2),
        ("7 00:00:00", 7),
        ("36:00:00", 2),
        ("1 day, 0:00:00", 1),
        (604_800, 7),
        ("86400", 1),
        (timedelta(days=3), 3),
        (timedelta(hours=1), 1),
    ],
)
def test_durations_count_every_day_begun(raw: Any, days: int) -> None:
    assert read(int, raw, FieldType.DAYS) == days


@pytest.mark.parametrize("raw", ["P1M", "P", "7 days ago", {}])
def test_what_is_no_duration_is_refused(raw: Any) -> None:
    with pytest.raises(BadValueError):
        read(int, raw, FieldType.DAYS)


def test_texts_come_from_numbers_too() -> None:
    assert [read(str, r) for r in ("a", 5, Decimal("5.50"), True)] == ["a", "5", "5.5", "true"]
    with pytest.raises(BadValueError, match="is no text"):
        read(str, {"id": 5})


def test_members_of_an_enumeration() -> None:
    assert read(ItemStatus, "ACTIVE") is ItemStatus.ACTIVE
    with pytest.raises(BadValueError, match="'gone' is not one of ACTIVE, BLOCKED, PHASED_OUT"):
        read(ItemStatus, "gone")
