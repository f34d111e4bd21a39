"""The systems that have an order, as its confirmation tells them: each write once."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from canonical.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
    RejectedError,
    SupplygraphError,
)
from canonical.exceptions import ExceptionCategory, Trouble
from canonical.ordering import OrderReference
from canonical.ports import Ask
from canonical.writing import Ability, LineChange, OrderInSystem, OrderSink, Promise
from workflows.confirmation.facts import OrderFacts, OrderReader
from workflows.confirmation.words import SaidLine
from workflows.process import NeedsOperatorError, Process, SettledByOperatorError

_REFUSALS: Final = (InvalidInputError, RejectedError, NotFoundError, RefusedError)

Asking = Callable[[str], Ask]
"""Makes what travels with a request to a system, for a correlation id."""


class Told(Struct, frozen=True):
    """What a system has after it was told.

    Attributes:
        version: What tells this state from later ones; None if nothing does.
    """

    version: str | None = None


class ConfirmationSystems:
    """Systems that have orders.

    Args:
        sinks: By the name of the system.
        reader: Reads orders back.
        asking: Makes what travels with requests.
    """

    def __init__(self, sinks: Mapping[str, OrderSink], reader: OrderReader, asking: Asking) -> None:
        self._sinks = sinks
        self._reader = reader
        self._asking = asking

    def knows(self, system: str) -> bool:
        """Whether a system can be told anything."""
        return system in self._sinks

    def can(self, system: str, ability: Ability) -> bool:
        """Whether a system can be told something."""
        return self.knows(system) and ability in self._sinks[system].abilities

    def lacking(self, orders: Iterable[OrderReference], ability: Ability) -> str | None:
        """The first system that has the order, can be told of it, but not this."""
        for order in orders:
            if self.knows(order.system) and not self.can(order.system, ability):
                return order.system
        return None

    async def versions(
        self, orders: Iterable[OrderReference], correlation_id: str
    ) -> dict[str, str | None]:
        """What tells the order in each system from later states."""
        found: dict[str, str | None] = {}
        for order in orders:
            if self.knows(order.system):
                asking = self._asking(correlation_id)
                seen = await self._sinks[order.system].look(order.key, asking)
                found[order.system] = None if seen is None else seen.version
        return found

    async def acknowledge(
        self,
        process: Process,
        order: OrderReference,
        promises: Sequence[Promise],
        *,
        note: str | None,
        version: str | None,
    ) -> Told | None:
        """Write down what was promised, once; None if the system is not told of promises.

        Raises:
            ConflictError: the order is another than in `version`.
            CancelledByOperatorError: an operator gave the process up.
        """
        if not self.can(order.system, Ability.ACKNOWLEDGE):
            return None

        async def tell() -> OrderInSystem:
            return await self._sinks[order.system].acknowledge(
                order.key,
                promises,
                self._asking(process.correlation_id),
                note=note,
                version=version,
            )

        def shows(seen: OrderFacts) -> bool:
            said = seen.said
            return all(_shows(said.get(p.line_number), p) for p in promises)

        return await self._write(process, f"acknowledge in {order.system}", order, tell, shows)

    async def change(
        self,
        process: Process,
        order: OrderReference,
        changes: Sequence[LineChange],
        *,
        version: str | None,
    ) -> Told | None:
        """Change lines, once; None if the system is not told of changes.

        Raises:
            As of `acknowledge`.
        """
        if not self.can(order.system, Ability.CHANGE):
            return None

        async def tell() -> OrderInSystem:
            ask = self._asking(process.correlation_id)
            return await self._sinks[order.system].change(order.key, changes, ask, version=version)

        def shows(seen: OrderFacts) -> bool:
            lines = seen.by_number
            return all(
                not lines[c.line_number].is_open
                if not c.quantity
                else lines[c.line_number].quantity == c.quantity
                for c in changes
                if c.line_number in lines
            )

        return await self._write(process, f"change lines in {order.system}", order, tell, shows)

    async def _write(
        self,
        process: Process,
        name: str,
        order: OrderReference,
        tell: Callable[[], Awaitable[OrderInSystem]],
        shows: Callable[[OrderFacts], bool],
    ) -> Told | None:
        """Tell a system something.

        An order that cannot be read there is told again: the same once more changes nothing, and
        what has changed meanwhile is a conflict.
        """

        async def told() -> Told:
            try:
                return Told((await tell()).version)
            except ConflictError:
                raise
            except _REFUSALS as exc:
                raise _held(name, order, exc) from exc

        async def became() -> Told | None:
            seen = await self._reader.order(order, process.correlation_id, whole=False)
            if seen is None or not shows(seen):
                return None
            return Told((await self.versions([order], process.correlation_id))[order.system])

        try:
            return await process.write(name, told, became, Told)
        except SettledByOperatorError:
            return Told()
        except RejectedError as exc:  # an extension's: what the system refuses waits for somebody
            await process.report(_kept_back(name, order, exc, process))
            return None


def _shows(said: SaidLine | None, promise: Promise) -> bool:
    """Whether a system shows a promise, as far as it shows any."""
    return said is not None and (
        said.quantity in {None, promise.quantity} and said.on in {None, promise.on}
    )


def _kept_back(name: str, order: OrderReference, error: RejectedError, process: Process) -> Trouble:
    return Trouble(
        cause=f"order:{order.system}:{order.key}/kept_back",
        category=ExceptionCategory.VALIDATION_REFUSED,
        message=(
            f"order {order.number or order.key}: did not {name}: {error.message}. Write it down "
            "there by hand, if it is to be"
        ),
        correlation_id=process.correlation_id,
    )


def _held(name: str, order: OrderReference, error: SupplygraphError) -> NeedsOperatorError:
    return NeedsOperatorError(
        ExceptionCategory.VALIDATION_REFUSED,
        f"order {order.number or order.key}: could not {name}: {error.message}. Put that right and "
        f"have it tried again; or settle it, if it is written there by hand",
    )
