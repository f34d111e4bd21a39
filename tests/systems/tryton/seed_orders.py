"""Purchase orders of all eight kinds, receipts and invoices, forecasts, and proposals to buy.

All are made through Tryton's own steps.
"""

import datetime as dt
from typing import Any

from tests.systems.tryton.seed_world import SUPPLIERS, WAREHOUSES, Supplier, World

KINDS = (
    "draft", "quotation", "confirmed", "processing", "partial", "received", "done", "cancelled",
)  # fmt: skip
UNTOUCHED = {"draft": (), "quotation": ("quote",), "confirmed": ("quote", "confirm")}
BY_SINGLE_STEP = {
    **UNTOUCHED,
    "processing": ("quote", "confirm", "process"),
    "cancelled": ("cancel",),
}


def add_orders(world: World, count: int) -> dict[str, list[int]]:
    """Orders, each kind in turn; their ids by kind."""
    _process_after(world, dt.timedelta(days=3650))
    sellers = [s for s in SUPPLIERS if not s.is_dormant]
    made: dict[str, list[int]] = {}
    for n in range(count):
        kind, seller = KINDS[n % len(KINDS)], sellers[n % len(sellers)]
        day = world.today - dt.timedelta(days=(count - n) * 2)
        order = _create(world, n, kind, seller, day)
        made.setdefault(kind, []).append(order)
        for step in BY_SINGLE_STEP.get(kind, ("quote", "confirm", "process")):
            world.client.call("purchase.purchase", step, [order])
        if kind in BY_SINGLE_STEP:
            continue
        _receive(world, n, kind, seller, day, order)
        if kind == "done":
            _pay(world, seller, order)
    _process_after(world, dt.timedelta(seconds=2))
    return made


def _process_after(world: World, delay: dt.timedelta) -> None:
    """How long a confirmed order waits until a worker processes it."""
    setting = {"purchase_process_after": delay}
    world.client.call("purchase.configuration", "write", [1], setting)


def _create(world: World, n: int, kind: str, seller: Supplier, day: dt.date) -> int:
    pool = world.offers[seller.code] or [(world.items[0], world.items[0].cost)]
    lines: list[dict[str, Any]] = []
    for k, (item, price) in enumerate(world.rnd.sample(pool, min(len(pool), 1 + n % 4))):
        lines.append(
            {
                "type": "line",
                "product": item.id,
                "unit": item.unit,
                "sequence": k + 1,
                "quantity": float(world.rnd.choice([1, 5, 12, 40, 100, 250])),
                "unit_price": price,
                "description": f"{item.code} for {seller.code}",
            }
        )
    if n % 7 == 3:
        lines.append({"type": "comment", "description": "Deliver to dock 4", "sequence": 99})
    party = world.suppliers[seller.code]
    values = {
        "party": party,
        "invoice_address": world.addresses[party],
        "currency": world.currencies[seller.currency],
        "company": world.company,
        "warehouse": world.warehouses[WAREHOUSES[n % 3][0]].id,
        "payment_term": world.payment_term,
        "reference": f"SO-{seller.code[-3:]}-{1000 + n}",
        "purchase_date": day,
        "invoice_method": "fulfillment" if n % 8 == 3 else "order",
        "delivery_date": None if n % 5 else day + dt.timedelta(days=seller.lead_days),
        "description": f"seed {kind}",
        "lines": [["create", lines]],
    }
    [order] = world.client.create("purchase.purchase", values)
    return order


def _receive(world: World, n: int, kind: str, seller: Supplier, day: dt.date, order: int) -> None:
    client = world.client
    lines = client.read("purchase.line", [["purchase", "=", order], ["type", "=", "line"]], ["id"])
    origins = [f"purchase.line,{x['id']}" for x in lines]
    moves = client.read(
        "stock.move", [["origin", "in", origins], ["state", "=", "draft"]], ["quantity"]
    )
    if kind == "partial":
        moves = _part_of(world, moves)
    warehouse = world.warehouses[WAREHOUSES[n % 3][0]]
    arrival = day + dt.timedelta(days=seller.lead_days)
    late = dt.timedelta(days=world.rnd.randint(-2, 6))
    party = world.suppliers[seller.code]
    shipment = {
        "supplier": party,
        "contact_address": world.addresses[party],
        "company": world.company,
        "warehouse": warehouse.id,
        "warehouse_input": warehouse.input,
        "warehouse_storage": warehouse.storage,
        "reference": f"DN-{5000 + n}",
        "planned_date": arrival,
        "effective_date": min(world.today, arrival + late),
        "incoming_moves": [["add", [m["id"] for m in moves]]],
    }
    [made] = client.create("stock.shipment.in", shipment)
    client.call("stock.shipment.in", "receive", [made])
    if kind != "partial" or n % 16 == 4:  # the others stay in the input zone, not put away
        client.call("stock.shipment.in", "do", [made])
    client.call("purchase.purchase", "process", [order])


def _part_of(world: World, moves: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first of several moves, or half of a single one."""
    if len(moves) == 1 and moves[0]["quantity"] > 1:
        half = float(moves[0]["quantity"] // 2)
        world.client.call("stock.move", "write", [moves[0]["id"]], {"quantity": half})
    return moves[:1]


def _pay(world: World, seller: Supplier, order: int) -> None:
    client = world.client
    [row] = client.read("purchase.purchase", [["id", "=", order]], ["invoices"])
    for invoice in row["invoices"]:
        client.call("account.invoice", "write", [invoice], {"invoice_date": world.today})
        client.call("account.invoice", "post", [invoice])
        [figures] = client.read("account.invoice", [["id", "=", invoice]], ["total_amount"])
        party = world.suppliers[seller.code]
        payment = {
            "payee": party,
            "payees": [party],
            "amount": figures["total_amount"],
            "currency": world.currencies[seller.currency],
            "date": world.today,
            "company": world.company,
            "invoice_account": world.accounts["payable"],
            "payment_method": world.payment_method,
        }
        about = {
            "active_model": "account.invoice",
            "active_id": invoice,
            "active_ids": [invoice],
        }
        client.wizard("account.invoice.pay", ("choice", {"start": payment}), **about)
        client.call("account.invoice", "process", [invoice])  # no worker runs while seeding
    client.call("purchase.purchase", "process", [order])


def add_forecasts(world: World) -> None:
    """One for each warehouse and each of the next three months; the very last stays a draft."""
    client = world.client
    customers = client.first("stock.location", [["type", "=", "customer"]])
    first = world.today.replace(day=1)
    for k in range(1, 4):
        start = (first + dt.timedelta(days=32 * k)).replace(day=1)
        end = (start + dt.timedelta(days=32)).replace(day=1) - dt.timedelta(days=1)
        for w, warehouse in enumerate(world.warehouses.values()):
            lines = [
                {
                    "product": item.id,
                    "unit": item.unit,
                    "quantity": float(world.rnd.randint(10, 600)),
                    "minimal_quantity": 1.0,
                }
                for j, item in enumerate(world.items[:-1])
                if (j + w + k) % 2
            ]
            values = {
                "warehouse": warehouse.id,
                "destination": customers,
                "from_date": start,
                "to_date": end,
                "company": world.company,
                "lines": [["create", lines]],
            }
            [forecast] = client.create("stock.forecast", values)
            if (k, w) != (3, len(world.warehouses) - 1):
                client.call("stock.forecast", "confirm", [forecast])


def add_requests(world: World) -> None:
    """What order points and forecasts ask to be bought, as Tryton's own planning works it out."""
    world.client.wizard("stock.supply", ("create_", {"start": {}}))
