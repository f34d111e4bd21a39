"""What is approved is ordered by the process `ordering`."""

from typing import Final

from canonical.ordering import Ordered, WantedOrder
from canonical.replenishment import Recommended
from workflows.approval.ports import Ordering
from workflows.ordering.handing import ORDERING, OrderAsked, OrderMade, OrderState, named_id
from workflows.process import Starting

_WITH_US: Final = "recommendation"
"""Who has an order made, where a rule approved it."""


def _starting(wanted: WantedOrder, found: Recommended) -> Starting:
    actor = found.record.decided_by or _WITH_US
    return Starting(
        kind=ORDERING,
        process_id=named_id(ORDERING, _WITH_US, found.key),
        asked=OrderAsked(wanted=wanted, actor=actor),
        correlation_id=found.record.correlation_id,
    )


def _ordered(made: OrderMade) -> Ordered:
    """The leading system's order; none where it was refused or called off."""
    if made.state in {OrderState.MADE, OrderState.SETTLED} and made.orders:
        return Ordered(order=made.orders[0])
    return Ordered(findings=made.findings)


THROUGH_ORDERING: Final = Ordering(_starting, OrderMade, _ordered)
"""How what is approved is ordered."""
