"""Values become OData literals of the right type, or are refused."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.odata.literals import edm_type, literal
from sandbox.s4.expressions import Comparison, parse_filter
from sandbox.s4.expressions import Literal as Parsed

GUID = "0050569A-F3C2-1EDB-A2F5-9D5B1C3C2A11"


@pytest.mark.parametrize(
    "value,edm,v2,v4",
    [
        ("O'Neil", "Edm.String", "'O''Neil'", "'O''Neil'"),
        (10, "Edm.String", "'10'", "'10'"),
        (Decimal("10.50"), "Edm.String", "'10.50'", "'10.50'"),
        (True, "Edm.Boolean", "true", "true"),
        (Decimal("10.5"), "Edm.Decimal", "10.5M", "10.5"),
        (Decimal("1E+3"), "Edm.Decimal", "1000M", "1000"),
        (7, "Edm.Decimal", "7M", "7"),
        (Decimal("0.5"), "Edm.Double", "0.5d", "0.5"),
        (7, "Edm.Int32", "7", "7"),
        (7, "Edm.Int64", "7L", "7"),
        (GUID, "Edm.Guid", f"guid'{GUID.lower()}'", GUID.lower()),
        (
            date(2024, 1, 31),
            "Edm.DateTimeOffset",
            "datetimeoffset'2024-01-31T00:00:00Z'",
            "2024-01-31T00:00:00Z",
        ),
        (
            datetime(2024, 1, 31, 1, 30, tzinfo=timezone(timedelta(hours=2))),
            "Edm.DateTimeOffset",
            "datetimeoffset'2024-01-30T23:30:00Z'",
            "2024-01-30T23:30:00Z",
        ),
    ],
)
def test_each_type_has_its_form(value: object, edm: str, v2: str, v4: str) -> None:
    assert literal(value, edm, "v2") == v2
    assert literal(value, edm, "v4") == v4


def test_days_are_datetime_in_v2_and_date_in_v4() -> None:
    day = date(2024, 1, 31)
    assert literal(day, edm_type("date", "v2"), "v2") == "datetime'2024-01-31T00:00:00'"
    assert literal(day, edm_type("date", "v4"), "v4") == "2024-01-31"


def test_enumerations_are_qualified_in_v4() -> None:
    edm = "Microsoft.Dynamics.DataEntities.PurchStatus"
    assert literal("Backorder", edm, "v4") == f"{edm}'Backorder'"
    with pytest.raises(ValueError, match="V2"):
        literal("Backorder", edm, "v2")


@pytest.mark.parametrize(
    "value,edm",
    [
        ("x or 1 eq 1", "Edm.Guid"),
        ("1 or 1 eq 1", "Edm.Int32"),
        (Decimal("1.5"), "Edm.Int32"),
        (Decimal("NaN"), "Edm.Decimal"),
        (True, "Edm.Int32"),
        ("true", "Edm.Boolean"),
        (1, "Edm.Boolean"),
        ("2024-01-31", "Edm.DateTimeOffset"),
        ("x", "Edm.Geography"),
    ],
)
def test_what_cannot_be_of_a_type_is_refused(value: object, edm: str) -> None:
    for version in ("v2", "v4"):
        with pytest.raises(ValueError, match=r"."):
            literal(value, edm, version)


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_is_read_back_as_it_was(text: str) -> None:
    node = parse_filter(f"Name eq {literal(text, 'Edm.String', 'v2')}")
    assert isinstance(node, Comparison)
    assert node.right == Parsed("String", text)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3))
def test_any_number_is_read_back_as_it_was(number: Decimal) -> None:
    node = parse_filter(f"Amount ge {literal(number, 'Edm.Decimal', 'v2')}")
    assert isinstance(node, Comparison)
    assert node.right == Parsed("Decimal", number)


@given(st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_any_moment_is_read_back_to_the_millisecond(moment: datetime) -> None:
    node = parse_filter(f"At lt {literal(moment, 'Edm.DateTimeOffset', 'v2')}")
    assert isinstance(node, Comparison)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    assert node.right == Parsed("DateTimeOffset", since // timedelta(milliseconds=1))
