"""What is wrong with an answer or a decision before anybody hears it; all of it at once."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final

from canonical.ordering import (
    AcknowledgedWish,
    AcknowledgementChoice,
    AcknowledgementDecision,
    AcknowledgementFinding,
)
from canonical.writing import Promise
from workflows.confirmation.facts import CONFIRMABLE, LineFacts, OrderFacts
from workflows.confirmation.policies import Policies

MOST_LINES: Final = 1_000
LONGEST_NOTE: Final = 2_000
LONGEST_KEY: Final = 200
_MOST_DECIMALS: Final = 6
_FAR: Final = timedelta(days=5 * 366)


def answer_wrong(
    wish: AcknowledgedWish, order: OrderFacts, policies: Policies, today: date
) -> list[AcknowledgementFinding]:
    """What is wrong with a supplier's answer."""
    found = [*_texts_wrong(wish.note, wish.key), *_not_confirmable(order)]
    if not wish.promises:
        found.append(_finding("NO_LINES", "say for at least one line what is promised", "lines"))
    elif len(wish.promises) > MOST_LINES:
        message = f"{len(wish.promises)} lines at once; at most {MOST_LINES} are read"
        found.append(_finding("TOO_MANY_LINES", message, "lines"))
    else:
        found += _lines_wrong(wish.promises, order, policies, today)
    return found


def decision_wrong(
    decision: AcknowledgementDecision, order: OrderFacts, today: date
) -> list[AcknowledgementFinding]:
    """What is wrong with a buyer's decision."""
    found = [*_texts_wrong(decision.note, decision.key), *_not_confirmable(order)]
    if decision.choice is AcknowledgementChoice.SPLIT:
        if decision.rest_on is None:
            message = "say when the rest is wanted"
            found.append(_finding("REST_ON_MISSING", message, "restOn"))
        elif not today <= decision.rest_on <= today + _FAR:
            message = f"the rest cannot be wanted on {decision.rest_on}"
            found.append(_finding("DATE_INVALID", message, "restOn"))
    return found


def _texts_wrong(note: str | None, key: str | None) -> Iterator[AcknowledgementFinding]:
    if len(note or "") > LONGEST_NOTE:
        message = f"a note has at most {LONGEST_NOTE} characters"
        yield _finding("NOTE_TOO_LONG", message, "note")
    if key is not None and not 0 < len(key) <= LONGEST_KEY:
        message = f"a key has 1 to {LONGEST_KEY} characters"
        yield _finding("KEY_INVALID", message, "idempotencyKey")


def _not_confirmable(order: OrderFacts) -> Iterator[AcknowledgementFinding]:
    if order.status is not None and order.status not in CONFIRMABLE:
        message = f"the order is {order.status.value}: nothing of it can be confirmed any more"
        if order.status.value in {"DRAFT", "PENDING_APPROVAL"}:
            message = f"the order is {order.status.value}: it has not been sent yet"
        yield _finding("ORDER_NOT_OPEN", message, "number")


def _lines_wrong(
    promises: Sequence[Promise], order: OrderFacts, policies: Policies, today: date
) -> Iterator[AcknowledgementFinding]:
    times = Counter(p.line_number for p in promises)
    lines = order.by_number
    for i, promise in enumerate(promises):
        number, line = promise.line_number, lines.get(promise.line_number)
        place = ("lines", str(i))
        if times[number] > 1:
            message = f"line {number} is named {times[number]} times"
            yield _finding("LINE_TWICE", message, *place, "lineNumber")
        if line is None:
            known = ", ".join(map(str, lines))
            message = f"the order has no line {number}; it has {known}"
            yield _finding("LINE_UNKNOWN", message, *place, "lineNumber")
            continue
        if not line.is_open:
            message = f"line {number} is called off or complete: nothing is to come of it"
            yield _finding("LINE_CLOSED", message, *place, "lineNumber")
        yield from _quantity_wrong(promise, line, policies, (*place, "confirmedQuantity"))
        yield from _day_wrong(promise, policies, today, (*place, "confirmedOn"))


def _quantity_wrong(
    promise: Promise, line: LineFacts, policies: Policies, place: tuple[str, ...]
) -> Iterator[AcknowledgementFinding]:
    quantity = promise.quantity
    if not quantity.is_finite() or quantity < 0:
        yield _finding("QUANTITY_INVALID", "promise 0 or more; 0 refuses the line", *place)
        return
    exponent = quantity.normalize().as_tuple().exponent
    if isinstance(exponent, int) and exponent < -_MOST_DECIMALS:
        message = f"a quantity has at most {_MOST_DECIMALS} decimals"
        yield _finding("QUANTITY_INVALID", message, *place)
    elif quantity > line.quantity * policies.absurd_factor:
        message = (
            f"{quantity} of {line.quantity} ordered cannot be meant: look at the unit "
            f"({line.unit or 'of the line'})"
        )
        yield _finding("QUANTITY_ABSURD", message, *place)


def _day_wrong(
    promise: Promise, policies: Policies, today: date, place: tuple[str, ...]
) -> Iterator[AcknowledgementFinding]:
    if promise.on < today - timedelta(days=policies.past_days):
        yield _finding("DATE_PAST", f"{promise.on} is past: promise a day to come", *place)
    elif promise.on > today + _FAR:
        yield _finding("DATE_INVALID", f"{promise.on} is too far ahead to be meant", *place)


def _finding(code: str, message: str, *field: str) -> AcknowledgementFinding:
    return AcknowledgementFinding(code=code, message=message, field=field)
