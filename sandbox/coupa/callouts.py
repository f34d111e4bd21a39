"""Callouts (integration webhooks): a changed order, as the interface shows it, told at once.

GET  webhook     where they go     PUT  webhook    {"url": ..., "secret": "whsec_...", ...}
GET  deliveries  the last ones     POST redeliver  {"id": "msg_..."} or {"state": "given_up"}
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from sandbox.changes import Change
from sandbox.coupa.outbox import Delivery, Outbox, State
from sandbox.coupa.rows import Row
from sandbox.world import World


class _Again(Struct, forbid_unknown_fields=True):
    id: str = ""
    state: State | None = None


class Callouts:
    """Makes callouts of changes; ids follow from the change, so that they are the same again."""

    def __init__(self, world: World) -> None:
        self._world = f"{world.seed}:{world.size}:{world.today}"
        self.outbox = Outbox()

    def tell(self, change: Change, order: Row) -> None:
        """Send an order as it is now."""
        name = f"{self._world}:{change.number}:{change.at.isoformat()}"
        digest = hashlib.sha256(name.encode()).hexdigest()
        self.outbox.put(
            Delivery(
                id=f"msg_{digest[:24]}",
                order=order["po-number"],
                kind=change.kind,
                number=change.number,
                body=msgspec.json.encode(order),
            )
        )

    def holds_changes(self) -> str:
        """Why no change can be taken now."""
        return "the outbox of callouts is full" if self.outbox.is_full() else ""

    def commands(self) -> Mapping[str, Callable[[bytes], Any]]:
        """The controls above."""
        return {
            "GET webhook": lambda _: self.outbox.stand(),
            "PUT webhook": lambda body: self.outbox.aim(
                msgspec.json.decode(body, type=dict[str, Any])
            ),
            "GET deliveries": lambda _: self.outbox.log(),
            "POST redeliver": self._redeliver,
        }

    def _redeliver(self, body: bytes) -> dict[str, int]:
        again = msgspec.json.decode(body, type=_Again)
        return {"queued": self.outbox.send_again(name=again.id, state=again.state)}
