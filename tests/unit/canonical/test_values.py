"""Amounts in other units are exact where they can be, and rounded where they cannot."""

from decimal import Decimal

import pytest

from canonical.values import UnitConversion, convert

KILOS = UnitConversion("KG", Decimal(10), Decimal(3))


@pytest.mark.parametrize(
    "amount, converted", [("0.3", "1"), ("0.002", "0.006667"), ("1", "3.333333")]
)
def test_what_no_finite_decimal_says_is_rounded_to_six_digits(amount: str, converted: str) -> None:
    found = convert(Decimal(amount), "KG", "PC", "PC", [KILOS], item="SKU-1")
    assert found == Decimal(converted)
