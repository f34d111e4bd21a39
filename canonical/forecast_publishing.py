"""Publishing forecasts, as callers ask for it: what was taken, what was refused, and the port."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from canonical.writing import NewForecast


class ForecastFinding(Struct, frozen=True, kw_only=True):
    """Why a forecast was not taken.

    Attributes:
        code: Stable code for programs.
        message: What is wrong and what to do, for people.
        index: Its place among those that were given.
        field: The part of it that is wrong.
    """

    code: str
    message: str
    index: int
    field: str


class Published(Struct, frozen=True):
    """What came of publishing forecasts.

    Attributes:
        accepted: How many were taken, now or under the same key before.
        findings: Why the others were not, in their order.
    """

    accepted: int
    findings: Sequence[ForecastFinding] = ()


class ForecastDesk(Protocol):
    """Forecasts for callers. What cannot be asked or kept now is an `UnavailableError`."""

    async def publish(
        self, forecasts: Sequence[NewForecast], *, key: str, actor: str, correlation_id: str
    ) -> Published:
        """Publish forecasts to the planning system, and have the event log tell of them.

        Asked for again with the same key it comes to the same, also after an answer that was lost.

        Raises:
            InvalidInputError: if there are too many at once.
            ConflictError: if the key was used for other forecasts.
        """
