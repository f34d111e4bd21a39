"""Odoo's relations are read in batches, its names looked up, its empty values made null."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from typing_extensions import override

from canonical.criteria import Op
from canonical.errors import BadAnswerError, MisconfiguredError
from canonical.ports import Ask
from connectors.jsonrpc.dialect import Search
from connectors.jsonrpc.odoo.dialect import OdooDialect
from connectors.jsonrpc.odoo.models import Models
from connectors.kit.rows import Test
from tests.fakes.asks import ASK

FIELDS: dict[str, dict[str, Any]] = {
    "order": {
        "id": {"type": "integer"},
        "name": {"type": "char"},
        "at": {"type": "datetime"},
        "total": {"type": "float"},
        "locked": {"type": "boolean"},
        "partner_id": {"type": "many2one", "relation": "partner"},
        "line_ids": {"type": "one2many", "relation": "line"},
    },
    "partner": {"id": {"type": "integer"}, "ref": {"type": "char"}},
    "line": {
        "id": {"type": "integer"},
        "qty_old": {"type": "float"},
        "partner_id": {"type": "many2one", "relation": "partner"},
    },
}


class FakeWire:
    """Answers search_read with the rows whose ids are asked for, or all."""

    system = "erp"

    def __init__(self, rows: Mapping[str, list[dict[str, Any]]]) -> None:
        self.rows = rows
        self.calls: list[tuple[str, str, Mapping[str, Any]]] = []

    async def call(self, model: str, method: str, arguments: Mapping[str, Any], ask: Ask) -> Any:
        self.calls.append((model, method, arguments))
        if method == "fields_get":
            return FIELDS[model]
        ids = next((leaf[2] for leaf in arguments["domain"] if leaf[0] == "id"), None)
        return [row for row in self.rows[model] if ids is None or row["id"] in ids]

    async def aclose(self) -> None:
        return

    def searches(self) -> list[tuple[str, Mapping[str, Any]]]:
        return [(m, a) for m, method, a in self.calls if method == "search_read"]


def dialect_of(wire: Any, most_ids: int = 2) -> OdooDialect:
    models = Models(wire, {"line.qty": ("qty_new", "qty_old")}, frozenset({"order.receipt"}))
    return OdooDialect(wire, models, {"lang": "en_US"}, most_ids)


def order(n: int, **values: Any) -> dict[str, Any]:
    return {"id": n, "partner_id": [n, f"Partner {n}"], "line_ids": [n, n + 10], **values}


async def search(wire: Any, *columns: str, **more: Any) -> list[dict[str, Any]]:
    dialect = dialect_of(wire, more.pop("most_ids", 2))
    return list(await dialect.search(Search(model="order", columns=columns, **more), ASK))


async def test_false_is_null_but_for_booleans() -> None:
    wire = FakeWire({"order": [order(1, name=False, at=False, total=0.0, locked=False)]})
    [row] = await search(wire, "name", "at", "total", "locked", "receipt")
    assert row == {
        "id": 1, "name": None, "at": None, "total": 0.0, "locked": False, "receipt": None,
    }  # fmt: skip


async def test_times_are_in_utc_and_empty_text_is_null() -> None:
    wire = FakeWire({"order": [order(1, name="", at="2026-01-02 03:04:05")]})
    [row] = await search(wire, "name", "at")
    assert (row["name"], row["at"]) == (None, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


async def test_a_relation_to_one_is_its_id_or_comes_with_its_title() -> None:
    wire = FakeWire({"order": [order(1), order(2, partner_id=False)]})
    rows = await search(wire, "partner_id", "line_ids")
    assert [(r["partner_id"], r["line_ids"]) for r in rows] == [(1, [1, 11]), (None, [2, 12])]
    rows = await search(wire, "partner_id.display_name")
    assert [r["partner_id"] for r in rows] == [{"id": 1, "display_name": "Partner 1"}, None]
    assert [model for model, _ in wire.searches()] == ["order", "order"]


async def test_relations_are_followed_in_chunks_whatever_the_rows() -> None:
    lines = [{"id": n, "qty_old": float(n), "partner_id": [9, "x"]} for n in (1, 2, 3, 11, 12)]
    wire = FakeWire(
        {
            "order": [order(1), order(2), order(3)],
            "line": lines,
            "partner": [{"id": 1, "ref": "A"}, {"id": 3, "ref": "C"}, {"id": 9, "ref": "Z"}],
        }
    )
    rows = await search(
        wire, "partner_id.ref", "line_ids.qty", "line_ids.partner_id.ref", "line_ids.position",
        most_ids=3,
    )  # fmt: skip
    assert [r["partner_id"] for r in rows] == [
        {"id": 1, "ref": "A"},
        None,  # gone since
        {"id": 3, "ref": "C"},
    ]
    assert [[(x["qty"], x["position"]) for x in r["line_ids"]] for r in rows] == [
        [(1.0, 1), (11.0, 2)],
        [(2.0, 1), (12.0, 2)],
        [(3.0, 1)],
    ]
    assert rows[0]["line_ids"][0]["partner_id"] == {"id": 9, "ref": "Z"}
    asked = [(model, arguments["domain"]) for model, arguments in wire.searches()]
    assert sorted((m, d[0][2]) for m, d in asked if d) == [
        ("line", [1, 11, 2]),
        ("line", [12, 3, 13]),
        ("partner", [1, 2, 3]),
        ("partner", [9]),
    ]
    assert all(a["context"]["active_test"] is False for m, a in wire.searches() if m != "order")


async def test_names_are_looked_up_once() -> None:
    wire = FakeWire({"order": [], "line": []})
    dialect = dialect_of(wire)
    for _ in range(3):
        await dialect.search(Search(model="line", columns=("qty",)), ASK)
    assert [method for _, method, _ in wire.calls].count("fields_get") == 1
    assert wire.searches()[0][1]["fields"] == ["id", "qty_old"]


async def test_conditions_and_order_use_this_version_s_names() -> None:
    wire = FakeWire({"order": []})
    where = ((Test("line_ids.qty", Op.IN, (Decimal(1),), "decimal"),),)
    await search(wire, "name", where=where, sort=(("name", True),))
    [(_, arguments)] = wire.searches()
    assert arguments["domain"] == [["line_ids.qty_old", "in", [Decimal(1)]]]
    assert arguments["order"] == "name desc, id"


@pytest.mark.parametrize(
    "tests,expected",
    [
        ((Test("receipt", Op.IN, ("full",)),), [["id", "in", []]]),
        ((Test("receipt", Op.IS_NULL, True),), []),
        ((Test("receipt", Op.IN, ("full",), negated=True),), []),
        (
            (Test("receipt", Op.IN, ("full",)), Test("name", Op.IN, ("A",))),
            [["name", "in", ["A"]]],
        ),
    ],
)
async def test_tests_on_a_missing_field_are_decided(tests: Any, expected: Any) -> None:
    wire = FakeWire({"order": []})
    await search(wire, "name", where=(tests,))
    assert wire.searches()[0][1]["domain"] == expected


@pytest.mark.parametrize("column", ["naem", "partner_id.naem", "name.first"])
async def test_a_field_that_is_not_there_is_named(column: str) -> None:
    wire = FakeWire({"order": [order(1)], "partner": []})
    with pytest.raises(MisconfiguredError, match=r"naem|first"):
        await search(wire, column)
    with pytest.raises(MisconfiguredError, match=r"naem|first"):
        await search(wire, "name", where=((Test(column, Op.IN, ("x",)),),))


async def test_what_is_no_list_of_records_is_bad() -> None:
    class Odd(FakeWire):
        @override
        async def call(self, model: str, method: str, arguments: Any, ask: Ask) -> Any:
            return FIELDS[model] if method == "fields_get" else {"odd": True}

    with pytest.raises(BadAnswerError, match="no list"):
        await search(Odd({}), "name")
    with pytest.raises(BadAnswerError, match="no count"):
        await dialect_of(Odd({})).count(Search(model="order"), ASK)
