"""Every type of event has its sentence."""

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from canonical.events import (
    ACKNOWLEDGED,
    EVENT_TYPES,
    EXCEPTION_CHANGED,
    FORECAST_REVISED,
    INVENTORY_CHANGED,
    ITEM_CHANGED,
    LINE_RESCHEDULED,
    ORDER_REVISED,
    RECEIPT_POSTED,
    RECOMMENDATION_CHANGED,
    STATUS_CHANGED,
    SUPPLIER_CHANGED,
    THRESHOLD_BREACHED,
    THRESHOLD_RECOVERED,
    EventType,
)
from resolvers.summaries import summaries
from tests.fakes.happenings import happened

DAY = date(2026, 12, 1)
LINES = [{"line_number": n, "confirmed_quantity": Decimal("2.5")} for n in range(6)]
STOCK = {"item": "I1", "location": "L0", "available": Decimal(3), "unit": "PC"}
EXAMPLES: list[tuple[EventType, dict[str, Any], str]] = [
    (
        STATUS_CHANGED,
        {"number": "1", "supplier": "S1", "status": "SENT", "previous_status": "APPROVED"},
        "Order 1 is SENT, before APPROVED",
    ),
    (
        ACKNOWLEDGED,
        {"number": "1", "supplier": "S1", "lines": [{**LINES[0], "confirmed_on": DAY}]},
        "Supplier S1 confirmed order 1: line 0 2.5 by 2026-12-01",
    ),
    (
        ACKNOWLEDGED,
        {"number": "1", "supplier": None, "lines": LINES},
        (
            "The supplier confirmed order 1: line 0 2.5, line 1 2.5, line 2 2.5, line 3 2.5, "
            "line 4 2.5 and 1 more"
        ),
    ),
    (
        LINE_RESCHEDULED,
        {
            "number": "1",
            "supplier": None,
            "line_number": 10,
            "item": "I1",
            "due_on": DAY,
            "previous_due_on": date(2026, 11, 1),
        },
        "Order 1: line 10 (I1) is wanted on 2026-12-01, before 2026-11-01",
    ),
    (
        ORDER_REVISED,
        {"number": "1", "supplier": None, "changed": ["lines", "total"]},
        "Order 1 changed: lines, total",
    ),
    (
        FORECAST_REVISED,
        {
            "item": "I1",
            "location": None,
            "period_start": DAY,
            "period_end": None,
            "quantity": Decimal("1E+2"),
            "previous_quantity": Decimal(5),
        },
        "Forecast of I1 from 2026-12-01: 100, before 5",
    ),
    (INVENTORY_CHANGED, STOCK, "I1 at L0: 3 PC available"),
    (
        THRESHOLD_BREACHED,
        {**STOCK, "threshold": Decimal(5), "rule": "safety_stock"},
        "I1 at L0: 3 PC available, below safety_stock (5)",
    ),
    (
        THRESHOLD_RECOVERED,
        {**STOCK, "threshold": Decimal(2), "rule": "safety_stock"},
        "I1 at L0: 3 PC available, back above safety_stock (2)",
    ),
    (
        RECEIPT_POSTED,
        {"number": "R1", "purchase_order": None, "supplier": None, "location": None},
        "Receipt R1",
    ),
    (SUPPLIER_CHANGED, {"code": "S1", "changed": ["name"]}, "Supplier S1 changed: name"),
    (ITEM_CHANGED, {"sku": "I1", "changed": ["unit"]}, "Item I1 changed: unit"),
    (
        RECOMMENDATION_CHANGED,
        {"item": "I1", "location": "L0", "supplier": "S1", "status": "PROPOSED"},
        "Recommendation to buy I1 from S1 for L0: PROPOSED",
    ),
    (
        EXCEPTION_CHANGED,
        {
            "exception": "x",
            "action": "OPENED",
            "category": "LATE_DELIVERY",
            "severity": "HIGH",
            "state": "OPEN",
            "owner": "ann",
        },
        "Exception (late delivery, high) opened, for ann",
    ),
]


@pytest.mark.parametrize("kind, said, sentence", EXAMPLES, ids=[e[2] for e in EXAMPLES])
def test_an_event_in_a_sentence(kind: EventType, said: dict[str, Any], sentence: str) -> None:
    data = msgspec.convert(said, kind.data)
    assert summaries([happened(kind, "k", data)]) == [sentence]


def test_every_type_has_an_example() -> None:
    assert {kind.type for kind, _, _ in EXAMPLES} == set(EVENT_TYPES)
