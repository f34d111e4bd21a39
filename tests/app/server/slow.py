"""An application whose items take a while, for processes that are told to stop meanwhile."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from app.server.application import create_app
from app.server.ports import Serving
from runtime.security.development import development_config
from runtime.security.tokens import TokenVerifier
from tests.fakes.desk import SCHEMA
from tests.fakes.distributor import Distributor
from tests.fakes.serving import FakeServing

DELAY, KEY, DRAIN = "TEST_DELAY_S", "TEST_KEY", "TEST_DRAIN_S"


def application() -> Starlette:
    """What a worker serves; told by its environment."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Serving]:
        world = Distributor()
        world.items.delay_s = float(os.environ[DELAY])
        serving = FakeServing(*world.sources)
        serving.tokens = TokenVerifier(development_config(os.environ[KEY]))
        yield serving

    drain_s = float(os.environ[DRAIN])
    return create_app(opened, graphiql=None, schema=SCHEMA, drain_s=drain_s)
