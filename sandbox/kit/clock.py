"""The clock of a simulator: applies the distributor's changes, when told or by itself.

GET  clock    what it stands at        PUT  clock  {"running": true, "speed": 60}
GET  changes  the last that were seen  POST tick   {"count": 5} | {"to": 120} | {"kind": "sent"}
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from time import monotonic
from typing import Any

import msgspec
from msgspec import Struct

from sandbox.changes import Change, Kind
from sandbox.kit.product import Product, Touched

_MOST_AT_ONCE = 10_000
_KEPT = 1_000
_HELD_CHECK_S = 0.05


class Tick(Struct, forbid_unknown_fields=True):
    """How far to go: `count` changes, or on `to` a number of the sequence.

    With `kind`, on until `count` changes of that kind were seen by this product.
    """

    count: int = 1
    to: int | None = None
    kind: Kind | None = None


class Pace(Struct, forbid_unknown_fields=True):
    """Whether the clock runs by itself, and how many changes in a minute; None leaves it so."""

    running: bool | None = None
    speed: float | None = None


class Seen(Struct, frozen=True):
    """A change that touched the product's rows."""

    number: int
    at: datetime
    kind: Kind
    touched: list[Touched]


class Clock:
    """Applies changes to a product, each once and in order.

    Args:
        product: Whose rows change.
        changes: The whole sequence; what the product does not see is passed over.
        speed: Changes in a minute while it runs; above 0 it runs from the start.
    """

    def __init__(self, product: Product, changes: Iterator[Change], speed: float = 0.0) -> None:
        self._product = product
        self._changes = changes
        self._speed = speed or 60.0
        self._running = speed > 0
        self._number = 0
        self._at: datetime | None = None
        self._seen: deque[msgspec.Raw] = deque(maxlen=_KEPT)
        self._turned = asyncio.Event()
        self._since = (monotonic(), 0)

    def commands(self) -> Mapping[str, Callable[[bytes], Any]]:
        """The controls above."""
        return {
            "GET clock": lambda _: self.stand(),
            "PUT clock": lambda body: self.turn(msgspec.json.decode(body, type=Pace)),
            "GET changes": lambda _: list(self._seen),
            "POST tick": lambda body: self.tick(msgspec.json.decode(body or b"{}", type=Tick)),
        }

    def stand(self) -> dict[str, Any]:
        """What the clock stands at; `at` is the time of the last change."""
        return {
            "running": self._running,
            "speed": self._speed,
            "number": self._number,
            "at": self._at,
            "held": self._product.holds_changes(),
        }

    def turn(self, pace: Pace) -> dict[str, Any]:
        """Start or stop the clock, or change its speed.

        Raises:
            ValueError: the speed is not above 0.
        """
        if pace.speed is not None:
            if pace.speed <= 0:
                raise ValueError(f"speed must be above 0, not {pace.speed:g}")
            self._speed = pace.speed
        if pace.running is not None:
            self._running = pace.running
        self._since = (monotonic(), self._number)
        self._turned.set()
        return self.stand()

    def tick(self, tick: Tick) -> dict[str, Any]:
        """Apply changes now, whether the clock runs or not.

        Returns:
            What the clock stands at, and `changes`: those that touched the product's rows. They
            are fewer than asked for if the product holds them back; `held` tells why.

        Raises:
            ValueError: too many are asked for, or one that has gone by.
        """
        goal = self._number + tick.count if tick.to is None else tick.to
        if tick.kind is not None:
            goal = self._number + _MOST_AT_ONCE
        if not self._number <= goal <= self._number + _MOST_AT_ONCE:
            raise ValueError(f"the clock stands at {self._number} and cannot go on to {goal}")
        seen: list[msgspec.Raw] = []
        wanted = tick.count
        while self._number < goal and wanted and not self._product.holds_changes():
            kind = self._apply_next()
            if kind is not None:
                seen.append(self._seen[-1])
                wanted -= kind == tick.kind
        self._since = (monotonic(), self._number)
        return {**self.stand(), "changes": seen}

    async def run(self) -> None:
        """Apply changes as they become due, until cancelled."""
        while True:
            if not self._running:
                await self._turned.wait()
                self._turned.clear()
            elif self._product.holds_changes():
                await asyncio.sleep(_HELD_CHECK_S)
                self._since = (monotonic(), self._number)
            else:
                await self._run_until_due()

    async def _run_until_due(self) -> None:
        began, number = self._since
        due = began + (self._number + 1 - number) * 60 / self._speed
        wait = due - monotonic()
        if wait <= 0:
            self._apply_next()
            await asyncio.sleep(0)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._turned.wait(), wait)
        self._turned.clear()

    def _apply_next(self) -> Kind | None:
        """Apply one change, and tell its kind if the product saw it."""
        change = next(self._changes)
        self._number, self._at = change.number, change.at
        touched = self._product.apply(change)
        if not touched:
            return None
        # Written down at once: the rows live on and change again.
        seen = Seen(change.number, change.at, change.kind, touched)
        self._seen.append(msgspec.Raw(msgspec.json.encode(seen)))
        return change.kind
