"""A calculation as planners read it: the reason in one sentence, and every line of it."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from msgspec import Struct

from canonical.replenishment import ExplainedLine
from canonical.values import ZERO, Money
from workflows.replenishment.figures import Figures
from workflows.replenishment.inputs import Inputs
from workflows.replenishment.offers import Offer
from workflows.replenishment.policy import Sizing, Stock, Trigger
from workflows.replenishment.sizes import Size
from workflows.replenishment.texts import count_text, day_text, money_text, plain, readable

_DAYS_TOLD_AS_WEEKS: Final = 14


class Order(Struct, frozen=True, kw_only=True):
    """What is to be ordered.

    Attributes:
        offer: Who is asked.
        need_by: When stock falls too low.
        order_by: The last day to order on for goods to be there by then.
        size: How much is ordered.
        cost: What it costs; None if no price is known.
        covered_until: When stock falls too low again; None if not within the horizon.
        by_point: Whether the reorder point calls for it.
    """

    offer: Offer
    need_by: date
    order_by: date
    size: Size
    cost: Money | None
    covered_until: date | None
    by_point: bool

    @property
    def late_days(self) -> int:
        """How many days too late it comes, even if it is ordered today."""
        return max(0, (self.offer.earliest - self.need_by).days)


class Explained(Struct, frozen=True, kw_only=True):
    """What is explained, as far as the calculation came.

    Attributes:
        inputs: What is known.
        figures: What is so without a further order; None where nobody calculated.
        offers: Who could bring it.
        order: What is ordered, if anything is.
    """

    inputs: Inputs
    figures: Figures | None = None
    offers: Sequence[Offer] = ()
    order: Order | None = None


def reason_of(inputs: Inputs, figures: Figures, order: Order) -> str:
    """Why it is proposed, in one sentence."""
    return f"{_what_is_wrong(inputs, figures, order)}; {_what_helps(inputs, order)}."


def lines_of(explained: Explained) -> tuple[ExplainedLine, ...]:
    """The calculation, line by line, in the order in which it is worked out."""
    return tuple(_lines(explained))


def _what_is_wrong(inputs: Inputs, figures: Figures, order: Order) -> str:
    today, unit = inputs.today, inputs.unit
    if order.by_point and figures.reorder_point is not None:
        return (
            f"Stock and open orders at {inputs.location} are {readable(figures.position)} {unit}, "
            f"with a reorder point of {plain(figures.reorder_point)}"
        )
    low = figures.projection.closing(order.need_by.toordinal())
    is_now = order.need_by == today
    falls = "is" if is_now and figures.opening < figures.safety_stock else "falls to"
    when = "today" if is_now else f"on {day_text(order.need_by, today)}"
    text = f"Stock at {inputs.location} {falls} {readable(low)} {unit} {when}"
    if figures.safety_stock > 0:
        return f"{text}, below the safety stock of {plain(figures.safety_stock)}"
    return f"{text}, less than is needed"


def _what_helps(inputs: Inputs, order: Order) -> str:
    offer, today = order.offer, inputs.today
    what = f"{plain(order.size.quantity)} {inputs.unit}"
    supplier = offer.source.supplier
    if order.late_days:
        return (
            f"{what} ordered from {supplier} today arrive on {day_text(offer.earliest, today)}, "
            f"{count_text(order.late_days, 'day')} too late, and then keep {_cover(order)}"
        )
    when = "today" if order.order_by <= today else f"by {day_text(order.order_by, today)}"
    return f"ordering {what} from {supplier} {when} keeps {_cover(order)}"


def _cover(order: Order) -> str:
    if order.covered_until is None:
        return "enough for the rest of the horizon"
    days = (order.covered_until - max(order.need_by, order.offer.earliest)).days
    if days >= _DAYS_TOLD_AS_WEEKS:
        return f"{count_text(days // 7, 'week')} of cover"
    return f"{count_text(days, 'day')} of cover"


def _lines(e: Explained) -> Iterator[ExplainedLine]:
    inputs = e.inputs
    rules = ", ".join(inputs.policy.rules) or "default"
    yield ExplainedLine(label="Policy", value=rules, source="policy")
    yield ExplainedLine(label="Today", value=inputs.today.isoformat())
    if not inputs.active:
        yield ExplainedLine(label="Result", value="the item is not bought any more")
        return
    if e.figures is None:
        yield ExplainedLine(label="Result", value="not evaluated here", source=f"policy {rules}")
        return
    yield from _stock_lines(inputs, e.figures)
    yield from _demand_lines(inputs, e.figures)
    yield from _level_lines(inputs, e.figures)
    for offer in e.offers:
        yield _offer_line(offer, inputs.today)
    if e.order is None:
        yield ExplainedLine(label="Result", value="nothing has to be ordered now")
        return
    yield from _order_lines(inputs.unit, e.order)


def _stock_lines(inputs: Inputs, figures: Figures) -> Iterator[ExplainedLine]:
    label = "Available" if inputs.policy.stock is Stock.AVAILABLE else "On hand"
    for stock in inputs.stock:
        yield ExplainedLine(
            label=label, value=plain(stock.amount), unit=stock.unit, source=stock.system
        )
    yield ExplainedLine(label="Stock now", value=plain(figures.opening), unit=inputs.unit)
    for supply in figures.supplies:
        line = supply.line
        if supply.day is None:
            label = f"Not counted: {line.name}, as {supply.why}"
        else:
            label = f"{line.name} on {date.fromordinal(supply.day).isoformat()}"
        yield ExplainedLine(
            label=label, value=plain(supply.amount), unit=inputs.unit, source=line.system
        )


def _demand_lines(inputs: Inputs, figures: Figures) -> Iterator[ExplainedLine]:
    for forecast, demand in figures.demands:
        is_other = forecast.unlocated or forecast.unit != inputs.unit
        # What counts here may be less than, or in another unit than, what planning says.
        given = f" ({plain(forecast.quantity)} {forecast.unit}" if is_other else ""
        everywhere = " at all locations" if forecast.unlocated else ""
        yield ExplainedLine(
            label=f"Forecast {forecast.start.isoformat()} until {forecast.end.isoformat()}"
            f"{given}{everywhere}{')' if is_other else ''}",
            value=plain(demand.amount),
            unit=inputs.unit,
            source=forecast.system,
        )


def _level_lines(inputs: Inputs, figures: Figures) -> Iterator[ExplainedLine]:
    policy, projection = inputs.policy, figures.projection
    own = "item" if policy.safety_stock is None else "policy"
    yield ExplainedLine(
        label="Safety stock", value=plain(figures.safety_stock), unit=inputs.unit, source=own
    )
    if policy.trigger is not Trigger.SAFETY_STOCK and figures.reorder_point is not None:
        yield ExplainedLine(
            label="Reorder point", value=plain(figures.reorder_point), unit=inputs.unit
        )
        yield ExplainedLine(
            label="Stock and open orders", value=plain(figures.position), unit=inputs.unit
        )
    for name, day in (("too low", figures.low_on), ("used up", figures.stockout_on)):
        if day is None:
            until = date.fromordinal(projection.end - 1).isoformat()
            yield ExplainedLine(label=f"Stock is {name}", value=f"not until {until}")
        else:
            yield ExplainedLine(
                label=f"Stock is {name} on {date.fromordinal(day).isoformat()}",
                value=plain(projection.closing(day)),
                unit=inputs.unit,
            )
    yield ExplainedLine(
        label="Review period", value=str(policy.review_days), unit="days", source="policy"
    )


def _offer_line(offer: Offer, today: date) -> ExplainedLine:
    source = offer.source
    price = "no price" if source.price is None else money_text(source.price)
    preferred = ", preferred" if source.preferred else ""
    return ExplainedLine(
        label=f"Supplier {source.supplier}",
        value=f"{price}, {count_text(offer.lead_time_days, 'day')}{preferred}; ordered today it "
        f"arrives on {day_text(offer.earliest, today)}",
        source=source.system,
    )


def _order_lines(unit: str, order: Order) -> Iterator[ExplainedLine]:
    offer, size, policy = order.offer, order.size, order.offer.policy
    yield ExplainedLine(label="Supplier", value=offer.source.supplier, source="policy")
    yield ExplainedLine(label="Needed by", value=order.need_by.isoformat())
    yield ExplainedLine(label="To be ordered by", value=order.order_by.isoformat())
    how = policy.sizing.value
    if policy.sizing is Sizing.WEEKS_OF_COVER:
        how = f"{how}: {policy.weeks}"
    rules = ", ".join(policy.rules) or "default"
    yield ExplainedLine(label=f"Wanted ({how})", value=plain(size.wanted), unit=unit, source=rules)
    amounts = (
        ("Minimum order quantity", size.minimum, size.minimum > ZERO),
        (f"Lot size, rounded {policy.rounding.value}", size.lot, True),
        ("Largest order", size.most, size.most is not None),
        ("Quantity", size.quantity, True),
    )
    for label, amount, is_told in amounts:
        if is_told:
            yield _amount(label, amount, unit)
    if order.cost is not None and offer.source.price is not None:
        yield ExplainedLine(
            label="Price", value=money_text(offer.source.price), source=offer.source.system
        )
        yield ExplainedLine(label="Cost", value=money_text(order.cost))


def _amount(label: str, amount: Decimal | None, unit: str) -> ExplainedLine:
    return ExplainedLine(label=label, value=plain(amount or ZERO), unit=unit)
