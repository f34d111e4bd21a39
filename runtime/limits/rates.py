"""Rates in units of cost: what one may spend in the long run, and at once after a rest (GCRA).

An account is one moment: when all that was spent would have come back (its theoretical arrival
time, TAT). The further it lies ahead, the less is left.
"""

import math
from typing import Final, Protocol

from msgspec import Struct

_US: Final = 1_000_000


class Rate(Struct, frozen=True):
    """A rate.

    Attributes:
        per_s: Units a second in the long run.
        burst: Units at once after a rest.
    """

    per_s: float
    burst: int


class Taken(Struct, frozen=True):
    """What came of taking from an account.

    Attributes:
        granted: Units that were taken; 0 if there were not enough.
        left: Units that are left in it.
        wait_s: Seconds until there would have been enough.
        at_us: When that was by the clock that counts, in microseconds.
    """

    granted: int
    left: int
    wait_s: float = 0.0
    at_us: int = 0


class SharedRates(Protocol):
    """Accounts that all processes share."""

    async def take(self, account: str, rate: Rate, least: int, most: int) -> Taken:
        """Take as much as there is up to `most`, but nothing if there is less than `least`.

        What is negative is put back.

        Raises:
            LimitsDownError: the accounts cannot be asked.
        """


class Account(Struct):
    """An account of this process alone, for as long as the shared ones cannot be asked."""

    tat_us: float = 0.0

    def take(self, rate: Rate, least: int, most: int, now_us: int) -> Taken:
        """As `SharedRates.take`, at a moment."""
        each_us = _US / rate.per_s
        tat_us = max(self.tat_us, now_us)
        free = rate.burst - (tat_us - now_us) / each_us
        if free < least:
            wait_us = math.ceil((least - free) * each_us)
            return Taken(0, max(0, math.floor(free)), wait_us / _US, now_us)
        granted = max(least, min(most, math.floor(free)))
        self.tat_us = max(now_us, tat_us + granted * each_us)
        return Taken(granted, math.floor(free - granted), 0.0, now_us)
