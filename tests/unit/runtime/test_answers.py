"""Answers that one process keeps: until something in them changes or ends, within its memory."""

import pytest

from runtime.cache.answers import AnswerCache
from runtime.cache.kept import AnswerKey, KeptAnswer, gzipped, unpacked
from runtime.cache.record_cache import RecordCache

NOW = 1_800_000_000.0
KEY = AnswerKey(b"question", b"scope", 7)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def records(clock: Clock) -> RecordCache:
    return RecordCache(None, version="test", clock=clock)


@pytest.fixture
def answers(records: RecordCache, clock: Clock) -> AnswerCache:
    return AnswerCache(records, None, version="test", max_bytes=100_000, clock=clock)


def an_answer(*slots: str, body: bytes = b"{}", good_s: float = 60, age_s: float = 0) -> KeptAnswer:
    return KeptAnswer(body, NOW, NOW + good_s, NOW - age_s, frozenset(slots or ("a",)))


def keep(answers: AnswerCache, key: AnswerKey, answer: KeptAnswer) -> bool:
    with answers.watch() as watch:
        return answers.keep(key, answer, watch)


def other(n: int) -> AnswerKey:
    return KEY._replace(day=n)


async def test_what_is_kept_is_the_same_object(answers: AnswerCache) -> None:
    answer = an_answer()
    assert keep(answers, KEY, answer)
    assert answers.get(KEY) is answer


@pytest.mark.parametrize(
    "changed", [KEY._replace(question=b"other"), KEY._replace(scope=b"other"), KEY._replace(day=8)]
)
async def test_another_question_caller_or_day_has_another_answer(
    answers: AnswerCache, changed: AnswerKey
) -> None:
    keep(answers, KEY, an_answer())
    assert answers.get(changed) is None
    assert changed.name != KEY.name
    assert len(KEY.name) == len(changed.name) == 40


async def test_exactly_the_answers_with_a_changed_slot_are_dropped(
    answers: AnswerCache, records: RecordCache
) -> None:
    keep(answers, other(1), an_answer("a", "b"))
    keep(answers, other(2), an_answer("b", "c"))
    keep(answers, other(3), an_answer("c"))
    await records.drop(["a", "nowhere"])
    assert [answers.get(other(n)) is not None for n in (1, 2, 3)] == [False, True, True]
    await records.changed(["c"])
    assert [answers.get(other(n)) is not None for n in (1, 2, 3)] == [False, False, False]
    assert answers.health() == {"entries": 0, "bytes": 0}
    assert answers._by_slot == {}


async def test_an_answer_ends_with_the_freshness_of_what_is_in_it(
    answers: AnswerCache, clock: Clock
) -> None:
    keep(answers, KEY, an_answer(good_s=60))
    clock.now += 59.9
    assert answers.get(KEY) is not None
    clock.now += 0.1
    assert answers.get(KEY) is None
    assert answers.health() == {"entries": 0, "bytes": 0}


@pytest.mark.parametrize("good_s", [0.0, -NOW, -5.0])
async def test_what_is_not_fresh_is_not_kept(answers: AnswerCache, good_s: float) -> None:
    assert not keep(answers, KEY, an_answer(good_s=good_s))


async def test_what_is_made_of_nothing_is_not_kept(answers: AnswerCache) -> None:
    answer = KeptAnswer(b"{}", NOW, NOW + 60, NOW, frozenset())
    assert not keep(answers, KEY, answer)


async def test_no_answer_is_kept_for_longer_than_changes_are_remembered(
    answers: AnswerCache, clock: Clock
) -> None:
    keep(answers, KEY, an_answer(good_s=8 * 86_400))
    clock.now += 86_400
    assert answers.get(KEY) is None


async def test_who_wants_newer_records_is_not_given_older_ones(
    answers: AnswerCache, clock: Clock
) -> None:
    keep(answers, KEY, an_answer(age_s=10))
    clock.now += 5
    assert answers.get(KEY, 14.9) is None
    assert answers.get(KEY, 15) is not None
    assert answers.get(KEY) is not None


async def test_what_changes_while_an_answer_is_made_keeps_it_from_being_kept(
    answers: AnswerCache, records: RecordCache
) -> None:
    with answers.watch() as watch:
        await records.drop(["a"])
        assert not answers.keep(other(1), an_answer("a", "b"), watch)
        assert answers.keep(other(2), an_answer("b"), watch)
    assert answers.get(other(1)) is None


async def test_after_a_gap_nothing_is_believed(answers: AnswerCache, records: RecordCache) -> None:
    keep(answers, KEY, an_answer())
    with answers.watch() as watch:
        records._forget_all()
        assert answers.get(KEY) is None
        assert not answers.keep(KEY, an_answer(), watch)
    assert answers.health() == {"entries": 0, "bytes": 0}


async def test_the_least_recently_used_go_first(answers: AnswerCache) -> None:
    for n in range(4):
        keep(answers, other(n), an_answer(body=b"x" * 16_000))
    assert answers.get(other(0)) is not None
    keep(answers, other(4), an_answer(body=b"x" * 16_000))
    assert [answers.get(other(n)) is not None for n in range(5)] == [True, False, True, True, True]
    assert answers.health()["bytes"] == answers._bytes <= 100_000


async def test_an_answer_that_would_fill_the_memory_is_not_kept(answers: AnswerCache) -> None:
    assert not keep(answers, KEY, an_answer(body=b"x" * 25_000))
    assert not keep(answers, KEY, an_answer(*(f"slot {n}" for n in range(100))))
    assert answers.health() == {"entries": 0, "bytes": 0}


async def test_without_memory_nothing_is_kept(records: RecordCache, clock: Clock) -> None:
    none = AnswerCache(records, None, version="test", max_bytes=0, clock=clock)
    assert not keep(none, KEY, an_answer())
    assert await none.find(KEY) is None


async def test_an_answer_is_compressed_once() -> None:
    answer = an_answer(body=b"text " * 1_000)
    first, second = await answer.packed(), await answer.packed()
    assert first is second
    assert unpacked(first) == answer.body
    assert len(first) < 200
    assert unpacked(await gzipped(b"")) == b""


async def test_its_tag_is_that_of_its_bytes() -> None:
    assert an_answer(body=b"a").tag == an_answer("z", body=b"a").tag != an_answer(body=b"b").tag
