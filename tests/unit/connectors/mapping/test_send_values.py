"""Values as they are told: a price of several units, where one has too many digits."""

from decimal import Decimal

import pytest
from pydantic import ValidationError

from connectors.kit.mapping.model import MappingSettings
from connectors.kit.mapping.paths import BadValueError
from connectors.kit.mapping.sendvalues import teller
from connectors.kit.mapping.writes import SendForm


def told(price: str, scaled: str) -> Decimal:
    form = SendForm.model_validate({"column": "unit_price", "digits": 3, "scaled": scaled})
    found = teller(form, MappingSettings.model_validate({}))(Decimal(price))
    assert isinstance(found, Decimal)
    return found


@pytest.mark.parametrize(
    "price, amount, units",
    [
        ("12.5", "12.500", "1"),
        ("12.500000", "12.500", "1"),
        ("0.9877", "9.877", "10"),
        ("0.0123456", "123.456", "10000"),
        ("1200", "1200.000", "1"),
        ("0", "0.000", "1"),
    ],
)
def test_a_price_of_as_many_units_as_its_digits_need(price: str, amount: str, units: str) -> None:
    assert str(told(price, "amount")) == amount
    assert told(price, "units") == Decimal(units)
    assert told(price, "amount") / told(price, "units") == Decimal(price)


def test_a_price_that_no_number_of_units_holds_is_refused() -> None:
    with pytest.raises(BadValueError, match="more than 3 digits after the point"):
        told("0.00000001", "amount")


def test_it_is_said_how_many_digits_are_held() -> None:
    with pytest.raises(ValidationError, match="`scaled` goes with `digits`"):
        SendForm.model_validate({"column": "unit_price", "scaled": "amount"})
