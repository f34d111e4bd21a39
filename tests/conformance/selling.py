"""Systems that take orders, each with codes that are known there and a way to lose an answer."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx
import yaml
from msgspec import Struct

from canonical.backends import Backend
from canonical.entities import KEY, EntityName
from canonical.ports import Ask
from canonical.values import Money
from canonical.writing import NewOrder, NewOrderLine, OrderSink
from connectors.config import BackendConfig
from connectors.factory import open_backend
from connectors.kit.services import Services
from sandbox.launch import Simulator
from sandbox.world import World
from tests.fakes.asks import NoMeter

SCOPES = [
    "core.item.read",
    "core.supplier.read",
    "core.common.read",
    "core.purchase_order.read",
    "core.purchase_order.write",
    "core.inventory.receiving.read",
    "core.inventory.receiving.write",
]

TABLES = """
CREATE TABLE po (
  id INTEGER {generated} PRIMARY KEY, po_no TEXT, ext_ref TEXT UNIQUE, state TEXT NOT NULL,
  supplier TEXT NOT NULL, currency TEXT NOT NULL, ordered DATE NOT NULL, reason TEXT,
  row_version INTEGER NOT NULL);
CREATE TABLE po_lines (
  po_id INTEGER NOT NULL REFERENCES po(id), line_no INTEGER NOT NULL, sku TEXT NOT NULL,
  site TEXT NOT NULL, qty {decimal} NOT NULL CHECK (line_no > 0), uom TEXT NOT NULL,
  price {decimal} NOT NULL, due DATE NOT NULL, promised DATE, promised_qty {decimal},
  gone BOOLEAN DEFAULT FALSE, PRIMARY KEY (po_id, line_no));
CREATE TABLE receipts (
  rid INTEGER {generated} PRIMARY KEY, ext_ref TEXT UNIQUE, po_id INTEGER, line_no INTEGER,
  qty {decimal});
"""
MAPPING = yaml.safe_load("""
purchase_order:
  dataset: po
  options: {count_version: true}
  key: [{path: id, type: integer}]
  related:
    lines: {dataset: po_lines, key: [po_id, line_no], local: id, remote: po_id, type: integer}
  fields:
    number: po_no
    status: {const: DRAFT}
    supplier: supplier
    currency: currency
    ordered_on: {path: ordered, type: date}
    lines:
      each: lines
      fields:
        line_number: line_no
        item: sku
        ship_to: site
        quantity: qty
        unit: {path: uom, unit: true}
        unit_price: {money: {amount: price, currency: /currency}}
        due_on: {path: due, type: date}
        confirmed_on: {path: promised, type: date}
        confirmed_quantity: promised_qty
        cancelled: {path: gone, type: boolean, default: false}
  writes:
    key: ext_ref
    version: row_version
    released: {state: [sent, confirmed]}
    cancelled: {state: void}
    create:
      send:
        po_no: {column: number}
        state: {const: draft}
        row_version: {const: 1}
    release: {send: {state: {const: sent}}, when: {state: draft}}
    cancel: {send: {state: {const: void}, reason: reason}}
    acknowledge:
      send: {state: {const: confirmed}}
      lines:
        columns: [line_number, confirmed_on, confirmed_quantity]
        send: {po_id: {row: /id}}
    change:
      - only: kept
        lines: {columns: [line_number, quantity, due_on], send: {po_id: {row: /id}}}
      - only: cancelled
        lines: {columns: [line_number], send: {po_id: {row: /id}, gone: {const: true}}}
    receive:
      create: receipts
      key: ext_ref
      gives: rid
      each: true
      send: {po_id: {row: /id}, line_no: line_number, qty: quantity}
""")


Lines = dict[int, tuple[Decimal, date, bool, Decimal | None, date | None]]
"""Of lines by number: quantity, day wanted, whether cancelled, promised quantity and day."""


class Selling(Struct, frozen=True):
    """One system that takes orders.

    Attributes:
        sink: How it is told.
        order: A new order of two lines that it would take, with a key.
        lines: What it has of the lines of an order.
        lose: Makes it lose the answers of the next POST and PUT after doing them, if it can.
    """

    sink: OrderSink
    order: Callable[[str], NewOrder]
    lines: Callable[[str], Awaitable[Lines]]
    lose: Callable[[], Awaitable[None]] | None = None

    def ask(self) -> Ask:
        """A minute's time."""
        return Ask(asyncio.get_running_loop().time() + 60, "conformance", NoMeter())


