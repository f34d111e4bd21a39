"""What limits say, whoever counts them: rules, grants, and the port of a shared counter."""

from enum import StrEnum
from typing import Protocol

from msgspec import Struct


class Limit(StrEnum):
    """Which limit holds a call back, as call policies name it."""

    RATE = "rate_per_s"
    COST = "cost_per_s"
    PER_DAY = "per_day"
    CONCURRENCY = "max_concurrency"
    PAUSE = "retry_after"
    """The system itself asked for a pause."""


class Rules(Struct, frozen=True):
    """The limits of one account.

    Attributes:
        rate_per_s: Calls per second in the long run.
        burst: Calls at once after a rest.
        slots: Calls at a time.
        per_day: Calls per UTC day, or None if the vendor does not count by the day.
        lease_s: After how long a slot comes back by itself, should its process have died.
        cost_per_s: Units of cost per second in the long run, or None if they are not counted. Each
            call takes one; what else it has cost is charged afterwards, and may be more than there
            was: then nobody may call until it has come back.
        cost_burst: Units of cost at once after a rest.
    """

    rate_per_s: float
    burst: int
    slots: int
    per_day: int | None = None
    lease_s: float = 60.0
    cost_per_s: float | None = None
    cost_burst: int = 1

    def divided(self, share: int) -> "Rules":
        """One of `share` equal parts, rounded so that all parts together keep the limits.

        A part never falls below one call at a time, or nothing would ever be asked.
        """
        return Rules(
            self.rate_per_s / share,
            max(1, self.burst // share),
            max(1, self.slots // share),
            None if self.per_day is None else max(1, self.per_day // share),
            self.lease_s,
            None if self.cost_per_s is None else self.cost_per_s / share,
            max(1, self.cost_burst // share),
        )


class Grant(Struct, frozen=True):
    """The answer to one request for a slot.

    Attributes:
        limit: What holds it back; None if the slot is granted.
        wait_s: Seconds after which asking again is worth while.
        certain: Whether nothing can be granted before that.
    """

    limit: Limit | None = None
    wait_s: float = 0.0
    certain: bool = False


class LimitsDownError(Exception):
    """The shared counter cannot be asked just now."""


class SharedLimits(Protocol):
    """Counts what all processes do under an account's name."""

    async def take(self, account: str, rules: Rules, lease: str) -> Grant:
        """Take a slot and a token under the name of a lease.

        Raises:
            LimitsDownError: the counter cannot be asked.
        """

    async def give_back(self, account: str, lease: str) -> None:
        """Return a slot.

        Raises:
            LimitsDownError: the counter cannot be asked; the slot returns when its lease ends.
        """

    async def charge(self, account: str, rules: Rules, units: int) -> None:
        """Spend units of cost, whether there are that many or not.

        Raises:
            LimitsDownError: the counter cannot be asked; the units are not counted.
        """

    async def pause(self, account: str, seconds: float) -> None:
        """Let nobody call for a while; a longer pause that is set already stays.

        Raises:
            LimitsDownError: the counter cannot be asked.
        """
