"""The `Accept` header against the two media types."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.server.negotiation import (
    EVENT_STREAM,
    PLAIN_JSON,
    RESPONSE_JSON,
    HTTPRefusal,
    media_type,
    parameters_of,
)


@pytest.mark.parametrize(
    "accept, expected",
    [
        (None, PLAIN_JSON),
        ("", PLAIN_JSON),
        ("  ", PLAIN_JSON),
        ("*/*", PLAIN_JSON),
        (PLAIN_JSON, PLAIN_JSON),
        (RESPONSE_JSON, RESPONSE_JSON),
        (f"{PLAIN_JSON}, {RESPONSE_JSON}", PLAIN_JSON),
        (f"{RESPONSE_JSON}, {PLAIN_JSON}", RESPONSE_JSON),
        (f"{PLAIN_JSON};q=0.5, */*;q=0.4", PLAIN_JSON),
        (f"{PLAIN_JSON};q=0.3, */*;q=0.4", RESPONSE_JSON),
        (f"*/*;q=1, {RESPONSE_JSON};q=0.1", PLAIN_JSON),
        (f"application/*;q=0.2, {PLAIN_JSON};q=0.3", PLAIN_JSON),
        (f"{RESPONSE_JSON};q=0, {PLAIN_JSON}", PLAIN_JSON),
        (f"{RESPONSE_JSON};q=nan, {PLAIN_JSON};q=0.1", PLAIN_JSON),
        (f"{PLAIN_JSON};charset=utf-8;q=0.9", PLAIN_JSON),
        (EVENT_STREAM, EVENT_STREAM),
        ("text/*", EVENT_STREAM),
        (f"{EVENT_STREAM}, */*;q=0.9", EVENT_STREAM),
        (f"{EVENT_STREAM}, */*", PLAIN_JSON),  # it is named for subscriptions
        (f"{EVENT_STREAM}, {PLAIN_JSON}", PLAIN_JSON),
        (f"{PLAIN_JSON}, {EVENT_STREAM}", PLAIN_JSON),
    ],
)
def test_the_best_that_is_accepted(accept: str | None, expected: str) -> None:
    assert media_type(accept) == expected


@pytest.mark.parametrize(
    "accept", ["text/html", ",", "*/*;q=0", f"{PLAIN_JSON};q=0", f"{PLAIN_JSON};q=2", "json"]
)
def test_nothing_that_is_accepted(accept: str) -> None:
    with pytest.raises(HTTPRefusal) as refused:
        media_type(accept)
    assert refused.value.status == 406


@given(st.text(alphabet=st.characters(max_codepoint=255)))
def test_any_text_is_decided_on(accept: str) -> None:
    with suppress(HTTPRefusal):
        assert media_type(accept) in {PLAIN_JSON, RESPONSE_JSON, EVENT_STREAM}


def test_parameters_may_be_quoted() -> None:
    assert parameters_of(' Charset="UTF-8" ; q=0.5') == {"charset": "UTF-8", "q": "0.5"}
