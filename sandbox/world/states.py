"""How far an order has come: drawn from its age and due dates, as in a house that runs well.

What is long due is mostly closed, what is due about now is arriving, what is due later is open.
"""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import cast

from sandbox.world.records import State

_Weights = tuple[tuple[str, int], ...]

_LONG_DUE: _Weights = (
    ("closed", 52), ("received", 38), ("partially_received", 5), ("cancelled", 4), ("rejected", 1),
)  # fmt: skip
_DUE_NOW: _Weights = (
    ("received", 27), ("partially_received", 30), ("acknowledged", 28), ("approved", 7),
    ("sent", 5), ("cancelled", 3),
)  # fmt: skip
_FRESH: _Weights = (
    ("draft", 16), ("pending_approval", 20), ("approved", 22), ("sent", 12), ("acknowledged", 25),
    ("rejected", 2), ("cancelled", 3),
)  # fmt: skip
_DUE_LATER: _Weights = (
    ("approved", 18), ("sent", 14), ("acknowledged", 48), ("partially_received", 12),
    ("cancelled", 5), ("pending_approval", 3),
)  # fmt: skip

# What one of the systems cannot say is said by the nearest word that it has.
_NEAREST = {("erp", "sent"): "approved", ("procurement", "rejected"): "cancelled"}

NEWEST_STATES: dict[str, tuple[State, ...]] = {
    "erp": (
        "draft", "pending_approval", "approved", "rejected", "acknowledged", "cancelled",
        "partially_received",
    ),
    "procurement": (
        "draft", "pending_approval", "approved", "sent", "acknowledged", "cancelled",
        "partially_received",
    ),
}  # fmt: skip
ACKNOWLEDGED_STATES = frozenset({"acknowledged", "partially_received", "received", "closed"})
RECEIVING_STATES = frozenset({"partially_received", "received", "closed"})


def draw_state(rng: Random, system: str, ordered_on: date, last_due: date, today: date) -> State:
    """Draw the state of an order that was placed on a day and has its last line due on another."""
    if last_due < today - timedelta(days=14):
        choices = _LONG_DUE
    elif last_due < today + timedelta(days=7):
        choices = _DUE_NOW
    elif (today - ordered_on).days <= 8:
        choices = _FRESH
    else:
        choices = _DUE_LATER
    word = rng.choices([word for word, _ in choices], [weight for _, weight in choices])[0]
    return cast("State", _NEAREST.get((system, word), word))
