"""The application of one worker process, which uvicorn starts anew: the environment says what."""

import os
from pathlib import Path

from starlette.applications import Starlette

from app.installation import open_installation
from app.manifest.loading import load_manifest
from app.queries import tabs
from app.server.application import create_app
from app.server.ports import GraphiQLConfig
from runtime.telemetry.logs import configure_logs

MANIFEST = "SUPPLYGRAPH_MANIFEST"
GRAPHIQL = "SUPPLYGRAPH_GRAPHIQL"
LOG_FORMAT = "SUPPLYGRAPH_LOG_FORMAT"


def application() -> Starlette:
    """The application that the environment describes.

    Raises:
        ManifestError: if the manifest cannot be used.
    """
    configure_logs("console" if os.environ.get(LOG_FORMAT) == "console" else "json")
    declared = load_manifest(Path(os.environ[MANIFEST]), os.environ)
    graphiql = GraphiQLConfig(tabs({})) if os.environ.get(GRAPHIQL, "1") == "1" else None
    return create_app(lambda: open_installation(declared), graphiql=graphiql)
