"""How the schema is used is counted exactly, by real processes in a real Valkey and store."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from graphql import parse

from app.governance.counting import UsageFlow
from app.governance.shapes import shape_of
from app.server.ports import Governance, Serves
from app.server.requests import GraphQLRequest
from app.server.terms import Terms
from app.streaming import LogStreams
from canonical.usage import ClientUse, by_coordinate
from runtime.cache.answers import AnswerCache
from runtime.cache.connection import RedisHandle
from runtime.store.migrating import migrate
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from runtime.usage.counting import UNKNOWN, Client, UsageCounter, client_named
from runtime.usage.shared import Batch, Counted, SharedUsage
from runtime.usage.stored import StoredUsage
from subscriptions.answering import SubscriptionRequest
from tests.fakes.desk import PLANNER, SCHEMA
from tests.fakes.distributor import Distributor
from tests.fakes.serving import FakeServing, running
from tests.governance import counter
from tests.governance.counter import ITEMS, NAMES, flow_of

EVER = date(2000, 1, 1)


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator[RedisHandle]:
    redis = RedisHandle(valkey_url)
    yield redis
    await redis.aclose()


class Flowing:
    def __init__(self, store: Store, redis: RedisHandle) -> None:
        self.counter = UsageCounter()
        self.store = store
        self.flow, self.keeper = flow_of(self.counter, redis, store, "me")

    async def settled(self) -> list[tuple[str, str, str, int]]:
        """What is in the store once all is flushed: (operation's name, client, version, count)."""
        await self.flow.flush()
        await self.keeper.drain(self.flow._shared)
        uses = await StoredUsage(self.store).uses(EVER)
        return sorted((use.name, use.client, use.version, use.count) for use in uses)


@pytest.fixture
def flowing(file_store: Store, redis: RedisHandle) -> Flowing:
    return Flowing(file_store, redis)


async def test_two_processes_count_exactly(
    file_store: Store, tmp_path: Path, valkey_url: str
) -> None:
    address = f"sqlite:///{tmp_path / 'store.db'}"
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.governance.counter", valkey_url, address, "portal", "55")
    )
    await counter.main(valkey_url, address, "planner", 55)
    assert await other.wait() == 0
    handle = RedisHandle(valkey_url)
    _, keeper = flow_of(UsageCounter(), handle, file_store, "me")
    await keeper.drain(SharedUsage(handle, "test"))  # what one left that found the other at it
    await handle.aclose()
    uses = await StoredUsage(file_store).uses(EVER)
    assert sorted((use.name, use.client, use.count) for use in uses) == [
        ("", "planner", 55),
        ("", "portal", 55),
        ("Items", "planner", 55),
        ("Items", "portal", 55),
    ]
    fields = by_coordinate(uses)
    assert fields["Item.sku"].count == fields["Query.items(first:)"].count == 110
    assert fields["Item.name"].clients == (
        ClientUse("planner", "1", 55),
        ClientUse("portal", "1", 55),
    )
    assert fields["Item.sku"].last_day is not None


async def _sent_and_written_twice(store: Store, redis: RedisHandle) -> None:
    flowing, shared = Flowing(store, redis), SharedUsage(redis, "test")
    flowing.counter.count(ITEMS, "Items", UNKNOWN)
    batch = await flowing.flow._batch(*flowing.counter.taken())
    assert await shared.add(batch)
    assert await shared.add(batch)
    taken = await shared.take("t1")
    assert await shared.take("t2") == taken
    await flowing.keeper.drain(shared)
    for _ in range(2):
        await shared.drop(Batch("other", {}, {}))
        assert await flowing.settled() == [("Items", "unknown", "", 1)]
    flowing.counter.count(ITEMS, "Items", UNKNOWN)
    assert await flowing.settled() == [("Items", "unknown", "", 2)]


async def test_a_batch_counts_once_however_often_it_is_sent_or_written(
    file_store: Store, redis: RedisHandle
) -> None:
    await _sent_and_written_twice(file_store, redis)


@pytest.mark.xdist_group("scms")
async def test_so_it_does_in_postgresql(postgres_url: str, redis: RedisHandle) -> None:
    store = Store(StoreSettings(url=postgres_url))
    await migrate(store)
    await _sent_and_written_twice(store, redis)
    await store.aclose()


async def test_what_was_written_but_not_dropped_is_not_written_again(
    flowing: Flowing, redis: RedisHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: object) -> None:
        raise KeyboardInterrupt

    flowing.counter.count(ITEMS, None, UNKNOWN)
    await flowing.flow.flush()
    with monkeypatch.context() as patched:
        patched.setattr(SharedUsage, "drop", dies)
        with pytest.raises(KeyboardInterrupt):
            await flowing.keeper.drain(flowing.flow._shared)
    flowing.counter.count(ITEMS, None, UNKNOWN)
    assert await flowing.settled() == [("Items", "unknown", "", 2)]


async def test_without_redis_counts_wait(flowing: Flowing, file_store: Store) -> None:
    away = RedisHandle("redis://127.0.0.1:1")
    flow, _ = flow_of(flowing.counter, away, file_store, "me")
    for _ in range(3):
        flowing.counter.count(ITEMS, None, UNKNOWN)
        await flow.flush()
    flow._shared = flowing.flow._shared
    for _ in range(2):
        await flow.flush()
    assert await flowing.settled() == [("Items", "unknown", "", 3)]
    await away.aclose()


