"""Tryton's typed JSON is read and written without loss."""

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.jsonrpc.numbers import exact
from connectors.jsonrpc.tryton.values import decode, encode


def read(value: Any) -> Any:
    return decode(json.dumps(value).encode())


@pytest.mark.parametrize(
    "written,value",
    [
        ({"__class__": "Decimal", "decimal": "12.50"}, Decimal("12.50")),
        ({"__class__": "date", "year": 2026, "month": 2, "day": 28}, date(2026, 2, 28)),
        (
            {
                "__class__": "datetime", "year": 2026, "month": 2, "day": 28, "hour": 23,
                "minute": 59, "second": 1, "microsecond": 7,
            },
            datetime(2026, 2, 28, 23, 59, 1, 7, UTC),
        ),
        ({"__class__": "timedelta", "seconds": 604800.0}, timedelta(days=7)),
        ({"__class__": "bytes", "base64": "AP8="}, b"\x00\xff"),
    ],
)  # fmt: skip
def test_typed_values_go_both_ways(written: Any, value: Any) -> None:
    assert read(written) == value
    assert read(json.loads(encode([value]))) == [value]


@pytest.mark.parametrize(
    "value, sent",
    [("44.505000", "44.505"), ("12.00", "12"), ("1E+3", "1000"), ("100", "100"), ("-0.50", "-0.5")],
)
def test_a_number_is_sent_without_zeros_that_would_be_digits_too_many(
    value: str, sent: str
) -> None:
    assert json.loads(encode(Decimal(value)))["decimal"] == sent


def test_a_time_of_day_is_read() -> None:
    written = {"__class__": "time", "hour": 8, "minute": 30, "second": 0, "microsecond": 0}
    assert read(written) == time(8, 30)


def test_a_datetime_is_sent_in_utc() -> None:
    moment = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    sent = json.loads(encode(moment))
    assert (sent["year"], sent["month"], sent["day"], sent["hour"]) == (2025, 12, 31, 23)


def test_dotted_names_become_plain_records() -> None:
    reply = {
        "id": 5,
        "party": 6,
        "party.": {"id": 6, "code": "SUP-1", "lang.": None},
        "lines.": [{"id": 1, "product.": {"id": 2, "code": "A"}}],
    }
    assert read(reply) == {
        "id": 5,
        "party": {"id": 6, "code": "SUP-1", "lang": None},
        "lines": [{"id": 1, "product": {"id": 2, "code": "A"}}],
    }


def test_a_reference_keeps_its_text_beside_its_record() -> None:
    reply = {"shipment": "stock.shipment.in,1", "shipment.": {"id": 1, "number": "7"}}
    assert read(reply)["shipment"] == {"id": 1, "number": "7", "reference": "stock.shipment.in,1"}
    assert read({"shipment": None, "shipment.": None}) == {"shipment": None}


def test_an_unknown_class_stays_what_it_is() -> None:
    assert read({"__class__": "Eval", "v": "x"}) == {"__class__": "Eval", "v": "x"}


@pytest.mark.parametrize(
    "written",
    [
        {"__class__": "Decimal"},
        {"__class__": "Decimal", "decimal": "much"},
        {"__class__": "date", "year": 2026, "month": 13, "day": 1},
        {"__class__": "timedelta", "seconds": None},
    ],
)
def test_typed_values_without_sense_are_refused(written: Any) -> None:
    with pytest.raises(ValueError, match=r"cannot be read|month"):
        read(written)


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(b"<html>")


@pytest.mark.parametrize(
    "text,number",
    [
        ("70.0", "70"),
        ("0.5", "0.5"),
        ("0.30000000000000004", "0.3"),
        ("1e22", "1E+22"),
        ("-0.0", "0"),
        ("1234567.125", "1234567.125"),
    ],
)
def test_floats_are_the_decimals_that_were_meant(text: str, number: str) -> None:
    assert str(exact(text)) == number


@given(st.decimals(-(10**8), 10**8, places=4))
def test_figures_of_four_digits_survive_a_float(number: Decimal) -> None:
    assert exact(repr(float(number))) == number
