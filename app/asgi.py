"""The application of one worker process, which uvicorn starts anew: the environment says what."""

import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from starlette.applications import Starlette

from app.installation import open_installation
from app.manifest.loading import load_manifest
from app.queries import tabs
from app.server.application import create_app
from app.server.ports import GraphiQLConfig, Serving
from app.streaming import streaming_of
from runtime.telemetry.logs import configure_logs
from schema.api import build_schema

MANIFEST = "SUPPLYGRAPH_MANIFEST"
GRAPHIQL = "SUPPLYGRAPH_GRAPHIQL"
LOG_FORMAT = "SUPPLYGRAPH_LOG_FORMAT"

_THRESHOLDS: Final = (50_000, 20, 50)
"""An answer is made of thousands of objects without circles; looking for some costs 15 %."""


def application() -> Starlette:
    """The application that the environment describes.

    Raises:
        ManifestError: if the manifest cannot be used.
        InvalidInputError: if it is for development, and nobody said that this is.
    """
    configure_logs("console" if os.environ.get(LOG_FORMAT) == "console" else "json")
    declared = load_manifest(Path(os.environ[MANIFEST]), os.environ)
    declared.check_servable()
    graphiql = GraphiQLConfig(tabs({})) if os.environ.get(GRAPHIQL, "1") == "1" else None

    @asynccontextmanager
    async def opened() -> AsyncIterator[Serving]:
        async with open_installation(declared) as installation:
            settle_memory()
            yield installation

    schema = build_schema(declared.manifest.access, subgraph=declared.manifest.federation.enabled)
    return create_app(opened, graphiql=graphiql, schema=schema, streaming=streaming_of(declared))


def settle_memory() -> None:
    """Have the garbage collector leave alone what was made at the start and stays to the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
