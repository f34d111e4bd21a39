"""The streams of one process: caches drop what the log says has changed, then it is told."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from typing import Final, cast

import structlog
from typing_extensions import override

from app.beside import beside
from app.event_log import EventLog
from app.governance.counting import UsageFlow
from app.installation import Installation
from app.manifest.loading import Declaration
from app.manifest.model import Manifest
from app.processes.opening import running_processes
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
from canonical.errors import Reason, SupplygraphError, UnavailableError
from canonical.events import Event
from runtime.events.follower import Follower
from runtime.store.engines import SYSTEM
from runtime.store.migrating import state_of
from runtime.usage.counting import UsageCounter
from runtime.usage.stored import UsageKeeper
from subscriptions import hub
from subscriptions.answering import SubscriptionRequest
from subscriptions.outlets import Outlet, Subscription

_AGAIN_S: Final = 1.0
_CLOCKS_DIFFER: Final = timedelta(minutes=1)
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


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
    manifest = declared.manifest

    @asynccontextmanager
    async def opened(operator: Operator, serving: Serving) -> AsyncIterator[Streams]:
        installation = cast("Installation", serving)
        config, base_dir = manifest.known_operations, declared.vault.base_dir
        async with (
            open_streams(operator, installation, manifest) as streams,
            running_processes(installation, declared),
            trusting(config, base_dir, serving.serves.known, operator.documents),
        ):
            yield streams

    return Streaming(streams=opened, settings=manifest.subscriptions.settings())


class _LateStreams(Streams):
    """Begins subscriptions once the log can be followed."""

    def __init__(self) -> None:
        self.streams: Streams | None = None

    @override
    async def begin(self, request: GraphQLRequest, terms: Terms, outlet: Outlet) -> Subscription:
        if self.streams is None:
            raise UnavailableError(
                SYSTEM, Reason.CONNECTION, "cannot be reached yet", retry_after_s=_AGAIN_S
            )
        return await self.streams.begin(request, terms, outlet)


@asynccontextmanager
async def open_streams(
    operator: Operator, installation: Installation, manifest: Manifest
) -> AsyncIterator[Streams]:
    """Follow the log while the block lasts, watch systems, and begin subscriptions.

    If the store could not be reached when the log was opened, that is begun once it can be.

    Raises:
        UnavailableError: if it could, and cannot now.
    """
    log = installation.log

    def follow(since: datetime | None = None) -> AbstractAsyncContextManager[Streams]:
        return _following(operator, installation, manifest, since)

    if log.store.connected is not False:
        async with follow() as streams:
            yield streams
        return
    late = _LateStreams()
    async with beside(_follow_later(log, follow, late)):
        yield late


async def _follow_later(
    log: EventLog,
    follow: Callable[[datetime], AbstractAsyncContextManager[Streams]],
    late: _LateStreams,
) -> None:
    """Follow the log once it is there, from before anything was kept in this process."""
    while True:
        await asyncio.sleep(_AGAIN_S)
        try:
            await state_of(log.store)
            async with follow(log.opened_at - _CLOCKS_DIFFER) as late.streams:
                await asyncio.Event().wait()
        except SupplygraphError as exc:
            _log.warning("the log is not followed yet", error=exc.message)


@asynccontextmanager
async def _following(
    operator: Operator, installation: Installation, manifest: Manifest, since: datetime | None
) -> AsyncIterator[Streams]:
    log, relay = installation.log, _Relay()
    follower = Follower(
        log.ledger,
        log.channel,
        apply=installation.keyed.questions.apply,
        show=relay.show,
        member=log.member,
    )
    await follower.start(since)
    log.following.follower = follower
    answering = EngineAnswering(operator.engine, operator.documents, operator.judge, installation)
    limits = manifest.subscriptions.limits()
    streams = hub.Streams(log.ledger, answering, follower.positions, limits=limits)
    relay.streams = streams
    watched = {name: one.watch for name, one in manifest.ingestion.items()}
    takeover_s, intake = manifest.events.takeover_s, installation.intake
    try:
        async with (
            beside(streams.run()),
            _counting(operator, installation),
            watching(watched, installation.catalog, log, intake, takeover_s=takeover_s),
        ):
            yield LogStreams(streams, installation.governance.usage)
    finally:
        log.following.follower = None
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
