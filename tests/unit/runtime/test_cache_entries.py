"""The form of an entry in Redis: exact both ways, and everything else counts as nothing."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.cache.entries import FORMAT, HEAD_SIZE, Entry, decode, encode, fetched_at

ENTRY = Entry(1_700_000_000.125, ("b", "a"), b"\x00records\xff")


def test_an_entry_comes_back_as_it_was() -> None:
    assert decode(encode(ENTRY, 1_700_000_060.5)) == (
        Entry(1_700_000_000.125, frozenset({"a", "b"}), b"\x00records\xff"),
        1_700_000_060.5,
    )


def test_columns_in_any_order_make_the_same_bytes() -> None:
    other = Entry(ENTRY.fetched_at, frozenset({"a", "b"}), ENTRY.payload)
    assert encode(ENTRY, 1.0) == encode(other, 1.0)


def test_entries_with_the_same_columns_share_them() -> None:
    first, second = decode(encode(ENTRY, 1.0)), decode(encode(ENTRY, 2.0))
    assert first
    assert second
    assert first[0].columns is second[0].columns


def test_the_age_is_told_by_the_head_alone() -> None:
    assert fetched_at(encode(ENTRY, 1.0)[:HEAD_SIZE]) == 1_700_000_000.125


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        encode(ENTRY, 1.0)[:HEAD_SIZE],
        encode(ENTRY, 1.0)[:-1],
        encode(ENTRY, 1.0) + b"!",
        bytes([FORMAT + 1]) + encode(ENTRY, 1.0)[1:],
        encode(ENTRY, 1.0)[:HEAD_SIZE] + b"\x92\x91\xa1\xff\xc4\x00",
        encode(ENTRY, 1.0)[:HEAD_SIZE] + b"\x92\x01\x02",
    ],
)
def test_what_is_not_an_entry_counts_as_nothing(data: bytes) -> None:
    assert decode(data) is None


@pytest.mark.parametrize("head", [b"", b"\x01" * (HEAD_SIZE - 1), struct.pack(">Bdd", 9, 1, 1)])
def test_a_foreign_head_tells_no_age(head: bytes) -> None:
    assert fetched_at(head) is None


@given(st.binary(max_size=64), st.booleans())
def test_no_bytes_raise(data: bytes, ours: bool) -> None:
    decode(encode(ENTRY, 1.0)[:HEAD_SIZE] + data if ours else data)
