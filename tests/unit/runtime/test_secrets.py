"""Secrets never reach what is told, at whatever depth and in whatever clothes."""

import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from runtime.telemetry.secrets import is_secret_name, masked, masked_text


class Account(BaseModel):
    user: str
    password: str


@pytest.mark.parametrize(
    "name",
    [
        *("authorization", "Proxy-Authorization", "password", "DB_PASSWORD", "access_token"),
        *("idToken", "client_secret", "clientSecret", "set-cookie", "Cookie", "x-api-key"),
        *("X-CSRF-Token", "private_key", "credentials", "static_key"),
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)
    assert masked({name: "s3cret"}) == {name: "***"}
    assert masked({"deep": [{name: ["s3cret"]}]}) == {"deep": [{name: "***"}]}
    assert masked([(name, "s3cret"), ("accept", "json")]) == [[name, "***"], ["accept", "json"]]
    assert masked({"headers": [(name.encode(), b"s3cret")]}) == {"headers": [[name, "***"]]}


@pytest.mark.parametrize(
    "name", ["event", "tokens_used", "max_token_bytes", "key", "sku", "authorized", "secretary"]
)
def test_names_of_other_things(name: str) -> None:
    assert masked({name: "seen"}) == {name: "seen"}


@pytest.mark.parametrize(
    "text,told",
    [
        ("redis://:s3cret@host:6379/0", "redis://***@host:6379/0"),
        ("at https://me:s3cret@erp.example/x?a=1 now", "at https://***@erp.example/x?a=1 now"),
        ("postgresql+asyncpg://u:s3cr@et@db/x", "postgresql+asyncpg://***@db/x"),
        ("https://s3cret@host", "https://***@host"),
        ("GET /x?access_token=s3cret&page=2", "GET /x?access_token=***&page=2"),
        ("Authorization: Bearer s3cret.s3cret", "Authorization: ***"),
        ("sent Bearer s3cret-s3cret to it", "sent Bearer *** to it"),
        ("basic czNjcmV0OnMzY3JldA==", "basic ***"),
        ("{'password': 's3cret', 'a': 1}", "{'password': ***, 'a': 1}"),
        ('{"client_secret":"s3cret s3cret"}', '{"client_secret":***}'),
        ("Set-Cookie: sid=s3cret; Path=/", "Set-Cookie: ***"),
        ("host=db password=s3cret dbname=x", "host=db password=*** dbname=x"),
        ("got eyJhbGciOiJub25lIn0.eyJzM2NyZXQiOjF9.s3cret!", "got ***!"),
        (f"key sg_1k4HUYkK7xlA_{'s3cret' * 8}!", "key sg_1k4HUYkK7xlA_***!"),
    ],
)
def test_text_that_looks_like_a_secret(text: str, told: str) -> None:
    assert masked_text(text) == told
    assert masked({"event": text}) == {"event": told}


@pytest.mark.parametrize(
    "text",
    [
        "order 4711 at plant 1710: 12.50 EUR",
        "https://erp.example:8443/sap/opu/odata?$filter=Supplier eq '17300001'",
        "mail buyer@example.com about it",
        "the token expired at 2027-01-15T07:59:29Z: get a new one",
        "a basic need, the bearer of news",
    ],
)
def test_other_text_stays(text: str) -> None:
    assert masked_text(text) == text


def test_unknown_objects_become_text_without_secrets() -> None:
    told = masked(
        {"account": Account(user="ada", password="s3cret"), "error": ValueError("pwd=x1")}
    )
    assert told == {"account": "Account(user='ada', password=***)", "error": "pwd=***"}


def test_plain_values_stay_as_they_are() -> None:
    value = {"n": 1, "d": Decimal("1.10"), "t": datetime(2027, 1, 1, tzinfo=UTC), "none": None}
    assert masked(value) == value
    assert masked({"password": None}) == {"password": None}


def test_circles_and_depths_end() -> None:
    circle: dict[str, Any] = {"password": "s3cret"}
    circle["again"] = circle
    assert "s3cret" not in repr(masked(circle))
    assert repr(masked(circle)).endswith("'...'" + "}" * 8)


def test_the_original_is_left_alone() -> None:
    value = {"password": "s3cret", "list": [{"token": "s3cret"}]}
    masked(value)
    assert value == {"password": "s3cret", "list": [{"token": "s3cret"}]}


NESTED = st.recursive(
    st.text() | st.integers() | st.none() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(NESTED)
def test_nothing_under_a_secret_name_survives(value: Any) -> None:
    told = masked({"outer": [value, {"api_key": ["unlikely-needle", value]}]})
    assert "unlikely-needle" not in repr(told)


@pytest.mark.parametrize("word", ["A", "a://", "token", "eyJaaaaaa", "-eyJaaaaaa", "@", "a://b@"])
def test_the_time_taken_is_linear_in_the_text(word: str) -> None:
    began = time.perf_counter()
    masked_text(word * (20_000 // len(word)))
    assert time.perf_counter() - began < 0.5  # a quadratic pattern takes seconds


def test_a_long_text_is_cut() -> None:
    assert masked_text("x" * 20_003) == "x" * 20_000 + "... (3 characters more)"