def new_order(key: str, codes: dict[str, Any]) -> NewOrder:
    """An order of two lines in a system's codes."""
    line = NewOrderLine(
        line_number=1,
        item=codes["item"],
        quantity=Decimal("10.5"),
        unit=codes["unit"],
        unit_price=Money(Decimal("2.25"), codes["currency"]),
        due_on=date(2026, 12, 20),
        ship_to=codes["location"],
    )
    return NewOrder(
        key=key,
        supplier=codes["supplier"],
        currency=codes["currency"],
        ordered_on=date(2026, 11, 23),
        lines=(line, NewOrderLine(**{**_fields(line), "line_number": 2})),
    )


def _fields(line: NewOrderLine) -> dict[str, Any]:
    return {name: getattr(line, name) for name in line.__struct_fields__}


async def _lines(backend: Backend, record: str) -> Lines:
    ask = Ask(asyncio.get_running_loop().time() + 60, "look", NoMeter())
    source = backend.sources[EntityName.PURCHASE_ORDER]
    found: Any = await source.by_keys(KEY, [record], frozenset({"lines"}), ask)
    assert not found.failures
    return {
        line.line_number: (
            line.quantity,
            line.due_on,
            line.cancelled,
            line.confirmed_quantity,
            line.confirmed_on,
        )
        for line in found.records[0].lines
    }


@asynccontextmanager
async def coupa(simulator: Simulator, world: World) -> AsyncIterator[Selling]:
    """The pretend Coupa behind its preset."""
    item = next(i for i in world.items if i.status == "active")
    supplier = next(s for s in world.suppliers if s.status == "approved")
    codes = {
        "item": item.coupa_number,
        "unit": item.base_unit,
        "supplier": supplier.coupa_number,
        "currency": supplier.currency,
        "location": world.plants[0].coupa_code,
    }
    token = {
        "kind": "oauth2_client_credentials",
        "token_url": "/oauth2/token",
        "client_id": simulator.user,
        "client_secret": {"env": "PASSWORD"},
        "scope": SCOPES,
    }
    at_once = {"rate_per_s": 10_000, "burst": 10_000}
    config = BackendConfig.model_validate(
        {"preset": "coupa", "url": simulator.url, "auth": token, "policy": at_once}
    )
    services = Services(environ={"PASSWORD": simulator.password}, base_dir=Path())
    backend = await open_backend("procurement", config, services)
    async with httpx.AsyncClient() as client:

        async def faults(*rules: dict[str, Any]) -> None:
            answer = await client.put(f"{simulator.control_url}faults", json=list(rules))
            answer.raise_for_status()

        async def lose() -> None:
            rule = {"match": "/api/", "count": 1, "done": True, "drop": True}
            await faults({**rule, "method": "POST"}, {**rule, "method": "PUT"})

        assert backend.orders is not None
        yield Selling(
            backend.orders,
            lambda key: new_order(key, codes),
            lambda record: _lines(backend, record),
            lose,
        )
        await faults()
    await backend.aclose()


@asynccontextmanager
async def database(url: str) -> AsyncIterator[Selling]:
    """Tables of a database, behind a manifest that says how they are written to."""
    config = BackendConfig.model_validate(
        {"protocol": "sql", "url": {"env": "URL"}, "entities": MAPPING}
    )
    services = Services(environ={"URL": url}, base_dir=Path())
    backend = await open_backend("wholesale", config, services)
    codes = {
        "item": "A-1",
        "unit": "PC",
        "supplier": "S-1",
        "currency": "EUR",
        "location": "W1",
    }
    assert backend.orders is not None
    yield Selling(
        backend.orders,
        lambda key: new_order(key, codes),
        lambda record: _lines(backend, record),
    )
    await backend.aclose()


async def make_tables(kind: str, url: str) -> None:
    """Empty tables for orders."""
    if kind == "sqlite":
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.executescript(TABLES.format(generated="", decimal="TEXT"))
        return
    parts = urlsplit(url)
    host = parse_qs(parts.query)["host"][0]
    connected = await asyncpg.connect(host=host, user="postgres", database=parts.path[1:])
    generated = "GENERATED BY DEFAULT AS IDENTITY"
    await connected.execute(TABLES.format(generated=generated, decimal="NUMERIC"))
    await connected.close()
