"""What a canonical condition becomes in a system's own names: never leaving out a match."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from canonical.criteria import Condition, Op, Range
from canonical.entities import EntityName
from connectors.kit.mapping.expr import ANY, NEVER, Expr
from connectors.kit.mapping.keys import join_key, split_key
from connectors.kit.mapping.model import EntityMapping, MappingSettings
from connectors.kit.mapping.translate import Translator
from connectors.kit.rows import Bounds, Test

BERLIN = ZoneInfo("Europe/Berlin")
MAPPING = EntityMapping.model_validate(
    yaml.safe_load("""
    dataset: orders
    key: [id]
    related: {party: {dataset: parties, key: [id], local: p, remote: id, many: false}}
    fields:
      number: {path: id, type: integer}
      status:
        rules:
          - {when: {deleted: [L, X]}, then: CANCELLED}
          - {when: {held: true, draft: Y}, then: DRAFT}
          - {when: {any: {of: items, when: {qty: {gt: 0}}}}, then: PARTIALLY_RECEIVED}
          - {when: {step: {gte: 5}}, then: APPROVED}
        default: SENT
      supplier: party.code
      buyer: {coalesce: [who, group]}
      raw_status: {path: raw, push: false}
      currency: {const: EUR}
      ordered_on: {path: at, type: day}
      updated_at: changed
      lines:
        each: items
        where: {void: {not: true}}
        fields:
          item: sku
          quantity: {path: qty, digits: 2}
          due_on: due
    """)
)
TRANSLATOR = Translator(
    EntityName.PURCHASE_ORDER,
    MAPPING,
    MappingSettings.model_validate({"time_zone": "Europe/Berlin"}),
)


def asked(column: str, op: Op, value: Any) -> Expr:
    return TRANSLATOR.condition(Condition(column, op, value))


def one_of(path: str, *values: Any, kind: str = "string", negated: bool = False) -> Test:
    return Test(path, Op.IN, values, kind, negated)


@pytest.mark.parametrize(
    "values, clauses",
    [
        (("CANCELLED",), ((one_of("deleted", "L", "X"),),)),
        (("DRAFT",), ((one_of("held", True, kind="boolean"),), (one_of("draft", "Y"),))),
        (
            ("CANCELLED", "DRAFT"),
            (
                (one_of("deleted", "L", "X"), one_of("held", True, kind="boolean")),
                (one_of("deleted", "L", "X"), one_of("draft", "Y")),
            ),
        ),
        (("PARTIALLY_RECEIVED",), ()),
        (("CANCELLED", "PARTIALLY_RECEIVED"), ()),
        (
            ("SENT",),
            (
                (one_of("deleted", "L", "X", negated=True),),
                (
                    one_of("held", True, kind="boolean", negated=True),
                    one_of("draft", "Y", negated=True),
                ),
                (Test("step", Op.RANGE, Bounds(gte=5), "integer", negated=True),),
            ),
        ),
        (("RECEIVED",), ((),)),
    ],
    ids=["one", "both", "either", "none", "one-of-it", "default", "never"],
)
def test_rules_become_a_superset(values: tuple[str, ...], clauses: Any) -> None:
    found = asked("status", Op.IN, values)
    assert found.clauses == clauses
    assert found.exact is (values == ("RECEIVED",))


@pytest.mark.parametrize(
    "column, op, value, expected",
    [
        ("number", Op.IN, ("12", "007", "x"), Expr(((one_of("id", 12, kind="integer"),),), True)),
        ("number", Op.IN, ("x",), NEVER),
        ("number", Op.STARTS_WITH, "1", ANY),
        ("supplier", Op.IN, ("S",), ANY),
        ("raw_status", Op.IN, ("S",), ANY),
        ("currency", Op.IN, ("EUR",), Expr((), True)),
        ("currency", Op.IN, ("USD",), NEVER),
        ("buyer", Op.IN, ("a",), Expr(((one_of("who", "a"), one_of("group", "a")),), False)),
        ("lines.item", Op.IN, ("a",), Expr(((one_of("items.sku", "a"),),), False)),
        ("lines.due_on", Op.IS_NULL, True, ANY),
        ("acknowledgement.note", Op.IN, ("a",), NEVER),
        (
            "lines.quantity",
            Op.RANGE,
            Range(gte=Decimal(0), lt=Decimal(1)),
            Expr(
                (
                    (
                        Test(
                            "items.qty",
                            Op.RANGE,
                            Bounds(Decimal("-0.01"), Decimal("1.01")),
                            "decimal",
                        ),
                    ),
                ),
                False,
            ),
        ),
    ],
    ids=str,
)
def test_columns_become_paths(column: str, op: Op, value: Any, expected: Expr) -> None:
    assert asked(column, op, value) == expected


def test_days_are_asked_for_as_instants_of_the_systems_zone() -> None:
    day = date(2026, 3, 29)  # the day that is an hour shorter
    lower, upper = datetime(2026, 3, 29, tzinfo=BERLIN), datetime(2026, 3, 30, tzinfo=BERLIN)
    wanted = Test("at", Op.RANGE, Bounds(gte=lower, lt=upper), "datetime")
    assert asked("ordered_on", Op.RANGE, Range(day, date(2026, 3, 30))).clauses == ((wanted,),)
    assert asked("ordered_on", Op.IN, (day,)).clauses == ((wanted,),)


def test_dates_that_mean_none_are_asked_for_with_nulls() -> None:
    found = asked("updated_at", Op.IS_NULL, value=True)
    [clause] = found.clauses
    assert [t.op for t in clause] == [Op.IS_NULL, Op.RANGE, Op.RANGE]
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert not asked("updated_at", Op.RANGE, Range(gte=moment)).exact  # the year 9999 is no date
    assert asked("updated_at", Op.RANGE, Range(moment, moment)).exact


@pytest.mark.parametrize(
    "values", [("a",), ("a|b",), ("a", "b"), ("a|", "\\b", ""), ("", "", "x|\\|")], ids=repr
)
def test_keys_of_several_parts_can_be_taken_apart_again(values: tuple[str, ...]) -> None:
    assert split_key(join_key(values), len(values)) == values


@pytest.mark.parametrize("text", ["a", "a|b|c", "", "a\\|b"])
def test_a_text_of_other_parts_is_no_key(text: str) -> None:
    assert split_key(text, 2) is None
