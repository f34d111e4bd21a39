"""Suppliers who answer the orders that callers made: late and less, if that is wanted; or never.

GET suppliers  how they answer     PUT suppliers  {"after_s": 5, "share": "0.8", "days_late": 3}
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any

import msgspec
from msgspec import Struct

from sandbox.coupa.rows import Row
from sandbox.coupa.told import RefusedError
from sandbox.world import World
from sandbox.world.records import Order


class Habits(Struct, forbid_unknown_fields=True):
    """How suppliers answer: `after_s` seconds after an order was issued; never if it is None.

    They confirm `share` of each quantity, in whole units, `days_late` after the wanted day. Those
    in `silent`, by Coupa's numbers, do not answer at all.
    """

    after_s: float | None = None
    share: Decimal = Decimal(1)
    days_late: int = 0
    silent: list[str] = []


class Suppliers:
    """Answers orders.

    Args:
        world: The distributor.
        confirm: Takes a confirmation, as callers tell it.
    """

    def __init__(self, world: World, confirm: Callable[[Row], Any]) -> None:
        self._numbers = {s.number: s.coupa_number for s in world.suppliers}
        self._confirm = confirm
        self.habits = Habits()

    def commands(self) -> Mapping[str, Callable[[bytes], Any]]:
        """The controls above."""
        return {
            "GET suppliers": lambda _: msgspec.structs.asdict(self.habits),
            "PUT suppliers": self._change,
        }

    def issued(self, order: Order, number: int) -> None:
        """An order that callers made has gone to its supplier."""
        habits = self.habits
        if habits.after_s is None or self._numbers[order.supplier] in habits.silent:
            return
        loop = asyncio.get_running_loop()
        loop.call_later(habits.after_s, self._answer, order, number, habits)

    def _answer(self, order: Order, number: int, habits: Habits) -> None:
        promises = [
            {
                "line-num": str(line.number),
                "quantity": str((line.quantity * habits.share).quantize(Decimal(1), ROUND_DOWN)),
                "delivery-date": (line.due_on + timedelta(days=habits.days_late)).isoformat(),
            }
            for line in order.lines
            if not line.deleted
        ]
        told = {"order-header": {"id": number}, "order-confirmation-lines": promises}
        try:
            self._confirm(told)
        except RefusedError:
            return  # it was cancelled meanwhile

    def _change(self, body: bytes) -> dict[str, Any]:
        self.habits = msgspec.json.decode(body, type=Habits, strict=False)
        return msgspec.structs.asdict(self.habits)
