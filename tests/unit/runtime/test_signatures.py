"""Which deliveries are believed."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from runtime.security.signatures import (
    COUPA,
    STANDARD,
    Check,
    Encoding,
    Refusal,
    Scheme,
    SignatureError,
    key_of,
)
from tests.fakes.senders import sign

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
BODY = b'{"id": 1}'
GITHUB = Scheme(
    signature="x-hub-signature-256",
    timestamp=None,
    delivery_id="x-github-delivery",
    before_body="",
    prefix="sha256=",
)
SHA512 = Scheme(
    signature="x-sum",
    timestamp="x-at",
    delivery_id=None,
    before_body="{timestamp}:",
    algorithm="sha512",
    encoding=Encoding.BASE64,
)


def checked(
    scheme: Scheme,
    keys: list[bytes],
    headers: dict[str, str],
    body: bytes = BODY,
    now: datetime = NOW,
) -> str | None:
    check = Check(scheme, keys, headers, now=now)
    for at in range(0, len(body), 4):
        check.update(body[at : at + 4])
    return check.finish().delivery_id


def refused(
    scheme: Scheme,
    keys: list[bytes],
    headers: dict[str, str],
    body: bytes = BODY,
    now: datetime = NOW,
) -> Refusal:
    with pytest.raises(SignatureError) as caught:
        checked(scheme, keys, headers, body, now)
    return caught.value.refusal


def test_the_example_of_standard_webhooks_is_believed() -> None:
    # From the specification's own reference libraries.
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", STANDARD)
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    then = datetime.fromtimestamp(1_614_265_330, UTC)
    name = checked(STANDARD, [key], headers, b'{"test": 2432232314}', then)
    assert name == "msg_p5jXN8AQM9LWM0D4loKWxJek"


@pytest.mark.parametrize("scheme", [STANDARD, COUPA, GITHUB, SHA512])
def test_what_was_signed_is_believed_and_nothing_else(scheme: Scheme) -> None:
    headers = sign(scheme, b"key", BODY, delivery_id="d-1", timestamp=STAMP)
    assert checked(scheme, [b"key"], headers) == ("d-1" if scheme.delivery_id else None)
    assert refused(scheme, [b"other"], headers) is Refusal.FORGED
    assert refused(scheme, [b"key"], headers, BODY + b" ") is Refusal.FORGED
    assert refused(scheme, [b"key"], {}) is Refusal.UNSIGNED


@pytest.mark.parametrize("header", ["webhook-id", "webhook-timestamp"])
def test_what_was_signed_besides_the_body_cannot_be_altered(header: str) -> None:
    headers = sign(STANDARD, b"key", BODY, delivery_id="d-1", timestamp=STAMP)
    altered = {**headers, header: headers[header][:-1] + "9"}
    assert refused(STANDARD, [b"key"], altered) is Refusal.FORGED
    assert refused(STANDARD, [b"key"], {**headers, header: ""}) is Refusal.UNSIGNED


def test_secrets_are_changed_while_deliveries_are_under_way() -> None:
    old = sign(STANDARD, b"old", BODY, delivery_id="d", timestamp=STAMP)
    new = sign(STANDARD, b"new", BODY, delivery_id="d", timestamp=STAMP)
    for headers in (old, new):
        assert checked(STANDARD, [b"new", b"old"], headers) == "d"
    name = "webhook-signature"
    both = {**old, name: f"v1a,{base64.b64encode(b'x').decode()} {old[name]} {new[name]}"}
    assert checked(STANDARD, [b"new"], both) == "d"


@pytest.mark.parametrize("seconds", [-301, 301])
def test_what_was_sent_long_ago_or_not_yet_is_stale(seconds: int) -> None:
    headers = sign(COUPA, b"key", BODY, delivery_id="d", timestamp=STAMP)
    now = NOW + timedelta(seconds=seconds)
    assert refused(COUPA, [b"key"], headers, now=now) is Refusal.STALE
    near = NOW + timedelta(seconds=seconds - (1 if seconds > 0 else -1))
    assert checked(COUPA, [b"key"], headers, now=near) == "d"


@pytest.mark.parametrize("stamp", [STAMP + "000", "2026-03-01T12:00:00Z", STAMP])
def test_times_may_be_written_in_several_ways(stamp: str) -> None:
    headers = sign(COUPA, b"key", BODY, delivery_id="d", timestamp=stamp)
    assert checked(COUPA, [b"key"], headers) == "d"


@pytest.mark.parametrize(
    "stamp", ["soon", "2026-03-01T12:00:00", "9" * 300, "9" * 40, "-1", "\u0663"]
)
def test_times_that_are_none_are_not_believed(stamp: str) -> None:
    headers = sign(COUPA, b"key", BODY, delivery_id="d", timestamp=stamp)
    assert refused(COUPA, [b"key"], headers) is Refusal.UNSIGNED


@pytest.mark.parametrize("text", ["", "zz", "v1,", "v1,###", "v2,AAAA", " "])
def test_signatures_that_are_none_are_not_believed(text: str) -> None:
    headers = sign(STANDARD, b"key", BODY, delivery_id="d", timestamp=STAMP)
    headers["webhook-signature"] = text
    assert refused(STANDARD, [b"key"], headers) is Refusal.UNSIGNED


@pytest.mark.parametrize("secret", ["whsec_not base64", "ümlaut"])
def test_a_secret_that_is_none_is_not_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match="no base64 text") as caught:
        key_of(secret, STANDARD)
    assert secret not in str(caught.value)
