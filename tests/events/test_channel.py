"""Events go from process to process through every kind of Redis."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest

from canonical.events import Event
from runtime.cache.connection import RedisHandle
from runtime.events.channel import Channel
from runtime.telemetry import event_metrics, metrics
from tests.events.making import NOON, order_event
from tests.fixtures.waiting import until
from tests.runtime.test_redis_kinds import cluster_url, sentinel_url

__all__ = ["cluster_url", "sentinel_url"]


class Heard:
    """One end of the channel, and what came out of it."""

    def __init__(self, url: str) -> None:
        self.redis = RedisHandle(url, operation_timeout_s=2)
        self.channel = Channel(self.redis)
        self.events: list[Event] = []
        self.notes: list[bytes] = []
        self.gaps = 0

    def start(self) -> None:
        def on_events(events: Sequence[Event]) -> None:
            self.events.extend(events)

        def on_gap() -> None:
            self.gaps += 1

        self.channel.start(on_events, self.notes.append, on_gap)

    async def aclose(self) -> None:
        await self.channel.aclose()
        await self.redis.aclose()


@pytest.fixture(params=["valkey_url", "cluster_url", "sentinel_url"])
async def ends(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[list[Heard]]:
    monkeypatch.setattr("runtime.events.channel._BLOCK_S", 0.1)
    ends = [Heard(request.getfixturevalue(request.param)) for _ in range(2)]
    for each in ends:
        each.start()
    await until(lambda: all(each.channel.connected for each in ends))
    yield ends
    for each in ends:
        await each.aclose()


async def test_what_one_publishes_all_hear(ends: list[Heard]) -> None:
    here, there = ends
    events = [
        msgspec.structs.replace(
            order_event(number), position=number, event_id=f"id-{number}", recorded_at=NOON
        )
        for number in range(1, 51)
    ]
    await asyncio.sleep(0.25)  # longer than one read waits: silence is no trouble
    await here.channel.publish(events)
    await there.channel.announce(b"note")

    for each in ends:
        await until(lambda: all(len(each.events) == 50 and each.notes for each in ends))
        assert each.events == events
        assert each.notes == [b"note"]
        assert each.gaps == 1  # the beginning
    assert here.redis.health()["errors"] == 0


async def test_what_cannot_be_read_counts_as_a_gap(valkey_url: str) -> None:
    end = Heard(valkey_url)
    end.start()
    await until(lambda: end.channel.connected)
    await end.redis.run(lambda client: client.xadd(end.channel._events, {b"e": b"\xc1"}), None)
    await until(lambda: end.gaps == 2)
    assert end.events == []
    await end.aclose()


async def test_without_redis_nothing_fails() -> None:
    end = Heard("redis://127.0.0.1:1")
    end.start()
    await end.channel.publish([order_event(1)])
    await end.channel.announce(b"note")
    assert end.channel.connected is False
    await end.aclose()


def test_figures_are_named_as_the_table_says() -> None:
    event_metrics.events_appended("supplygraph.item.changed.v1", 2)
    event_metrics.follower_applied(3, 0.1)
    event_metrics.log_written(0.01)
    event_metrics.log_read()
    event_metrics.dead_letters_open(1)
    text = metrics.render().decode()
    for name in (
        'events_appended_total{type="supplygraph.item.changed.v1"}',
        "event_write_seconds_count",
        "event_log_reads_total",
        "events_behind 3.0",
        "event_lag_seconds_count",
        "dead_letters_open 1.0",
    ):
        assert f"supplygraph_{name}" in text
