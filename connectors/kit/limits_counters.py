"""Who counts a backend's calls: this process alone, or all processes together.

While the shared counter is down, a process counts alone on its part of the limits.
"""

from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import structlog

from runtime.limits.rules import Grant, Limit, LimitsDownError, Rules, SharedLimits

_log = structlog.get_logger(__name__)
_ALMOST: Final = 1e-9
"""A wait as computed may end a rounding error early: what is almost there, is."""


class Counter(Protocol):
    """Counts calls against rules."""

    def take_now(self, lease: str) -> bool:
        """Take a slot and a token, if that can be told without waiting; False tells nothing."""

    async def take(self, lease: str) -> Grant:
        """Take a slot and a token, or tell what holds them back."""

    def give_back(self, lease: str) -> Coroutine[Any, Any, None] | None:
        """Return a slot; gives what is left to be done elsewhere, if anything."""

    def charge(self, units: int) -> Coroutine[Any, Any, None] | None:
        """Spend units of cost, whether there are that many or not; as `give_back`."""

    async def pause(self, seconds: float) -> None:
        """Grant nothing for a while."""

    def health(self) -> Mapping[str, object]:
        """How it is just now."""


class LocalCounter:
    """Counts within this process."""

    def __init__(
        self, rules: Rules, *, clock: Callable[[], float], now: Callable[[], datetime]
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._now = now
        self._tokens = float(rules.burst)
        self._at = clock()
        self._leases: set[str] = set()
        self._paused_until = 0.0
        self._day = now().astimezone(UTC).date()
        self._used = 0
        self._paid_at = self._at
        """When all cost that was spent will have come back (GCRA)."""

    def take_now(self, lease: str) -> bool:
        """Take a slot and a token, if nothing holds them back."""
        return self._taken(lease) is None

    async def take(self, lease: str) -> Grant:
        """Take a slot and a token, or tell what holds them back."""
        return self._taken(lease) or Grant()

    def _taken(self, lease: str) -> Grant | None:
        held_back = self._held_back()
        if held_back is None:
            self._tokens -= 1
            self._used += 1
            self._leases.add(lease)
            self.charge(1)
        return held_back

    def occupy(self, lease: str) -> None:
        """Count a slot that was granted elsewhere."""
        self._leases.add(lease)
        self.note(1)

    def give_back(self, lease: str) -> None:
        """Return a slot, at once."""
        self._leases.discard(lease)

    def charge(self, units: int) -> None:
        """Spend units of cost, at once."""
        if self._rules.cost_per_s is not None:
            self._paid_at = max(self._paid_at, self._clock()) + units / self._rules.cost_per_s

    def note(self, units: int) -> None:
        """Count cost that was charged elsewhere. It uses up what is here, but makes no debt here.

        The part of a process is for when it is alone. One that does more than its part while all
        are counted together would else stand still for as long as it did.
        """
        if self._rules.cost_per_s is not None:
            self.charge(units)
            full_s = self._rules.cost_burst / self._rules.cost_per_s
            self._paid_at = min(self._paid_at, self._clock() + full_s)

    async def pause(self, seconds: float) -> None:
        """Grant nothing for a while; a longer pause that is set already stays."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def health(self) -> Mapping[str, object]:
        """How it is just now."""
        paused_s = self._paused_until - self._clock()
        return {
            "in_flight": len(self._leases),
            **({"paused_s": round(paused_s, 3)} if paused_s > 0 else {}),
        }

    def _held_back(self) -> Grant | None:
        clock, rules = self._clock(), self._rules
        if clock < self._paused_until:
            return Grant(Limit.PAUSE, self._paused_until - clock, certain=True)
        if len(self._leases) >= rules.slots:
            return Grant(Limit.CONCURRENCY, rules.lease_s)
        if rules.per_day is not None and (left_s := self._day_is_used_up(rules.per_day)):
            return Grant(Limit.PER_DAY, left_s, certain=True)
        self._tokens = min(float(rules.burst), self._tokens + (clock - self._at) * rules.rate_per_s)
        self._at = clock
        if self._tokens < 1 - _ALMOST:
            return Grant(Limit.RATE, (1 - self._tokens) / rules.rate_per_s, certain=True)
        if rules.cost_per_s is not None:
            spent = max(0.0, self._paid_at - clock) * rules.cost_per_s
            missing = 1 - (rules.cost_burst - spent)
            if missing > _ALMOST:
                return Grant(Limit.COST, missing / rules.cost_per_s, certain=True)
        return None

    def _day_is_used_up(self, per_day: int) -> float:
        now = self._now().astimezone(UTC)
        if now.date() != self._day:
            self._day, self._used = now.date(), 0
        if self._used < per_day:
            return 0.0
        midnight = datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1)
        return (midnight - now).total_seconds()


class SharedCounter:
    """Counts with all other processes, and alone while the shared counter is down."""

    def __init__(  # noqa: PLR0913 wiring, by name
        self,
        system: str,
        account: str,
        rules: Rules,
        *,
        shared: SharedLimits,
        alone: LocalCounter,
        clock: Callable[[], float],
        again_s: float = 1.0,
    ) -> None:
        self._system = system
        self._account = account
        self._rules = rules
        self._shared = shared
        self._alone = alone
        self._clock = clock
        self._again_s = again_s
        self._down_until: float | None = None

    def take_now(self, lease: str) -> bool:
        """Only while it counts alone can it be told without waiting."""
        return self._is_down() and self._alone.take_now(lease)

    async def take(self, lease: str) -> Grant:
        """Take a slot and a token, or tell what holds them back."""
        if self._is_down():
            return await self._alone.take(lease)
        try:
            grant = await self._shared.take(self._account, self._rules, lease)
        except LimitsDownError as exc:
            self._went_down(exc)
            return await self._alone.take(lease)
        if self._down_until is not None:
            self._down_until = None
            _log.info("shared_limits_back", system=self._system)
        if grant.limit is None:
            self._alone.occupy(lease)
        return grant

    def give_back(self, lease: str) -> Coroutine[Any, Any, None] | None:
        """Return a slot; one that cannot be returned comes back when its lease ends."""
        self._alone.give_back(lease)
        return None if self._is_down() else self._give_back(lease)

    async def _give_back(self, lease: str) -> None:
        try:
            await self._shared.give_back(self._account, lease)
        except LimitsDownError as exc:
            self._went_down(exc)

    def charge(self, units: int) -> Coroutine[Any, Any, None] | None:
        """Spend units of cost; gives what is left to be done elsewhere, if they are counted."""
        if self._is_down():
            self._alone.charge(units)
            return None
        self._alone.note(units)
        return None if self._rules.cost_per_s is None else self._charge(units)

    async def _charge(self, units: int) -> None:
        try:
            await self._shared.charge(self._account, self._rules, units)
        except LimitsDownError as exc:
            self._went_down(exc)

    async def pause(self, seconds: float) -> None:
        """Grant nothing for a while, in any process."""
        await self._alone.pause(seconds)
        if self._is_down():
            return
        try:
            await self._shared.pause(self._account, seconds)
        except LimitsDownError as exc:
            self._went_down(exc)

    def health(self) -> Mapping[str, object]:
        """How it is just now."""
        counted = "shared" if self._down_until is None else "alone: Redis is down"
        return {**self._alone.health(), "limits": counted}

    def _is_down(self) -> bool:
        return self._down_until is not None and self._clock() < self._down_until

    def _went_down(self, exc: LimitsDownError) -> None:
        if self._down_until is None:
            _log.warning("shared_limits_down", system=self._system, error=str(exc))
        self._down_until = self._clock() + self._again_s
