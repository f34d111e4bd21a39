"""Rows to records: many at a time, one by one, and dicts made by hand.

`python -m bench.records` prints microseconds a row.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import yaml

from canonical.entities import EntityName
from canonical.records import Provenance
from connectors.kit.mapping.batch import Batch
from connectors.kit.mapping.builder import RecordBuilder
from connectors.kit.mapping.model import EntityMapping, MappingSettings
from connectors.kit.mapping.records import Stamp

_MANIFEST = Path(__file__).parent / "kit" / "manifest.yaml"
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    """Measure and print."""
    document = yaml.safe_load(_MANIFEST.read_text())
    mappings = {n: m for b in document["backends"].values() for n, m in b["entities"].items()}
    print(f"{'':16}{'many at a time':>16}{'one by one':>14}{'dicts by hand':>16}  (us a row)")
    for name, rows, by_hand in _tables(Random(7)):
        mapping = EntityMapping.model_validate(mappings[name])
        columns = frozenset(mapping.fields)
        builder = RecordBuilder(
            EntityName(name), mapping, MappingSettings.model_validate({}), columns
        )
        ways = (_together(builder, rows), _one_by_one(builder, rows), _by_hand(by_hand, rows))
        assert ways[0]() == ways[1]()
        together, alone, hand = (_microseconds(way, len(rows)) for way in ways)
        print(f"{name:16}{together:16.2f}{alone:14.2f}{hand:16.2f}")


def _together(builder: RecordBuilder, rows: list[Any]) -> Callable[[], list[Any] | None]:
    def made() -> list[Any] | None:
        batch = Batch(rows)
        return builder.build_all(batch, builder.keys.of_all(batch), Stamp("kit", _NOW))

    return made


def _one_by_one(builder: RecordBuilder, rows: list[Any]) -> Callable[[], list[Any]]:
    def one(row: Any) -> Any:
        return builder.build([row], Provenance("kit", builder.keys.of(row), _NOW))

    return lambda: [one(row) for row in rows]


def _by_hand(make: Callable[[Any], Any], rows: list[Any]) -> Callable[[], list[Any]]:
    return lambda: [*map(make, rows)]


def _microseconds(way: Callable[[], Any], rows: int) -> float:
    best = float("inf")
    for _ in range(15):
        start = time.process_time()
        way()
        best = min(best, time.process_time() - start)
    return best / rows * 1e6


def _tables(random: Random) -> list[tuple[str, list[Any], Callable[[Any], Any]]]:
    skus = [f"I-{n:04}" for n in range(500)]
    lines = [
        {"itemId": s, "quantity": random.randrange(200), "unitPrice": Decimal("169.63")}
        for s in random.choices(skus, k=10_000)
    ]
    orders = [
        {
            "id": f"PO-{n:05}",
            "supplierId": f"S-{n % 60:03}",
            "status": random.choice(["OPEN", "CONFIRMED", "SHIPPED", "RECEIVED"]),
            "currency": "EUR",
            "lines": lines[n * 5 : n * 5 + 5],
        }
        for n in range(2_000)
    ]
    items = [
        {"id": s, "name": f"Item {s}", "uom": "EA", "category": "C1", "leadTimeDays": 7}
        for s in skus
    ]
    stock = [
        {"itemId": s, "location": x, "onHand": random.randrange(5_000), "reserved": 3}
        for s in skus
        for x in ("DC-EAST", "DC-WEST")
    ]
    forecasts = [
        {"itemId": s, "period": f"2026-W{w:02}", "quantity": random.randrange(900), "model": "ets"}
        for s in skus
        for w in range(1, 5)
    ]
    return [
        ("item", items, _renamed("id", "name", "uom", "category", "leadTimeDays")),
        ("inventory", stock, _renamed("itemId", "location", "onHand", "reserved")),
        ("forecast", forecasts, _renamed("itemId", "period", "quantity", "model")),
        ("purchase_order", orders, _order),
    ]


def _renamed(*names: str) -> Callable[[Any], Any]:
    return lambda row: {name: row[name] for name in names}


def _order(row: Any) -> Any:
    return {
        "id": row["id"],
        "supplier": row["supplierId"],
        "status": row["status"],
        "lines": [
            {"item": x["itemId"], "quantity": x["quantity"], "unitPrice": x["unitPrice"]}
            for x in row["lines"]
        ],
    }


if __name__ == "__main__":
    main()
