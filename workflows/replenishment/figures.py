"""What systems say, in the item's unit: what there is, what comes, what goes, and stock by day."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from msgspec import Struct

from canonical.errors import InvalidInputError
from canonical.values import ZERO, convert
from workflows.replenishment.inputs import DemandInput, Inputs, SupplyInput
from workflows.replenishment.policy import Trigger
from workflows.replenishment.projection import Demand, Projection


class Supply(Struct, frozen=True, gc=False):
    """What is still to come of an order line: how much, and on which day it counts.

    `day` is an ordinal; None for what does not count, because `why`.
    """

    line: SupplyInput
    day: int | None
    amount: Decimal
    why: str = ""


class Figures(Struct, frozen=True, kw_only=True):
    """What is so, without a further order. Days are ordinals.

    Attributes:
        opening: Stock now.
        supplies: What is on order.
        demands: What is forecast, with what counts of it here.
        projection: Stock by day.
        safety_stock: What stock may not fall below.
        reorder_point: Where one buys again; None where nobody goes by it.
        position: Stock and all that is on order.
        low_on: When stock falls below the safety stock; None if not within the horizon.
        stockout_on: When more is needed than there is; None if not within the horizon.
    """

    opening: Decimal
    supplies: Sequence[Supply]
    demands: Sequence[tuple[DemandInput, Demand]]
    projection: Projection
    safety_stock: Decimal
    reorder_point: Decimal | None
    position: Decimal
    low_on: int | None
    stockout_on: int | None


def figures_of(inputs: Inputs) -> Figures:
    """Work out what is so.

    Raises:
        InvalidInputError: if something cannot be understood, such as a unit.
    """
    first = inputs.today.toordinal()
    end = first + inputs.policy.horizon_days
    opening = sum((in_base(inputs, s.amount, s.unit) for s in inputs.stock), ZERO)
    supplies = [_supply(inputs, line) for line in inputs.supplies]
    demands = [(d, _demand(inputs, d)) for d in inputs.demands]
    arriving: dict[int, Decimal] = {}
    on_order = ZERO
    for supply in supplies:
        if supply.day is not None:
            arriving[supply.day] = arriving.get(supply.day, ZERO) + supply.amount
            on_order += supply.amount
    projection = Projection(opening, arriving, [d for _, d in demands], first, end)
    safety_stock = _first(inputs.policy.safety_stock, inputs.safety_stock) or ZERO
    return Figures(
        opening=opening,
        supplies=supplies,
        demands=demands,
        projection=projection,
        safety_stock=safety_stock,
        reorder_point=_reorder_point(inputs),
        position=opening + on_order,
        low_on=projection.first_below(safety_stock, first),
        stockout_on=projection.first_below(ZERO, first),
    )


def in_base(inputs: Inputs, amount: Decimal, unit: str) -> Decimal:
    """An amount in the item's unit.

    Raises:
        UnitMismatchError: if no conversion is declared.
    """
    if unit == inputs.unit:
        return amount
    conversions = inputs.conversions
    return convert(amount, unit, inputs.unit, inputs.unit, conversions, item=inputs.item)


def _supply(inputs: Inputs, line: SupplyInput) -> Supply:
    ordered = in_base(inputs, line.quantity, line.unit)
    received = sum((in_base(inputs, q.amount, q.unit) for q in line.received), ZERO)
    amount = max(ZERO, ordered - received)
    if line.unlocated and not inputs.sole:
        return Supply(line, None, amount, "it names no location")
    today, patience = inputs.today, inputs.policy.overdue_for_days
    day = line.day or today
    if patience is not None and day < today - timedelta(days=patience):
        return Supply(line, None, amount, "it is overdue for too long")
    return Supply(line, max(day, today).toordinal(), amount)


def _demand(inputs: Inputs, forecast: DemandInput) -> Demand:
    amount = forecast.quantity
    if amount < 0:
        raise InvalidInputError(
            f"the forecast of item {inputs.item!r} from {forecast.start} on is "
            f"{forecast.quantity} {forecast.unit} in {forecast.system}: correct it there"
        )
    if forecast.unlocated:
        amount *= _share(inputs, forecast)
    amount = in_base(inputs, amount, forecast.unit)
    start = forecast.start.toordinal()
    return Demand(start, max(forecast.end.toordinal(), start + 1), amount)


def _share(inputs: Inputs, forecast: DemandInput) -> Decimal | int:
    """What share of a forecast that names no location is this one's."""
    share = inputs.policy.unlocated_share
    if share is not None:
        return share
    if inputs.sole:
        return 1
    raise InvalidInputError(
        f"forecasts of item {inputs.item!r} in {forecast.system} name no location, and the item is "
        f"at several: say with `unlocated_share` in the policy what share is that of "
        f"{inputs.location}, 0 for none"
    )


def _reorder_point(inputs: Inputs) -> Decimal | None:
    point = _first(inputs.policy.reorder_point, inputs.reorder_point)
    if point is None and inputs.policy.trigger is Trigger.REORDER_POINT:
        raise InvalidInputError(
            f"item {inputs.item!r} is bought by its reorder point, and has none: give it one in "
            f"its system, or `reorder_point` in the policy"
        )
    return point


def _first(*values: Decimal | None) -> Decimal | None:
    return next((value for value in values if value is not None), None)
