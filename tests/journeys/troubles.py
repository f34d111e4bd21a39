"""What the tests of faults share: other manifests, one question to three systems, no leaks."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import yaml

from sandbox.launch import CREDENTIALS
from tests.journeys.house import MANIFEST, House, Reply

SYSTEMS: Final = ("erp", "procurement", "planning")
NOTHING_OLD: Final = {"X-Supplygraph-Max-Staleness": "0"}

QUESTION: Final = """
query Troubled($since: Date!, $until: Date!) {
  purchaseOrders(first: 200, filter: { orderedOn: { gte: $since } }) {
    nodes {
      number
      supplier { code }
      lines {
        lineNumber
        quantity
        shipTo { code name }
        item {
          sku
          inventory { location { code } onHand provenance { system stale } }
          forecasts(to: $until) { periodStart quantity provenance { system stale } }
        }
      }
      provenance { system stale }
    }
    completeness { complete systems { system state message } }
  }
}
"""
"""Orders of two systems, stock and places of one of them, forecasts of a third.

Of what may not be null it asks for keys alone, which take no reading.
"""

_INNER_NAMES: Final = re.compile(
    r"127\.0\.0\.1|localhost|https?:|Traceback|\.py\b|line \d+, in|0x[0-9a-f]{6,}|httpx|msgspec"
    r"|asyncio|[a-z]+Error\b|Exception|connectors\.|loaders\.|NoneType|Struct\("
)


def manifest(
    *,
    policies: Mapping[str, Mapping[str, Any]] | None = None,
    freshness: Mapping[str, float] | None = None,
    operation_timeout_s: float = 15,
    auth: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """The demo's manifest with other policies and credentials by system, ages or time.

    Everywhere a try is repeated once and at once, unless policies say otherwise.
    """
    tree = yaml.safe_load(MANIFEST)
    for name, backend in tree["backends"].items():
        backend["policy"] = {"retries": 1, "backoff_s": 0.01, **(policies or {}).get(name, {})}
        backend["auth"].update((auth or {}).get(name, {}))
    for entity in tree["entities"].values():
        entity.update(freshness or {})
    tree["limits"] = {"operation_timeout_s": operation_timeout_s}
    return yaml.safe_dump(tree)


async def ask(house: House, **headers: str) -> Reply:
    """Ask the question about the last month's orders and the next week's forecasts."""
    today = house.sandbox.world.today
    since, until = today - timedelta(days=30), today + timedelta(days=7)
    return await house.ask(
        QUESTION, headers=headers, since=since.isoformat(), until=until.isoformat()
    )


def business(system: str) -> str:
    """The part of a path that all of a system's data have in it, and its sign-in has not."""
    return "/api/" if system != "erp" else ""


def fields(path: Sequence[str | int]) -> str:
    """A path without its positions: `purchaseOrders.nodes.supplier`."""
    return ".".join(p for p in path if isinstance(p, str))


def blamed(reply: Reply) -> set[tuple[str, str, str, str]]:
    """Of all errors: system, where, code and reason. That there are more of them is no error."""
    return {
        (
            error["extensions"]["system"],
            fields(error["path"]),
            error["extensions"]["code"],
            error["extensions"]["reason"],
        )
        for error in reply.errors
        if error["extensions"]["code"] != "MORE_ERRORS"
    }


def check_that_nothing_leaks(reply: Reply, house: House) -> None:
    """Nothing of what is inside reaches the client: addresses, credentials, names of our parts."""
    assert _INNER_NAMES.search(reply.text) is None
    told = json.dumps([reply.errors, _messages(reply.data)])
    ports = {s.url.rpartition(":")[2] for s in house.sandbox.simulators.values()}
    secrets = {word for pair in CREDENTIALS.values() for word in pair}
    assert not [word for word in ports | secrets if word in told]
    for error in reply.errors:
        assert error["extensions"]["correlationId"] == reply.headers["x-correlation-id"]


def _messages(tree: Any) -> list[str | None]:
    """What the lists say of their systems, wherever they stand."""
    if isinstance(tree, list):
        return [m for part in tree for m in _messages(part)]
    if not isinstance(tree, dict):
        return []
    own = [tree["message"]] if "message" in tree else []
    return own + [m for part in tree.values() for m in _messages(part)]


def states(reply: Reply) -> dict[str, str]:
    """How each system contributed to the orders."""
    told = reply.data["purchaseOrders"]["completeness"]["systems"]
    return {s["system"]: s["state"] for s in told}


def stale_of(tree: Any) -> Iterator[tuple[str, bool]]:
    """Every record's system, and whether it is stale."""
    if isinstance(tree, dict):
        if tree.keys() >= {"system", "stale"}:
            yield tree["system"], tree["stale"]
        for value in tree.values():
            yield from stale_of(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from stale_of(value)
