"""What can be told of forecasts, stock and recommendations."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from canonical.entities import EntityName
from canonical.events import (
    FORECAST_REVISED,
    INVENTORY_CHANGED,
    RECOMMENDATION_CHANGED,
    ForecastRevised,
    InventoryChanged,
    RecommendationChanged,
)
from canonical.forecasts import Forecast
from canonical.inventory import InventoryPosition
from canonical.recommendations import RecommendationStatus, ReplenishmentRecommendation
from workflows.ingestion.telling import Change, Late, Told, demanded, subjects, value

_STOCK: Final = ("available", "on_hand", "reserved", "in_transit", "unit")


def forecast_changes(change: Change) -> Iterator[Told]:
    """Another demand is expected, or the same in another unit."""
    if change.differs("quantity") or change.changed(("unit",)):
        previous = None if change.before is None else value(change.before, "quantity")
        yield _revised(change.after, demanded(change.after, "quantity"), previous)


def forecast_late(late: Late) -> Iterator[Told]:
    """A figure that was revised again since."""
    if late.differs("quantity") and late.previous != str(late.said.quantity):
        yield _revised(late.known, late.said.quantity, _decimal(late.previous))


def forecast_gone(_key: str, known: Forecast) -> Iterator[Told]:
    """A figure is no longer there: nothing is expected."""
    previous = value(known, "quantity")
    if previous:
        yield _revised(known, Decimal(0), previous)


def stock_changes(change: Change) -> Iterator[Told]:
    """Stock moved."""
    if change.differs("available") or change.changed(_STOCK):
        previous = None if change.before is None else value(change.before, "available")
        yield _moved(change.after, demanded(change.after, "available"), previous)


def stock_late(late: Late) -> Iterator[Told]:
    """What stock was, before what is known of it."""
    if late.differs("available") and late.previous != str(late.said.available):
        yield _moved(late.known, late.said.available, _decimal(late.previous), is_late=True)


def stock_gone(_key: str, known: InventoryPosition) -> Iterator[Told]:
    """A position is no longer there: nothing may be promised."""
    previous = value(known, "available")
    if previous:
        yield _moved(known, Decimal(0), previous, is_late=True)


def recommendation_changes(change: Change) -> Iterator[Told]:
    """A recommendation came up, or came on."""
    if change.differs("status"):
        previous = None if change.before is None else value(change.before, "status")
        yield _decided(change.key, change.after, change.after.status, previous)


def recommendation_late(late: Late) -> Iterator[Told]:
    """A status that a recommendation is past already."""
    if late.differs("status") and late.previous != late.said.status.value:
        previous = None if late.previous is None else RecommendationStatus(late.previous)
        yield _decided(late.key, late.known, late.said.status, previous)


def _revised(forecast: Forecast, quantity: Decimal, previous: Decimal | None) -> Told:
    item, location = demanded(forecast, "item"), value(forecast, "location")
    data = ForecastRevised(
        item=item,
        location=location,
        period_start=demanded(forecast, "period_start"),
        period_end=value(forecast, "period_end"),
        quantity=quantity,
        previous_quantity=previous,
        unit=value(forecast, "unit"),
        version=value(forecast, "version"),
    )
    name = "|".join(str(x) for x in (item, location, data.version, data.period_start) if x)
    about = subjects(
        (EntityName.FORECAST, name), (EntityName.ITEM, item), (EntityName.LOCATION, location)
    )
    return Told(FORECAST_REVISED, data, about)


def _moved(
    position: InventoryPosition,
    available: Decimal,
    previous: Decimal | None,
    *,
    is_late: bool = False,
) -> Told:
    item, location = demanded(position, "item"), demanded(position, "location")
    data = InventoryChanged(
        item=item,
        location=location,
        available=available,
        previous_available=previous,
        on_hand=None if is_late else value(position, "on_hand"),
        unit=value(position, "unit"),
    )
    about = subjects(
        (EntityName.INVENTORY, f"{item}|{location}"),
        (EntityName.ITEM, item),
        (EntityName.LOCATION, location),
    )
    return Told(INVENTORY_CHANGED, data, about)


def _decided(
    key: str,
    recommendation: ReplenishmentRecommendation,
    status: RecommendationStatus,
    previous: RecommendationStatus | None,
) -> Told:
    data = RecommendationChanged(
        item=demanded(recommendation, "item"),
        location=value(recommendation, "location"),
        supplier=value(recommendation, "supplier"),
        status=status,
        previous_status=previous,
    )
    about = subjects(
        (EntityName.RECOMMENDATION, key),
        (EntityName.ITEM, data.item),
        (EntityName.SUPPLIER, data.supplier),
        (EntityName.LOCATION, data.location),
    )
    return Told(RECOMMENDATION_CHANGED, data, about)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
