"""Tries, throttling, circuit, maintenance and limits, over a real connection."""

import asyncio
import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from msgspec import structs
from structlog.testing import capture_logs

from canonical.errors import Reason, UnavailableError
from connectors.kit.http import Request

ITEMS = Request(path="items", label="items")
ORDER = Request(path="orders", label="orders", method="POST", repeatable=False)


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


async def reason_of(sending: Any) -> tuple[Reason, float | None]:
    with pytest.raises(UnavailableError) as caught:
        await sending
    return caught.value.reason, caught.value.retry_after_s


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
async def test_passing_trouble_is_tried_again_and_counted_each_time(
    world: Any, status: int
) -> None:
    world.server.answer = world.in_turn(world.reply(status), world.reply(status), world.reply())
    response = await world.transport().send(ITEMS, world.ask())
    assert response.status == 200
    assert world.bill.calls == [("erp", True), ("erp", True), ("erp", False)]


@pytest.mark.parametrize("status", [400, 404, 409, 500])
async def test_what_will_not_pass_is_not_tried_again(world: Any, status: int) -> None:
    world.server.answer = world.always(world.reply(status))
    with pytest.raises(Exception, match=str(status)):
        await world.transport().send(ITEMS, world.ask())
    assert len(world.server.heard) == 1


async def test_status_500_is_tried_again_where_declared(world: Any) -> None:
    world.server.answer = world.in_turn(world.reply(500), world.reply())
    await world.transport(retry_500=True).send(ITEMS, world.ask())
    assert len(world.server.heard) == 2


async def test_what_must_not_happen_twice_is_sent_once(world: Any) -> None:
    world.server.answer = world.always(world.reply(503))
    assert await reason_of(world.transport().send(ORDER, world.ask())) == (
        Reason.IN_DOUBT,
        None,
    )
    assert len(world.server.heard) == 1


async def test_tries_are_bounded(world: Any) -> None:
    world.server.answer = world.always(world.reply(503))
    await reason_of(world.transport(retries=3).send(ITEMS, world.ask()))
    assert len(world.server.heard) == 4


async def test_a_dropped_connection_is_tried_again(world: Any) -> None:
    drops = iter([True, True, False])

    async def drop(heard: Any, writer: asyncio.StreamWriter) -> None:
        if next(drops):
            writer.write(b"HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n[1")
            writer.close()
        else:
            writer.write(world.reply())

    world.server.answer = drop
    assert (await world.transport().send(ITEMS, world.ask())).status == 200
    assert len(world.server.heard) == 3


