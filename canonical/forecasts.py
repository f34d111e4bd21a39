"""Forecasts: what is expected to be needed, when and where."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from canonical.absent import ABSENT
from canonical.records import Record


class Forecast(Record, frozen=True, kw_only=True):
    """Expected demand for an item in one period."""

    item: Annotated[str, Meta(description="Sku of the item.")] = ABSENT
    location: Annotated[
        str | None, Meta(description="Code of the location; null for all of them.")
    ] = ABSENT
    period_start: Annotated[date, Meta(description="First day of the period.")] = ABSENT
    period_end: Annotated[date, Meta(description="Day after the last day of the period.")] = ABSENT
    quantity: Annotated[
        Decimal, Meta(description="Expected demand in the whole period, in `unit`.")
    ] = ABSENT
    unit: Annotated[str, Meta(description="Unit of the quantity.")] = ABSENT
    version: Annotated[str | None, Meta(description="Name of the forecast version.")] = ABSENT
    revised_at: Annotated[
        datetime | None, Meta(description="When the figure was last revised.")
    ] = ABSENT
