"""Systems that stop, hang, come back, change or refuse us; Redis that dies: the house goes on."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from runtime.embedded.valkey import EmbeddedValkey
from sandbox.launch import Process, Sandbox
from sandbox.launch import Simulator as Running
from tests.fixtures.waiting import until
from tests.journeys.house import NAMES, House, Simulators, open_house
from tests.journeys.troubles import (
    NOTHING_OLD,
    SYSTEMS,
    ask,
    blamed,
    business,
    check_that_nothing_leaks,
    manifest,
    stale_of,
    states,
)

PRODUCTS = {system: name for name, system in NAMES.items()}
DOWN = {"drop": True}


def simulator_of(sandbox: Sandbox, system: str) -> Running:
    return sandbox.simulators[PRODUCTS[system]]  # type: ignore[index]  # a Name


@pytest.mark.parametrize("system", SYSTEMS)
async def test_a_system_that_is_stopped_is_told_and_found_again_when_it_is_started(
    sandbox: Sandbox, tmp_path: Path, valkey_url: str, system: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    name = simulator_of(sandbox, system).name
    process = Process(
        name, seed=7, size=0.05, today=sandbox.world.today, options=["--port", str(port)]
    )
    process.start()
    apart = Sandbox(seed=7, size=0.05, today=sandbox.world.today, names=[])
    written = manifest(policies={system: {"breaker": {"failures": 1, "open_s": 0.3}}})
    try:
        started = await asyncio.to_thread(process.wait_until_ready)
        apart.simulators = {**sandbox.simulators, name: started}
        async with open_house(apart, tmp_path, valkey_url, written) as house:
            process.stop()
            gone = await ask(house)
            assert {b[0] for b in blamed(gone)} == {system}
            assert {b[3] for b in blamed(gone)} <= {"connection", "circuit_open"}
            assert gone.seconds < 3
            check_that_nothing_leaks(gone, house)
            process.start()
            await asyncio.to_thread(process.wait_until_ready)
            await asyncio.sleep(0.3)
            back = await ask(house)
            assert back.errors == ()
            assert back.data["purchaseOrders"]["completeness"]["complete"] is True
            assert (await house.ready())[1]["status"] == "ok"
    finally:
        process.stop()


@pytest.fixture
def hung(sandbox: Sandbox, system: str) -> Iterator[None]:
    pid = simulator_of(sandbox, system).pid
    os.kill(pid, signal.SIGSTOP)
    yield
    os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.usefixtures("hung")
async def test_a_system_that_hangs_takes_neither_the_time_nor_the_data_of_the_others(
    sandbox: Sandbox, tmp_path: Path, valkey_url: str, system: str
) -> None:
    written = manifest(operation_timeout_s=3)
    async with open_house(sandbox, tmp_path, valkey_url, written) as house:
        reply = await ask(house)
        assert reply.seconds < 4
        assert {(b[0], b[3]) for b in blamed(reply)} == {(system, "timeout")}
        nodes = reply.data["purchaseOrders"]["nodes"]
        assert {n["provenance"]["system"] for n in nodes} == {"erp", "procurement"} - {system}
        items = [line["item"] for n in nodes for line in n["lines"]]
        assert any(i["inventory"] for i in items) is (system != "erp")
        assert any(i["forecasts"] for i in items) is (system != "planning")
        check_that_nothing_leaks(reply, house)


@pytest.mark.parametrize("trouble", [DOWN, {"latency_ms": 2_500}], ids=["down", "slow"])
@pytest.mark.parametrize("system", SYSTEMS)
async def test_what_is_known_is_served_stale_and_flagged_without_an_error(
    sandbox: Sandbox,
    systems: Simulators,
    tmp_path: Path,
    valkey_url: str,
    system: str,
    trouble: dict[str, Any],
) -> None:
    written = manifest(freshness={"freshness_s": 0.2, "grace_s": 600, "patience_s": 1})
    async with open_house(sandbox, tmp_path, valkey_url, written) as house:
        fresh = await ask(house)
        assert fresh.errors == ()
        await asyncio.sleep(0.25)
        systems.faults(system, {"match": business(system), **trouble})
        stale = await ask(house)
        assert stale.errors == ()
        assert stale.seconds < 6
        assert numbers(stale) == numbers(fresh)
        flags = set(stale_of(stale.data))
        assert {(s, s == system) for s in SYSTEMS} == flags
        assert states(stale) == {
            s: "STALE" if s == system else "LIVE" for s in ("erp", "procurement")
        }
        assert stale.data["purchaseOrders"]["completeness"]["complete"] is True
        check_that_nothing_leaks(stale, house)


async def test_who_will_have_nothing_stale_is_told_what_is_missing(
    house: House, systems: Simulators
) -> None:
    await ask(house)
    systems.faults("procurement", DOWN)
    reply = await ask(house, **NOTHING_OLD)
    assert {b[:2] for b in blamed(reply)} == {("procurement", "purchaseOrders")}
    assert states(reply) == {"erp": "LIVE", "procurement": "MISSING"}


def numbers(reply: Any) -> list[str]:
    return [n["number"] for n in reply.data["purchaseOrders"]["nodes"]]


@pytest.mark.parametrize("system", SYSTEMS)
async def test_the_breaker_opens_leaves_the_system_alone_and_closes_again(
    sandbox: Sandbox, systems: Simulators, tmp_path: Path, valkey_url: str, system: str
) -> None:
    policy = {"retries": 0, "breaker": {"failures": 3, "open_s": 1.5}}
    async with open_house(
        sandbox, tmp_path, valkey_url, manifest(policies={system: policy})
    ) as house:
        systems.faults(system, {"match": business(system), "status": 500})
        for _ in range(3):
            await ask(house)
        status, ready = await house.ready()
        assert (status, ready["status"]) == (200, "degraded")
        assert ready["backends"][system]["state"] == "open"
        before = await settled(systems, system)
        alone = await ask(house)
        assert {(b[0], b[3]) for b in blamed(alone)} == {(system, "circuit_open")}
        assert all(0 < e["extensions"]["retryAfterSeconds"] <= 1.5 for e in alone.errors)
        assert len(systems.log(system)) == before
        systems.faults(system)
        await asyncio.sleep(1.5)
        assert (await house.ready())[1]["backends"][system]["state"] == "half_open"
        await ask(house)  # one call probes; others of its question may be refused meanwhile
        assert (await ask(house)).errors == ()
        assert (await house.ready())[1]["status"] == "ok"


async def settled(systems: Simulators, system: str) -> int:
    """How many requests a system has had, once those that were under way have ended."""
    count = -1
    while count != (now := len(systems.log(system))):
        count = now
        await asyncio.sleep(0.1)
    return count


@pytest.mark.parametrize(
    "trouble",
    [{"status": 503}, {"status": 429, "retry_after": "1"}, {"truncate": "connection"}],
    ids=["503", "429 for a second", "half a body"],
)
@pytest.mark.parametrize("system", SYSTEMS)
async def test_what_goes_wrong_once_is_tried_again_and_not_noticed(
    house: House, systems: Simulators, system: str, trouble: dict[str, Any]
) -> None:
    systems.faults(system, {"match": business(system), "count": 1, **trouble})
    reply = await ask(house)
    assert reply.errors == ()
    assert reply.data["purchaseOrders"]["completeness"]["complete"] is True
    assert reply.cost["backends"][system]["failedCalls"] == 1


async def test_an_expired_token_is_renewed_without_a_word(
    house: House, systems: Simulators
) -> None:
    await ask(house)
    systems.faults("procurement", {"expire_tokens": True})
    reply = await ask(house, **NOTHING_OLD)
    assert reply.errors == ()
    assert states(reply) == {"erp": "LIVE", "procurement": "LIVE"}
    assert systems.calls("procurement")["token"] == 2


@pytest.mark.parametrize("system", SYSTEMS)
async def test_wrong_credentials_are_told_as_such(
    sandbox: Sandbox,
    systems: Simulators,
    tmp_path: Path,
    valkey_url: str,
    monkeypatch: pytest.MonkeyPatch,
    system: str,
) -> None:
    (tmp_path / "wrong").write_text("open-sesame")
    key = "client_secret" if system == "procurement" else "password"
    written = manifest(auth={system: {key: {"file": "wrong"}}})
    async with open_house(sandbox, tmp_path, valkey_url, written) as house:
        reply = await ask(house)
        told = {(b[0], b[2], b[3]) for b in blamed(reply)}
        assert told == {(system, "MISCONFIGURED", "credentials")}
        assert "open-sesame" not in reply.text
        assert all("`auth`" in e["message"] for e in reply.errors)
        check_that_nothing_leaks(reply, house)


@pytest.mark.parametrize("trouble", [DOWN, {"status": 500}, {"rubbish": "html"}], ids=str)
async def test_a_sign_in_that_fails_is_told(
    house: House, systems: Simulators, trouble: dict[str, Any]
) -> None:
    systems.faults("procurement", {"match": "/oauth2/", **trouble})
    reply = await ask(house)
    [(system, where, _, _)] = blamed(reply)
    assert (system, where) == ("procurement", "purchaseOrders")
    check_that_nothing_leaks(reply, house)


async def test_two_systems_down_leave_what_the_third_knows(
    house: House, systems: Simulators
) -> None:
    systems.faults("procurement", DOWN)
    systems.faults("planning", DOWN)
    reply = await ask(house)
    assert {b[0] for b in blamed(reply)} == {"procurement", "planning"}
    assert states(reply) == {"erp": "LIVE", "procurement": "MISSING"}
    assert reply.data["purchaseOrders"]["nodes"]


async def test_all_systems_down_is_an_error_that_says_so(house: House, systems: Simulators) -> None:
    for system in SYSTEMS:
        systems.faults(system, DOWN)
    reply = await ask(house)
    assert reply.data is None
    [error] = reply.errors
    assert error["path"] == ["purchaseOrders"]
    assert error["extensions"]["code"] == "UNAVAILABLE"
    check_that_nothing_leaks(reply, house)


async def test_null_goes_as_far_up_as_the_schema_says_and_no_further(
    house: House, systems: Simulators, sandbox: Sandbox
) -> None:
    systems.faults("erp", DOWN)
    order = next(o for o in sandbox.world.orders if o.system == "procurement")
    reply = await house.ask(
        """query($number: String!, $code: String!) {
            named: purchaseOrder(number: $number) { number supplier { code } }
            told: purchaseOrder(number: $number) { number lines { item { name } } }
            item(sku: "no-matter") { sku name }
            supplier(code: $code) { code name }
            viewer { roles } }""",
        number=order.number,
        code=order.supplier,
    )
    assert reply.status == 200
    assert reply.data == {
        "named": {"number": order.number, "supplier": {"code": order.supplier}},
        "told": None,
        "item": None,
        "supplier": None,
        "viewer": {"roles": ["PLANNER"]},
    }
    assert {b[:2] for b in blamed(reply)} == {
        ("erp", "told.lines.item"),
        ("erp", "item"),
        ("erp", "supplier"),
    }


@pytest.mark.parametrize(
    "system, field, where",
    [
        ("erp", "OrderQuantity", "purchaseOrders"),
        ("erp", "MatlWrhsStkQtyInMatlBaseUnit", "purchaseOrders.nodes.lines.item.inventory"),
        ("procurement", "quantity", "purchaseOrders"),
        ("planning", "forecasttotal", "purchaseOrders.nodes.lines.item.forecasts"),
    ],
)
async def test_a_field_of_another_type_costs_its_records_and_names_each(
    house: House, systems: Simulators, sandbox: Sandbox, system: str, field: str, where: str
) -> None:
    whole = await ask(house)
    systems.faults(system, {"retype": {"field": field, "as": "object"}})
    reply = await ask(house, **NOTHING_OLD)
    assert {b[:3] for b in blamed(reply)} == {(system, where, "BAD_ANSWER")}
    told = " ".join(e["message"] for e in reply.errors)
    assert "is no number" in told
    nodes = whole.data["purchaseOrders"]["nodes"]
    if where == "purchaseOrders":
        lost = [n["number"] for n in nodes if n["provenance"]["system"] == system]
        assert numbers(reply) == [n for n in numbers(whole) if n not in lost]
        assert len(reply.errors) == len(lost) > 3
        assert reply.data["purchaseOrders"]["completeness"]["complete"] is False
        keys = {e["message"].split("'")[1] for e in reply.errors}
        assert len(keys) == len(lost)
    else:
        assert numbers(reply) == numbers(whole)
    check_that_nothing_leaks(reply, house)


async def test_a_quantity_that_comes_as_a_number_is_the_same_quantity(
    house: House, systems: Simulators
) -> None:
    whole = await ask(house)
    systems.faults("erp", {"retype": {"field": "OrderQuantity", "as": "number"}})
    reply = await ask(house, **NOTHING_OLD)
    assert reply.errors == ()
    assert quantities(reply) == quantities(whole)


def quantities(reply: Any) -> list[Decimal]:
    nodes = reply.data["purchaseOrders"]["nodes"]
    return [Decimal(line["quantity"]) for n in nodes for line in n["lines"]]


@pytest.fixture
async def fragile(
    sandbox: Sandbox, systems: Simulators, tmp_path: Path
) -> AsyncIterator[tuple[House, EmbeddedValkey]]:
    """A house over a Redis of its own."""
    server = EmbeddedValkey().start()
    try:
        async with open_house(sandbox, tmp_path, server.url) as house:
            yield house, server
    finally:
        server.stop()


async def connected(house: House) -> None:
    """Wait until the house has found its Redis, for five seconds at most."""
    for _ in range(100):
        _, ready = await house.ready()
        if ready["cache"]["connected"]:
            return
        await asyncio.sleep(0.05)
    raise TimeoutError


async def test_redis_killed_while_it_is_used_is_done_without_and_found_again(
    fragile: tuple[House, EmbeddedValkey], systems: Simulators
) -> None:
    house, redis = fragile
    whole = await ask(house)
    redis.halt(kill=True)
    without = await ask(house, **NOTHING_OLD)
    assert without.errors == ()
    assert numbers(without) == numbers(whole)
    status, ready = await house.ready()
    assert (status, ready["status"]) == (200, "degraded")
    assert ready["cache"]["connected"] is False
    redis.start()
    await connected(house)
    assert (await house.ready())[1]["status"] == "ok"
    await ask(house, **NOTHING_OLD)
    again = await ask(house)
    assert again.calls() == 0


async def test_redis_killed_within_a_question_costs_it_nothing(
    fragile: tuple[House, EmbeddedValkey], systems: Simulators
) -> None:
    house, redis = fragile
    systems.faults("erp", {"latency_ms": 300})
    asking = asyncio.ensure_future(ask(house))
    await until(lambda: bool(systems.log("procurement")))
    redis.halt(kill=True)
    reply = await asking
    assert reply.errors == ()
    assert reply.data["purchaseOrders"]["completeness"]["complete"] is True
