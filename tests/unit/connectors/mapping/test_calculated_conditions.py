"""Rules may compare numbers that are calculated from several fields and lists."""

from decimal import Decimal
from typing import Any

import pytest

from canonical.purchase_orders import PurchaseOrder
from connectors.kit.mapping import needs
from connectors.kit.mapping.compiler import Compiler
from connectors.kit.mapping.conditions import compile_when
from connectors.kit.mapping.fields import as_field
from connectors.kit.mapping.model import EntityMapping, MappingSettings
from connectors.kit.mapping.paths import Env
from connectors.kit.mapping.shape import shape_of
from connectors.kit.mapping.when import When
from connectors.kit.mapping.whenexpr import when_expr

RECEIVED = {
    "subtract": [
        {"sum": "qty", "of": "/moves", "match": {"item": "item"}, "where": {"type": "101"}},
        {"sum": "qty", "of": "/moves", "match": {"item": "item"}, "where": {"type": "102"}},
    ]
}
ORDERED = {"multiply": ["ordered", {"divide": ["unit.num", "unit.den"]}]}
STATUS = {
    "rules": [
        {
            "when": {
                "all": {"of": "items", "when": {"compare": {"value": RECEIVED, "gte": ORDERED}}}
            },
            "then": "RECEIVED",
        },
        {
            "when": {
                "any": {"of": "items", "when": {"compare": {"value": RECEIVED, "gt": {"const": 0}}}}
            },
            "then": "PARTIALLY_RECEIVED",
        },
    ],
    "default": "APPROVED",
}


def status_of(moves: list[tuple[str, str, str]], unit: Any = None) -> str:
    row = {
        "items": [
            {"item": "10", "ordered": "2.000", "unit": unit or {"num": "12", "den": "1"}},
            {"item": "20", "ordered": "5.000", "unit": {"num": "1", "den": "1"}},
        ],
        "moves": [{"item": i, "type": t, "qty": q} for i, t, q in moves],
    }
    compiler = Compiler(MappingSettings.model_validate({}))
    get = compiler.field(as_field(STATUS), shape_of(PurchaseOrder)["status"], {})
    return str(get(row, Env([row])))


@pytest.mark.parametrize(
    "moves,status",
    [
        ([], "APPROVED"),
        ([("10", "101", "24"), ("10", "102", "24.000")], "APPROVED"),
        ([("10", "101", "24")], "PARTIALLY_RECEIVED"),
        ([("10", "101", "24"), ("20", "101", "4.999")], "PARTIALLY_RECEIVED"),
        ([("10", "101", "24"), ("20", "101", "6"), ("20", "102", "1")], "RECEIVED"),
    ],
)
def test_sums_of_lists_are_compared_with_numbers_of_the_element(
    moves: list[tuple[str, str, str]], status: str
) -> None:
    assert status_of(moves) == status


def test_what_cannot_be_calculated_does_not_hold() -> None:
    moves = [("10", "101", "24"), ("20", "101", "5")]
    assert status_of(moves, {"num": "12", "den": None}) == "PARTIALLY_RECEIVED"


def test_what_it_takes_is_fetched_and_nothing_is_pushed() -> None:
    mapping = EntityMapping.model_validate(
        {"dataset": "orders", "key": "id", "fields": {"status": STATUS}}
    )
    columns = needs.plan(mapping, {"status": {}}).columns
    assert columns == (
        "id", "items.item", "items.ordered", "items.unit.den", "items.unit.num",
        "moves.item", "moves.qty", "moves.type",
    )  # fmt: skip
    when = When.model_validate({"state": "a", "compare": {"value": "qty", "gt": {"const": 1}}})
    assert not when_expr(when, MappingSettings.model_validate({})).exact


def test_rows_are_not_chosen_by_calculations() -> None:
    when = When.model_validate({"compare": {"value": "qty", "gt": {"const": Decimal(1)}}})
    with pytest.raises(ValueError, match="where"):
        compile_when(when)
