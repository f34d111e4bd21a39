"""One process of the soak: the server as shipped, and a way in of its own.

POST /soak/take takes the numbers of orders; each is reported as sent, and 204 is the yes.

    python -m bench.soak.server PORT
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from os import environ
from pathlib import Path
from typing import Final

import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.asgi import MANIFEST
from app.installation import Installation, open_installation
from app.manifest.loading import load_manifest
from app.serve import config_of, listen
from app.server.application import Application, create_app
from app.streaming import streaming_of
from canonical.entities import EntityName
from canonical.errors import UnavailableError
from canonical.observations import Observation
from canonical.purchase_orders import PurchaseOrder, PurchaseOrderStatus
from schema.api import build_schema
from workflows.ingestion.intake import Delivery, Intake

SUPPLIERS: Final = 10
SYSTEM: Final = "procurement"


def delivery_of(number: int) -> Delivery:
    """What is reported of the order with a number; always the same."""
    record = PurchaseOrder(
        number=f"P-{number}",
        supplier=supplier_of(number),
        status=PurchaseOrderStatus.SENT,
    )
    observation = Observation(
        system=SYSTEM,
        entity=EntityName.PURCHASE_ORDER,
        key=str(number),
        record=record,
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        source_event_id=f"e-{number}",
        partial=True,
    )
    return Delivery(system=SYSTEM, observations=(observation,), delivery_id=f"d-{number}")


def supplier_of(number: int) -> str:
    """Whose order it is."""
    return f"S-{number % SUPPLIERS}"


def application() -> Application:
    """The application that the environment describes, with the way in."""
    declared = load_manifest(Path(environ[MANIFEST]), environ)
    opened: list[Installation] = []

    @asynccontextmanager
    async def opening() -> AsyncIterator[Installation]:
        async with open_installation(declared) as installation:
            opened.append(installation)
            yield installation

    async def take(request: Request) -> Response:
        deliveries = [delivery_of(number) for number in await request.json()]
        try:
            await Intake(opened[0].log.ledger).take(deliveries)
        except UnavailableError as exc:
            return Response(exc.message, HTTPStatus.SERVICE_UNAVAILABLE)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    made = create_app(
        opening, graphiql=None, schema=build_schema(), streaming=streaming_of(declared)
    )
    made.router.routes.append(Route("/soak/take", take, methods=["POST"]))
    assert isinstance(made, Application)
    return made


if __name__ == "__main__":
    bound = listen("127.0.0.1", int(sys.argv[1]))
    uvicorn.Server(config_of(application())).run(sockets=[bound])
