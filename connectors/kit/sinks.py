"""What a backend can be told, as its mapping says and its protocol can."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from canonical.entities import EntityName
from connectors.kit.forecast_sink import MappedForecastSink
from connectors.kit.mapping.model import EntityMapping, MappingSettings
from connectors.kit.rows import RowReader
from connectors.kit.sink import MappedSink
from connectors.kit.writing import RowPublisher, RowWriter


class Closable(Protocol):
    """Something that holds connections of its own."""

    async def aclose(self) -> None:
        """Let go of them."""


class Sinks(Struct, frozen=True):
    """What a system can be told; None: nothing of it.

    Attributes:
        orders: Where it takes orders.
        forecasts: Where it takes forecasts.
        closes: What is to be closed with them.
    """

    orders: MappedSink | None = None
    forecasts: MappedForecastSink | None = None
    closes: Closable | None = None


class Telling(Struct, frozen=True):
    """How a system is spoken to.

    Attributes:
        reader: How it is asked.
        writer: How it is told of rows, if its protocol can.
        publisher: How it is told of many at once, if its protocol can.
        closes: What is to be closed with it, beside the way to the system.
    """

    reader: RowReader
    writer: RowWriter | None = None
    publisher: RowPublisher | None = None
    closes: Closable | None = None


def tells(entities: Mapping[EntityName, EntityMapping], entity: EntityName) -> EntityMapping | None:
    """The mapping of an entity, if it says anything of writes."""
    mapping = entities.get(entity)
    if mapping is None or mapping.writes is None or not mapping.writes.model_fields_set:
        return None
    return mapping


def open_sinks(
    system: str,
    entities: Mapping[EntityName, EntityMapping],
    how: Telling,
    settings: MappingSettings,
    clock: Callable[[], datetime],
) -> Sinks:
    """The sinks of a system."""
    orders = tells(entities, EntityName.PURCHASE_ORDER)
    forecasts = tells(entities, EntityName.FORECAST)
    order_sink = forecast_sink = None
    if orders is not None and how.writer is not None:
        order_sink = MappedSink(
            system, orders, how.reader, how.writer, settings=settings, clock=clock
        )
    if forecasts is not None and how.publisher is not None:
        forecast_sink = MappedForecastSink(
            system, forecasts, how.reader, how.publisher, settings=settings, clock=clock
        )
    return Sinks(order_sink, forecast_sink, how.closes)
