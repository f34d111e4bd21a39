"""What each caller may still spend: here, from a lot at hand, fetched from shared accounts.

    lot at hand -> spent at once, nothing is awaited; a new lot is fetched before it is used up
    used up     -> waits for a new lot; there is none: refused until there will be
    no Redis    -> an account of this process with the same figures

What is spent can be more than was left (`owe`, `settle`): it is made good before anything else. A
process holds about a lot of each caller at most, so that with N processes a caller that is spread
over all of them may be refused up to N lots too early; it can never have more than its rate.
"""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from canonical.errors import RateLimitedError
from runtime.limits.rates import Account, Rate, SharedRates, Taken
from runtime.limits.rules import LimitsDownError

_MOST_CALLERS: Final = 10_000
_LOTS_PER_BURST: Final = 16
_LOT_S: Final = 0.2
_REFILLED_BELOW: Final = 4
"""A new lot is fetched when less than this part of one is left."""


class Allowance:
    """What one caller may still spend.

    Attributes:
        account: The name of the shared account.
        rate: Its rate.
        left: Units at hand; below 0 what is owed.
    """

    __slots__ = (
        "account",
        "blocked_need",
        "blocked_until",
        "filling",
        "left",
        "local",
        "lot",
        "low",
        "rate",
        "shown",
    )

    def __init__(self, account: str, rate: Rate) -> None:
        self.account = account
        self.rate = rate
        self.left = 0
        self.lot = max(1, min(rate.burst // _LOTS_PER_BURST, int(rate.per_s * _LOT_S)))
        self.low = self.lot // _REFILLED_BELOW
        self.shown = rate.burst
        self.local = Account()
        self.filling: asyncio.Task[Taken] | None = None
        self.blocked_until = 0.0
        self.blocked_need = 0

    def remaining(self) -> tuple[int, int]:
        """Units that are left in all, as far as is known here, and seconds until all are back."""
        units = min(max(0, self.shown + self.left), self.rate.burst)
        return units, math.ceil((self.rate.burst - units) / self.rate.per_s)


class Allowances:
    """Allowances by caller; those of callers that were not heard of for long are forgotten.

    Args:
        shared: The accounts that all processes share; None if this one is alone.
        now: Seconds of a clock that never goes back.
    """

    def __init__(
        self, shared: SharedRates | None, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._shared = shared
        self._now = now
        self._of: OrderedDict[object, Allowance] = OrderedDict()
        self._tasks: set[asyncio.Task[Taken]] = set()

    def of(self, key: object, rate: Rate, account: Callable[[], str]) -> Allowance:
        """The allowance of a caller.

        Args:
            key: Who it is.
            rate: Its rate; a new one begins with a new allowance.
            account: Names the shared account.
        """
        found = self._of.get(key)
        if found is not None and found.rate is rate:
            self._of.move_to_end(key)
            return found
        found = self._of[key] = Allowance(account(), rate)
        if len(self._of) > _MOST_CALLERS:
            self._of.popitem(last=False)
        return found

    def spend(self, allowance: Allowance, units: int) -> bool:
        """Spend at once, if that much is at hand."""
        if allowance.left < units:
            return False
        allowance.left -= units
        low = allowance.left < allowance.low and allowance.filling is None
        if low and self._now() >= allowance.blocked_until:
            self._begin_to_fill(allowance, 1)
        return True

    def blocked(self, allowance: Allowance) -> bool:
        """Whether it is known that not even one unit can be spent now."""
        if allowance.left > 0 or 1 - allowance.left < allowance.blocked_need:
            return False
        return self._now() < allowance.blocked_until

    def owe(self, allowance: Allowance, units: int) -> None:
        """Spend, whether there is that much or not; what is missing is paid before all else."""
        allowance.left = max(allowance.left - units, -allowance.rate.burst)

    async def pay(self, allowance: Allowance, units: int) -> None:
        """Spend, with what is owed.

        Raises:
            RateLimitedError: if there is not enough.
        """
        while allowance.left < units:
            need = units - allowance.left
            left_s = allowance.blocked_until - self._now()
            if left_s > 0 and need >= allowance.blocked_need:
                raise _limited(left_s)
            if allowance.filling is None:
                self._begin_to_fill(allowance, need)
            assert allowance.filling is not None  # noqa: S101  # just begun
            await asyncio.shield(allowance.filling)  # others may wait for it
        self.spend(allowance, units)

    def settle(self, allowance: Allowance, paid: int, cost: int) -> None:
        """Give back what was paid too much, or owe the rest."""
        self.owe(allowance, cost - paid)
        surplus = allowance.left - 2 * allowance.lot
        if surplus > 0:
            allowance.left -= surplus
            allowance.shown += surplus
            work = self._taken(allowance, -surplus, -surplus)
            self._keep(asyncio.get_running_loop().create_task(work))

    async def aclose(self) -> None:
        """End what is under way."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin_to_fill(self, allowance: Allowance, need: int) -> None:
        allowance.filling = asyncio.get_running_loop().create_task(self._fill(allowance, need))
        self._keep(allowance.filling)

    async def _fill(self, allowance: Allowance, need: int) -> Taken:
        """Fetch what is needed, and a lot besides."""
        least = min(need, allowance.rate.burst)
        try:
            taken = await self._taken(allowance, least, least + allowance.lot)
        finally:
            allowance.filling = None
        allowance.shown = taken.left
        if taken.granted:
            allowance.left += taken.granted
            allowance.blocked_until = 0.0
        else:
            allowance.blocked_until = self._now() + taken.wait_s
            allowance.blocked_need = need
        return taken

    async def _taken(self, allowance: Allowance, least: int, most: int) -> Taken:
        rate = allowance.rate
        if self._shared is not None:
            try:
                return await self._shared.take(allowance.account, rate, least, most)
            except LimitsDownError:
                pass
        return allowance.local.take(rate, least, most, int(self._now() * 1_000_000))

    def _keep(self, task: "asyncio.Task[Taken]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _limited(wait_s: float) -> RateLimitedError:
    seconds = max(1, math.ceil(wait_s))
    message = f"too much was asked in a short time; ask again in {seconds} s, or for less"
    return RateLimitedError(message, wait_s)
