"""Every form of a field gives the value that the mapping language says."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import yaml

from canonical.absent import is_absent
from canonical.entities import EntityName
from canonical.purchase_orders import PurchaseOrder, PurchaseOrderStatus
from canonical.records import Provenance, Record
from canonical.values import Money, Quantity, UnitConversion
from connectors.kit.mapping.builder import RecordBuilder
from connectors.kit.mapping.model import EntityMapping, MappingSettings, mistakes
from connectors.kit.mapping.paths import BadValueError
from connectors.kit.rows import Row

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SETTINGS = MappingSettings.model_validate({"units": {"ST": "PC"}})


def record(
    entity: EntityName,
    fields: str | dict[str, Any],
    *rows: Row,
    columns: set[str] | None = None,
    settings: MappingSettings = SETTINGS,
    **more: Any,
) -> Any:
    named = yaml.safe_load(fields) if isinstance(fields, str) else fields
    document = {"dataset": "d", "key": ["id"], "fields": named, **more}
    mapping = EntityMapping.model_validate(document)
    wanted = frozenset(columns or set(named))
    builder = RecordBuilder(entity, mapping, settings, wanted)
    return builder.build(list(rows), Provenance("erp", "1", NOW))


def item(field: str, row: Row, column: str = "description") -> Any:
    return getattr(record(EntityName.ITEM, f"{column}: {field}", row), column)


def order(fields: str, row: Row) -> PurchaseOrder:
    found: Record = record(EntityName.PURCHASE_ORDER, fields, row)
    assert isinstance(found, PurchaseOrder)
    return found


@pytest.mark.parametrize(
    "field, row, expected",
    [
        ("name", {"name": "x"}, "x"),
        ("name", {}, None),
        ("a.b", {"a": {"b": "x"}}, "x"),
        ("a.b", {"a": None}, None),
        ("a.b", {"a": False}, None),
        ("/a.b", {"a": {"b": "x"}}, "x"),
        ("{path: a, empty: ['', '-']}", {"a": "-"}, None),
        ("{path: a, default: none}", {"a": None}, "none"),
        ("{path: a, map: {1: one, 2: two}}", {"a": 1}, "one"),
        ("{path: a, map: {1: one, 2: two}}", {"a": "2"}, "two"),
        ("{path: a, map: {1: one}}", {"a": "7"}, "7"),
        ("{path: a, map: {1: one}, default: other}", {"a": "7"}, "other"),
        ("{path: a, map: {true: yes-it-is}}", {"a": True}, "yes-it-is"),
        ("{path: a, unit: true}", {"a": "ST"}, "PC"),
        ("{path: a, unit: true}", {"a": "KG"}, "KG"),
        ("{const: EU}", {}, "EU"),
        ("{template: '{a}-{b.c}'}", {"a": 1, "b": {"c": "x"}}, "1-x"),
        ("{template: '{a}-{b}'}", {"a": 1, "b": None}, None),
        ("{coalesce: [a, b, {const: z}]}", {"a": None, "b": "x"}, "x"),
        ("{coalesce: [a, b, {const: z}]}", {}, "z"),
        ("{first: t, where: {l: EN}, path: x}", {"t": [{"l": "DE"}, {"l": "EN", "x": "y"}]}, "y"),
        ("{first: t, where: {l: EN}, path: x}", {"t": []}, None),
        ("{first: t, path: x, default: none}", {"t": []}, "none"),
        ("{first: t.u, path: x}", {"t": [{"u": []}, {"u": [{"x": "y"}]}]}, "y"),
    ],
)
def test_texts(field: str, row: Row, expected: str | None) -> None:
    assert item(field, row) == expected


@pytest.mark.parametrize(
    "field, row, expected",
    [
        ("a", {"a": "1.50"}, "1.50"),
        ("{path: a, digits: 2}", {"a": 0.1 + 0.2}, "0.30"),
        ("{divide: [a, b]}", {"a": "10", "b": "4"}, "2.5"),
        ("{divide: [a, b]}", {"a": "10", "b": "0"}, None),
        ("{divide: [a, b], digits: 3}", {"a": "1", "b": "3"}, "0.333"),
        ("{subtract: [a, b]}", {"a": "10", "b": "4"}, "6"),
        ("{multiply: [a, b]}", {"a": "10", "b": "0.5"}, "5.0"),
        ("{add: [a, {const: 2}]}", {"a": "10"}, "12"),
        ("{add: [a, b]}", {"a": "10"}, None),
        ("{sum: l.q}", {"l": [{"q": "1"}, {"q": None}, {"q": "2.5"}]}, "3.5"),
        ("{sum: l.q}", {"l": []}, "0"),
        ("{sum: q, of: l, where: {t: a}}", {"l": [{"t": "a", "q": 1}, {"t": "b", "q": 2}]}, "1"),
        ("{min: l.q}", {"l": [{"q": "3"}, {"q": "20"}]}, "3"),
        ("{max: q, of: l}", {"l": [{"q": "3"}, {"q": "20"}]}, "20"),
        ("{max: l.q}", {"l": []}, None),
    ],
)
def test_numbers(field: str, row: Row, expected: str | None) -> None:
    found = item(field, row, "safety_stock")
    assert found == (None if expected is None else Decimal(expected))
    assert found is None or str(found) == expected


def test_money_needs_amount_and_currency() -> None:
    field = "{money: {amount: {divide: [p, n]}, currency: c}}"
    row = {"p": "10.00", "n": "4", "c": "EUR"}
    assert item(field, row, "standard_cost") == Money(Decimal("2.5"), "EUR")
    assert item(field, {**row, "p": None}, "standard_cost") is None
    assert item(field, {**row, "c": ""}, "standard_cost") is None


def test_parts_of_a_list_see_the_record_they_belong_to() -> None:
    found = order(
        """
        lines:
          each: items
          where: {deleted: {not: L}}
          fields:
            line_number: {path: pos, type: integer}
            unit_price: {money: {amount: price, currency: /currency}}
            due_on: {min: schedule.day, type: date}
        """,
        {
            "currency": "EUR",
            "items": [
                {"pos": "10", "price": "1.5", "deleted": "", "schedule": [{"day": "2026-02-03"}]},
                {"pos": "20", "price": "2.5", "deleted": "L"},
                {"pos": "30", "price": "3.5", "deleted": None, "schedule": []},
            ],
        },
    )
    assert [(x.line_number, x.unit_price, x.due_on) for x in found.lines] == [
        (10, Money(Decimal("1.5"), "EUR"), date(2026, 2, 3)),
        (30, Money(Decimal("3.5"), "EUR"), None),
    ]
    assert all(is_absent(x.quantity) for x in found.lines)
    assert all(x.ship_to is None for x in found.lines)


def test_quantities_are_summed_unit_by_unit_with_their_sign() -> None:
    found = order(
        """
        lines:
          each: items
          fields:
            line_number: pos
            received:
              quantities:
                of: /moves
                match: {item: pos}
                where: {void: {not: true}}
                amount: qty
                unit: uom
                sign: {path: type, map: {"101": 1, "102": -1}, default: 0}
        """,
        {
            "items": [{"pos": 1}, {"pos": 2}],
            "moves": [
                {"item": "1", "qty": "5", "uom": "ST", "type": "101"},
                {"item": "1", "qty": "2", "uom": "ST", "type": 102},
                {"item": "1", "qty": "1", "uom": "BOX", "type": "101"},
                {"item": "1", "qty": "9", "uom": "ST", "type": "999"},
                {"item": "1", "qty": "9", "uom": "ST", "type": "101", "void": True},
                {"item": "2", "qty": "3", "uom": "KG", "type": "101"},
                {"item": "2", "qty": "3", "uom": "KG", "type": "102"},
            ],
        },
    )
    assert found.lines[0].received == (Quantity(Decimal(3), "PC"), Quantity(Decimal(1), "BOX"))
    assert found.lines[1].received == ()


def test_rules_are_tried_in_order() -> None:
    fields = """
        status:
          rules:
            - {when: {deleted: [L, X]}, then: CANCELLED}
            - {when: {all: {of: lines, when: {received: {gte_path: ordered}}}}, then: RECEIVED}
            - {when: {any: {of: lines, when: {received: {gt: 0}}}}, then: PARTIALLY_RECEIVED}
            - {when: {or: [{sent: true}, {via: {starts_with: "mail"}}]}, then: SENT}
            - {when: {step: {gte: 3, lt: 5}}, then: APPROVED}
          default: DRAFT
    """
    lines = [{"ordered": "10", "received": "9.5"}, {"ordered": "1", "received": "0"}]
    full = [{"ordered": "10", "received": "10.0"}]
    rows: list[tuple[Row, str]] = [
        ({"deleted": "L", "lines": full}, "CANCELLED"),
        ({"deleted": "S", "lines": full}, "RECEIVED"),
        ({"lines": lines}, "PARTIALLY_RECEIVED"),
        ({"lines": [], "sent": True}, "SENT"),
        ({"lines": [], "via": "mail-eu"}, "SENT"),
        ({"lines": [], "step": "4"}, "APPROVED"),
        ({"lines": [], "step": 5}, "DRAFT"),
        ({}, "DRAFT"),
    ]
    for row, status in rows:
        assert order(fields, row).status is PurchaseOrderStatus(status)


@pytest.mark.parametrize(
    "when, row, holds",
    [
        ("{a: X}", {"a": "X"}, True),
        ("{a: X}", {"a": "x"}, False),
        ("{a: 10}", {"a": "10.00"}, True),
        ("{a: true}", {"a": 1}, True),
        ("{a: false}", {"a": None}, False),
        ("{a: null}", {"a": None}, True),
        ("{a: null}", {"a": ""}, True),
        ("{a: ''}", {"a": ""}, True),
        ("{a: {null: false}}", {"a": "x"}, True),
        ("{a: {not: X}}", {"a": None}, True),
        ("{a: {not: [X, null]}}", {"a": None}, False),
        ("{a: {lte: 5}}", {"a": "5.0"}, True),
        ("{a: {lt: 5}}", {"a": None}, False),
        ("{a: {gte: 2026-01-01}}", {"a": "/Date(1767225600000)/"}, True),
        ("{a.b: x}", {"a": [{"b": "y"}, {"b": "x"}]}, True),
        ("{any: {of: a, when: {b: 1}}}", {"a": [{"b": 2}]}, False),
        ("{all: {of: a, when: {b: 1}}}", {"a": []}, False),
        ("{}", {}, True),
    ],
)
def test_conditions(when: str, row: Row, holds: bool) -> None:
    settings = MappingSettings.model_validate({"empty": [""]})
    fields = f"preferred: {{rules: [{{when: {when}, then: true}}], default: false}}"
    found = record(EntityName.SUPPLY_SOURCE, fields, row, settings=settings)
    assert found.preferred is holds


def test_one_part_or_none() -> None:
    fields = """
        acknowledgement:
          when: {acked: true}
          at: ack
          fields: {acknowledged_at: at, note: text}
    """
    row = {"acked": True, "ack": {"at": "2026-02-01T00:00:00Z", "text": "ok"}}
    found = order(fields, row).acknowledgement
    assert found is not None
    assert (found.acknowledged_at, found.note) == (datetime(2026, 2, 1, tzinfo=UTC), "ok")
    assert order(fields, {**row, "acked": False}).acknowledgement is None
    assert order(fields, {**row, "ack": None}).acknowledgement is None


def test_lists_of_conversions() -> None:
    fields = "unit_conversions: {each: u, fields: {unit: {path: c, unit: true}, numerator: n}}"
    found = record(EntityName.ITEM, fields, {"u": [{"c": "ST", "n": "12"}]})
    assert found.unit_conversions == (UnitConversion("PC", Decimal(12)),)


def test_rows_of_a_group_make_one_record() -> None:
    found = record(
        EntityName.INVENTORY,
        """
        item: m
        on_hand: {sum: q, where: {t: "01"}}
        reserved: {sum: r}
        available: {compute: available}
        as_of: {max: at, type: datetime}
        """,
        {"m": "A", "q": "5", "t": "01", "r": "1", "at": "2026-01-01T00:00:00Z"},
        {"m": "A", "q": "7", "t": "02", "r": "2", "at": "2026-01-02T00:00:00Z"},
        key=["m"],
        group=["m"],
    )
    assert (found.item, found.on_hand, found.available) == ("A", Decimal(5), Decimal(2))
    assert found.as_of == datetime(2026, 1, 2, tzinfo=UTC)


def test_totals_are_computed_from_lines_that_were_not_asked_for() -> None:
    fields = """
        currency: c
        total: {compute: net_total}
        lines:
          each: l
          fields:
            quantity: q
            unit_price: {money: {amount: p, currency: /c}}
            cancelled: x
    """
    row = {
        "c": "EUR",
        "l": [{"q": "3", "p": "1.335", "x": False}, {"q": "1", "p": "9", "x": True}],
    }
    found = record(EntityName.PURCHASE_ORDER, fields, row, columns={"total"})
    assert found.total == Money(Decimal("4.00"), "EUR")
    assert is_absent(found.lines)
    assert is_absent(found.currency)


def test_only_columns_asked_for_are_known() -> None:
    fields = "{number: n, supplier: s, lines: {each: l, fields: {line_number: i, item: m}}}"
    row = {"n": "1", "s": "S", "l": [{"i": 1, "m": "A"}]}
    found = record(
        EntityName.PURCHASE_ORDER, fields, row, columns={"number", "lines.item", "buyer", "status"}
    )
    assert found.number == "1"
    assert found.buyer is None  # the system has none
    assert is_absent(found.status)  # every order has one, but this mapping does not say which
    assert is_absent(found.supplier)
    assert found.lines[0].item == "A"
    assert is_absent(found.lines[0].line_number)


@pytest.mark.parametrize(
    "column, field, row, message",
    [
        ("safety_stock", "q", {"q": {"v": 1}}, "safety_stock: {'v': 1} is no number"),
        ("safety_stock", "q", {"q": ["1"]}, r"safety_stock: \['1'\] is no number"),
        ("description", "a.b", {"a": "x"}, "description: 'x' is found where an object with 'b'"),
        ("name", "n", {"n": None}, "name: is empty, but must have a value"),
        ("status", "s", {"s": "gone"}, "status: 'gone' is not one of ACTIVE"),
        ("description", "{path: n, map: {a: b}}", {"n": {}}, "description: {} is found where a"),
        ("description", "{first: l, path: x}", {"l": "x"}, "description: 'x' is found in 'l'"),
    ],
)
def test_what_cannot_be_read_is_named(column: str, field: str, row: Row, message: str) -> None:
    with pytest.raises(BadValueError, match=message):
        item(field, row, column)


def test_what_a_line_holds_is_named_with_its_place() -> None:
    with pytest.raises(BadValueError, match="lines: quantity: 'x' is no number"):
        order("lines: {each: l, fields: {quantity: q}}", {"l": [{"q": "x"}]})


LINES = """
    lines:
      each: items
      where: {void: {not: true}}
      fields: {line_number: {position: 1}, item: sku}
