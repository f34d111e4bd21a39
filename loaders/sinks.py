"""Identity across systems, for writing: a sink speaks canonical keys, whatever its system does."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from canonical.entities import EntityName
from canonical.errors import MappingMissingError
from canonical.ports import Ask
from canonical.writing import (
    Ability,
    ForecastSink,
    LineChange,
    NewForecast,
    NewOrder,
    NewOrderLine,
    OrderInSystem,
    OrderSink,
    Promise,
    ReceivedLine,
)
from loaders.crosswalks import Crosswalk, Crosswalks

_NAMES: Final[Mapping[EntityName, str]] = {
    EntityName.SUPPLIER: "supplier",
    EntityName.ITEM: "item",
    EntityName.LOCATION: "location",
}


class _Translator:
    """Canonical codes to those of one system."""

    def __init__(self, system: str, crosswalks: Crosswalks) -> None:
        self._system = system
        self._walks: Mapping[EntityName, Crosswalk] = {
            entity: walk for entity, walk in crosswalks.items() if not walk.trivial
        }

    def code(self, entity: EntityName, canonical: str) -> str:
        """The system's code.

        Raises:
            MappingMissingError: if it has none.
        """
        walk = self._walks.get(entity)
        local = canonical if walk is None else walk.to_local(canonical)
        if local is None:
            message = (
                f"nothing there is the {_NAMES[entity]} {canonical!r}: add it to the crosswalk"
            )
            raise MappingMissingError(self._system, message)
        return local


class IdentifiedOrderSink:
    """An order sink whose references are translated by crosswalks."""

    def __init__(self, sink: OrderSink, crosswalks: Crosswalks) -> None:
        self._sink = sink
        self._translator = _Translator(sink.system, crosswalks)

    @property
    def system(self) -> str:
        """The backend's name in the manifest."""
        return self._sink.system

    @property
    def abilities(self) -> frozenset[Ability]:
        """What it can be told."""
        return self._sink.abilities

    async def create(self, order: NewOrder, ask: Ask) -> OrderInSystem:
        """As `canonical.writing.OrderSink.create`, in canonical keys.

        Raises:
            MappingMissingError: if the system has nothing of a supplier, item or location.
        """
        supplier = self._translator.code(EntityName.SUPPLIER, order.supplier)
        lines = tuple(map(self._line, order.lines))
        return await self._sink.create(replace(order, supplier=supplier, lines=lines), ask)

    async def find(self, key: str, ask: Ask) -> OrderInSystem | None:
        """As `canonical.writing.OrderSink.find`."""
        return await self._sink.find(key, ask)

    async def look(self, record: str, ask: Ask) -> OrderInSystem | None:
        """As `canonical.writing.OrderSink.look`."""
        return await self._sink.look(record, ask)

    async def release(self, record: str, ask: Ask) -> OrderInSystem:
        """As `canonical.writing.OrderSink.release`."""
        return await self._sink.release(record, ask)

    async def acknowledge(
        self,
        record: str,
        promises: Sequence[Promise],
        ask: Ask,
        *,
        note: str | None = None,
        version: str | None = None,
    ) -> OrderInSystem:
        """As `canonical.writing.OrderSink.acknowledge`."""
        return await self._sink.acknowledge(record, promises, ask, note=note, version=version)

    async def change(
        self, record: str, changes: Sequence[LineChange], ask: Ask, *, version: str | None = None
    ) -> OrderInSystem:
        """As `canonical.writing.OrderSink.change`."""
        return await self._sink.change(record, changes, ask, version=version)

    async def cancel(
        self, record: str, ask: Ask, *, reason: str, version: str | None = None
    ) -> OrderInSystem:
        """As `canonical.writing.OrderSink.cancel`."""
        return await self._sink.cancel(record, ask, reason=reason, version=version)

    async def receive(
        self, record: str, lines: Sequence[ReceivedLine], ask: Ask, *, key: str
    ) -> str:
        """As `canonical.writing.OrderSink.receive`."""
        return await self._sink.receive(record, lines, ask, key=key)

    def _line(self, line: NewOrderLine) -> NewOrderLine:
        item = self._translator.code(EntityName.ITEM, line.item)
        ship_to = self._translator.code(EntityName.LOCATION, line.ship_to)
        return replace(line, item=item, ship_to=ship_to)


class IdentifiedForecastSink:
    """A forecast sink whose references are translated by crosswalks."""

    def __init__(self, sink: ForecastSink, crosswalks: Crosswalks) -> None:
        self._sink = sink
        self._translator = _Translator(sink.system, crosswalks)

    @property
    def system(self) -> str:
        """The backend's name in the manifest."""
        return self._sink.system

    async def publish(self, forecasts: Sequence[NewForecast], ask: Ask) -> None:
        """As `canonical.writing.ForecastSink.publish`, in canonical keys.

        Raises:
            MappingMissingError: if the system has nothing of an item or location. Then none of
                them is published.
        """
        await self._sink.publish([self._local(each) for each in forecasts], ask)

    def _local(self, forecast: NewForecast) -> NewForecast:
        item = self._translator.code(EntityName.ITEM, forecast.item)
        location = forecast.location
        if location is not None:
            location = self._translator.code(EntityName.LOCATION, location)
        return replace(forecast, item=item, location=location)
