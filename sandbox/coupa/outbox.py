"""Callouts on their way: at least once, one after the other for each order, retried, kept.

    put -> lane of the order -> POST until it is taken, refused or given up -> log

Trouble on purpose: duplicates, and callouts that arrive after later ones of the same order.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from time import monotonic, time
from typing import Any, Literal

import httpx
import msgspec
from msgspec import Struct

from sandbox.kit.signing import Scheme, check_secret, signed_headers, traceparent

State = Literal["waiting", "delivered", "refused", "given_up"]

_KEPT = 2_000
_AT_ONCE = 8
_LONGEST_WAIT_S = 30.0
_HELD_BACK_S = 0.5


class Target(Struct, forbid_unknown_fields=True):
    """Where callouts go, and how; without `url` none are made.

    Of `duplicates` n every nth callout is sent twice; of `out_of_order` n every nth is held back
    until the next one of its order has gone, or for half a second. After `attempts` without an
    answer, or with 5xx or 429, a callout is given up; any other refusal is final at once. The
    waits between attempts begin with `backoff_s` and double up to half a minute, unless
    Retry-After names one. When `room` callouts wait, the clock does.
    """

    url: str = ""
    secret: str = ""
    scheme: Scheme = "standard"
    duplicates: int = 0
    out_of_order: int = 0
    attempts: int = 100
    backoff_s: float = 0.5
    timeout_s: float = 10.0
    room: int = 10_000


class Attempt(Struct, frozen=True):
    """One POST: the status that came back, or why none did."""

    at: float
    status: int | None
    error: str
    ms: float


class Delivery(Struct):
    """A callout: one change of one order; `id` is the same however often it is sent."""

    id: str
    order: str
    kind: str
    number: int
    body: bytes
    ordinal: int = 0
    state: State = "waiting"
    attempts: list[Attempt] = []


class Outbox:
    """Sends callouts, and remembers the last ones."""

    def __init__(self) -> None:
        self.target = Target()
        self._lanes: dict[str, deque[Delivery]] = {}
        self._begun: asyncio.Queue[str] = asyncio.Queue()
        self._held: dict[str, Delivery] = {}
        self._log: deque[Delivery] = deque(maxlen=_KEPT)
        self._made = 0
        self._waiting = 0

    def aim(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Change the target, and tell what it is now, without the secret.

        Raises:
            ValueError: a name or value that cannot be, or a secret that does not fit the scheme.
        """
        values = {**msgspec.structs.asdict(self.target), **changes}
        target = msgspec.convert(values, Target)
        if target.url:
            check_secret(target.scheme, target.secret)
        self.target = target
        return self.stand()

    def stand(self) -> dict[str, Any]:
        """The target without its secret, and how many callouts are in which state."""
        shown = msgspec.structs.asdict(self.target)
        del shown["secret"]
        states = Counter(delivery.state for delivery in self._log)
        return {**shown, "made": self._made, "states": {**states, "waiting": self._waiting}}

    def log(self) -> list[dict[str, Any]]:
        """The last callouts, oldest first, with each attempt; their bodies are left out."""
        entries = [msgspec.structs.asdict(delivery) for delivery in self._log]
        return [{k: v for k, v in entry.items() if k != "body"} for entry in entries]

    def is_full(self) -> bool:
        """Whether no further callout should be made now."""
        return self._waiting >= self.target.room

    def put(self, delivery: Delivery) -> None:
        """Take a new callout; passed over if there is nowhere to send it."""
        if not self.target.url:
            return
        self._made += 1
        self._waiting += 1
        delivery.ordinal = self._made
        self._log.append(delivery)
        order, every = delivery.order, self.target.out_of_order
        if every and self._made % every == 0 and order not in self._held:
            self._held[order] = delivery
            asyncio.get_running_loop().call_later(_HELD_BACK_S, self._let_go, order, delivery)
            return
        self._line_up(delivery)
        if order in self._held:
            self._line_up(self._held.pop(order))

    def send_again(self, *, name: str = "", state: State | None = None) -> int:
        """Line up callouts that are done once more, by id or by state; tell how many.

        Raises:
            ValueError: no such callout is remembered, or it is still waiting.
        """
        done = [d for d in self._log if d.state != "waiting"]
        chosen = [d for d in done if d.id == name or (not name and d.state == state)]
        if name and not chosen:
            raise ValueError(f"no callout {name} that is done")
        for delivery in chosen:
            delivery.state = "waiting"
            self._waiting += 1
            self._line_up(delivery)
        return len(chosen)

    async def run(self) -> None:
        """Send what is put, until cancelled."""
        gate = asyncio.Semaphore(_AT_ONCE)
        async with httpx.AsyncClient(trust_env=False) as client, asyncio.TaskGroup() as lanes:
            while True:
                order = await self._begun.get()
                lanes.create_task(self._empty(order, client, gate))

    def _let_go(self, order: str, delivery: Delivery) -> None:
        if self._held.get(order) is delivery:
            self._line_up(self._held.pop(order))

    def _line_up(self, delivery: Delivery) -> None:
        lane = self._lanes.get(delivery.order)
        if lane is None:
            lane = self._lanes[delivery.order] = deque()
            self._begun.put_nowait(delivery.order)
        lane.append(delivery)

    async def _empty(self, order: str, client: httpx.AsyncClient, gate: asyncio.Semaphore) -> None:
        lane = self._lanes[order]
        while lane:
            delivery = lane.popleft()
            await self._deliver(delivery, client, gate)
            self._waiting -= 1
        del self._lanes[order]

    async def _deliver(
        self, delivery: Delivery, client: httpx.AsyncClient, gate: asyncio.Semaphore
    ) -> None:
        """Send until it is taken, refused or given up."""
        wait = self.target.backoff_s
        for tried in range(1, self.target.attempts + 1):
            async with gate:
                status, retry_after = await self._post(delivery, client)
                every = self.target.duplicates
                if _is_taken(status) and every and delivery.ordinal % every == 0:
                    await self._post(delivery, client)
            if _is_taken(status):
                delivery.state = "delivered"
                return
            if not (status is None or status == 429 or status >= 500):
                delivery.state = "refused"
                return
            if tried < self.target.attempts:
                await asyncio.sleep(wait if retry_after is None else retry_after)
                wait = min(_LONGEST_WAIT_S, wait * 2)
        delivery.state = "given_up"

    async def _post(
        self, delivery: Delivery, client: httpx.AsyncClient
    ) -> tuple[int | None, float | None]:
        """Send once, signed anew: the status, None if none came, and the wait that it names."""
        target, start = self.target, monotonic()
        headers = {
            "content-type": "application/json",
            "user-agent": "Coupa-Callout/1.0",
            "traceparent": traceparent(delivery.id),
            **signed_headers(
                target.scheme, target.secret, delivery.id, int(time()), [delivery.body]
            ),
        }
        status, error, named = None, "", None
        try:
            answer = await client.post(
                target.url, content=delivery.body, headers=headers, timeout=target.timeout_s
            )
            status, named = answer.status_code, answer.headers.get("retry-after")
        except (httpx.HTTPError, httpx.InvalidURL) as failure:
            error = f"{type(failure).__name__}: {failure}"
        ms = round((monotonic() - start) * 1000, 3)
        delivery.attempts = [*delivery.attempts, Attempt(time(), status, error, ms)]
        wait = float(named) if named is not None and named.isdigit() else None
        return status, None if wait is None else min(wait, _LONGEST_WAIT_S)


def _is_taken(status: int | None) -> bool:
    return status is not None and 200 <= status < 300
