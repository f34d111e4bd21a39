"""The form of an entry in Redis: exact both ways, and everything else counts as nothing."""

import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.cache.entries import BYTES, FORMAT, HEAD_SIZE, Entry, fetched_at

ENTRY = Entry(1_700_000_000.125, frozenset({"b", "a"}), b"\x00records\xff")
encode, decode = BYTES.encode, BYTES.decode


def test_an_entry_comes_back_as_it_was() -> None:
    assert decode(encode(ENTRY, 1_700_000_060.5)) == (ENTRY, 1_700_000_060.5)


def test_an_entry_is_one_document() -> None:
    document = msgspec.msgpack.decode(encode(ENTRY, 1.0))
    assert document == [FORMAT, 1_700_000_000.125, 1.0, "a b", b"\x00records\xff"]


def test_whole_moments_have_the_same_head() -> None:
    whole = Entry(5, frozenset(), b"")  # an int would be shorter
    assert fetched_at(encode(whole, 6)) == 5.0


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
        b"\x95" + bytes([FORMAT + 1]) + encode(ENTRY, 1.0)[2:],
        encode(ENTRY, 1.0)[:HEAD_SIZE] + b"\xa1\xff\xc4\x00",
        encode(ENTRY, 1.0)[:HEAD_SIZE] + b"\x01\x02",
        msgspec.msgpack.encode((FORMAT, 1.0, 2.0, "a", 7)),
    ],
)
def test_what_is_not_an_entry_counts_as_nothing(data: bytes) -> None:
    assert decode(data) is None


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\x95\x02" * ((HEAD_SIZE - 1) // 2),
        struct.pack(">BBBdBd", 0x95, FORMAT + 1, 0xCB, 1, 0xCB, 1),
        struct.pack(">BBBdBd", 0x94, FORMAT, 0xCB, 1, 0xCB, 1),
    ],
)
def test_a_foreign_head_tells_no_age(head: bytes) -> None:
    assert fetched_at(head) is None


@given(st.binary(max_size=64), st.booleans())
def test_no_bytes_raise(data: bytes, ours: bool) -> None:
    decode(encode(ENTRY, 1.0)[:HEAD_SIZE] + data if ours else data)
