"""The systems that orders are made in, as processes tell them: one write at a time, each once."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final, Protocol

import structlog
from msgspec import Struct
from typing_extensions import override

from canonical.entities import ENTITIES, KEY, EntityName, columns_of
from canonical.errors import (
    ConflictError,
    InvalidInputError,
    MappingMissingError,
    MisconfiguredError,
    NotFoundError,
    RefusedError,
    RejectedError,
    UnavailableError,
    UnsupportedError,
)
from canonical.exceptions import ExceptionCategory
from canonical.observations import Observation
from canonical.ordering import OrderReference
from canonical.ports import Ask, Meter
from canonical.purchase_orders import PurchaseOrder
from canonical.reading import Records
from canonical.values import Money
from canonical.writing import Ability, NewOrder, OrderInSystem, OrderSink
from workflows.ordering.rules import Timing
from workflows.process import NeedsOperatorError, Process

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

REFUSALS: Final = (InvalidInputError, RejectedError, ConflictError, NotFoundError, RefusedError)
"""What a system says against what it was told. Nothing was done."""

_COLUMNS: Final = frozenset(columns_of(ENTITIES[EntityName.PURCHASE_ORDER].record))
_TRIES: Final = 3


class OrderTelling(Protocol):
    """Tells whoever keeps or shows orders what a system has of one now."""

    async def tell(self, seen: Observation) -> None:
        """Tell. The same `source_event_id` counts once.

        Raises:
            UnavailableError: if it could not be told now.
        """


class Uncounted(Meter):
    """Costs that are nobody's."""

    @override
    def called(self, system: str, *, milliseconds: float, rows: int, failed: bool = False) -> None:
        """Nothing to count for."""


class Seen(Struct, frozen=True):
    """What a system has of an order; None if it has none."""

    order: OrderInSystem | None = None


class Holding(Struct, frozen=True):
    """What waits for an operator where a system refuses it.

    Attributes:
        what: What, for people.
        value_at_risk: What is at stake.
    """

    what: str
    value_at_risk: Money