"""


def test_lines_without_numbers_are_numbered_by_their_place_in_the_system() -> None:
    rows = [{"sku": "A"}, {"sku": "B", "void": True}, {"sku": "C"}]
    order = record(EntityName.PURCHASE_ORDER, LINES, {"id": "1", "items": rows})
    assert [(line.line_number, line.item) for line in order.lines] == [(1, "A"), (3, "C")]


@pytest.mark.parametrize(
    "fields, message",
    [
        (
            {"each": "items", "match": {"a": "b"}, "fields": {"line_number": {"position": 1}}},
            "match",
        ),
        ({"each": ".", "fields": {"line_number": {"position": 1}}}, "each: ."),
        ({"each": "items", "fields": {"line_number": {"position": -1}}}, "greater than or equal"),
    ],
)
def test_a_place_is_one_in_a_list_of_the_row(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EntityMapping.model_validate({"dataset": "d", "key": "id", "fields": {"lines": fields}})


def test_a_place_stands_within_a_list() -> None:
    document = {"dataset": "d", "key": "id", "fields": {"lead_time_days": {"position": 1}}}
    found = mistakes(EntityName.ITEM, EntityMapping.model_validate(document))
    assert [*found] == [
        "item.fields.lead_time_days: a position is that of an element, so it stands within `each`"
    ]
