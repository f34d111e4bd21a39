"""What approval asks of others: to order, and to calculate again."""

from collections.abc import Callable
from typing import Any, Protocol

from msgspec import Struct

from canonical.ordering import Ordered, WantedOrder
from canonical.replenishment import Recommended
from workflows.process import Starting
from workflows.replenishment.calculation import Calculated


class Ordering(Struct, frozen=True):
    """How what is approved is ordered.

    Attributes:
        starting: The process that does so: the same one, whenever it is asked for.
        outcome: Type of what comes of it.
        ordered: The order in that, or why there is none.
    """

    starting: Callable[[WantedOrder, Recommended], Starting]
    outcome: type[Struct]
    ordered: Callable[[Any], Ordered]


class Today(Protocol):
    """Calculates on today's figures; nothing is kept of it."""

    async def __call__(self, item: str, location: str, *, correlation_id: str) -> Calculated:
        """What comes of it.

        Raises:
            UnavailableError: if they cannot be read.
            NotFoundError: if there is no such item.
            InvalidInputError: if it cannot be calculated.
        """


class Calculating(Struct, frozen=True):
    """The calculation of replenishment, to be done again.

    Attributes:
        again: Does it on inputs that were kept; the same comes out.
        today: Does it on today's.
    """

    again: Callable[[bytes], Calculated]
    today: Today
