"""What resolvers get of an installation for one operation."""

import asyncio
from datetime import datetime

from msgspec import Struct

from app.server.ports import Serving
from canonical.ports import Ask
from execution.operation import Operation
from loaders.context import ReadContext
from loaders.journal import Journal
from resolvers.context import RequestContext
from runtime.security.access import Access
from runtime.security.principal import Principal
from runtime.telemetry import tracing


class Begun(Struct, frozen=True):
    """An operation that may be run.

    Attributes:
        operation: Its batches and problems.
        journal: What it costs and is made of.
        reading: On which terms it reads.
        context: What resolvers get.
    """

    operation: Operation
    journal: Journal
    reading: ReadContext
    context: RequestContext


def begin_operation(
    serving: Serving,
    principal: Principal | None,
    correlation_id: str,
    max_staleness_s: float | None,
    now: datetime,
    access: Access,
) -> Begun:
    """Begin an operation, with loaders of its own.

    Args:
        serving: The installation.
        principal: Who asks.
        correlation_id: Ties its logs together.
        max_staleness_s: No record older than this is of use.
        now: The moment that it is answered for.
        access: Who may see what of the schema.
    """
    operation, journal = Operation(), Journal()
    deadline = asyncio.get_running_loop().time() + serving.operation_limits.timeout_s
    ask = Ask(deadline, correlation_id, journal, tracing.traceparent())
    reading = ReadContext(ask, journal, max_staleness_s, serving.territory(principal))
    context = RequestContext(
        operation=operation,
        principal=principal,
        reads=serving.reads(operation.scheduler, reading),
        now=now,
        correlation_id=correlation_id,
        limits=serving.limits,
        units=serving.units,
        history=serving.events.history,
        dead_letters=serving.events.dead_letters,
        replays=serving.events.replays,
        governing=serving.governance.governing,
        access=access,
        processing=serving.processes.processing,
    )
    return Begun(operation, journal, reading, context)
