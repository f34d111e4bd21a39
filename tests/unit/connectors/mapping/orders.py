"""A few orders in memory, their mapping, and questions to put to them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import yaml

from canonical.criteria import Condition, Op, Sort
from canonical.entities import EntityName
from canonical.errors import (
    Reason,
    UnavailableError,
)
from canonical.ports import ListQuery
from connectors.kit.mapping.model import EntityMapping, MappingSettings
from connectors.kit.rows import Row
from connectors.kit.source import MappedSource
from tests.fakes.rows import MemoryReader

NOW = datetime(2026, 11, 23, tzinfo=UTC)


ORDERS = yaml.safe_load("""
    dataset: orders
    key: [id]
    where: {kind: F}
    related:
      moves: {dataset: moves, key: [doc], local: id, remote: order, where: {void: {not: true}}}
      product: {dataset: products, key: [pid], at: items, local: pid, remote: pid, many: false}
      maker: {dataset: makers, key: [mid], local: items.product.maker, remote: mid}
    lookups:
      lines.item: {dataset: lines, path: sku, parent: order}
    fields:
      number: id
      supplier: sup
      buyer: {first: maker, path: name}
      ordered_on: {path: day, type: date}
      status:
        rules:
          - {when: {any: {of: moves, when: {qty: {gt: 0}}}}, then: PARTIALLY_RECEIVED}
          - {when: {state: x}, then: CANCELLED}
        default: APPROVED
      lines:
        each: items
        fields:
          line_number: pos
          item: product.sku
          quantity: qty
""")


def tables() -> dict[str, list[Row]]:
    return {
        "orders": [
            {
                "id": str(n),
                "kind": "F",
                "sup": f"S{n % 3}",
                "day": f"2026-01-{n:02}",
                "state": "x" if n % 5 == 0 else "o",
                "items": [{"pos": 1, "pid": n % 2, "qty": "2"}],
            }
            for n in range(1, 10)
        ],
        "lines": [{"order": str(n), "sku": "even" if n % 2 == 0 else "odd"} for n in range(1, 10)],
        "moves": [
            {"doc": "a", "order": "2", "qty": "1", "void": False},
            {"doc": "b", "order": "3", "qty": "1", "void": True},
        ],
        "products": [{"pid": 0, "sku": "even", "maker": 7}, {"pid": 1, "sku": "odd", "maker": 8}],
        "makers": [{"mid": 7, "name": "Seven"}, {"mid": 8, "name": "Eight"}],
    }


def source(
    reader: MemoryReader,
    document: dict[str, Any] | None = None,
    entity: EntityName = EntityName.PURCHASE_ORDER,
    **settings: Any,
) -> MappedSource:
    return MappedSource(
        "erp",
        entity,
        EntityMapping.model_validate(document or ORDERS),
        reader,
        settings=MappingSettings.model_validate(settings),
        clock=lambda: NOW,
    )


def query(
    *criteria: Condition,
    order: tuple[Sort, ...] = (),
    limit: int = 50,
    columns: tuple[str, ...] = ("number",),
    after: tuple[Any, ...] | None = None,
    count: bool = False,
) -> ListQuery:
    return ListQuery(criteria, order, limit, frozenset(columns), after, count)


def keys(records: Any) -> list[str]:
    return [r.provenance.key for r in records]


def is_in(column: str, *values: str) -> Condition:
    return Condition(column, Op.IN, values)


DOWN = UnavailableError("erp", Reason.TIMEOUT, "too slow")


def broken(*ids: str) -> dict[str, list[Row]]:
    found = tables()
    for row in found["orders"]:
        if row["id"] in ids:
            row["items"] = [{"pos": 1, "pid": 0, "qty": {"amount": 1}}]
    return found


STOCK: dict[str, Any] = yaml.safe_load("""
    dataset: stock
    key: [m, {path: w, type: integer}]
    group: [m, w]
    row_key: [m, w, batch]
    fields:
      item: m
      location: {path: w, type: integer}
      on_hand: {sum: q}
      unit: {path: u, unit: true}
""")


BINS: list[Row] = [
    {"m": m, "w": w, "batch": b, "q": "1.5", "u": "ST"}
    for m in ("A|1", "B", "C")
    for w in (1, 2)
    for b in ("x", "y")
]


def stock(reader: MemoryReader) -> MappedSource:
    return source(reader, STOCK, EntityName.INVENTORY, units={"ST": "PC"})


def amounts(records: Any) -> dict[str, Decimal]:
    return {r.provenance.key: r.on_hand for r in records}
