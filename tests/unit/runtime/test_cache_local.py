"""The layer within a process: bounded by bytes, least recently used first out."""

import math

import pytest

from runtime.cache.entries import BYTES, Entry
from runtime.cache.local import LocalAges, LocalCache, LocalClaims

NOW = 1000.0


def entry(size: int = 1) -> Entry:
    return Entry(NOW, frozenset({"a"}), b"x" * size)


def put(cache: LocalCache, key: str, value: Entry | None, ttl_s: float = 60) -> None:
    weight = len(value.payload) if value else 0
    cache.put(key, value, weight=weight, stored_at=NOW, expires_at=NOW + ttl_s)


def test_the_same_object_is_returned_while_it_lives() -> None:
    cache, value = LocalCache(10_000), entry()
    put(cache, "k", value)
    held = cache.get("k", NOW)
    assert held
    assert held.value is value


def test_the_least_recently_used_goes_first() -> None:
    cache = LocalCache(3 * 1_500)
    for key in "abc":
        put(cache, key, entry(1_000))
    cache.get("a", NOW)
    put(cache, "d", entry(1_000))
    assert [k for k in "abcd" if cache.get(k, NOW)] == ["a", "c", "d"]


def test_bytes_never_exceed_the_bound_and_return_to_zero() -> None:
    cache = LocalCache(10_000)
    for i in range(500):
        put(cache, f"key{i % 70}", entry(i * 7))
        assert cache.bytes <= 10_000
    cache.drop([f"key{i}" for i in range(70)])
    assert (cache.bytes, len(cache)) == (0, 0)


def test_an_entry_larger_than_the_bound_is_not_kept_and_its_forerunner_neither() -> None:
    cache = LocalCache(1_000)
    put(cache, "k", entry(1))
    put(cache, "k", entry(2_000))
    assert cache.get("k", NOW) is None
    assert cache.bytes == 0


def test_an_expired_entry_is_gone() -> None:
    cache = LocalCache(10_000)
    put(cache, "k", entry(), ttl_s=5)
    assert cache.get("k", NOW + 4.9)
    assert cache.get("k", NOW + 5) is None
    assert len(cache) == 0


def test_a_known_absence_is_held_as_such() -> None:
    cache = LocalCache(10_000)
    put(cache, "k", None)
    held = cache.get("k", NOW)
    assert held
    assert held.value is None


def test_many_are_found_at_once_but_not_the_old_the_absent_or_the_expired() -> None:
    cache = LocalCache(10_000)
    for key, value, stored_at, ttl_s in (
        ("a", entry(1), 0, 60),
        ("old", entry(1), -10, 60),
        ("gone", None, 0, 60),
        ("late", entry(1), 0, 5),
    ):
        at = NOW + stored_at
        cache.put(key, value, weight=1, stored_at=at, expires_at=at + ttl_s)
    keys = ["late", "a", "old", "gone", "never", "a"]
    assert cache.find(keys, NOW + 6, since=NOW - 5) == {"a": entry(1)}
    assert cache.find(keys, NOW + 6) == {"a": entry(1), "old": entry(1)}
    assert len(cache) == 3  # the expired one is gone


def test_what_redis_tells_is_held_decoded_unless_something_newer_was_put() -> None:
    cache = LocalCache(10_000)
    put(cache, "newer", entry(7))
    put(cache, "put", entry(8))
    told = [
        ("a", BYTES.encode(entry(1), NOW + 60)),
        ("newer", BYTES.encode(Entry(NOW - 1, frozenset({"a"}), b"old"), NOW + 60)),
        ("put", None),
        ("gone", None),
        ("expired", BYTES.encode(entry(3), NOW)),
        ("foreign", b"?"),
    ]
    known = {"a": entry(1), "newer": entry(7), "put": entry(8)}
    assert cache.take(told, BYTES, began=NOW, now=NOW) == known
    assert cache.find(["a", "newer", "put"], NOW) == known
    held = cache.get("gone", NOW)
    assert held
    assert held.value is None
    assert cache.get("expired", NOW) is None
    assert cache.get("foreign", NOW) is None


@pytest.mark.parametrize("lost_at, since", [(math.inf, -60), (NOW - 3, -60), (NOW - 6, -5)])
def test_how_long_a_process_answers_by_itself(lost_at: float, since: float) -> None:
    assert LocalAges().trusted_since(NOW, lost_at) == NOW + since


def test_clear_forgets_all() -> None:
    cache = LocalCache(10_000)
    put(cache, "k", entry())
    cache.clear()
    assert (cache.get("k", NOW), cache.bytes) == (None, 0)


def test_claims_are_won_once_until_released_or_run_out() -> None:
    claims = LocalClaims()
    assert claims.claim(["a", "b"], 5, NOW) == ["a", "b"]
    assert claims.claim(["a", "b", "c"], 5, NOW) == ["c"]
    claims.release(["a"])
    assert claims.held(["a", "b", "c"], NOW) == ["b", "c"]
    assert claims.claim(["a", "b"], 5, NOW) == ["a"]
    assert claims.claim(["b"], 5, NOW + 5) == ["b"]
