"""What is kept of steps: results in canonical JSON, errors that come back as they were."""

from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import pytest
from msgspec import Struct

from canonical.errors import (
    ConflictError,
    CostLimitError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
    RejectedError,
    SupplygraphError,
    UnitMismatchError,
    UnsupportedError,
)
from canonical.values import Money
from runtime.processes.rows import Kept
from workflows.engine.keeping import encoded, given, kept_error, kept_result
from workflows.process import CancelledByOperatorError, SettledByOperatorError

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


class Result(Struct):
    money: Money
    on: date
    at: datetime
    names: frozenset[str]
    note: str | None = None


def _again(kept: Kept) -> Kept:
    return msgspec.json.decode(msgspec.json.encode(kept), type=Kept)


def test_results_come_back_with_their_types_and_decimals_to_the_last_digit() -> None:
    result = Result(Money(Decimal("10.00"), "EUR"), date(2026, 1, 2), NOW, frozenset({"b", "a"}))
    kept = _again(kept_result(result, NOW, NOW, 3))
    assert given(kept, Result) == result
    assert str(given(kept, Result).money.amount) == "10.00"
    assert kept.attempts == 3
    assert b'"amount":"10.00"' in encoded(result)


@pytest.mark.parametrize(
    "error",
    [
        InvalidInputError("mend it"),
        UnsupportedError("no system can"),
        UnitMismatchError(item="SKU-1", unit="box", target="kg", base="each"),
        CostLimitError(10, 5),
        RejectedError("coupa", "the supplier is blocked"),
        ConflictError("it has changed"),
        NotFoundError("it is not there"),
        RefusedError("you may not"),
    ],
)
def test_refusals_come_back_with_their_type_words_code_and_details(
    error: SupplygraphError,
) -> None:
    kept = _again(kept_error(error, NOW, NOW))
    with pytest.raises(type(error)) as raised:
        given(kept, Result)
    again = raised.value
    assert type(again) is type(error)
    assert (str(again), again.message, again.code, again.details()) == (
        str(error),
        error.message,
        error.code,
        error.details(),
    )


def test_a_refusal_of_a_kind_that_is_gone_comes_back_as_a_conflict() -> None:
    kept = kept_error(ConflictError("it has changed"), NOW, NOW)
    assert kept.error is not None
    unknown = msgspec.structs.replace(kept.error, type="OfLaterError")
    with pytest.raises(ConflictError, match="it has changed"):
        given(msgspec.structs.replace(kept, error=unknown), Result)


def test_what_operators_said_comes_back_with_who_said_it() -> None:
    with pytest.raises(CancelledByOperatorError) as cancelled:
        given(_again(kept_error(CancelledByOperatorError("olga", "no"), NOW, NOW)), Result)
    assert (cancelled.value.actor, cancelled.value.reason) == ("olga", "no")
    settled = _again(kept_error(SettledByOperatorError("olga", "by phone"), NOW, NOW))
    with pytest.raises(SettledByOperatorError) as said:
        given(settled, Result)
    assert (said.value.actor, said.value.text) == ("olga", "by phone")
    assert given(settled, type(None)) is None


def test_a_result_without_a_field_that_came_later_has_its_default() -> None:
    old = (
        b'{"money":{"amount":"1","currency":"EUR"},"on":"2026-01-02",'
        b'"at":"2026-11-23T08:00:00Z","names":[],"gone":1}'
    )
    kept = Kept(NOW, NOW, ok=msgspec.Raw(old))
    assert given(kept, Result).note is None
