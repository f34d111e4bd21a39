"""The event log from the command line, beside the processes that serve."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec.structs import replace

from app.installation import open_installation
from app.manifest.loading import Declaration
from app.operating import Operating
from workflows.replays import LogReplays


@asynccontextmanager
async def open_operating(declared: Declaration) -> AsyncIterator[Operating]:
    """Open the log of an installation, with all that reading a dead letter again may need.

    Where no Redis is named, caches are in the memory of the processes that serve, and nobody else
    can drop anything from them: then there is no consumer of that name.

    Raises:
        MisconfiguredError: if the log's tables are not those of this release.
        UnavailableError: if it cannot be reached.
    """
    async with open_installation(declared) as installation:
        found = installation.operating
        if declared.redis_url is None:
            found = replace(found, replays=LogReplays(found.ledger, {}))
        yield found
