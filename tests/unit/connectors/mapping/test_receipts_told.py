"""What follows a receipt is done to its end, each once; prices are told as they can be held."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from canonical.errors import InDoubtError, RejectedError
from canonical.writing import ReceivedLine
from connectors.kit.mapping.sendvalues import units_per_price
from connectors.kit.mapping.writes import SendForm
from tests.fakes.asks import ASK
from tests.unit.connectors.mapping.test_sink import DOWN, Told

RECEIVE: dict[str, Any] = {
    "create": "receipts",
    "key": "ref",
    "gives": "rid",
    "send": {"state": {"const": "draft"}},
    "lines": {"at": "parts", "send": {"line": {"row": "row_id"}, "qty": "quantity"}},
    "then": [
        {"call": "arrive", "when": {"state": "draft"}},
        {"call": "store", "when": {"state": "arrived"}},
    ],
}
CAME = [ReceivedLine(line_number=1, quantity=Decimal(5))]
LOST = InDoubtError("erp", "the answer was lost")


def told() -> Told:
    made = Told({"receive": RECEIVE})
    made.writer.actions |= {"arrive": {"state": "arrived"}, "store": {"state": "stored"}}
    return made


def said(system: Told) -> list[str]:
    return [what for what, *_ in system.writer.told]


async def test_a_receipt_is_made_and_what_follows_is_done() -> None:
    system = told()
    record = await system.sink.receive("1", CAME, ASK, key="r1")
    assert said(system) == ["create", "arrive", "store"]
    assert await system.sink.receive("1", CAME, ASK, key="r1") == record
    assert said(system) == ["create", "arrive", "store"]
    assert system.tables["receipts"][0]["state"] == "stored"


@pytest.mark.parametrize("where", ["create", "arrive", "store"])
@pytest.mark.parametrize("done", [False, True])
async def test_it_goes_on_where_an_answer_was_lost(where: str, *, done: bool) -> None:
    system = told()
    (system.writer.after if done else system.writer.before)[where] = LOST
    with pytest.raises(InDoubtError):
        await system.sink.receive("1", CAME, ASK, key="r1")
    await system.sink.receive("1", CAME, ASK, key="r1")
    assert said(system) == ["create", "arrive", "store"]


async def test_what_was_made_is_in_doubt_where_the_rest_cannot_be_told() -> None:
    system = told()
    for refusal in (DOWN, RejectedError("erp", "No room.")):
        system.writer.before["store"] = refusal
        with pytest.raises(InDoubtError, match="was not told to store it"):
            await system.sink.receive("1", CAME, ASK, key="r1")
    await system.sink.receive("1", CAME, ASK, key="r1")
    assert said(system) == ["create", "arrive", "store"]


@pytest.mark.parametrize(
    "price,units",
    [("4", 1), ("4.12", 1), ("4.125", 10), ("0.0525", 100), ("0.00001", 1000), ("0.000001", 10000),
     ("0.3333333", 10000)],
)  # fmt: skip
def test_prices_of_many_digits_are_for_many_units(price: str, units: int) -> None:
    assert units_per_price(Decimal(price), 2) == units


@pytest.mark.parametrize("form", [{"column": "unit_price"}, {"const": "1", "digits": 2}])
def test_only_prices_of_so_many_digits_are_for_many_units(form: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="`per` needs `digits`"):
        SendForm.model_validate({**form, "per": "quantity"})
