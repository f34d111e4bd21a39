"""A hand-written aggregator, aiohttp and no GraphQL: the least work that yields the same JSON.

It knows what is asked by the operation's name, and asks for stock and forecasts without waiting for
the items, because lines know their items' keys.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

import aiohttp
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.projection import projected

ERP = os.environ["KIT_ERP"]
PROCUREMENT = os.environ["KIT_PROCUREMENT"]
PLANNING = os.environ["KIT_PLANNING"]
STATUSES = {
    "OPEN": "SENT",
    "CONFIRMED": "ACKNOWLEDGED",
    "SHIPPED": "PARTIALLY_RECEIVED",
    "RECEIVED": "RECEIVED",
}
Rows = list[dict[str, Any]]


class Client:
    """The connections to the systems, opened with the server."""

    def __init__(self) -> None:
        self.session: aiohttp.ClientSession | None = None

    async def get(self, url: str) -> Rows:
        """Rows of a system."""
        assert self.session is not None
        async with self.session.get(url) as response:
            rows: Rows = orjson.loads(await response.read())
        return rows


client = Client()


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as session:
        client.session = session
        yield


async def one_order(variables: Mapping[str, Any]) -> Any:
    [order] = await client.get(f"{PROCUREMENT}/purchase-orders?ids={variables['id']}")
    skus = _joined(x["itemId"] for x in order["lines"])
    [supplier], items = await asyncio.gather(
        client.get(f"{ERP}/suppliers?ids={order['supplierId']}"),
        client.get(f"{ERP}/items?ids={skus}"),
    )
    names = {row["id"]: {"name": row["name"]} for row in items}
    return {
        "purchaseOrder": {
            "number": order["id"],
            "status": STATUSES[order["status"]],
            "supplier": {"name": supplier["name"]},
            "lines": _lines(order, names),
        }
    }


async def joined(variables: Mapping[str, Any]) -> Any:
    first = variables["first"]
    orders = await client.get(f"{PROCUREMENT}/purchase-orders?limit={first}&offset=0")
    skus = _joined(x["itemId"] for order in orders for x in order["lines"])
    codes = _joined(order["supplierId"] for order in orders)
    found, items, stock, forecasts = await asyncio.gather(
        client.get(f"{ERP}/suppliers?ids={codes}"),
        client.get(f"{ERP}/items?ids={skus}"),
        client.get(f"{ERP}/inventory?itemIds={skus}"),
        client.get(f"{PLANNING}/forecasts?itemIds={skus}"),
    )
    suppliers = {row["id"]: {"code": row["id"], "name": row["name"]} for row in found}
    by_sku: dict[str, Any] = {
        row["id"]: {"sku": row["id"], "name": row["name"], "inventory": [], "forecasts": []}
        for row in items
    }
    for row in stock:
        place = {"location": {"code": row["location"]}, "onHand": str(row["onHand"])}
        by_sku[row["itemId"]]["inventory"].append(place)
    for row in forecasts:
        expected = {"periodStart": monday(row["period"]), "quantity": str(row["quantity"])}
        by_sku[row["itemId"]]["forecasts"].append(expected)
    nodes = [
        {
            "number": order["id"],
            "status": STATUSES[order["status"]],
            "supplier": suppliers[order["supplierId"]],
            "lines": _lines(order, by_sku),
        }
        for order in orders
    ]
    return {"purchaseOrders": {"nodes": nodes}}


async def projection(_: Mapping[str, Any]) -> Any:
    items = await client.get(f"{ERP}/items?limit=500&offset=0")
    skus = _joined(row["id"] for row in items)
    stock, orders, demand = await asyncio.gather(
        client.get(f"{ERP}/inventory?itemIds={skus}"),
        client.get(
            f"{PROCUREMENT}/order-book?itemIds={skus}&status=OPEN,CONFIRMED,SHIPPED&limit=10000"
        ),
        client.get(f"{PLANNING}/demand?itemIds={skus}"),
    )
    today = datetime.now(UTC).date()
    found = projected((row["id"] for row in items), stock, orders, demand, today)
    nodes = [{"sku": sku, "projectedInventory": buckets} for sku, buckets in found.items()]
    return {"items": {"nodes": nodes}}


async def order_page(variables: Mapping[str, Any]) -> Any:
    codes = ",".join(variables["suppliers"])
    filters = f"status=CONFIRMED&supplierIds={codes}"
    orders = await client.get(f"{PROCUREMENT}/order-book?{filters}&limit=101&offset=0")
    page = orders[:100]
    skus = _joined(x["itemId"] for order in page for x in order["lines"])
    found, items = await asyncio.gather(
        client.get(f"{ERP}/suppliers?ids={_joined(o['supplierId'] for o in page)}"),
        client.get(f"{ERP}/items?ids={skus}"),
    )
    suppliers = {row["id"]: {"code": row["id"], "name": row["name"]} for row in found}
    by_sku = {row["id"]: {"sku": row["id"], "name": row["name"]} for row in items}
    nodes = [
        {
            "number": order["id"],
            "orderedOn": order["orderedOn"],
            "status": STATUSES[order["status"]],
            "supplier": suppliers[order["supplierId"]],
            "lines": [
                {
                    "lineNumber": x["lineNumber"],
                    "quantity": str(x["quantity"]),
                    "dueOn": x["dueOn"],
                    "item": by_sku[x["itemId"]],
                }
                for x in order["lines"]
            ],
        }
        for order in page
    ]
    more = {"hasNextPage": len(orders) > len(page)}
    return {"purchaseOrders": {"nodes": nodes, "pageInfo": more}}


async def item_page(variables: Mapping[str, Any]) -> Any:
    category = variables["category"]
    items = await client.get(f"{ERP}/items?category={category}&limit=101&offset=0")
    page = items[:100]
    stock = await client.get(f"{ERP}/inventory?itemIds={_joined(row['id'] for row in page)}")
    codes = _joined(row["location"] for row in stock)
    places = {row["id"]: row["name"] for row in await client.get(f"{ERP}/locations?ids={codes}")}
    by_sku: dict[str, list[Any]] = {row["id"]: [] for row in page}
    for row in stock:
        by_sku[row["itemId"]].append(
            {
                "location": {"code": row["location"], "name": places[row["location"]]},
                "onHand": str(row["onHand"]),
                "available": str(row["onHand"] - row["reserved"]),
            }
        )
    nodes = [
        {
            "sku": row["id"],
            "name": row["name"],
            "category": row["category"],
            "leadTimeDays": row["leadTimeDays"],
            "inventory": by_sku[row["id"]],
        }
        for row in page
    ]
    return {"items": {"nodes": nodes, "pageInfo": {"hasNextPage": len(items) > len(page)}}}


@lru_cache
def monday(period: str) -> str:
    """The first day of one of planning's periods, `2026-W01`."""
    return date.fromisocalendar(int(period[:4]), int(period[-2:]), 1).isoformat()


def _joined(values: Iterable[str]) -> str:
    return ",".join(dict.fromkeys(values))


def _lines(order: Mapping[str, Any], items: Mapping[str, Any]) -> list[Any]:
    return [
        {
            "quantity": str(x["quantity"]),
            "unitPrice": {"amount": str(x["unitPrice"])},
            "item": items[x["itemId"]],
        }
        for x in order["lines"]
    ]


ANSWERS = {
    "Q1": one_order,
    "Projection": projection,
    "OrderPage": order_page,
    "ItemPage": item_page,
}


async def endpoint(request: Request) -> Response:
    asked = orjson.loads(await request.body())
    data = await ANSWERS.get(asked["operationName"], joined)(asked["variables"])
    return Response(orjson.dumps({"data": data}), media_type="application/json")


app = Starlette(routes=[Route("/graphql", endpoint, methods=["POST"])], lifespan=lifespan)
