"""The streams of one process: caches drop what the log says has changed, then it is told."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import cast

from typing_extensions import override

from app.beside import beside
from app.governance.counting import UsageFlow
from app.installation import Installation
from app.manifest.ingestion import SystemIngestion
from app.manifest.loading import Declaration
from app.residency import settled
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
from runtime.usage.counting import UsageCounter
from runtime.usage.stored import UsageKeeper
from subscriptions import hub
from subscriptions.answering import SubscriptionRequest
from subscriptions.limits import StreamLimits
from subscriptions.outlets import Outlet, Subscription


class LogStreams(Streams):
    """Begins subscriptions over the event log."""

    def __init__(self, streams: hub.Streams, usage: UsageCounter) -> None:
        self._streams = streams
        self._usage = usage

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
        self._usage.count(request.query, request.operation_name, terms.client)
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
    declared, _ = settled(declared)
    said, ingestion = declared.manifest.subscriptions, declared.manifest.ingestion

    @asynccontextmanager
    async def opened(operator: Operator, serving: Serving) -> AsyncIterator[Streams]:
        installation = cast("Installation", serving)
        config, base_dir = declared.manifest.known_operations, declared.vault.base_dir
        async with (
            open_streams(operator, installation, said.limits(), ingestion) as streams,
            trusting(config, base_dir, serving.serves.known, operator.documents),
        ):
            yield streams

    return Streaming(streams=opened, settings=said.settings())


@asynccontextmanager
async def open_streams(
    operator: Operator,
    installation: Installation,
    limits: StreamLimits,
    ingestion: Mapping[str, SystemIngestion],
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
    answering = EngineAnswering(operator.engine, operator.documents, operator.judge, installation)
    streams = hub.Streams(log.ledger, answering, follower.positions, limits=limits)
    relay.streams = streams
    watched = {name: one.watch for name, one in ingestion.items()}
    try:
        async with (
            beside(streams.run()),
            _counting(operator, installation),
            watching(watched, installation.catalog, log, installation.intake),
        ):
            yield LogStreams(streams, installation.governance.usage)
    finally:
        await follower.aclose()
        await streams.stop()


@asynccontextmanager
async def _counting(operator: Operator, installation: Installation) -> AsyncIterator[None]:
    """Keep what is counted while the block lasts, and what is left at its end."""
    log, governance = installation.log, installation.governance
    if governance.shared is None:
        yield
        return
    keeper = UsageKeeper(log.ledger, log.leases, log.member)
    questions = (operator.documents, operator.schema)
    flow = UsageFlow(governance.usage, questions, governance.shared, keeper)
    try:
        async with beside(flow.run()):
            yield
    finally:
        await flow.finish()
