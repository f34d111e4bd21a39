"""Plain Strawberry, aiodataloader and httpx, as a user would write it, for the kit's questions."""

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

import httpx
import strawberry
from aiodataloader import DataLoader
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.types import Info
from typing_extensions import override

ERP = os.environ["KIT_ERP"]
PROCUREMENT = os.environ["KIT_PROCUREMENT"]
PLANNING = os.environ["KIT_PLANNING"]
STATUSES = {
    "OPEN": "SENT",
    "CONFIRMED": "ACKNOWLEDGED",
    "SHIPPED": "PARTIALLY_RECEIVED",
    "RECEIVED": "RECEIVED",
}
connections: dict[str, httpx.AsyncClient] = {}


async def get(url: str) -> Any:
    """Rows of a system."""
    response = await connections["all"].get(url)
    return response.raise_for_status().json()


def one(url: str, make: Callable[[Any], Any]) -> DataLoader[str, Any]:
    """A loader of single rows by id."""

    async def batch(ids: Sequence[str]) -> list[Any]:
        rows = {row["id"]: make(row) for row in await get(url + ",".join(ids))}
        return [rows.get(i) for i in ids]

    return DataLoader(batch, max_batch_size=1_000)


def many(url: str, make: Callable[[Any], Any]) -> DataLoader[str, Any]:
    """A loader of all rows of an item."""

    async def batch(ids: Sequence[str]) -> list[Any]:
        rows: dict[str, list[Any]] = {i: [] for i in ids}
        for row in await get(url + ",".join(ids)):
            rows[row["itemId"]].append(make(row))
        return [rows[i] for i in ids]

    return DataLoader(batch, max_batch_size=1_000)


@strawberry.type
class Supplier:
    """A supplier."""

    code: str
    name: str


@strawberry.type
class Location:
    """A location."""

    code: str


@strawberry.type
class Position:
    """Stock of an item at a location."""

    location: Location
    on_hand: Decimal


@strawberry.type
class Forecast:
    """Expected demand."""

    period_start: date
    quantity: Decimal


@strawberry.type
class Item:
    """An item."""

    sku: str
    name: str

    @strawberry.field
    async def inventory(self, info: Info[Any, None]) -> list[Position]:
        """Its stock."""
        found: list[Position] = await info.context["inventory"].load(self.sku)
        return found

    @strawberry.field
    async def forecasts(self, info: Info[Any, None]) -> list[Forecast]:
        """Its forecasts."""
        found: list[Forecast] = await info.context["forecasts"].load(self.sku)
        return found


@strawberry.type
class Money:
    """An amount."""

    amount: Decimal


@strawberry.type
class Line:
    """A line of an order."""

    item_id: strawberry.Private[str]
    quantity: Decimal
    unit_price: Money

    @strawberry.field
    async def item(self, info: Info[Any, None]) -> Item:
        """Its item."""
        found: Item = await info.context["items"].load(self.item_id)
        return found


@strawberry.type
class PurchaseOrder:
    """An order."""

    number: str
    status: str
    supplier_id: strawberry.Private[str]
    lines: list[Line]

    @strawberry.field
    async def supplier(self, info: Info[Any, None]) -> Supplier:
        """Its supplier."""
        found: Supplier = await info.context["suppliers"].load(self.supplier_id)
        return found


@strawberry.type
class PurchaseOrders:
    """A page of orders."""

    nodes: list[PurchaseOrder]


@strawberry.enum
class OrderField(Enum):
    """What orders can be ordered by."""

    NUMBER = "number"


@strawberry.input
class Order:
    """An order."""

    field: OrderField


def made(row: Any) -> PurchaseOrder:
    """An order from its row."""
    lines = [
        Line(
            item_id=x["itemId"],
            quantity=Decimal(x["quantity"]),
            unit_price=Money(amount=Decimal(str(x["unitPrice"]))),
        )
        for x in row["lines"]
    ]
    return PurchaseOrder(
        number=row["id"],
        status=STATUSES[row["status"]],
        supplier_id=row["supplierId"],
        lines=lines,
    )


@strawberry.type
class Query:
    """What can be asked."""

    @strawberry.field
    async def purchase_order(self, number: str) -> PurchaseOrder | None:
        """An order by its number."""
        rows = await get(f"{PROCUREMENT}/purchase-orders?ids={number}")
        return made(rows[0]) if rows else None

    @strawberry.field
    async def purchase_orders(
        self,
        first: int,
        order_by: list[Order],  # noqa: ARG002  # they come by number
    ) -> PurchaseOrders:
        """The first orders."""
        rows = await get(f"{PROCUREMENT}/purchase-orders?limit={first}&offset=0")
        return PurchaseOrders(nodes=[made(row) for row in rows])


class App(GraphQL[Any, None]):
    """The server, with loaders of its own for each request."""

    @override
    async def get_context(self, request: Any, response: Any = None) -> Any:
        return {
            "suppliers": one(
                f"{ERP}/suppliers?ids=", lambda r: Supplier(code=r["id"], name=r["name"])
            ),
            "items": one(f"{ERP}/items?ids=", lambda r: Item(sku=r["id"], name=r["name"])),
            "inventory": many(
                f"{ERP}/inventory?itemIds=",
                lambda r: Position(
                    location=Location(code=r["location"]), on_hand=Decimal(r["onHand"])
                ),
            ),
            "forecasts": many(
                f"{PLANNING}/forecasts?itemIds=",
                lambda r: Forecast(
                    period_start=date.fromisocalendar(
                        int(r["period"][:4]), int(r["period"][6:]), 1
                    ),
                    quantity=Decimal(r["quantity"]),
                ),
            ),
        }


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    """Connections for as long as the server runs."""
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    async with httpx.AsyncClient(timeout=60, limits=limits) as client:
        connections["all"] = client
        yield


app = Starlette(
    routes=[Route("/graphql", App(strawberry.Schema(Query), graphql_ide=None))],
    lifespan=lifespan,
)
