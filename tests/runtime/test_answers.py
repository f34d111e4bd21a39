"""Answers in a real Valkey: for other processes and the next start, and never wrong ones."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
import redis
from msgspec import Struct

from runtime.cache.answers import AnswerCache
from runtime.cache.connection import RedisHandle
from runtime.cache.kept import AnswerKey, KeptAnswer
from runtime.cache.persisted import PersistedTexts, digest_of
from runtime.cache.record_cache import RecordCache
from tests.fixtures.waiting import until

NOW = 1_800_000_000.0
KEY = AnswerKey(b"question", b"scope", 7)
OTHER = KEY._replace(day=8)


class Process(Struct):
    """What one process has."""

    records: RecordCache
    answers: AnswerCache
    handle: RedisHandle


New = Callable[..., Awaitable[Process]]


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def valkey(valkey_url: str) -> redis.Redis:
    return redis.Redis.from_url(valkey_url)


@pytest_asyncio.fixture
async def new(valkey_url: str, clock: Clock) -> AsyncIterator[New]:
    """Makes processes that hear each other."""
    opened: list[Process] = []

    async def make(version: str = "v1", schema: str = "type Query") -> Process:
        handle = RedisHandle(valkey_url, operation_timeout_s=2)
        records = RecordCache(handle, version="v1", clock=clock)
        answers = AnswerCache(records, handle, version=version, max_bytes=10_000_000, clock=clock)
        answers.of_schema(schema)
        process = Process(records, answers, handle)
        opened.append(process)
        await records.get_many(["wake up"])
        await until(lambda: records.health()["invalidations"] is True)
        return process

    yield make
    for one in opened:
        await one.answers.aclose()
        await one.records.aclose()
        await one.handle.aclose()


def an_answer(*slots: str, body: bytes = b'{"data":1}', good_s: float = 60) -> KeptAnswer:
    return KeptAnswer(body, NOW, NOW + good_s, NOW - 10, frozenset(slots or ("a",)))


async def keep(process: Process, key: AnswerKey, answer: KeptAnswer) -> None:
    with process.answers.watch() as watch:
        assert process.answers.keep(key, answer, watch)
    await until(lambda: not process.answers._under_way)


@pytest.mark.parametrize("size", [10, 300_000])
async def test_another_process_finds_it_and_holds_it_then(
    new: New, valkey: redis.Redis, size: int
) -> None:
    here, there = await new(), await new()
    kept = an_answer("a", "b", body=b"{%s}" % (b" x" * (size // 2)))
    await keep(here, KEY, kept)
    found = await there.answers.find(KEY)
    assert found is not None
    assert (found.body, found.slots) == (kept.body, kept.slots)
    assert (found.made_at, found.good_until, found.oldest_at) == (NOW, NOW + 60, NOW - 10)
    assert there.answers.get(KEY) is found
    [name] = valkey.keys("sg:*:a:*")
    assert 58_000 < int(str(valkey.pttl(name))) <= 60_000
    assert int(str(valkey.strlen(name))) < 2_000  # what is long is compressed


async def test_a_change_in_one_process_drops_exactly_the_answers_with_it_in_all(
    new: New, valkey: redis.Redis
) -> None:
    here, there = await new(), await new()
    await keep(here, KEY, an_answer("a"))
    await keep(here, OTHER, an_answer("b"))
    for key in (KEY, OTHER):
        assert await there.answers.find(key) is not None
    await there.records.drop(["a"])
    assert there.answers.get(KEY) is None
    await until(lambda: here.answers.get(KEY) is None)
    assert here.answers.get(OTHER) is not None
    assert there.answers.get(OTHER) is not None
    assert await here.answers.find(KEY) is None
    assert (await new()).answers.get(KEY) is None
    assert await (await new()).answers.find(KEY) is None
    assert await (await new()).answers.find(OTHER) is not None
    await until(lambda: len(valkey.keys("sg:*:a:*")) == 1)


async def test_what_changed_while_nobody_listened_is_found_out(
    new: New, valkey: redis.Redis
) -> None:
    here = await new()
    await keep(here, KEY, an_answer("a"))
    [name] = valkey.keys("sg:*:a:*")
    stored = valkey.get(name)
    assert isinstance(stored, bytes)
    await here.records.changed(["a"])
    await until(lambda: not valkey.exists(name))
    valkey.set(name, stored)  # a process that had not heard of it put it back
    assert await (await new()).answers.find(KEY) is None


async def test_what_is_held_for_long_is_asked_after(new: New, clock: Clock) -> None:
    here = await new()
    await keep(here, KEY, an_answer("a", good_s=1_000))
    clock.now += 61
    assert here.answers.get(KEY) is None
    assert await here.answers.find(KEY) is not None
    assert here.answers.get(KEY) is not None


async def test_a_change_that_was_not_heard_of_is_found_out_within_a_minute(
    new: New, clock: Clock
) -> None:
    here, there = await new(), await new()
    await keep(here, KEY, an_answer("a", good_s=1_000))
    assert here.records._channel is not None
    here.records._channel._on_drop = lambda _: None
    clock.now += 30
    await there.records.drop(["a"])
    await asyncio.sleep(0.1)
    assert here.answers.get(KEY) is not None
    clock.now += 31
    assert here.answers.get(KEY) is None
    assert await here.answers.find(KEY) is None
    assert here.answers.health()["entries"] == 0


async def test_who_wants_newer_records_does_not_find_it(new: New) -> None:
    here, there = await new(), await new()
    await keep(here, KEY, an_answer())
    assert await there.answers.find(KEY, 9) is None
    assert await there.answers.find(KEY, 10) is not None


@pytest.mark.parametrize("version, schema", [("v2", "type Query"), ("v1", "type Other")])
async def test_another_manifest_or_schema_has_other_answers(
    new: New, version: str, schema: str
) -> None:
    await keep(await new(), KEY, an_answer())
    assert await (await new(version, schema)).answers.find(KEY) is None


@pytest.mark.parametrize("data", [b"", b"nonsense", b"\x97\x02\x01\x01\x01\xc4\x00\xc2\xc4\x00"])
async def test_bytes_of_nobodys_making_are_no_answer(
    new: New, valkey: redis.Redis, data: bytes
) -> None:
    here = await new()
    await keep(here, KEY, an_answer())
    [name] = valkey.keys("sg:*:a:*")
    valkey.set(name, data)
    assert await (await new()).answers.find(KEY) is None


async def test_without_redis_answers_are_kept_in_the_process(clock: Clock) -> None:
    handle = RedisHandle("redis://127.0.0.1:1")
    records = RecordCache(handle, version="v1", clock=clock)
    answers = AnswerCache(records, handle, version="v1", max_bytes=1_000_000, clock=clock)
    with answers.watch() as watch:
        assert answers.keep(KEY, an_answer(), watch)
    assert answers.get(KEY) is not None
    clock.now += 6  # nobody can tell any more what changed elsewhere
    assert answers.get(KEY) is None
    assert await answers.find(KEY) is None
    for one in (answers, records, handle):
        await one.aclose()


class TestPersistedTexts:
    async def test_a_text_is_known_to_all_processes(self, new: New, valkey: redis.Redis) -> None:
        here = PersistedTexts((await new()).handle)
        there = PersistedTexts((await new()).handle)
        digest = digest_of("{ ä }")
        assert await there.get(digest) is None
        await here.put("{ ä }")
        assert await there.get(digest) == "{ ä }"
        left_s = int(str(valkey.ttl(f"sg:q:{digest}")))
        assert 0 < left_s <= 7 * 86_400

    async def test_a_text_that_is_not_what_its_digest_says_is_not_believed(
        self, new: New, valkey: redis.Redis
    ) -> None:
        digest = digest_of("{ a }")
        valkey.set(f"sg:q:{digest}", b"mutation { b }")
        assert await PersistedTexts((await new()).handle).get(digest) is None

    async def test_few_texts_are_held(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("runtime.cache.persisted._KEPT", 2)
        texts = PersistedTexts(None)
        for text in ("a", "b", "c"):
            await texts.put(text)
        held = [await texts.get(digest_of(text)) for text in ("a", "b", "c")]
        assert held == [None, "b", "c"]