async def test_operations_and_clients_are_bounded_and_nothing_is_lost(
    flowing: Flowing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.governance.counting._OPERATIONS", 1)
    monkeypatch.setattr("app.governance.counting._CLIENTS", 2)
    monkeypatch.setattr("runtime.usage.counting._MOST", 5)
    for number in range(4):
        flowing.counter.count(ITEMS, None, Client(f"c{number}", ""))
    flowing.counter.count(NAMES % 1, None, Client("c0", ""))
    for _ in range(3):
        flowing.counter.count(NAMES % 2, None, Client("c0", ""))
    flowing.counter.count("{ nonsense }", None, UNKNOWN)
    counts = await flowing.settled()
    assert counts == [
        ("", "c0", "", 1),
        ("", "other", "", 4),
        ("Items", "c0", "", 1),
        ("Items", "c1", "", 1),
        ("Items", "other", "", 2),
    ]


async def test_old_days_are_forgotten(flowing: Flowing) -> None:
    today = datetime.now(UTC)
    flow = UsageFlow(
        flowing.counter,
        (flowing.flow._documents, flowing.flow._schema),
        flowing.flow._shared,
        flowing.keeper,
        now=lambda: today - timedelta(days=9),
    )
    flowing.counter.count(NAMES % 1, None, UNKNOWN)
    await flow.flush()
    flowing.counter.count(ITEMS, None, UNKNOWN)
    assert len(await flowing.settled()) == 2
    stored = StoredUsage(flowing.store)
    assert len(await stored.uses(today.date())) == 1
    await stored.forget(today.date() - timedelta(days=5))
    assert await flowing.settled() == [("Items", "unknown", "", 1)]


async def test_questions_are_counted_by_client_also_those_at_hand() -> None:
    serving = FakeServing(*Distributor().sources)
    desk = serving.desk
    cache = AnswerCache(desk.cache, None, version="t", max_bytes=10**6, clock=lambda: desk.now_s)
    serving.serves = Serves(cache)
    serving.governance = Governance()
    text = "{ items(first: 2) { nodes { sku } } }"
    async with running(serving) as site:
        kinds: tuple[dict[str, str], ...] = (
            {"apollographql_client_name": "portal", "apollographql_client_version": "2.1"},
            {"graphql_client_name": "portal", "graphql_client_version": "2.1"},
            {"graphql_client_name": "portal", "graphql_client_version": "3 beta"},
            {"graphql_client_name": "<script>"},
            {},
        )
        for headers in kinds:
            await site.ask(text, None, **headers)
    await cache.aclose()
    assert serving.governance.usage.taken() == (
        {
            (text, None, Client("portal", "2.1")): 2,
            (text, None, Client("portal", "")): 1,
            (text, None, UNKNOWN): 2,
        },
        0,
    )


@pytest.mark.parametrize(
    "one, other, same",
    [
        ("{ item(sku: 1) { sku } }", '{ item(sku: "2") { sku } }', False),
        ('{ item(sku: "1") { sku } }', '{ item(sku: "2") {\n sku } # x\n }', True),
        ("{ items(first: 1) { nodes { sku } } }", "{ items(first: 9) { nodes { sku } } }", True),
        ("{ viewer { subject } }", "{ viewer { roles } }", False),
        ("query A { viewer { subject } }", "query B { viewer { subject } }", False),
    ],
)
def test_operations_are_told_apart_without_their_literals(one: str, other: str, same: bool) -> None:
    shapes = []
    for text in (one, other):
        tree = parse(text)
        shapes.append(shape_of(SCHEMA._schema, tree, tree.definitions[0]))  # type: ignore[arg-type]
    assert (shapes[0].operation == shapes[1].operation) is same


def test_coordinates_are_those_of_the_operation_alone() -> None:
    tree = parse(
        """query A { node(id: "x") { __typename id ...F } } query B { viewer { subject } }
        fragment F on Supplier { ...G purchaseOrders(first: 1) { totalCount } }
        fragment G on Supplier { code } fragment H on Item { name }"""
    )
    shape = shape_of(SCHEMA._schema, tree, tree.definitions[0])  # type: ignore[arg-type]
    assert shape.coordinates == (
        "Node.id",
        "PurchaseOrderConnection.totalCount",
        "Query.node",
        "Query.node(id:)",
        "Supplier.code",
        "Supplier.purchaseOrders",
        "Supplier.purchaseOrders(first:)",
    )
    assert (shape.name, shape.kind) == ("A", "query")


def test_what_clients_call_themselves_is_kept_if_it_is_harmless() -> None:
    assert client_named(b"Portal App", b"2.1.0-beta") == Client("Portal App", "2.1.0-beta")
    assert client_named(b"x" * 65, b"1") == client_named(b"", b"") == UNKNOWN
    assert client_named(b"p", b"\xff") == Client("p", "")
    assert str(Client("p", "1")) == "p/1"
    assert Counted("d", "o", "c", "v") == Counted("d", "o", "c", "v")


async def test_subscriptions_are_counted_when_they_begin() -> None:
    class Hub:
        def begin(self, request: SubscriptionRequest, outlet: Any) -> str:
            return request.query

    counter, client = UsageCounter(), Client("screen", "1")
    streams = LogStreams(cast("Any", Hub()), counter)
    request = GraphQLRequest("subscription { a }", {}, None, read_only=False)
    began = await streams.begin(request, Terms(PLANNER, "c", client=client), cast("Any", None))
    assert str(began) == request.query
    assert counter.taken() == ({(request.query, None, client): 1}, 0)