class OrderSystems:
    """Systems that orders are made in.

    Args:
        sinks: By the name of the system.
        records: Reads orders back.
        telling: Is told what was made; None for nobody.
        timing: How long systems may take.
    """

    def __init__(
        self,
        sinks: Mapping[str, OrderSink],
        records: Records,
        telling: OrderTelling | None,
        timing: Timing,
    ) -> None:
        self._sinks = sinks
        self._records = records
        self._telling = telling
        self._timing = timing

    @property
    def patience_s(self) -> float:
        """After so many seconds a system has done what it was told, or never will."""
        return 2 * self._timing.write_s

    def sink(self, system: str) -> OrderSink:
        """One system.

        Raises:
            MisconfiguredError: if it takes no orders here.
        """
        if system not in self._sinks:
            raise MisconfiguredError(
                system, "it takes no orders here: declare its writes in the manifest"
            )
        return self._sinks[system]

    async def create(
        self,
        process: Process,
        system: str,
        order: NewOrder,
        *,
        wanted: Callable[[], Awaitable[bool]] | None = None,
        holding: Holding | None = None,
    ) -> OrderInSystem | None:
        """Make an order in a system, once.

        Args:
            process: Does it.
            system: Where.
            order: The order.
            wanted: Is asked each time before the system is told, whether it still is to be; then
                nothing is made, and None returned.
            holding: What waits for an operator if the system says something against it; None if
                nothing does.

        Raises:
            InvalidInputError, RejectedError, ConflictError, NotFoundError, RefusedError: it says
                something against it, and that does not wait.
            SettledByOperatorError: an operator has settled it otherwise.
        """

        async def tell() -> Seen:
            if wanted is not None and not await wanted():
                return Seen()
            try:
                return Seen(await self.sink(system).create(order, self._writing(process)))
            except REFUSALS as exc:
                raise _held(system, holding, exc) from exc

        async def became() -> Seen | None:
            seen = await self.find(process, system, order.key)
            return None if seen is None else Seen(seen)

        return (await process.write(f"create in {system}", tell, became, Seen)).order

    async def release(
        self, process: Process, system: str, record: str, *, holding: Holding | None = None
    ) -> OrderInSystem | None:
        """Take an order to where it goes to the supplier, once; None if the system has no such way.

        `holding`, and what it raises, as of `create`.
        """

        async def tell() -> Seen:
            sink = self.sink(system)
            if Ability.RELEASE not in sink.abilities:
                return Seen()
            try:
                return Seen(await sink.release(record, self._writing(process)))
            except REFUSALS as exc:
                raise _held(system, holding, exc) from exc

        async def became() -> Seen | None:
            seen = await self.look(process, system, record)
            return Seen(seen) if seen is not None and (seen.released or seen.cancelled) else None

        return (await process.write(f"release in {system}", tell, became, Seen)).order

    async def call_off(
        self, process: Process, system: str, reason: str, *, key: str, record: str | None
    ) -> OrderInSystem | None:
        """Call an order off in a system, once; None if it has none.

        What has changed meanwhile is read again and called off as it is now.

        Args:
            process: Does it.
            system: Where.
            reason: Why, for whoever looks there.
            key: Ours, of the order.
            record: The system's own, if it is known.

        Raises:
            As of `create`.
        """

        async def look() -> OrderInSystem | None:
            if record is not None:
                return await self.look(process, system, record)
            return await self.find(process, system, key)

        async def tell() -> Seen:
            for _ in range(_TRIES - 1):
                with suppress(ConflictError):
                    return Seen(await self._cancel(process, system, await look(), reason))
            return Seen(await self._cancel(process, system, await look(), reason))

        async def became() -> Seen | None:
            seen = await look()
            return Seen(seen) if seen is not None and seen.cancelled else None

        return (await process.write(f"call off in {system}", tell, became, Seen)).order

    async def _cancel(
        self, process: Process, system: str, seen: OrderInSystem | None, reason: str
    ) -> OrderInSystem | None:
        if seen is None or seen.cancelled:
            return seen
        sink = self.sink(system)
        if Ability.CANCEL not in sink.abilities:
            raise UnsupportedError(f"{system}: orders cannot be called off from here")
        ask = self._writing(process)
        return await sink.cancel(seen.key, ask, reason=reason, version=seen.version)

    async def seen(self, process: Process, system: str, record: str) -> OrderInSystem | None:
        """The order that a system has under a key of its own, looked at in a step."""

        async def look() -> Seen:
            return Seen(await self.look(process, system, record))

        return (await process.step(f"look into {system}", look, Seen)).order

    async def find(self, process: Process, system: str, key: str) -> OrderInSystem | None:
        """The order that a system has under a key of ours, as it is now; not kept."""
        return await self.sink(system).find(key, self._reading(process))

    async def look(self, process: Process, system: str, record: str) -> OrderInSystem | None:
        """The order that a system has under a key of its own, as it is now; not kept."""
        return await self.sink(system).look(record, self._reading(process))

    async def tell(self, process: Process, order: OrderReference, what: str) -> None:
        """Tell the log what a system has of an order now, once for each thing that happened to it.

        An order that cannot be read back is told of by its system, sooner or later.
        """
        telling = self._telling
        if telling is None:
            return

        async def tell() -> None:
            record = await self._read(order, process.correlation_id)
            if record is not None:
                await telling.tell(
                    Observation(
                        system=order.system,
                        entity=EntityName.PURCHASE_ORDER,
                        key=order.key,
                        record=record,
                        occurred_at=None,
                        source_event_id=f"{process.id}/{order.system}/{what}",
                        correlation_id=process.correlation_id,
                    )
                )

        await process.step(f"tell of the order in {order.system}", tell, type(None))

    async def _read(self, order: OrderReference, correlation_id: str) -> PurchaseOrder | None:
        try:
            batch = await self._records.by_keys(
                EntityName.PURCHASE_ORDER,
                KEY,
                [order.key],
                _COLUMNS,
                correlation_id=correlation_id,
                fresh=True,
            )
        except UnavailableError as exc:
            _log.info("ordering.not_read_back", system=order.system, reason=exc.message)
            return None
        for record in batch.records:
            origin = record.provenance
            if isinstance(record, PurchaseOrder) and origin.system == order.system:
                return None if origin.stale else record
        return None

    def _writing(self, process: Process) -> Ask:
        return _ask(self._timing.write_s, process)

    def _reading(self, process: Process) -> Ask:
        return _ask(self._timing.read_s, process)


def _held(system: str, holding: Holding | None, error: Exception) -> Exception:
    if holding is None:
        return error
    category = ExceptionCategory.VALIDATION_REFUSED
    if isinstance(error, MappingMissingError):
        category = ExceptionCategory.MAPPING_MISSING
    elif isinstance(error, ConflictError):
        category = ExceptionCategory.CONFLICT
    message = (
        f"{holding.what} is not complete in {system}: {error}. Put that right and have it tried "
        f"again; or settle it, if it is done there by hand; or give it up, and it is called off "
        f"everywhere"
    )
    return NeedsOperatorError(category, message, holding.value_at_risk)


def _ask(seconds: float, process: Process) -> Ask:
    deadline = asyncio.get_running_loop().time() + seconds
    return Ask(deadline, process.correlation_id, Uncounted(), interactive=False)
