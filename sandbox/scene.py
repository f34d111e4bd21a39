"""A scene of the distributor's day: forecasts jump, and suppliers answer to orders, or do not.

    python -m sandbox.scene --planning URL --procurement URL

It does what a planner and suppliers would do, through the interfaces that systems offer anybody:

    after a while      planning revises the forecasts of two items, one cheap and one dear
    each new order     its supplier confirms it: the first late and less, the second not at all,
                       the others as they were ordered

Passwords come from the environment: SCENE_PLANNING (user:password) and SCENE_PROCUREMENT (client
id:secret).
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx
from msgspec import Struct

from sandbox.world import DEFAULT_SEED, DEFAULT_TODAY, World
from sandbox.world.records import Forecast, Item

_KEY = "supplygraph-key"
_JUMP = 12
_WEEKS = 8
_LATE = timedelta(days=12)
_LESS = Decimal("0.6")
_TIMEOUT_S = 20.0
_GLANCE_S = 0.25


class Accounts(Struct, frozen=True):
    """Where the systems are, and who we are to them."""

    planning: str
    planning_user: tuple[str, str]
    procurement: str
    procurement_client: tuple[str, str]


class Pace(Struct, frozen=True):
    """How the scene keeps time: when it begins, how long suppliers think, how often they look."""

    begin_after_s: float
    answer_after_s: float
    look_every_s: float = 2.0
    jump_again_s: float = 15.0


class Scene:
    """Plays the scene.

    Args:
        world: The distributor.
        accounts: Its systems.
        pace: How time is kept.
        parent: The process that it ends with.
    """

    def __init__(self, world: World, accounts: Accounts, pace: Pace, parent: int) -> None:
        self._world = world
        self._accounts = accounts
        self._pace = pace
        self._client = httpx.Client(timeout=_TIMEOUT_S, trust_env=False)
        self._known: dict[int, float] = {}
        self._answered = 0
        self._jumps = 0
        self._next_jump = 0.0
        self._parent = parent

    def play(self) -> None:
        """Play until whoever started it is gone."""
        if not self._rests(self._pace.begin_after_s):
            return
        while self._rests(self._pace.look_every_s):
            try:
                self._jump()
                self._answer()
            except httpx.HTTPError as error:
                print(f"the scene waits for a system: {error}", flush=True)

    def _rests(self, seconds: float) -> bool:
        """Wait; whether whoever started us is there still."""
        until = time.monotonic() + seconds
        while os.getppid() == self._parent and time.monotonic() < until:
            time.sleep(_GLANCE_S)
        return os.getppid() == self._parent

    def _jump(self) -> None:
        """Revise the forecasts, and again for as long as nothing is ordered.

        Whoever watches planning may have seen the first jump before anything else, as no news.
        """
        if not self._known and time.monotonic() >= self._next_jump:
            self._revise(list(jumps(self._world)), _JUMP + self._jumps)
            self._jumps += 1
            self._next_jump = time.monotonic() + self._pace.jump_again_s

    def _revise(self, forecasts: Sequence[Forecast], times: int) -> None:
        plants = self._world.plants_by_code
        rows = [
            {
                "item": forecast.item,
                "location": plants[forecast.plant].name,
                "customer": "All customers",
                "startdate": f"{forecast.starts_on.isoformat()}T00:00:00",
                "enddate": f"{forecast.ends_on.isoformat()}T00:00:00",
                "forecastoverride": str(forecast.quantity * times),
            }
            for forecast in forecasts
        ]
        self._client.post(
            f"{self._accounts.planning}/api/forecast/forecastplan/",
            json=rows,
            auth=self._accounts.planning_user,
        ).raise_for_status()

    def _answer(self) -> None:
        """Answer to the orders that have waited long enough."""
        for order in self._orders():
            seen = self._known.setdefault(order["id"], time.monotonic())
            if seen < 0 or time.monotonic() - seen < self._pace.answer_after_s:
                continue
            self._known[order["id"]] = -1.0
            self._answered += 1
            if self._answered != 2:
                self._confirm(order, late=self._answered == 1)

    def _orders(self) -> Iterator[dict[str, Any]]:
        """Orders that were made from outside and are on their way to their suppliers."""
        found = self._call("GET", "purchase_orders?status=issued&order_by=id&dir=desc&limit=20")
        for order in reversed(found):
            if (order.get("custom-fields") or {}).get(_KEY) and not order["acknowledged-flag"]:
                yield order

    def _confirm(self, order: dict[str, Any], *, late: bool) -> None:
        lines = []
        for line in order["order-lines"]:
            quantity, day = Decimal(line["quantity"]), date.fromisoformat(line["need-by-date"][:10])
            if late:
                quantity, day = (quantity * _LESS).quantize(Decimal(1)), day + _LATE
            lines.append(
                {
                    "line-num": line["line-num"],
                    "quantity": str(quantity),
                    "delivery-date": day.isoformat(),
                }
            )
        comment = "The mill stands still: less, and later." if late else "As ordered."
        self._call(
            "POST",
            "order_confirmations",
            {
                "order-header": {"id": order["id"]},
                "comments": comment,
                "order-confirmation-lines": lines,
            },
        )

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        response = self._client.request(
            method,
            f"{self._accounts.procurement}/api/{path}",
            json=body,
            headers={"Accept": "application/json", "Authorization": f"Bearer {self._token()}"},
        )
        return response.raise_for_status().json()

    def _token(self) -> str:
        client_id, secret = self._accounts.procurement_client
        answer = self._client.post(
            f"{self._accounts.procurement}/oauth2/token",
            data={
                "grant_type": "client_credentials",
                "client_id": client_id,
                "client_secret": secret,
                "scope": "core.purchase_order.read core.purchase_order.write",
            },
        )
        return str(answer.raise_for_status().json()["access_token"])


def jumps(world: World) -> Iterator[Forecast]:
    """Forecasts of the next weeks of two items: of a cheap one and of a dear one."""
    for item in chosen(world):
        plant = item.plants[0].plant
        weeks = [
            f
            for f in world.forecasts
            if f.item == item.number and f.plant == plant and not f.monthly
        ]
        yield from weeks[1 : _WEEKS + 1]


def chosen(world: World) -> tuple[Item, Item]:
    """The items of the scene: what they need in a week costs least, and much."""
    approved = {s.number for s in world.suppliers if s.status == "approved"}
    planned = [
        item
        for item in world.items
        if item.status == "active"
        and not item.monthly_forecast
        and item.sources
        and item.sources[0].supplier in approved
        and not item.sources[0].deleted
        and item.plants[0].weekly_demand > 0
    ]
    by_value = sorted(planned, key=lambda item: item.cost * item.plants[0].weekly_demand)
    return by_value[0], by_value[len(by_value) * 9 // 10]


def _pair(name: str) -> tuple[str, str]:
    user, _, password = os.environ[name].partition(":")
    return user, password


def main() -> None:
    """Play the scene of the command line."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.scene")
    parser.add_argument("--planning", required=True, help="address of frePPLe")
    parser.add_argument("--procurement", required=True, help="address of Coupa")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--size", type=float, default=1.0)
    parser.add_argument("--today", type=date.fromisoformat, default=DEFAULT_TODAY)
    parser.add_argument("--begin-after-s", type=float, default=5.0)
    parser.add_argument("--answer-after-s", type=float, default=10.0)
    # It may be gone before we have looked who it is.
    parser.add_argument("--parent", type=int, default=os.getppid(), help="process to end with")
    given = parser.parse_args()
    accounts = Accounts(
        given.planning, _pair("SCENE_PLANNING"), given.procurement, _pair("SCENE_PROCUREMENT")
    )
    world = World(given.seed, given.size, given.today)
    pace = Pace(given.begin_after_s, given.answer_after_s)
    Scene(world, accounts, pace, given.parent).play()


if __name__ == "__main__":
    main()
