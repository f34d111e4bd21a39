"""The watchers of one process: what its manifest says, over the systems that it has opened."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import SystemRandom

from app.beside import beside
from app.event_log import EventLog
from app.manifest.watching import WatchConfig
from canonical.entities import EntityName
from canonical.errors import InvalidInputError
from loaders.catalog import Catalog
from runtime.events.holding import LEASE_S
from workflows.ingestion.intake import Intake
from workflows.ingestion.watchers import Pace, Watchers
from workflows.ingestion.watches import Watch

Declared = Mapping[str, Mapping[EntityName, WatchConfig]]
"""By system and entity, how it is watched."""


def watches_of(declared: Declared, catalog: Catalog) -> list[Watch]:
    """What is watched.

    Raises:
        InvalidInputError: if something cannot be watched as it is said.
    """
    return [
        _watch(system, entity, config, catalog)
        for system, watched in declared.items()
        for entity, config in watched.items()
    ]


def _watch(system: str, entity: EntityName, config: WatchConfig, catalog: Catalog) -> Watch:
    supplies = catalog.supplies(entity, system) if catalog.has(entity) else ()
    if not supplies:
        raise InvalidInputError(
            f"ingestion.{system}.watch.{entity.value}: {system} is no source of it; name it under "
            f"entities.{entity.value}.sources, or take the watch out"
        )
    order = EntityName.PURCHASE_ORDER
    orders = catalog.supplies(order, system) if catalog.has(order) else ()
    return config.watch(supplies[0], orders[0] if orders else None)


@asynccontextmanager
async def watching(
    declared: Declared,
    catalog: Catalog,
    log: EventLog,
    intake: Intake,
    *,
    takeover_s: float = LEASE_S,
) -> AsyncIterator[None]:
    """Watch while the block lasts. Every process may: for each watch one of them does.

    Args:
        declared: What is watched.
        catalog: Where it is read.
        log: Where events go.
        intake: How they come there.
        takeover_s: How long a process that died is waited for, before another watches.

    Raises:
        InvalidInputError: if something cannot be watched as it is said.
    """
    watches = watches_of(declared, catalog)
    clock = asyncio.get_running_loop().time
    pace = Pace(clock=clock, random=SystemRandom(), lease_s=takeover_s)
    watchers = Watchers(watches, intake, log.ledger, log.leases, holder=log.member, pace=pace)
    async with beside(watchers.run()):
        yield
