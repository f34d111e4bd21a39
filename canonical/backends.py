"""The port to one system instance: what it supplies, what it can be told, how it is."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from canonical.entities import EntityName
from canonical.ports import Ask, Finding, Source
from canonical.writing import ForecastSink, OrderSink


class Backend(Protocol):
    """One system instance of the manifest, opened."""

    @property
    def name(self) -> str:
        """The name in the manifest."""

    @property
    def sources(self) -> Mapping[EntityName, Source]:
        """What it can supply, by entity."""

    @property
    def orders(self) -> OrderSink | None:
        """Where it takes orders, if its mapping says what it can be told of them."""

    @property
    def forecasts(self) -> ForecastSink | None:
        """Where it takes forecasts, if its mapping says how they are published."""

    async def probe(self, entities: Sequence[EntityName], ask: Ask) -> Sequence[Finding]:
        """Look whether the system is reachable, lets us in, and has what the mapping names.

        Never raises for these.
        """

    def health(self) -> Mapping[str, object]:
        """How it is now (breaker, maintenance, requests in flight), without asking it."""

    async def aclose(self) -> None:
        """Let go of connections."""
