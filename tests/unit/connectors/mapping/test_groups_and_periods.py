"""Rows of a group become lines of one record; periods end after months; sums may be null."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from canonical.criteria import Condition, Op, Range
from canonical.entities import EntityName
from canonical.receipts import Receipt
from canonical.records import Provenance
from connectors.kit.mapping.builder import RecordBuilder
from connectors.kit.mapping.compiler import NUMBER, Compiler
from connectors.kit.mapping.fields import as_field
from connectors.kit.mapping.model import EntityMapping, MappingSettings
from connectors.kit.mapping.paths import Env
from connectors.kit.mapping.shape import Column
from connectors.kit.mapping.translate import Translator

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SETTINGS = MappingSettings.model_validate({})
DAY = Column(date, many=False, nullable=True)
RECEIPTS = EntityMapping.model_validate(
    {
        "dataset": "moves",
        "key": "doc",
        "group": ["doc"],
        "row_key": ["doc", "item"],
        "constant": ["posted"],
        "fields": {
            "number": "doc",
            "received_at": {"path": "posted", "type": "datetime"},
            "location": "plant",
            "lines": {
                "each": ".",
                "where": {"item": {"not": "9"}},
                "fields": {
                    "line_number": {"path": "item", "type": "integer"},
                    "quantity": "quantity",
                },
            },
        },
    }
)


def value_of(form: Any, row: Any, column: Column) -> Any:
    return Compiler(SETTINGS).field(as_field(form), column, {})(row, Env([row]))


def test_each_row_of_a_group_is_a_line() -> None:
    columns = frozenset({"number", "lines"})
    rows = [{"doc": "5", "item": str(n), "quantity": f"{n}.5"} for n in (1, 2, 9)]
    builder = RecordBuilder(EntityName.RECEIPT, RECEIPTS, SETTINGS, columns)
    record = builder.build(rows, Provenance("erp", "5", NOW))
    assert isinstance(record, Receipt)
    assert [(x.line_number, x.quantity) for x in record.lines] == [
        (1, Decimal("1.5")),
        (2, Decimal("2.5")),
    ]


def test_only_what_is_equal_within_a_group_can_be_asked_for() -> None:
    translator = Translator(EntityName.RECEIPT, RECEIPTS, SETTINGS)
    since = Condition("received_at", Op.RANGE, Range(gte=NOW, lt=NOW))
    assert [t.path for c in translator.condition(since).clauses for t in c] == ["posted"]
    plant = Condition("location", Op.IN, ("1010",))
    assert translator.condition(plant).clauses == ()


@pytest.mark.parametrize(
    "start,months,end",
    [
        ("2026-11-01", 1, date(2026, 12, 1)),
        ("2026-12-01", 1, date(2027, 1, 1)),
        ("2027-01-31", 1, date(2027, 2, 28)),
        ("2026-03-15", -12, date(2025, 3, 15)),
        (None, 1, None),
    ],
)
def test_months_are_added_by_the_calendar(start: str | None, months: int, end: date | None) -> None:
    assert value_of({"path": "on", "plus_months": months}, {"on": start}, DAY) == end


def test_a_sum_of_nothing_is_zero_or_null() -> None:
    form = {"sum": "parts.n", "where": {"n": {"gt": 0}}}
    for parts in ([], [{"n": "0.000"}]):
        assert value_of(form, {"parts": parts}, NUMBER) == 0
        assert value_of({**form, "nullable": True}, {"parts": parts}, NUMBER) is None
    row = {"parts": [{"n": "1.5"}, {"n": "2"}]}
    assert value_of({**form, "nullable": True}, row, NUMBER) == Decimal("3.5")
    zero = {"sum": "parts.n", "nullable": True}
    assert value_of(zero, {"parts": [{"n": "0"}]}, NUMBER) == 0
