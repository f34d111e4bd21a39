"""Subscriptions as a user of plain Strawberry would write them: a broadcast, a queue for each.

POST /events with a list of numbers makes events, as `bench.streams.appender` counts them.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from strawberry.asgi import GraphQL

ORDERS = int(os.environ["BENCH_ORDERS"])
SUPPLIERS = int(os.environ["BENCH_SUPPLIERS"])
queues: set["asyncio.Queue[Changed]"] = set()


@strawberry.type
class Order:
    """An order."""

    number: str


@strawberry.type
class Changed:
    """What has happened."""

    cursor: str
    status: str
    previous_status: str
    purchase_order: Order
    of: strawberry.Private[str]


@strawberry.input
class Filter:
    """Which changes."""

    supplier: list[str] | None = None


@strawberry.type
class Query:
    """There must be one."""

    here: bool = True


@strawberry.type
class Subscription:
    """What is heard."""

    @strawberry.subscription
    async def purchase_order_changed(
        self,
        filter: Filter | None = None,  # the schema's word
    ) -> AsyncIterator[Changed]:
        """Changes, as they happen."""
        wanted = None if filter is None else filter.supplier
        queue: asyncio.Queue[Changed] = asyncio.Queue()
        queues.add(queue)
        try:
            while True:
                changed = await queue.get()
                if wanted is None or changed.of in wanted:
                    yield changed
        finally:
            queues.discard(queue)


async def publish(request: Request) -> Response:
    """Tell everybody."""
    for number in await request.json():
        changed = Changed(
            cursor=f"MTpwdXJjaGFzZV9vcmRlcjo{number:06d}",
            status="ACKNOWLEDGED",
            previous_status="SENT",
            purchase_order=Order(number=f"PO-{number % ORDERS + 1:05d}"),
            of=f"C-{number % SUPPLIERS}",
        )
        for queue in queues:
            queue.put_nowait(changed)
    return Response(status_code=204)


served: Any = GraphQL(strawberry.Schema(Query, subscription=Subscription), graphql_ide=None)
app = Starlette(
    routes=[
        Route("/events", publish, methods=["POST"]),
        Route("/graphql", served),
        WebSocketRoute("/graphql", served),
    ]
)
