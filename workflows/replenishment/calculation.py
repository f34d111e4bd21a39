"""The calculation: whether an item at a location has to be bought, from whom, and how much.

    inputs -> figures: stock by day without a further order
           -> offers: who can bring it by when; one is chosen by policy
           -> due? -> quantity -> proposal, with every line of it
           -> risk: stock runs out before anybody could bring more

Pure: the same inputs give the same result, to the last digit.

Due by safety stock: stock falls under it on a day until which an order of the next review would not
be there earlier. A dip that is over before even an order of today arrives calls for no order, as
none would help. Due by the reorder point: stock and open orders together are at it or under it.
"""

from datetime import date
from decimal import Decimal

from msgspec import Struct

from canonical.errors import InvalidInputError
from canonical.replenishment import ExplainedLine, Proposal
from canonical.values import ZERO, Money
from workflows.replenishment.explaining import Explained, Order, lines_of, reason_of
from workflows.replenishment.figures import Figures, figures_of
from workflows.replenishment.inputs import Inputs, decode, encode
from workflows.replenishment.offers import Offer, first_of, offers_of, why_none
from workflows.replenishment.policy import Trigger
from workflows.replenishment.sizes import cost_of, sized, wanted_of


class Risk(Struct, frozen=True, kw_only=True):
    """Stock runs out, and even an order of today comes too late.

    Attributes:
        stockout_on: When more is needed than there is.
        back_on: When there is enough again: by an open order, or by one of today.
        supplier: Who would bring the latter.
        short: How much is lacking until then, in the item's unit.
        value: Of what is lacking; None if no price is known.
    """

    stockout_on: date
    back_on: date
    supplier: str
    short: Decimal
    value: Money | None

    @property
    def days_lost(self) -> int:
        """For how many days there is not enough."""
        return (self.back_on - self.stockout_on).days


class Calculated(Struct, frozen=True, kw_only=True):
    """What came of a calculation.

    Attributes:
        proposal: What to buy; None if nothing is needed.
        risk: What cannot be prevented any more.
        lines: The calculation, as planners read it; empty where nothing is proposed and nobody asks
            why.
    """

    proposal: Proposal | None = None
    risk: Risk | None = None
    lines: tuple[ExplainedLine, ...] = ()


def calculate(inputs: Inputs, *, explain: bool = False) -> Calculated:
    """Calculate one item at one location.

    Args:
        inputs: What is known of it.
        explain: Whether the lines are wanted even if nothing is needed.

    Raises:
        InvalidInputError: if it cannot be calculated: it says what is missing, and where.
    """
    if inputs.policy.off or not inputs.active:
        return Calculated(lines=lines_of(Explained(inputs=inputs)) if explain else ())
    figures = figures_of(inputs)
    offers = offers_of(inputs)
    if not offers:
        if _is_due_from_nobody(inputs, figures):
            raise InvalidInputError(why_none(inputs))
        explained = Explained(inputs=inputs, figures=figures)
        return Calculated(lines=lines_of(explained) if explain else ())
    order = _order(inputs, figures, offers)
    risk = _risk(inputs, figures, offers)
    if order is None:
        explained = Explained(inputs=inputs, figures=figures, offers=offers)
        return Calculated(risk=risk, lines=lines_of(explained) if explain else ())
    proposal = _proposal(inputs, figures, offers, order)
    return Calculated(proposal=proposal, risk=risk, lines=proposal.lines)


def recalculate(kept: bytes) -> Calculated:
    """Calculate again from inputs that were kept with a proposal; the same comes out.

    Raises:
        InvalidInputError: as `calculate` does.
        msgspec.ValidationError: if these are no inputs.
    """
    return calculate(decode(kept), explain=True)


