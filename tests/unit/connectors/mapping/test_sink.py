"""Orders told through a mapping: what is sent, what is read back, and what nobody is sure of."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import yaml

from canonical.errors import (
    ConflictError,
    InDoubtError,
    InvalidInputError,
    MappingMissingError,
    Reason,
    RejectedError,
    UnavailableError,
    UnsupportedError,
)
from canonical.values import Money
from canonical.writing import Ability, LineChange, NewOrder, NewOrderLine, Promise, ReceivedLine
from connectors.kit.mapping.model import EntityMapping, MappingSettings
from connectors.kit.rows import Row
from connectors.kit.sink import MappedSink
from tests.fakes.asks import ASK
from tests.fakes.rows import MemoryReader
from tests.fakes.written_rows import MemoryWriter

MAPPING = yaml.safe_load("""
    dataset: orders
    key: [id]
    related:
      party: {dataset: parties, key: [pid], local: party_id, remote: pid, many: false}
    fields:
      number: {coalesce: [num, {template: "({id})"}]}
      supplier: party.code
      currency: cur
      ordered_on: {path: day, type: date, format: "%d.%m.%Y"}
      lines:
        each: items
        fields:
          line_number: {path: pos, type: integer}
          item: {coalesce: [product.sku, text]}
          ship_to: /site
          quantity: {path: qty, type: string}
          unit: {path: uom, unit: true}
          unit_price: {money: {amount: price, currency: /cur}}
          due_on: {path: last_day, plus_days: 1}
    writes:
      key: {path: ref, length: 12}
      version: version
      released: {state: sent}
      cancelled: {state: void}
      create:
        send:
          kind: {const: F}
          site: ship_to
          remark: {column: note, length: 10}
        lines:
          columns: [line_number, item, quantity, unit, unit_price, due_on]
      release:
        - {call: quote, when: {state: draft}}
        - {call: send, when: {state: quoted}}
      cancel: {send: {state: {const: void}, why: reason}}
      acknowledge:
        create: answers
        send: {order: {row: id}, text: note}
        lines: {at: parts, send: {line: {row: row_id}, qty: confirmed_quantity, day: confirmed_on}}
      change:
        - dataset: items
          each: true
          only: kept
          key: {iid: {row: row_id}}
          columns: [quantity, due_on]
        - dataset: items
          each: true
          only: cancelled
          key: {iid: {row: row_id}}
          send: {gone: {const: true}}
      receive:
        create: receipts
        key: {path: ref}
        gives: rid
        each: true
        send: {ref2: key, order: {row: /id}, line: {row: row_id}, qty: quantity}
