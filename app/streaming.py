"""The streams of one process: caches drop what the log says has changed, then it is told."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

from typing_extensions import override

from app.beside import beside
from app.installation import Installation
from app.manifest.loading import Declaration
from app.manifest.model import Manifest
from app.server.answering import EngineAnswering
from app.server.application import Streaming
from app.server.operator import Operator
from app.server.ports import Serving
from app.server.requests import GraphQLRequest
from app.server.streams import Streams
from app.server.terms import Terms
from app.trusted import trusting
from app.watching import watching
from canonical.events import Event
from runtime.events.follower import Follower
from subscriptions import hub
from subscriptions.answering import SubscriptionRequest
from subscriptions.outlets import Outlet, Subscription


class LogStreams(Streams):
    """Begins subscriptions over the event log."""

    def __init__(self, streams: hub.Streams) -> None:
        self._streams = streams

    @override
    async def begin(self, request: GraphQLRequest, terms: Terms, outlet: Outlet) -> Subscription:
        asked = SubscriptionRequest(
            request.query,
            request.variables,
            request.operation_name,
            terms.principal,
            terms.correlation_id,
            terms.max_staleness_s,
        )
        return self._streams.begin(asked, outlet)


class _Relay:
    """Shows events to streams that are made after the follower has begun."""

    def __init__(self) -> None:
        self.streams: hub.Streams | None = None

    async def show(self, events: Sequence[Event]) -> None:
        if self.streams is not None:
            await self.streams.show(events)


def streaming_of(declared: Declaration) -> Streaming:
    """How an application serves the subscriptions of a manifest's installation."""
    manifest = declared.manifest

    @asynccontextmanager
    async def opened(operator: Operator, serving: Serving) -> AsyncIterator[Streams]:
        installation = cast("Installation", serving)
        config, base_dir = manifest.known_operations, declared.vault.base_dir
        async with (
            open_streams(operator, installation, manifest) as streams,
            trusting(config, base_dir, serving.serves.known, operator.documents),
        ):
            yield streams

    return Streaming(streams=opened, settings=manifest.subscriptions.settings())


@asynccontextmanager
async def open_streams(
    operator: Operator, installation: Installation, manifest: Manifest
) -> AsyncIterator[Streams]:
    """Follow the log while the block lasts, watch systems, and begin subscriptions.

    Raises:
        UnavailableError: if the store cannot be reached.
    """
    log, relay = installation.log, _Relay()
    follower = Follower(
        log.ledger,
        log.channel,
        apply=installation.keyed.questions.apply,
        show=relay.show,
        member=log.member,
    )
    await follower.start()
    answering = EngineAnswering(operator.engine, operator.documents, installation)
    limits = manifest.subscriptions.limits()
    streams = hub.Streams(log.ledger, answering, follower.positions, limits=limits)
    relay.streams = streams
    watched = {name: one.watch for name, one in manifest.ingestion.items()}
    takeover_s, intake = manifest.events.takeover_s, installation.intake
    try:
        async with (
            beside(streams.run()),
            watching(watched, installation.catalog, log, intake, takeover_s=takeover_s),
        ):
            yield LogStreams(streams)
    finally:
        await follower.aclose()
        await streams.stop()
