"""Ticking the clock of a simulator, and reading all that it shows."""

from __future__ import annotations

from functools import cache
from typing import Any

import httpx

from sandbox.launch import Simulator
from tests.sandbox.tokens import request_token

Row = dict[str, Any]


@cache
def _client() -> httpx.Client:
    return httpx.Client(timeout=30)


def control(simulator: Simulator, method: str, name: str, body: Any = None) -> Any:
    answer = _client().request(method, f"{simulator.control_url}{name}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def tick(simulator: Simulator, **how: Any) -> list[Row]:
    """The changes that the simulator saw."""
    changes: list[Row] = control(simulator, "POST", "tick", how)["changes"]
    return changes


def client_of(simulator: Simulator, root: str) -> httpx.Client:
    headers = {"accept": "application/json"}
    auth: httpx.Auth | None = httpx.BasicAuth(simulator.user, simulator.password)
    if simulator.name == "coupa":
        headers["authorization"] = f"Bearer {request_token(simulator).json()['access_token']}"
        auth = None
    return httpx.Client(base_url=simulator.url + root, headers=headers, auth=auth, timeout=30)


def touched(changes: list[Row], entity: str) -> list[Row]:
    return [row for change in changes for row in change["touched"] if row["entity"] == entity]


def differing(before: dict[Any, Row], after: dict[Any, Row]) -> dict[Any, Row | None]:
    """By key: the values that are new or other; None where the row is gone."""
    changed: dict[Any, Row | None] = dict.fromkeys(before.keys() - after.keys())
    for key, row in after.items():
        old = before.get(key, {})
        values = {name: value for name, value in row.items() if old.get(name) != value}
        if values:
            changed[key] = values
    return changed
