"""Projected inventory."""

from datetime import date
from decimal import Decimal

import strawberry

from execution.links import column


@strawberry.type(description="What is expected of an item in one period, in the item's unit.")
class ProjectedBucket:
    """One bucket of a projection."""

    period_start: date = column("First day of the bucket.")
    period_end: date = column("Day after the last day of the bucket.")
    opening: Decimal = column("On hand at the start: what is there today, then each closing.")
    supply: Decimal = column(
        "Open order lines by confirmed day, else due day; overdue ones in the first bucket."
    )
    demand: Decimal = column("Forecasts, each in proportion to its days in the bucket.")
    closing: Decimal = column("Opening plus supply less demand.")
    below_safety_stock: bool = column("Whether the closing is less than the item's safety stock.")
