"""What is asked: the kit's three questions in our schema's words, and our own.

Every question carries its right answer, worked out straight from the systems' rows, and the least
number of calls and of rounds of waiting that it can be answered with.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from bench.data import LOCATIONS, PERIODS, Row, World
from bench.projection import WEEKS, projected

KIT: Final[Mapping[str, Any]] = json.loads(
    (Path(__file__).parent / "kit" / "queries.json").read_text(encoding="utf-8")
)
STATUSES: Final = {
    "OPEN": "SENT",
    "CONFIRMED": "ACKNOWLEDGED",
    "SHIPPED": "PARTIALLY_RECEIVED",
    "RECEIVED": "RECEIVED",
}
"""The systems' words for how far an order is, and the schema's."""

MONDAYS: Final = {
    period: date.fromisocalendar(int(period[:4]), int(period[-2:]), 1).isoformat()
    for period in PERIODS
}
"""The first day of each of planning's periods."""

PAGE_SUPPLIERS: Final = tuple(f"S-{n:03d}" for n in range(1, 11))
CATEGORY: Final = "C3"
PAGE: Final = 100

_PROJECTED = (
    f"query Projection {{ items(first: 500) {{ nodes {{ sku projectedInventory(weeks: {WEEKS}) "
    "{ periodStart opening supply demand closing belowSafetyStock } } } }"
)
_ORDER_PAGE = (
    "query OrderPage($suppliers: [String!]) { purchaseOrders(first: 100, "
    "filter: {status: [ACKNOWLEDGED], supplier: $suppliers}, orderBy: [{field: NUMBER}]) "
    "{ nodes { number orderedOn status supplier { code name } "
    "lines { lineNumber quantity dueOn item { sku name } } } pageInfo { hasNextPage } } }"
)
_ITEM_PAGE = (
    "query ItemPage($category: String!) { items(first: 100, filter: {category: {eq: $category}}) "
    "{ nodes { sku name category leadTimeDays "
    "inventory { location { code name } onHand available } } pageInfo { hasNextPage } } }"
)


class Question(Struct, frozen=True, kw_only=True):
    """One question.

    Attributes:
        name: What figures call it; its operation's name too.
        body: The request.
        answer: The right `data`, from the rows.
        calls: Least calls to systems.
        rounds: Least rounds of waiting for them.
        turns: Requests to take turns with, so that not one order alone is asked for.
        house: Whether it is put to the installation of `house.yaml`.
    """

    name: str
    body: Mapping[str, Any]
    answer: Callable[[World], Any]
    calls: int
    rounds: int
    turns: Sequence[Mapping[str, Any]] = ()
    house: bool = False

    def requests(self) -> list[bytes]:
        """The request bodies, to be sent in turn."""
        return [
            json.dumps({**self.body, "operationName": self.name, "variables": variables}).encode()
            for variables in self.turns or (self.body["variables"],)
        ]


def questions() -> dict[str, Question]:
    """All questions by name."""
    numbers = tuple({"id": f"PO-{n:05d}"} for n in range(1, 201))
    made = (
        Question(name="Q1", body=KIT["Q1"], answer=one_order, calls=3, rounds=2, turns=numbers),
        joined("Q3", 20),
        joined("Q2", 200),
        joined("Join2000", 2_000),
        Question(
            name="Projection",
            body={"query": _PROJECTED, "variables": {}},
            answer=projection,
            calls=4,
            rounds=2,
            house=True,
        ),
        Question(
            name="OrderPage",
            body={"query": _ORDER_PAGE, "variables": {"suppliers": list(PAGE_SUPPLIERS)}},
            answer=order_page,
            calls=3,
            rounds=2,
            house=True,
        ),
        Question(
            name="ItemPage",
            body={"query": _ITEM_PAGE, "variables": {"category": CATEGORY}},
            answer=item_page,
            calls=3,
            rounds=3,
            house=True,
        ),
    )
    return {question.name: question for question in made}


def joined(name: str, first: int) -> Question:
    """The kit's large question for a number of orders."""
    body = {"query": KIT["Q2"]["query"].replace("Q2", name, 1), "variables": {"first": first}}
    return Question(
        name=name,
        body=body,
        answer=lambda world: {"purchaseOrders": {"nodes": orders(world, first)}},
        calls=5,
        rounds=2,
    )


