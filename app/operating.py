"""What operators do with the event log beside the processes that serve: `supplygraph events`."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from msgspec import Struct

from app.event_log import open_ledger
from app.manifest.loading import Declaration
from loaders.questions import Questions
from loaders.shelf import FORMAT
from runtime.cache.announcements import Announcements
from runtime.cache.connection import RedisHandle
from runtime.cache.record_cache import RecordCache
from runtime.events.ledger import Ledger
from runtime.events.letters import Letters
from workflows.ingestion.intake import Intake
from workflows.letters import DeadLetterDesk, Rereading
from workflows.replays import Consumer, LogReplays

CACHES: Final = "caches"
"""The consumer that drops what events touch."""


class Operating(Struct, frozen=True):
    """The log, and what may be done with it.

    Attributes:
        ledger: The log.
        letters: Dead letters, to look at.
        dead_letters: Decides on them.
        replays: Gives events once more.
    """

    ledger: Ledger
    letters: Letters
    dead_letters: DeadLetterDesk
    replays: LogReplays


def operating_on(
    ledger: Ledger, consumers: Mapping[str, Consumer], readings: Mapping[str, Rereading]
) -> Operating:
    """What may be done with a log."""
    desk = DeadLetterDesk(ledger, Intake(ledger), readings)
    return Operating(ledger, Letters(ledger.store), desk, LogReplays(ledger, consumers))


@asynccontextmanager
async def open_operating(declared: Declaration) -> AsyncIterator[Operating]:
    """Open the log of an installation, and its Redis if it names one.

    Where it does not, its caches are in the memory of the processes that serve, and nobody else
    can drop anything from them: then there is no such consumer.

    Raises:
        MisconfiguredError: if the log's tables are not those of this release.
        UnavailableError: if it cannot be reached.
    """
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(open_ledger(declared.store))
        consumers: dict[str, Consumer] = {}
        if declared.redis_url is not None:
            redis = RedisHandle(declared.redis_url)
            stack.push_async_callback(redis.aclose)
            cache = RecordCache(redis, version=FORMAT)
            stack.push_async_callback(cache.aclose)
            consumers[CACHES] = Questions(cache, Announcements(redis, FORMAT)).apply
        yield operating_on(ledger, consumers, {})