def _order(inputs: Inputs, figures: Figures, offers: list[Offer]) -> Order | None:
    low_on = None if figures.low_on is None else date.fromordinal(figures.low_on)
    offer = first_of(offers, low_on, inputs.policy)
    by_point = _is_at_reorder_point(inputs, figures)
    if not by_point and not _falls_too_low(inputs, figures, offer):
        return None
    need_by = low_on or offer.earliest
    counts_from = max(need_by, offer.earliest).toordinal()
    wanted = wanted_of(inputs, figures, offer.policy, counts_from)
    if wanted <= 0 and not by_point:
        return None
    size = sized(inputs, offer, max(ZERO, wanted))
    # Stock falls too low again when it would fall that much lower without the order.
    level = figures.safety_stock - size.quantity
    low_again = figures.projection.first_below(level, counts_from)
    return Order(
        offer=offer,
        need_by=need_by,
        order_by=offer.order_by(need_by),
        size=size,
        cost=cost_of(size.quantity, offer.source.price),
        covered_until=None if low_again is None else date.fromordinal(low_again),
        by_point=by_point,
    )


def _falls_too_low(inputs: Inputs, figures: Figures, offer: Offer) -> bool:
    """Whether stock falls under the safety stock before a later order could prevent it."""
    if inputs.policy.trigger is Trigger.REORDER_POINT or figures.low_on is None:
        return False
    earliest = offer.earliest.toordinal()
    preventable = figures.low_on
    if preventable < earliest:
        later = figures.projection.first_below(figures.safety_stock, earliest)
        if later is None:
            return False
        preventable = later
    return preventable <= _next_arrival(inputs, offer).toordinal()


def _next_arrival(inputs: Inputs, offer: Offer) -> date:
    """When an order of the next review would be there."""
    following = inputs.today.toordinal() + inputs.policy.review_days
    return offer.arrival(date.fromordinal(following))


def _is_at_reorder_point(inputs: Inputs, figures: Figures) -> bool:
    if inputs.policy.trigger is Trigger.SAFETY_STOCK or figures.reorder_point is None:
        return False
    return figures.position <= figures.reorder_point


def _is_due_from_nobody(inputs: Inputs, figures: Figures) -> bool:
    if _is_at_reorder_point(inputs, figures):
        return True
    if inputs.policy.trigger is Trigger.REORDER_POINT or figures.low_on is None:
        return False
    days = inputs.policy.review_days + (inputs.lead_time_days or 0)
    return figures.low_on <= inputs.today.toordinal() + days


def _proposal(inputs: Inputs, figures: Figures, offers: list[Offer], order: Order) -> Proposal:
    explained = Explained(inputs=inputs, figures=figures, offers=offers, order=order)
    stockout_on = figures.stockout_on
    return Proposal(
        item=inputs.item,
        location=inputs.location,
        supplier=order.offer.source.supplier,
        quantity=order.size.quantity,
        unit=inputs.unit,
        need_by=order.need_by,
        cost=order.cost,
        reason=reason_of(inputs, figures, order),
        lines=lines_of(explained),
        inputs=encode(inputs),
        region=inputs.region,
        category=inputs.category,
        stockout_on=None if stockout_on is None else date.fromordinal(stockout_on),
        urgent=order.late_days > 0,
    )


def _risk(inputs: Inputs, figures: Figures, offers: list[Offer]) -> Risk | None:
    fastest = min(offers, key=lambda o: (o.earliest, o.source.supplier))
    stockout_on, earliest = figures.stockout_on, fastest.earliest.toordinal()
    if stockout_on is None or stockout_on >= earliest:
        return None
    projection = figures.projection
    recovered = projection.first_at(ZERO, stockout_on)
    back_on = min(earliest, projection.end, recovered or earliest)
    short = -projection.lowest(stockout_on, back_on - 1)
    price = fastest.source.price or inputs.standard_cost
    return Risk(
        stockout_on=date.fromordinal(stockout_on),
        back_on=date.fromordinal(back_on),
        supplier=fastest.source.supplier,
        short=short,
        value=cost_of(short, price),
    )