async def test_no_connection_says_so_without_the_address(world: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    transport = world.transport(url=f"http://127.0.0.1:{port}")
    with pytest.raises(UnavailableError) as caught:
        await transport.send(ITEMS, world.ask())
    assert caught.value.message == "erp: items: no connection"
    assert caught.value.reason is Reason.CONNECTION
    assert len(world.bill.calls) == 3


async def test_a_slow_try_is_given_up_and_another_one_made(world: Any) -> None:
    slow = iter([True, False])

    async def answer(heard: Any, writer: asyncio.StreamWriter) -> None:
        if next(slow):
            await asyncio.sleep(0.5)
        writer.write(world.reply())

    world.server.answer = answer
    started = time.monotonic()
    await world.transport(timeout_s=0.1).send(ITEMS, world.ask())
    assert time.monotonic() - started < 0.4
    assert world.bill.calls == [("erp", True), ("erp", False)]


async def test_tries_end_at_the_deadline(world: Any) -> None:
    world.server.answer = world.always(world.reply(503))
    services = world.services(random=lambda: 0.99)
    started = time.monotonic()
    reason = await reason_of(
        world.transport(services, retries=10, backoff_s=0.1).send(ITEMS, world.ask(0.5))
    )
    assert reason == (Reason.SERVER_ERROR, None)
    assert time.monotonic() - started < 0.8


async def test_retry_after_is_honoured_where_it_fits(world: Any) -> None:
    world.server.answer = world.in_turn(world.reply(429, retry_after="0.2"), world.reply())
    started = time.monotonic()
    await world.transport().send(ITEMS, world.ask())
    assert 0.2 <= time.monotonic() - started < 0.5


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_beyond_the_deadline_fails_at_once(world: Any, status: int) -> None:
    now = datetime(2026, 1, 5, 12, 0, 0, tzinfo=UTC)
    until = format_datetime(now + timedelta(seconds=90), usegmt=True)
    world.server.answer = world.always(world.reply(status, retry_after=until))
    transport = world.transport(world.services(now=lambda: now))
    started = time.monotonic()
    assert await reason_of(transport.send(ITEMS, world.ask())) == (Reason.THROTTLED, 90.0)
    reason, left_s = await reason_of(transport.send(ITEMS, world.ask()))
    assert reason is Reason.THROTTLED
    assert left_s is not None
    assert 85 < left_s <= 90
    assert time.monotonic() - started < 0.3
    assert len(world.server.heard) == 1
    assert transport.health()["circuit"] == "closed"
    assert transport.health()["paused_s"] > 85


async def test_a_pause_holds_for_all_callers(world: Any) -> None:
    world.server.answer = world.in_turn(world.reply(429, retry_after="0.3"), world.reply())
    transport = world.transport()
    first = asyncio.create_task(transport.send(ITEMS, world.ask()))
    await asyncio.sleep(0.1)
    started = time.monotonic()
    await transport.send(ITEMS, world.ask())
    assert time.monotonic() - started > 0.15
    await first
    assert len(world.server.heard) == 3


async def test_throttling_does_not_open_the_circuit(world: Any) -> None:
    world.server.answer = world.always(world.reply(429))
    transport = world.transport(breaker={"failures": 2}, backoff_s=0.001)
    for _ in range(4):
        assert (await reason_of(transport.send(ITEMS, world.ask())))[0] is Reason.THROTTLED
    assert transport.health()["circuit"] == "closed"


async def test_the_circuit_opens_probes_and_closes_again(world: Any) -> None:
    clock = Clock()
    world.server.answer = world.always(world.reply(500))
    transport = world.transport(
        world.services(clock=clock), breaker={"failures": 3, "open_s": 10}, rate_per_s=1000
    )
    for _ in range(3):
        await reason_of(transport.send(ITEMS, world.ask()))
    assert await reason_of(transport.send(ITEMS, world.ask())) == (Reason.CIRCUIT_OPEN, 10.0)
    assert len(world.server.heard) == 3
    assert (transport.health()["circuit"], transport.health()["retry_after_s"]) == ("open", 10.0)

    clock.at += 10.5
    assert transport.health()["circuit"] == "half_open"
    assert (await reason_of(transport.send(ITEMS, world.ask())))[0] is Reason.SERVER_ERROR
    assert await reason_of(transport.send(ITEMS, world.ask())) == (Reason.CIRCUIT_OPEN, 20.0)

    clock.at += 20.5
    world.server.answer = world.always(world.reply())
    assert (await transport.send(ITEMS, world.ask())).status == 200
    assert transport.health()["circuit"] == "closed"


async def test_one_call_alone_probes_a_system_that_failed(world: Any) -> None:
    clock = Clock()
    world.server.answer = world.always(world.reply(500))
    transport = world.transport(world.services(clock=clock), breaker={"failures": 1})
    await reason_of(transport.send(ITEMS, world.ask()))
    clock.at += 11

    async def slowly(heard: Any, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        writer.write(world.reply())

    world.server.answer = slowly
    results = await asyncio.gather(
        *(transport.send(ITEMS, world.ask()) for _ in range(5)), return_exceptions=True
    )
    assert len(world.server.heard) == 2
    assert sorted(str(getattr(r, "reason", "answer")) for r in results) == [
        "answer",
        *["circuit_open"] * 4,
    ]


async def test_our_own_mistakes_do_not_open_the_circuit(world: Any) -> None:
    transport = world.transport(breaker={"failures": 2})
    for status in (400, 401, 403, 404, 409, 422):
        world.server.answer = world.always(world.reply(status))
        with pytest.raises(Exception, match="erp"):
            await transport.send(ITEMS, world.ask())
    assert transport.health()["circuit"] == "closed"


async def test_in_maintenance_a_system_is_not_asked_and_raises_no_alarm(world: Any) -> None:
    now = [datetime(2026, 1, 3, 21, 30, tzinfo=UTC)]  # a Saturday, 22:30 in Berlin
    window = {"days": ["SAT"], "from": "22:00", "to": "02:00", "zone": "Europe/Berlin"}
    transport = world.transport(
        world.services(now=lambda: now[0]), maintenance=[window], breaker={"failures": 1}
    )
    with capture_logs() as logs:
        reason = await reason_of(transport.send(ITEMS, world.ask()))
    assert reason == (Reason.MAINTENANCE, 3.5 * 3600)
    assert {entry["log_level"] for entry in logs} == {"info"}
    assert world.server.heard == []
    assert world.bill.calls == []
    assert transport.health()["circuit"] == "closed"
    assert transport.health()["maintenance_until"] == "2026-01-04T01:00:00+00:00"
    now[0] = datetime(2026, 1, 4, 1, 0, tzinfo=UTC)
    assert (await transport.send(ITEMS, world.ask())).status == 200


async def test_no_more_calls_at_a_time_than_allowed(world: Any) -> None:
    async def slowly(heard: Any, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.01)
        writer.write(world.reply())

    world.server.answer = slowly
    transport = world.transport(max_concurrency=3, rate_per_s=1000)
    await asyncio.gather(*(transport.send(ITEMS, world.ask()) for _ in range(30)))
    assert world.server.most_working == 3
    assert world.server.connections <= 3
    assert len(world.server.heard) == 30


async def test_a_place_that_is_not_free_in_time_names_the_limit(world: Any) -> None:
    async def slowly(heard: Any, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.4)
        writer.write(world.reply())

    world.server.answer = slowly
    transport = world.transport(max_concurrency=1)
    first = asyncio.create_task(transport.send(ITEMS, world.ask()))
    await asyncio.sleep(0.05)
    started = time.monotonic()
    with pytest.raises(UnavailableError, match="max_concurrency") as caught:
        await transport.send(ITEMS, world.ask(0.1))
    assert time.monotonic() - started < 0.3
    assert caught.value.reason is Reason.THROTTLED
    await first
    assert len(world.server.heard) == 1


async def test_a_call_after_a_large_answer_waits_until_it_has_been_paid(world: Any) -> None:
    transport = world.transport(cost_per_s=100, cost_burst=10)
    (await transport.send(ITEMS, world.ask())).count(30)
    started = time.monotonic()
    await transport.send(ITEMS, world.ask())
    assert 0.18 <= time.monotonic() - started < 0.5


async def test_a_write_costs_ten_unless_it_was_surely_not_done(world: Any) -> None:
    clock = Clock()
    told = Request(path="items", label="items", method="POST", repeatable=False)
    many = Request(path="items", label="items", method="POST", told=20)
    refused = world.reply(429, retry_after="1")
    answers = (world.reply(), refused, world.reply(404), world.reply())
    world.server.answer = world.in_turn(*answers)
    transport = world.transport(
        world.services(clock=clock), cost_per_s=0.1, cost_burst=13, retries=0
    )
    await transport.send(told, world.ask())
    await reason_of(transport.send(told, world.ask()))
    clock.at += 1.0
    await transport.send(structs.replace(told, accept=(404,)), world.ask())
    await transport.send(many, world.ask())
    # 10 for the first, 1 for each of what was refused; 200 for the last, and one to be taken.
    with pytest.raises(UnavailableError, match="cost_per_s") as caught:
        await transport.send(ITEMS, world.ask())
    assert caught.value.retry_after_s == pytest.approx((10 + 2 + 200 + 1 - 13 - 0.1) * 10)


async def test_calls_per_second_are_spread(world: Any) -> None:
    transport = world.transport(rate_per_s=50, burst=5)
    started = time.monotonic()
    await asyncio.gather(*(transport.send(ITEMS, world.ask()) for _ in range(15)))
    assert 0.18 <= time.monotonic() - started < 0.5


async def test_the_quota_of_the_day_fails_at_once_until_midnight(world: Any) -> None:
    now = datetime(2026, 1, 3, 23, 0, tzinfo=UTC)
    transport = world.transport(world.services(now=lambda: now), per_day=2)
    for _ in range(2):
        await transport.send(ITEMS, world.ask())
    with pytest.raises(UnavailableError, match="per_day") as caught:
        await transport.send(ITEMS, world.ask())
    assert caught.value.retry_after_s == 3600.0
