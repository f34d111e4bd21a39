"""The port between the kit and a pretended product."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from sandbox.changes import Change


class Limits(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a simulator bears; can be changed while it runs.

    `service_ms` is the least time that an answer takes, so that requests really overlap.
    A rate of 0 is no limit.
    """

    page_size: int = 1000
    max_concurrent: int = 10
    rate_per_s: float = 25.0
    burst: int = 20
    service_ms: float = 2.0


class Touched(Struct, frozen=True):
    """A row that a change made, altered or took away, in the product's own words.

    `values` are those that differ now; None if the row is gone.
    """

    entity: str
    key: dict[str, Any]
    values: dict[str, Any] | None


class Product(Protocol):
    """A pretended product, as the kit sees it."""

    name: str
    limits: Limits

    async def handle(self, request: Request) -> Response:
        """Answer a request the way the product does; its body has been read."""
        ...

    def refuse(self, request: Request, in_flight: int) -> Response | None:
        """Turn a request away under load; `in_flight` counts it too."""
        ...

    def error(self, status: int, text: str, request: Request) -> Response:
        """An error in the product's own shape."""
        ...

    def expire_tokens(self) -> None:
        """Make all tokens and sessions handed out so far invalid."""
        ...

    def add_order(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Add a purchase order and tell its number.

        Raises:
            ValueError: the product has no orders, or the wish cannot be met.
        """
        ...

    def apply(self, change: Change) -> list[Touched]:
        """Let a change be seen in the product's rows; nothing if it is none of its own."""
        ...

    def holds_changes(self) -> str:
        """Why no change can be taken now; empty if one can."""
        ...

    def commands(self) -> Mapping[str, Callable[[bytes], Any]]:
        """Controls that only this product has, by method and name: from body to answer."""
        ...

    async def run(self) -> None:
        """Do what the product does by itself, until cancelled."""
        ...
