"""The systems that processes write to, in canonical codes."""

import asyncio
from collections.abc import Mapping

from typing_extensions import override

from app.manifest.crosswalks import Tables, walks_of
from canonical.backends import Backend
from canonical.observations import Observation
from canonical.ports import Ask, Meter
from canonical.writing import ForecastSink, OrderSink
from loaders.sinks import IdentifiedForecastSink, IdentifiedOrderSink
from workflows.ingestion.intake import Delivery, Intake


class _Nobody(Meter):
    """Nobody pays for what processes do; the systems' own metrics count it."""

    @override
    def called(self, system: str, *, milliseconds: float, rows: int, failed: bool = False) -> None:
        """One request to a system has ended."""


class Asking:
    """Makes what travels with requests of processes.

    Args:
        within_s: How long a request may take, with all its waiting.
    """

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s

    def __call__(self, correlation_id: str) -> Ask:
        """What travels with a request that is made now."""
        deadline = asyncio.get_running_loop().time() + self._within_s
        return Ask(deadline, correlation_id, _Nobody(), interactive=False)


def order_sinks(backends: Mapping[str, Backend], tables: Tables) -> dict[str, OrderSink]:
    """Where orders can be told, by system."""
    return {
        name: IdentifiedOrderSink(backend.orders, walks_of(name, tables))
        for name, backend in backends.items()
        if backend.orders is not None
    }


def forecast_sink(backend: Backend, tables: Tables) -> ForecastSink | None:
    """Where a system takes forecasts, if it does."""
    if backend.forecasts is None:
        return None
    return IdentifiedForecastSink(backend.forecasts, walks_of(backend.name, tables))


class IntakeTelling:
    """Has the event log tell of what processes have written to systems.

    Args:
        intake: Takes it in as what a system sends.
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def tell(self, seen: Observation) -> None:
        """Tell of what a system has now; the same `source_event_id` counts once.

        Raises:
            UnavailableError: if it could not be kept now.
        """
        name = seen.source_event_id
        await self._intake.take(
            [Delivery(system=seen.system, observations=(seen,), delivery_id=name)]
        )
