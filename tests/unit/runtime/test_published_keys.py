"""The issuer's keys: read when needed, once, and not more often than every 30 seconds."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from canonical.errors import Reason, UnavailableError
from runtime.security.keys import PublishedKeys

A, B = (ECKey.generate_key("P-256", {"kid": kid}) for kid in "ab")


class Issuer:
    """An identity provider whose clock stands still."""

    def __init__(self, *keys: Any) -> None:
        self.document: Any = {"keys": [key.as_dict(private=False) for key in keys]}
        self.down = False
        self.now = 1_000.0
        self.asked = 0
        self.keys = PublishedKeys(self.answer, monotonic=lambda: self.now)

    async def answer(self) -> Mapping[str, Any]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.down:
            raise UnavailableError("identity provider", Reason.TIMEOUT, "no answer")
        found: Mapping[str, Any] = self.document
        return found

    def publish(self, *keys: Any) -> None:
        self.document = {"keys": [key.as_dict(private=False) for key in keys]}

    async def has(self, kid: str) -> bool:
        return await self.keys.find(kid) is not None


async def test_many_callers_cause_one_reading() -> None:
    issuer = Issuer(A)
    assert (
        await asyncio.gather(*(issuer.has(kid) for kid in "aab" * 10))
        == [
            True,
            True,
            False,
        ]
        * 10
    )
    assert issuer.asked == 1


async def test_an_unknown_id_causes_a_reading_every_thirty_seconds_at_most() -> None:
    issuer = Issuer(A)
    assert await issuer.has("a")
    issuer.publish(A, B)
    issuer.now += 29.9
    assert [await issuer.has("b") for _ in range(5)] == [False] * 5
    assert issuer.asked == 1
    issuer.now += 0.1
    assert await issuer.has("b")
    assert issuer.asked == 2


async def test_old_keys_are_renewed_without_anybody_waiting() -> None:
    issuer = Issuer(A)
    assert await issuer.has("a")
    issuer.publish(B)
    issuer.now += 3_600
    assert await issuer.has("a")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert issuer.asked == 2
    assert not await issuer.has("a")
    assert await issuer.has("b")


async def test_known_keys_serve_on_while_the_issuer_is_away() -> None:
    issuer = Issuer(A)
    assert await issuer.has("a")
    issuer.down = True
    issuer.now += 4_000
    for _ in range(20):
        assert await issuer.has("a")
        await asyncio.sleep(0)
    assert not await issuer.has("b")
    assert issuer.asked == 2
    issuer.now += 5
    issuer.down = False
    issuer.publish(B)
    assert await issuer.has("b")
    await issuer.keys.aclose()


async def test_keys_are_not_honoured_for_ever_while_the_issuer_is_away() -> None:
    issuer = Issuer(A)
    assert issuer.keys.health() == {"keys": "unread"}
    assert await issuer.has("a")
    issuer.down = True
    issuer.now += 86_399
    assert await issuer.has("a")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert issuer.keys.health() == {"keys": "stale", "read_s_ago": 86_399}
    issuer.now += 1
    with pytest.raises(UnavailableError):
        await issuer.has("a")
    assert issuer.keys.health() == {"keys": "unavailable"}
    issuer.down = False
    issuer.now += 5
    assert await issuer.has("a")
    assert issuer.keys.health() == {"keys": "known", "read_s_ago": 0}


async def test_who_gives_up_waiting_causes_no_further_reading() -> None:
    issuer = Issuer(A)
    for _ in range(5):
        asking = asyncio.create_task(issuer.has("b"))
        await asyncio.sleep(0)
        asking.cancel()
    assert await issuer.has("a")
    assert issuer.asked == 1


async def test_without_any_keys_the_service_is_unavailable_and_tries_again_soon() -> None:
    issuer = Issuer(A)
    issuer.down = True
    for _ in range(3):
        with pytest.raises(UnavailableError) as error:
            await issuer.has("a")
        assert error.value.retry_after_s == 5.0
    assert issuer.asked == 1
    issuer.down = False
    issuer.now += 5
    assert await issuer.has("a")


@pytest.mark.parametrize("document", [{}, {"keys": {}}, [], None, "keys"])
async def test_what_is_no_jwks_document_is_not_read_as_an_empty_one(document: object) -> None:
    issuer = Issuer()
    issuer.document = document
    with pytest.raises(UnavailableError):
        await issuer.has("a")


@pytest.mark.filterwarnings("ignore:Key size should be:joserfc.errors.SecurityWarning")
async def test_only_keys_that_verify_signatures_are_taken() -> None:
    issuer = Issuer(A)
    good = dict(A.as_dict(private=False))
    short = RSAKey.generate_key(1024, {"kid": "short"})
    issuer.document["keys"] += [
        good | {"kid": "encrypts", "use": "enc"},
        good | {"kid": "broken", "x": "!"},
        good | {"kid": "nameless type", "kty": ["EC"]},
        good | {"kid": 7},
        OctKey.generate_key(256, {"kid": "secret"}).as_dict(private=True),
        {"kty": "AKP", "kid": "quantum"},
        short.as_dict(private=False),
        "no key",
        None,
    ]
    issuer.document["keys"].append({k: v for k, v in good.items() if k != "kid"})
    names = ("a", "encrypts", "broken", "nameless type", "secret", "quantum", "short")
    assert [await issuer.has(kid) for kid in names] == [True] + [False] * 6
