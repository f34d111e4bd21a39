"""Changes as values: what became of a thing, in the distributor's own words."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args

from msgspec import Struct

from sandbox.world.records import Forecast, Item, Movement, Order, Stock, Supplier

Kind = Literal[
    "placed",
    "approved",
    "sent",
    "acknowledged",
    "delayed",
    "rescheduled",
    "partially_received",
    "received",
    "closed",
    "cancelled",
    "forecast_revised",
    "stock_consumed",
    "stock_replenished",
    "supplier_changed",
    "item_changed",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Change(Struct, frozen=True, kw_only=True):
    """One change: the things as they are after it; what it does not touch is not in it.

    Attributes:
        number: Its place in the sequence, from 1.
        at: When it happened, in the distributor's time, which need not be this machine's.
        kind: What happened. An order is `delayed` by its supplier, who moves a confirmed day, and
            `rescheduled` by its buyer, who moves a wanted one.
        order: The order.
        movements: Goods movements that were booked.
        stock: Stock positions that they moved.
        forecast: The forecast of one period.
        forecast_index: Its place among the world's forecasts.
        supplier: The supplier.
        item: The item.
    """

    number: int
    at: datetime
    kind: Kind
    order: Order | None = None
    movements: tuple[Movement, ...] = ()
    stock: tuple[Stock, ...] = ()
    forecast: Forecast | None = None
    forecast_index: int = -1
    supplier: Supplier | None = None
    item: Item | None = None
