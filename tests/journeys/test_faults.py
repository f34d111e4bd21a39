"""One system in trouble: the rest of the answer, an error that names it, and nothing else harmed.

Every fault meets every system with a cold cache. What the others know is compared with the answer
of the healthy house, field by field.
"""

import asyncio
import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sandbox.launch import Sandbox
from tests.fixtures.memory import PeakMemory
from tests.journeys.house import Reply, Simulators, open_house
from tests.journeys.troubles import (
    NOTHING_OLD,
    SYSTEMS,
    ask,
    blamed,
    business,
    check_that_nothing_leaks,
    manifest,
    states,
)

ORDERS = "purchaseOrders"
SHIP_TO = "purchaseOrders.nodes.lines.shipTo"
STOCK = "purchaseOrders.nodes.lines.item.inventory"
FORECASTS = "purchaseOrders.nodes.lines.item.forecasts"
HIT = {"erp": {ORDERS, SHIP_TO, STOCK}, "procurement": {ORDERS}, "planning": {FORECASTS}}
"""Where each system is missed."""

INSIDES = (
    'Traceback (most recent call last): File "/srv/app/views.py", line 7: connection to db1:5432'
)
VENDORS_WORDS = json.dumps(
    {"detail": INSIDES, "errors": {"base": [INSIDES]}, "error": {"message": {"value": INSIDES}}}
)
"""An error body that each of the products could have sent."""

FAULTS: Mapping[str, tuple[dict[str, Any], str, str]] = {
    "hangs up": ({"drop": True}, "UNAVAILABLE", "connection"),
    "too slow": ({"latency_ms": 900}, "UNAVAILABLE", "timeout"),
    "429": ({"status": 429}, "UNAVAILABLE", "throttled"),
    "429 and says until when": (
        {"status": 429, "retry_after": "60"},
        "UNAVAILABLE",
        "throttled",
    ),
    "503": ({"status": 503}, "UNAVAILABLE", "server_error"),
    "503 and says until when": (
        {"status": 503, "retry_after": "60"},
        "UNAVAILABLE",
        "throttled",
    ),
    "500 with its insides": (
        {"status": 500, "body": VENDORS_WORDS},
        "UNAVAILABLE",
        "server_error",
    ),
    "a login page": ({"rubbish": "html"}, "BAD_ANSWER", "bad_answer"),
    "half a body": ({"truncate": "body"}, "BAD_ANSWER", "bad_answer"),
    "half a body and hangs up": ({"truncate": "connection"}, "UNAVAILABLE", "connection"),
    "50 MB": ({"huge_mb": 50}, "BAD_ANSWER", "bad_answer"),
    "401": ({"status": 401}, "MISCONFIGURED", "credentials"),
    "403": ({"status": 403}, "MISCONFIGURED", "credentials"),
}


@pytest.fixture(scope="module")
def whole(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory, valkey_server: Any) -> Any:
    """The answer of the healthy house."""

    async def asked() -> Any:
        folder = tmp_path_factory.mktemp("whole")
        async with open_house(sandbox, folder, valkey_server.url) as house:
            reply = await ask(house, **NOTHING_OLD)
        assert reply.errors == ()
        return reply.data["purchaseOrders"]["nodes"]

    return asyncio.run(asked())


def without(system: str, nodes: list[Any]) -> list[Any]:
    """What is left of the healthy answer."""
    left = copy.deepcopy([n for n in nodes if n["provenance"]["system"] != system])
    for line in (line for node in left for line in node["lines"]):
        if system == "erp":
            line["shipTo"] = None
            line["item"]["inventory"] = []
        if system == "planning":
            line["item"]["forecasts"] = []
    return left


def check_the_rest(reply: Reply, system: str, whole: list[Any]) -> None:
    page = reply.data["purchaseOrders"]
    assert page["nodes"] == without(system, whole)
    assert page["completeness"]["complete"] is (system == "planning")
    assert states(reply) == {
        s: "MISSING" if s == system else "LIVE" for s in ("erp", "procurement")
    }


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("system", SYSTEMS)
async def test_a_fault_costs_the_fields_of_its_system(  # noqa: PLR0917 fixtures
    sandbox: Sandbox,
    systems: Simulators,
    whole: list[Any],
    tmp_path: Path,
    valkey_url: str,
    system: str,
    fault: str,
) -> None:
    rule, code, reason = FAULTS[fault]
    policy: dict[str, Any] = {"breaker": {"failures": 1_000, "min_calls": 1_000}}
    policy["max_response_mb"] = 5
    policy["timeout_s"] = 0.3 if fault == "too slow" else 10
    written = manifest(policies={system: policy})
    async with open_house(sandbox, tmp_path, valkey_url, written) as house:
        systems.faults(system, {"match": business(system), **rule})
        with PeakMemory() as memory:
            reply = await ask(house)
        assert blamed(reply) == {(system, where, code, reason) for where in HIT[system]}
        assert reply.status == 200
        assert reply.seconds < 5
        check_the_rest(reply, system, whole)
        check_that_nothing_leaks(reply, house)
        if "retry_after" in rule:
            [retry] = {round(e["extensions"]["retryAfterSeconds"], -1) for e in reply.errors}
            assert retry == 60
        if fault == "50 MB":
            assert memory.grown_mb() < 35


@pytest.mark.parametrize("system", SYSTEMS)
async def test_an_answer_just_within_the_presets_size_neither_hangs_nor_takes_all_memory(
    sandbox: Sandbox, systems: Simulators, tmp_path: Path, valkey_url: str, system: str
) -> None:
    # Orders are told apart by their reference, and rows without one would be none of ours.
    written = manifest().replace("CorrespncExternalReference: ''", "PurchasingGroup: {not: none}")
    async with open_house(sandbox, tmp_path, valkey_url, written) as house:
        systems.faults(system, {"match": business(system), "huge_mb": 50})
        with PeakMemory() as memory:
            reply = await ask(house)
        assert {b[::2] for b in blamed(reply)} == {(system, "BAD_ANSWER")}
        assert reply.seconds < 10
        assert memory.grown_mb() < 400
        check_that_nothing_leaks(reply, house)
