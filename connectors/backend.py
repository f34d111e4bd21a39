"""One system instance, opened: its sources and sinks, its health, whether it fits its mapping."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from canonical.entities import EntityName
from canonical.ports import Ask, Finding, Source
from canonical.writing import ForecastSink, OrderSink
from connectors.kit.rows import RowReader
from connectors.kit.sinks import Sinks
from connectors.kit.source import MappedSource
from connectors.probe import probe_backend


class Way(Protocol):
    """The way to a system: a transport, or a database."""

    def health(self) -> Mapping[str, object]:
        """How it is just now."""

    async def aclose(self) -> None:
        """Close all connections."""


class MappedBackend:
    """A system behind its mapping (`canonical.backends.Backend`)."""

    def __init__(
        self,
        name: str,
        sources: Mapping[EntityName, MappedSource],
        reader: RowReader,
        way: Way,
        sinks: Sinks | None = None,
    ) -> None:
        self._name = name
        self._sources = dict(sources)
        self._reader = reader
        self._way = way
        self._sinks = Sinks() if sinks is None else sinks

    @property
    def name(self) -> str:
        """The name in the manifest."""
        return self._name

    @property
    def sources(self) -> Mapping[EntityName, Source]:
        """What it can supply, by entity."""
        return dict(self._sources)

    @property
    def orders(self) -> OrderSink | None:
        """Where it takes orders, if its mapping says what it can be told of them."""
        return self._sinks.orders

    @property
    def forecasts(self) -> ForecastSink | None:
        """Where it takes forecasts, if its mapping says how they are published."""
        return self._sinks.forecasts

    async def probe(self, entities: Sequence[EntityName], ask: Ask) -> Sequence[Finding]:
        """Look whether the system is there, lets us in, and has what the mapping names."""
        return await probe_backend(self._name, self._sources, self._reader, entities, ask)

    def health(self) -> Mapping[str, object]:
        """How it is just now, without asking it."""
        return self._way.health()

    async def aclose(self) -> None:
        """Let go of connections."""
        await self._reader.aclose()
        if self._sinks.closes is not None:
            await self._sinks.closes.aclose()
        await self._way.aclose()