def one_order(world: World) -> Any:
    """The answer to Q1 for its first order."""
    order = world.orders["PO-00001"][0]
    lines = [
        {**_amounts(line), "item": {"name": world.items[line["itemId"]][0]["name"]}}
        for line in order["lines"]
    ]
    name = world.suppliers[order["supplierId"]][0]["name"]
    found = {"number": order["id"], "status": STATUSES[order["status"]]}
    return {"purchaseOrder": {**found, "supplier": {"name": name}, "lines": lines}}


def orders(world: World, first: int) -> list[Row]:
    """The kit's join: orders with supplier, lines, items, stock and forecasts."""
    items = {sku: _item(world, sku) for sku in world.items}
    return [
        {
            "number": order["id"],
            "status": STATUSES[order["status"]],
            "supplier": _supplier(world, order["supplierId"]),
            "lines": [{**_amounts(x), "item": items[x["itemId"]]} for x in order["lines"]],
        }
        for order in _rows(world.orders, first)
    ]


def projection(world: World) -> Any:
    """The projected stock of every item."""
    nodes = [
        {"sku": sku, "projectedInventory": buckets}
        for sku, buckets in projected(
            world.items,
            [row for rows in world.inventory.values() for row in rows],
            [row for rows in world.book.values() for row in rows],
            [row for rows in world.demand.values() for row in rows],
            world.today,
        ).items()
    ]
    return {"items": {"nodes": nodes}}


def order_page(world: World) -> Any:
    """The first confirmed orders of ten suppliers."""
    fit = [
        row
        for [row] in world.book.values()
        if row["status"] == "CONFIRMED" and row["supplierId"] in PAGE_SUPPLIERS
    ]
    nodes = [
        {
            "number": row["id"],
            "orderedOn": row["orderedOn"],
            "status": "ACKNOWLEDGED",
            "supplier": _supplier(world, row["supplierId"]),
            "lines": [
                {
                    "lineNumber": x["lineNumber"],
                    "quantity": str(x["quantity"]),
                    "dueOn": x["dueOn"],
                    "item": _named(world, x["itemId"]),
                }
                for x in row["lines"]
            ],
        }
        for row in fit[:PAGE]
    ]
    return {"purchaseOrders": {"nodes": nodes, "pageInfo": {"hasNextPage": len(fit) > PAGE}}}


def item_page(world: World) -> Any:
    """The items of one category with their stock."""
    nodes = [
        {
            **_named(world, row["id"]),
            "category": row["category"],
            "leadTimeDays": row["leadTimeDays"],
            "inventory": [
                {
                    "location": {"code": x["location"], "name": x["location"].title()},
                    "onHand": str(x["onHand"]),
                    "available": str(x["onHand"] - x["reserved"]),
                }
                for x in world.inventory[row["id"]]
            ],
        }
        for [row] in world.items.values()
        if row["category"] == CATEGORY
    ]
    return {"items": {"nodes": nodes, "pageInfo": {"hasNextPage": False}}}


def fields_in(answer: Any) -> int:
    """How many fields an answer has, as the kit counts them."""
    if isinstance(answer, dict):
        return len(answer) + sum(map(fields_in, answer.values()))
    return sum(map(fields_in, answer)) if isinstance(answer, list) else 0


def _rows(rows: Mapping[str, list[Row]], first: int) -> Iterable[Row]:
    return (found[0] for found in list(rows.values())[:first])


def _named(world: World, sku: str) -> Row:
    return {"sku": sku, "name": world.items[sku][0]["name"]}


def _supplier(world: World, code: str) -> Row:
    return {"code": code, "name": world.suppliers[code][0]["name"]}


def _amounts(line: Row) -> Row:
    return {"quantity": str(line["quantity"]), "unitPrice": {"amount": str(line["unitPrice"])}}


def _item(world: World, sku: str) -> Row:
    stock = {row["location"]: row for row in world.inventory[sku]}
    return {
        **_named(world, sku),
        "inventory": [
            {"location": {"code": place}, "onHand": str(stock[place]["onHand"])}
            for place in LOCATIONS
        ],
        "forecasts": [
            {"periodStart": MONDAYS[row["period"]], "quantity": str(row["quantity"])}
            for row in world.forecasts[sku]
        ],
    }
