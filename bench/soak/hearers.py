"""Subscribers that do not give up: each goes on after the last event it saw, at any process."""

import asyncio
import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from bench.soak.plan import ITEMS, SUPPLIERS
from canonical.entities import EntityName
from canonical.events import Event
from runtime.security.development import mint_development_token
from runtime.security.principal import Role
from subscriptions.cursors import decode_cursor, encode_cursor

PAUSE_S: Final = 0.2
_LIFE_S: Final = 86_400
_SPOKEN: Final = [Subprotocol("graphql-transport-ws")]


class _Heard(Struct):
    cursor: str


class _Payload(Struct):
    data: dict[str, _Heard] | None = None
    errors: Any = None


class _Message(Struct):
    type: str
    payload: _Payload


_decode: Final = msgspec.json.Decoder(_Message).decode


class Wish(Struct, frozen=True):
    """What a subscriber wants to hear.

    Attributes:
        stream: Of which stream.
        topic: Field of Subscription.
        narrowed: The filter, as GraphQL.
        wants: Whether it is to hear an event.
    """

    stream: EntityName
    topic: str
    narrowed: str
    wants: Callable[[Event], bool]


def wishes() -> list[Wish]:
    """Of all subscribers: two of all orders, one of all forecasts, others of some of them."""
    order, forecast = EntityName.PURCHASE_ORDER, EntityName.FORECAST
    found = [Wish(order, "purchaseOrderChanged", "", lambda _: True) for _ in range(2)]
    found.append(Wish(forecast, "forecastChanged", "", lambda _: True))
    for n in range(SUPPLIERS):
        wants = _by("supplier", f"S-{n}")
        found.append(Wish(order, "purchaseOrderChanged", f'filter: {{supplier: ["S-{n}"]}}', wants))
    for n in range(0, ITEMS, ITEMS // 2):
        wants = _by("item", f"I-{n}")
        found.append(Wish(forecast, "forecastChanged", f'filter: {{item: ["I-{n}"]}}', wants))
    return found


def _by(name: str, value: str) -> Callable[[Event], bool]:
    return lambda event: getattr(event.data, name) == value


class Hearer:
    """One subscriber.

    Args:
        wish: What it wants to hear.
        ports: Of the processes.
        first: At which it begins.
        key: Signs its tokens.

    Attributes:
        seen: Positions, in the order in which they were seen.
        resumed: How often it came again.
    """

    def __init__(self, wish: Wish, ports: Sequence[int], first: int, key: str) -> None:
        self.wish = wish
        self.seen: list[int] = []
        self.resumed = 0
        self._ports = ports
        self._first = first
        token = mint_development_token(key, f"s{first}", [Role.PLANNER], None, _LIFE_S)
        init = {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}
        self._init = json.dumps(init)

    async def run(self) -> None:
        """Hear until cancelled.

        Raises:
            ValueError: if something else comes than an event.
        """
        for at in itertools.count(self._first):
            try:
                await self._hear(self._ports[at % len(self._ports)])
            except (OSError, WebSocketException, TimeoutError):
                self.resumed += 1
                await asyncio.sleep(PAUSE_S)

    async def _hear(self, port: int) -> None:
        """Hear what comes after the last event that was seen, until the connection breaks."""
        url = f"ws://127.0.0.1:{port}/graphql"
        topic, stream, seen = self.wish.topic, self.wish.stream, self.seen
        async with connect(url, subprotocols=_SPOKEN, compression=None, proxy=None) as socket:
            await socket.send(self._init)
            await socket.recv()
            await socket.send(self._subscribe())
            async for text in socket:
                payload = _decode(text).payload
                if payload.data is None or payload.errors:
                    raise ValueError(text)
                seen.append(decode_cursor(payload.data[topic].cursor, stream))

    def _subscribe(self) -> str:
        after = encode_cursor(self.wish.stream, self.seen[-1] if self.seen else 0)
        given = ", ".join(part for part in (self.wish.narrowed, f'after: "{after}"') if part)
        query = f"subscription {{ {self.wish.topic}({given}) {{ cursor }} }}"
        return json.dumps({"id": "1", "type": "subscribe", "payload": {"query": query}})
