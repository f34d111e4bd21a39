"""Processes of one server: what the manifest declares, put together, and running.

records, sinks, exceptions, notices -> kinds of processes, with their extensions -> the engine
  -> what callers ask (desks), what events set off (triggers), what is done beside (workers)
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from random import SystemRandom
from typing import Any, Final

import structlog
from msgspec import Struct

from app.beside import beside
from app.installation import Installation
from app.manifest.loading import Declaration
from app.manifest.processes import ProcessesConfig
from app.notifying.opening import notices_of, sending
from app.processes.callouts import Callouts
from app.processes.ordering import OrderingProcesses, Surroundings
from app.processes.places import Places
from app.processes.records import LoadedRecords, ReadTerms
from app.processes.replenishing import Declared, Replenishing, replenishing
from app.processes.sinks import Asking, IntakeTelling, forecast_sink, order_sinks
from canonical.entities import EntityName
from canonical.errors import InvalidInputError, SupplygraphError
from canonical.events import Event
from canonical.exceptions import Troubles
from canonical.forecast_publishing import ForecastDesk
from resolvers.context import Processing
from runtime.processes.reading import StoredProcesses
from workflows.approval.desk import Approvers
from workflows.approval.reacting import Reacting
from workflows.engine.serving import open_engine
from workflows.exceptions.desk import Decisions
from workflows.exceptions.troubles import Reporting
from workflows.exceptions.upkeep import Upkeep
from workflows.extensions import extended
from workflows.forecast_publishing import ForecastPublishing, Planning
from workflows.notifications.ports import Notices
from workflows.process import Engine, ProcessKind
from workflows.replenishment.touching import STREAMS, touched
from workflows.triggers import Reaction, Triggers

_AGAIN_S: Final = 1.0
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
Work = Callable[[], Coroutine[Any, Any, None]]


@asynccontextmanager
async def running_processes(
    installation: Installation, declared: Declaration
) -> AsyncIterator[None]:
    """Run the processes of a manifest while the block lasts.

    If the store could not be reached when the installation was opened, they begin once it can be.

    Raises:
        InvalidInputError: if they cannot run as they are declared.
        UnavailableError: if the store could be reached then, and cannot now.
    """
    config = declared.manifest.processes
    if config is None:
        yield
    elif installation.log.store.connected is not False:
        async with _running(installation, declared, config):
            yield
    else:
        async with beside(_run_later(installation, declared, config)):
            yield


async def _run_later(
    installation: Installation, declared: Declaration, config: ProcessesConfig
) -> None:
    while True:
        await asyncio.sleep(_AGAIN_S)
        try:
            async with _running(installation, declared, config):
                await asyncio.Event().wait()
        except SupplygraphError as exc:
            _log.warning("processes do not run yet", error=exc.message)


@asynccontextmanager
async def _running(
    installation: Installation, declared: Declaration, config: ProcessesConfig
) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        house = _House(installation, declared, config)
        stack.push_async_callback(house.callouts.aclose)
        engine = await stack.enter_async_context(
            open_engine(
                house.kinds(),
                installation.log.store,
                declared.store,
                config.engine.settings(),
                house.troubles,
            )
        )
        await stack.enter_async_context(
            sending(config.notifications, declared.vault, installation.log, house.troubles)
        )
        for work in house.workers(engine):
            await stack.enter_async_context(beside(work()))
        installation.processes.processing = house.processing(engine)
        try:
            yield
        finally:
            installation.processes.processing = Processing()


class _Parts(Struct, frozen=True):
    """What is declared; None for what is not."""

    ordering: OrderingProcesses | None
    replenishing: Replenishing | None
    forecasts: ForecastDesk | None


class _House:
    """What processes are made of and work with.

    Args:
        installation: The installation.
        declared: Its manifest.
        config: What that says of processes.

    Attributes:
        callouts: Asks extensions.
        troubles: Where processes report what a person has to look at.
    """

    def __init__(
        self, installation: Installation, declared: Declaration, config: ProcessesConfig
    ) -> None:
        self._installation = installation
        self._declared = declared
        self._config = config
        self._random = SystemRandom()
        log = installation.log
        self._records = LoadedRecords(
            installation.keyed, installation.lists, ReadTerms(units=installation.units)
        )
        self._processes = StoredProcesses(log.store)
        self._notices: Notices = notices_of(config.notifications, log)
        rules = config.exceptions.rules()
        self.troubles: Troubles = Reporting(log.ledger, rules, self._notices)
        self.callouts = Callouts(declared.vault)
        self._parts = _Parts(self._ordering(), self._replenishing(), self._forecasts())

    def kinds(self) -> list[ProcessKind]:
        """The processes, with what is added to them."""
        parts, kinds = self._parts, list[ProcessKind]()
        if parts.ordering is not None:
            kinds += parts.ordering.kinds
        if parts.replenishing is not None:
            kinds.append(parts.replenishing.kind)
        known = {kind.kind for kind in kinds}
        for name, each in self._config.extensions.items():
            if each.process not in known:
                raise InvalidInputError(
                    f"processes.extensions.{name}: there is no process {each.process!r}; there "
                    f"are: {', '.join(sorted(known)) or 'none'}"
                )
        extensions = [
            config.extension(name, self.callouts.asking)
            for name, config in self._config.extensions.items()
        ]
        routes = None if parts.ordering is None else parts.ordering.routes
        found = None if parts.replenishing is None else parts.replenishing.recommendations
        places = Places(self._records, routes, found)
        return [extended(kind, extensions, places) for kind in kinds]

    def workers(self, engine: Engine) -> list[Work]:
        """What is done beside processes."""
        log, parts = self._installation.log, self._parts
        reactions = self._reactions(engine)
        triggers = Triggers(
            log.ledger,
            log.leases,
            reactions,
            self.troubles,
            holder=log.member,
            random=self._random,
        )
        upkeep = Upkeep(
            log.ledger,
            log.leases,
            holder=log.member,
            notices=self._notices,
            engine=engine,
            processes=self._processes,
        )
        works: list[Work] = [triggers.run, upkeep.run]
        if parts.replenishing is not None:
            replenisher = parts.replenishing.replenisher
            works.append(lambda: replenisher.run(log.member, self._random))
        return works

    def processing(self, engine: Engine) -> Processing:
        """What callers ask of processes."""
        log, parts = self._installation.log, self._parts
        ordering, found = parts.ordering, parts.replenishing
        return Processing(
            orders=None if ordering is None else ordering.desk(engine),
            acknowledgements=None if ordering is None else ordering.acknowledgements(engine),
            recommendations=None
            if found is None
            else Approvers(found.recommendations, found.policy, engine, found.calculating),
            exceptions=Decisions(log.ledger, self._notices, engine),
            processes=self._processes,
            forecasts=parts.forecasts,
        )

    def _reactions(self, engine: Engine) -> Mapping[EntityName, Sequence[Reaction]]:
        found: dict[EntityName, list[Reaction]] = {}
        parts = self._parts
        if parts.replenishing is not None:
            evaluations, ledger = parts.replenishing.evaluations, self._installation.log.ledger

            async def touch(events: Sequence[Event]) -> None:
                await evaluations.touch(touched(events), at=ledger.now())

            for stream in STREAMS:
                found.setdefault(stream, []).append(touch)
            found.setdefault(EntityName.RECOMMENDATION, []).append(Reacting(engine).react)
        if parts.ordering is not None:
            for stream, reactions in parts.ordering.reactions(engine).items():
                found.setdefault(stream, []).extend(reactions)
        return found

    def _ordering(self) -> OrderingProcesses | None:
        config = self._config
        if config.ordering is None:
            return None
        around = Surroundings(
            order_sinks(self._installation.backends, self._declared.tables),
            self._records,
            self._processes,
            IntakeTelling(self._installation.intake),
            self._notices,
        )
        return OrderingProcesses(config.ordering, config.confirmation, around)

    def _replenishing(self) -> Replenishing | None:
        config = self._config
        if config.replenishment is None:
            return None
        declared = Declared(config.replenishment, config.approval)
        log = self._installation.log
        return replenishing(declared, log, self._records, self.troubles, self._notices)

    def _forecasts(self) -> ForecastDesk | None:
        config, installation = self._config.forecasts, self._installation
        if config is None:
            return None
        backend = installation.backends[config.system]
        sink = forecast_sink(backend, self._declared.tables)
        [supply] = installation.catalog.supplies(EntityName.FORECAST, config.system)
        if sink is None:
            raise InvalidInputError(
                f"processes.forecasts.system: {config.system} takes no forecasts: its mapping has "
                "no `writes` with `publish`"
            )
        return ForecastPublishing(
            Planning(sink, supply.source),
            self._records,
            installation.log.ledger,
            installation.intake,
            Asking(self._config.engine.tell_within_s),
        )
