"""Who it can be bought from, by when it would be there, and who comes first."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct

from canonical.suppliers import SupplierStatus
from workflows.replenishment.calendars import Calendar, from_on, until
from workflows.replenishment.inputs import Inputs, SourceInput
from workflows.replenishment.policy import Policy, Preference


class Offer(Struct, frozen=True):
    """A supplier that may be bought from, and when it brings what is ordered.

    Attributes:
        source: The supplier with its terms.
        policy: For orders from it.
        lead_time_days: In calendar days, from the day on which it sends.
        sends: Days on which it works.
        receives: Days on which the location receives.
        earliest: When an order of today would be there.
    """

    source: SourceInput
    policy: Policy
    lead_time_days: int
    sends: Calendar
    receives: Calendar
    earliest: date

    def arrival(self, ordered_on: date) -> date:
        """When an order of some day would be there."""
        return _arrival(self.sends, self.receives, self.lead_time_days, ordered_on)

    def order_by(self, needed_on: date) -> date:
        """The last day to order on for goods to be there when they are needed."""
        received_on = until(self.receives, needed_on)
        return until(self.sends, received_on - timedelta(days=self.lead_time_days))


def offers_of(inputs: Inputs) -> list[Offer]:
    """Offers of all suppliers that may be bought from and whose lead time is known."""
    return list(_offers(inputs))


def first_of(offers: Sequence[Offer], needed_on: date | None, policy: Policy) -> Offer:
    """The offer that comes first by a policy. There is at least one."""
    prices = [o.source.price for o in offers if o.source.price is not None]
    # Prices in different currencies say nothing about which is lower.
    are_comparable = len({price.currency for price in prices}) == 1
    keys: dict[Preference, Callable[[Offer], Any]] = {
        Preference.PREFERRED: lambda o: not o.source.preferred,
        Preference.IN_TIME: lambda o: needed_on is not None and o.earliest > needed_on,
        Preference.PRICE: lambda o: _price(o) if are_comparable else 0,
        Preference.LEAD_TIME: lambda o: o.lead_time_days,
    }
    wanted = [keys[preference] for preference in policy.suppliers]
    return min(offers, key=lambda o: (*(key(o) for key in wanted), o.source.supplier))


def why_none(inputs: Inputs) -> str:
    """Why nobody can be asked, and what to do about it."""
    sku = inputs.item
    if not inputs.sources:
        return (
            f"no supplier is known for item {sku!r}: give it a supply source or a preferred "
            f"supplier in its system"
        )
    approved = [s for s in inputs.sources if s.status is SupplierStatus.APPROVED]
    if approved:
        names = ", ".join(s.supplier for s in approved)
        return (
            f"the lead time of item {sku!r} from {names} is not known: give it in the supply "
            f"source, the item or the supplier, or as `lead_time_days` in the policy"
        )
    states = ", ".join(
        f"{s.supplier} is {'not known' if s.status is None else s.status.value}"
        for s in inputs.sources
    )
    return (
        f"item {sku!r} can be bought from nobody: {states}. Approve a supplier, or give the item "
        f"another supply source"
    )


def _offers(inputs: Inputs) -> Iterator[Offer]:
    receives = inputs.calendars[inputs.receiving]
    for source in inputs.sources:
        policy = source.policy or inputs.policy
        days = source.lead_time_days
        if days is None:
            days = policy.lead_time_days
        if source.status is SupplierStatus.APPROVED and days is not None:
            sends = inputs.calendars[source.calendar]
            earliest = _arrival(sends, receives, days, inputs.today)
            yield Offer(source, policy, days, sends, receives, earliest)


def _arrival(sends: Calendar, receives: Calendar, days: int, ordered_on: date) -> date:
    return from_on(receives, from_on(sends, ordered_on) + timedelta(days=days))


_NO_PRICE: Final = Decimal("Infinity")


def _price(offer: Offer) -> Decimal:
    price = offer.source.price
    return _NO_PRICE if price is None else price.amount
