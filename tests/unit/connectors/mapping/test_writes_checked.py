"""What is wrong with `writes`, each with its place and remedy."""

from typing import Any

import pytest

from connectors.config import BackendConfig, BackendConfigError
from connectors.factory import resolve_backend

ORDERS: dict[str, Any] = {
    "dataset": "orders",
    "key": "id",
    "fields": {
        "number": "num",
        "status": {"const": "DRAFT"},
        "supplier": "sup",
        "currency": "cur",
        "ordered_on": "day",
        "lines": {
            "each": "items",
            "fields": {
                "line_number": "pos",
                "item": "sku",
                "ship_to": "/site",
                "quantity": {"sum": "parts.qty"},
                "unit": "uom",
                "unit_price": {"money": {"amount": "price", "currency": "/cur"}},
                "due_on": "day",
            },
        },
    },
}
KEY: dict[str, Any] = {"key": "ref"}


def mistakes(writes: dict[str, Any], entity: str = "purchase_order") -> dict[str, str]:
    document = {**ORDERS, "writes": writes}
    if entity == "item":
        document = {
            "dataset": "items",
            "key": "id",
            "fields": {"sku": "id", "name": "id", "unit": "u", "status": {"const": "ACTIVE"}},
            "writes": writes,
        }
    config = BackendConfig.model_validate(
        {"protocol": "rest", "url": "https://erp.example", "entities": {entity: document}}
    )
    with pytest.raises(BackendConfigError) as caught:
        resolve_backend("erp", config)
    found: dict[str, str] = {}
    for mistake in caught.value.mistakes:
        place = ".".join(map(str, mistake.path[2:]))
        found[place] = f"{found.get(place, '')}{mistake.message}\n"
    return found


LINES: dict[str, Any] = {"columns": ["line_number"]}


@pytest.mark.parametrize(
    "writes, place, words",
    [
        ({"create": {}}, "writes", "`create` needs `key`"),
        ({"release": {"call": "go"}}, "writes", "`release` needs `released`"),
        ({"cancel": {"call": "stop"}}, "writes", "`cancel` needs `cancelled`"),
        ({"key": {"path": "ref", "length": 6}}, "writes.key.length", "greater than or equal to 10"),
        (
            {**KEY, "create": {}},
            "writes.create.lines",
            "quantity cannot be sent as it is read: it is read by the form sum. Say by `send`",
        ),
        (
            {**KEY, "create": {"lines": {"columns": ["line_number", "ship_to"]}}},
            "writes.create.lines.columns",
            "/site is a path of the order, not of its lines",
        ),
        (
            {**KEY, "create": {"send": {"x": "suplier"}, "lines": LINES}},
            "writes.create.send.x",
            "nothing that is told here is called 'suplier'; there is company, currency",
        ),
        (
            {**KEY, "create": {"send": {"x": {"row": "y"}}, "lines": LINES}},
            "writes.create.send.x",
            "no row yet",
        ),
        (
            {"acknowledge": {"send": {"x": {"column": "note", "row": "y"}}}},
            "writes.acknowledge.send.x",
            "exactly one of `column`, `row` and `const`",
        ),
        ({"acknowledge": {"when": {"state": "x"}}}, "writes.acknowledge", "the step says nothing"),
        (
            {"acknowledge": {"dataset": "items", "columns": ["line_number"]}},
            "writes.acknowledge",
            "say by `key` which row",
        ),
        (
            {"cancelled": {"s": "x"}, "cancel": [{"call": "stop", "each": True}]},
            "writes.cancel.0.each",
            "tells of the whole order",
        ),
        (
            {"acknowledge": [{"call": "yes", "only": "kept"}]},
            "writes.acknowledge.0.only",
            "is for `change`",
        ),
        ({"publish": {}}, "writes.publish", "is for forecasts"),
        (
            {"receive": {"create": "r", "key": "ref", "gives": "id"}},
            "writes.receive",
            "say either `each: true`, or `lines`",
        ),
    ],
)
def test_what_cannot_be_told_is_found_before(
    writes: dict[str, Any], place: str, words: str
) -> None:
    found = mistakes(writes)
    assert list(found) == [place], found
    assert words in found[place]


def test_only_orders_and_forecasts_are_written() -> None:
    found = mistakes({"version": "v"}, "item")
    assert found == {
        "writes": "nothing is told of this entity: only purchase_order and forecast have `writes`\n"
    }
