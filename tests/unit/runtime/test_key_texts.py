"""API keys as texts: what is one, and what is told to be none before anything is looked up."""

import hashlib
import secrets
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canonical.errors import UnauthenticatedError
from runtime.security.key_texts import new_key, presented

ZERO = new_key(bytes)
KEY = new_key(Random(20261125).randbytes)


def test_a_key_says_what_it_is_and_is_known_by_its_digest() -> None:
    assert ZERO[:-6] == f"sg_{'0' * 12}_{'0' * 43}"
    key = presented(KEY)
    assert key.key_id == KEY[3:15]
    assert key.digest == hashlib.sha256(KEY.encode()).digest()


def test_the_largest_secret_has_its_place() -> None:
    largest = new_key(lambda size: b"\xff" * size)
    assert len(largest) == len(KEY) == 65
    assert presented(largest).digest != presented(ZERO).digest


def test_all_of_the_randomness_is_in_the_key() -> None:
    assert len({new_key(secrets.token_bytes)[16:] for _ in range(200)}) == 200
    one_bit = new_key(lambda size: bytes(size - 1) + b"\x01")
    assert one_bit != ZERO


@pytest.mark.parametrize(
    "text",
    [
        "sg_",
        KEY[:-1],
        KEY + "0",
        KEY.replace("sg_", "SG_"),
        KEY[:15] + KEY[16:],
        KEY[:-1] + ("1" if KEY[-1] == "0" else "0"),
        KEY[:20] + ("1" if KEY[20] == "0" else "0") + KEY[21:],
        KEY + "\n",
        " " + KEY,
        KEY.replace(KEY[4], "é"),
        f"sg_{'0' * 12}_{'0' * 49}",
        f"sg_{'a' * 60_000}",
    ],
)
def test_what_is_no_key_is_told_so(text: str) -> None:
    with pytest.raises(UnauthenticatedError, match="the API key is malformed") as caught:
        presented(text)
    assert text.strip() == "sg_" or text[3:] not in caught.value.message


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 64), st.characters(codec="utf-8"))
def test_no_character_can_be_another(at: int, other: str) -> None:
    if other != KEY[at]:
        with pytest.raises(UnauthenticatedError):
            presented(KEY[:at] + other + KEY[at + 1 :])
