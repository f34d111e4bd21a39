"""How much is ordered: what is wanted by policy, then minimum, full lots, maximum."""

from decimal import Decimal

from msgspec import Struct

from canonical.errors import InvalidInputError
from canonical.values import ZERO, Money, rounded
from workflows.replenishment.figures import Figures, in_base
from workflows.replenishment.inputs import Inputs
from workflows.replenishment.offers import Offer
from workflows.replenishment.policy import Policy, Rounding, Sizing
from workflows.replenishment.texts import plain


class Size(Struct, frozen=True, kw_only=True):
    """A quantity in the item's unit, and how it came about.

    Attributes:
        wanted: Before minimum, lots and maximum.
        minimum: Least quantity of an order.
        lot: Quantities are multiples of it.
        most: Largest quantity of an order, if there is one.
        quantity: What is ordered.
    """

    wanted: Decimal
    minimum: Decimal
    lot: Decimal
    most: Decimal | None
    quantity: Decimal


def cover_days(policy: Policy) -> int:
    """For how many days an order is to last."""
    if policy.sizing is Sizing.WEEKS_OF_COVER:
        return 7 * policy.weeks
    return max(1, policy.review_days)


def wanted_of(inputs: Inputs, figures: Figures, policy: Policy, start: int) -> Decimal:
    """What is lacking by policy, when an order counts from a day (an ordinal) on.

    Raises:
        InvalidInputError: if the policy goes by something that is not there.
    """
    projection = figures.projection
    start = min(start, projection.end - 1)
    match policy.sizing:
        case Sizing.TO_MAX:
            level, name = policy.maximum_stock, "maximum_stock"
        case Sizing.UP_TO_REORDER:
            level, name = figures.reorder_point, "reorder_point"
        case _:
            last = start + cover_days(policy) - 1
            return figures.safety_stock - projection.lowest(start, last)
    if level is None:
        raise InvalidInputError(
            f"item {inputs.item!r} at {inputs.location} is bought {policy.sizing.value}, and has "
            f"no such level: give `{name}` in the policy"
        )
    return level - projection.closing(start)


def sized(inputs: Inputs, offer: Offer, wanted: Decimal) -> Size:
    """The quantity of an order: at least one lot.

    Raises:
        InvalidInputError: if what the policy allows is less than what is accepted.
    """
    policy, source = offer.policy, offer.source
    lot = policy.lot_size
    if policy.lot_unit is not None:
        lot = in_base(inputs, lot, policy.lot_unit)
    least = [m for m in (source.minimum, inputs.minimum, policy.minimum_quantity) if m is not None]
    minimum = max([ZERO, *least])
    lots = _lots(max(wanted, minimum), lot, policy.rounding)
    lots = max(lots, _lots(minimum, lot, Rounding.UP), Decimal(1))
    most = _most_lots(policy, source.price, lot)
    if most is not None and lots > most:
        lots = most
        if lots * lot < max(minimum, lot):
            raise InvalidInputError(
                f"item {inputs.item!r}: the policy allows {plain(lots * lot)} {inputs.unit} in an "
                f"order to {source.supplier} at most, and no fewer than "
                f"{plain(max(minimum, lot))} can be ordered: change `maximum_quantity` or "
                f"`maximum_cost`, or the minimum"
            )
    return Size(
        wanted=wanted,
        minimum=minimum,
        lot=lot,
        most=None if most is None else most * lot,
        quantity=lots * lot,
    )


def cost_of(quantity: Decimal, price: Money | None) -> Money | None:
    """What a quantity costs, rounded to the currency; None if no price is known."""
    if price is None:
        return None
    return Money(rounded(quantity * price.amount, price.currency), price.currency)


def _lots(quantity: Decimal, lot: Decimal, rounding: Rounding) -> Decimal:
    whole, rest = divmod(quantity, lot)
    more = rest > 0 if rounding is Rounding.UP else 2 * rest >= lot
    return whole + 1 if more else whole


def _most_lots(policy: Policy, price: Money | None, lot: Decimal) -> Decimal | None:
    """How many lots one may buy; None if there is no limit."""
    limits: list[Decimal] = []
    if policy.maximum_quantity is not None:
        limits.append(policy.maximum_quantity // lot)
    if price is not None and price.amount > 0:
        limits += [
            limit.amount // (price.amount * lot)
            for limit in policy.maximum_cost
            if limit.currency == price.currency
        ]
    return min(limits, default=None)