""")
ACTIONS = {"quote": {"state": "quoted"}, "send": {"state": "sent"}}
LINES = [
    {"pos": "1", "row_id": "11", "qty": "5", "product": {"sku": "A"}},
    {"pos": "2", "row_id": "12", "qty": "6", "product": {"sku": "B"}},
]
DOWN = UnavailableError("erp", Reason.CONNECTION, "down")


def tables() -> dict[str, list[Row]]:
    order = {"id": "1", "num": "PO1", "ref": "k1", "state": "draft", "version": 4, "items": LINES}
    return {
        "orders": [order],
        "parties": [{"pid": 7, "code": "S1"}, {"pid": 8, "code": "S2"}, {"pid": 9, "code": "S2"}],
        "items": [{"iid": "11"}, {"iid": "12"}],
        "answers": [],
        "receipts": [],
    }


class Told:
    """A sink, and the system behind it."""

    def __init__(self, changes: dict[str, Any] | None = None) -> None:
        document = {**MAPPING, "writes": {**MAPPING["writes"], **(changes or {})}}
        self.tables = tables()
        self.reader = MemoryReader(self.tables)
        self.writer = MemoryWriter(self.tables, ACTIONS)
        self.sink = MappedSink(
            "erp",
            EntityMapping.model_validate(document),
            self.reader,
            self.writer,
            settings=MappingSettings.model_validate({"units": {"ST": "PC", "PCE": "PC"}}),
            clock=lambda: datetime(2026, 11, 23, tzinfo=UTC),
        )

    @property
    def order(self) -> Row:
        return self.tables["orders"][0]


def line(number: int = 1, **changes: Any) -> NewOrderLine:
    given: dict[str, Any] = {
        "line_number": number,
        "item": "A",
        "quantity": Decimal("2.50"),
        "unit": "PC",
        "unit_price": Money(Decimal("9.90"), "EUR"),
        "due_on": date(2026, 12, 1),
        "ship_to": "W1",
    }
    return NewOrderLine(**{**given, **changes})


def order(*lines: NewOrderLine, **changes: Any) -> NewOrder:
    given: dict[str, Any] = {
        "key": "k2",
        "supplier": "S1",
        "currency": "EUR",
        "ordered_on": date(2026, 11, 23),
        "lines": lines or (line(),),
        "note": "Please hurry up",
    }
    return NewOrder(**{**given, **changes})


async def test_an_order_is_sent_as_it_is_read_and_as_is_said_beside() -> None:
    told = Told()
    found = await told.sink.create(order(line(1), line(2, due_on=date(2026, 12, 31))), ASK)

    assert (found.key, found.number, found.released, found.cancelled) == ("2", "(2)", False, False)
    assert found.version == "1"
    sent = told.writer.told[0][3]
    item = {
        "pos": 1,
        "product": {"sku": "A"},
        "qty": "2.5",
        "uom": "ST",
        "price": Decimal("9.90"),
    }
    assert sent == {
        "ref": "k2",
        "party_id": 7,
        "cur": "EUR",
        "day": "23.11.2026",
        "kind": "F",
        "site": "W1",
        "remark": "Please hur",
        "items": [
            {**item, "last_day": date(2026, 11, 30)},
            {**item, "pos": 2, "last_day": date(2026, 12, 30)},
        ],
    }


async def test_a_key_that_is_too_long_is_found_by_its_digest() -> None:
    told = Told()
    key = "order:2026:a-very-long-key"
    await told.sink.create(order(key=key), ASK)

    held = told.tables["orders"][1]["ref"]
    assert len(held) == 12
    found = await told.sink.find(key, ASK)
    assert found is not None
    assert found.key == "2"
    assert await told.sink.find(held + "x", ASK) is None


async def test_two_orders_with_one_key_are_a_conflict() -> None:
    told = Told()
    told.tables["orders"].append({**told.order, "id": "2"})
    with pytest.raises(ConflictError, match="several orders with the key k1: 1, 2"):
        await told.sink.find("k1", ASK)


@pytest.mark.parametrize(
    "given, error, words",
    [
        ({"supplier": "S3"}, MappingMissingError, "parties has no code 'S3'"),
        ({"supplier": "S2"}, MappingMissingError, "parties has several with code 'S2'"),
        ({"lines": (line(unit="PCE"),)}, InvalidInputError, "'PCE' has no code there"),
        ({"lines": (line(), line(2, ship_to="W2"))}, InvalidInputError, "one ship_to"),
        ({"company": "1000"}, UnsupportedError, "cannot be told which company orders"),
        (
            {"lines": (line(unit_price=Money(Decimal(1), "USD")),)},
            InvalidInputError,
            "line 1 is in USD, the order in EUR",
        ),
    ],
)
async def test_what_the_system_cannot_hold_is_not_told(
    given: dict[str, Any], error: type[Exception], words: str
) -> None:
    told = Told()
    with pytest.raises(error, match=words):
        await told.sink.create(order(**given), ASK)
    assert told.writer.told == []


async def test_an_order_that_was_made_and_cannot_be_read_is_in_doubt() -> None:
    told = Told()
    told.reader.fails = {"2": DOWN}
    with pytest.raises(InDoubtError):
        await told.sink.create(order(), ASK)
    assert [what for what, *_ in told.writer.told] == ["create"]


async def test_a_release_takes_the_steps_that_are_left() -> None:
    told = Told()
    found = await told.sink.release("1", ASK)
    assert found.released
    assert [what for what, *_ in told.writer.told] == ["quote", "send"]

    assert (await told.sink.release("1", ASK)).released
    assert len(told.writer.told) == 2

    told.order["state"] = "quoted"
    await told.sink.release("1", ASK)
    assert [what for what, *_ in told.writer.told] == ["quote", "send", "send"]


async def test_a_release_that_was_told_in_part_is_in_doubt_and_can_go_on() -> None:
    told = Told()
    told.writer.before["send"] = DOWN
    with pytest.raises(InDoubtError, match="a part of what it was told"):
        await told.sink.release("1", ASK)
    assert (await told.sink.release("1", ASK)).released


async def test_what_is_refused_after_a_part_was_done_is_in_doubt_then_refused() -> None:
    told = Told()
    told.writer.before["send"] = RejectedError("erp", "the supplier is on hold")
    with pytest.raises(InDoubtError, match="the supplier is on hold"):
        await told.sink.release("1", ASK)
    told.writer.before["send"] = RejectedError("erp", "the supplier is on hold")
    with pytest.raises(RejectedError, match="erp refuses: the supplier is on hold"):
        await told.sink.release("1", ASK)


async def test_an_order_that_cannot_be_told_this_is_refused() -> None:
    told = Told()
    told.order["state"] = "odd"
    with pytest.raises(RejectedError, match="PO1 is not in a state"):
        await told.sink.release("1", ASK)


async def test_promises_become_a_row_with_those_of_lines() -> None:
    told = Told()
    promise = Promise(line_number=2, quantity=Decimal(4), on=date(2026, 12, 9))
    found = await told.sink.acknowledge("1", [promise], ASK, note="late", version="4")
    assert found.version == "4"
    assert told.writer.told == [
        (
            "create",
            "answers",
            {},
            {
                "order": "1",
                "text": "late",
                "parts": [{"line": "12", "qty": Decimal(4), "day": date(2026, 12, 9)}],
            },
        )
    ]


async def test_lines_are_changed_and_cancelled_one_by_one() -> None:
    told = Told()
    changes = [
        LineChange(line_number=1, quantity=Decimal(0)),
        LineChange(line_number=2, due_on=date(2026, 12, 9)),
    ]
    await told.sink.change("1", changes, ASK)
    assert told.writer.told == [
        ("change", "items", {"iid": "12"}, {"last_day": date(2026, 12, 8)}),
        ("change", "items", {"iid": "11"}, {"gone": True}),
    ]


async def test_a_change_that_no_step_tells_is_refused_whole() -> None:
    only = {"dataset": "items", "each": True, "only": "kept", "key": {"iid": {"row": "row_id"}}}
    told = Told({"change": {**only, "columns": ["quantity"]}})
    for change, words in (
        (LineChange(line_number=1, due_on=date(2026, 12, 9)), "due_on of a line cannot be"),
        (LineChange(line_number=1, quantity=Decimal(0)), "lines cannot be cancelled"),
    ):
        with pytest.raises(UnsupportedError, match=words):
            await told.sink.change("1", [change], ASK)
    with pytest.raises(InvalidInputError, match="PO1 has no line 3"):
        await told.sink.change("1", [LineChange(line_number=3, quantity=Decimal(1))], ASK)
    assert told.writer.told == []


async def test_a_stale_version_is_refused_before_anything_is_told() -> None:
    told = Told()
    with pytest.raises(ConflictError, match="PO1 has changed"):
        await told.sink.cancel("1", ASK, reason="no more", version="3")
    assert told.writer.told == []
    found = await told.sink.cancel("1", ASK, reason="no more", version="4")
    assert (found.cancelled, found.released) == (True, False)
    assert told.order["why"] == "no more"
    assert (await told.sink.cancel("1", ASK, reason="again", version="3")).cancelled


async def test_receipts_are_booked_once_for_each_line() -> None:
    told = Told()
    lines = [ReceivedLine(line_number=n, quantity=Decimal(n)) for n in (1, 2)]
    first = await told.sink.receive("1", lines, ASK, key="r1")
    again = await told.sink.receive("1", lines, ASK, key="r1")
    assert first == again == "1"
    assert [(r["ref"], r["line"], r["order"]) for r in told.tables["receipts"]] == [
        ("r1-1", "11", "1"),
        ("r1-2", "12", "1"),
    ]


async def test_what_the_mapping_does_not_say_cannot_be_told() -> None:
    told = Told({"cancel": None, "change": None})
    assert told.sink.abilities == {
        Ability.CREATE,
        Ability.RELEASE,
        Ability.ACKNOWLEDGE,
        Ability.RECEIVE,
    }
    with pytest.raises(UnsupportedError, match=r"writes\.cancel"):
        await told.sink.cancel("1", ASK, reason="x")
