"""A token found valid is not checked again for a minute; never for longer than it is valid."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from canonical.errors import UnauthenticatedError
from runtime.security import remembered
from runtime.security.config import TokenConfig
from runtime.security.principal import Principal, Role, scope_key
from runtime.security.tokens import TokenVerifier
from tests.unit.runtime.tokens import CLAIMS, ISSUER, NOW, RSA, publishing, refused, signed


class World:
    """Time, and the keys that an issuer publishes."""

    def __init__(self) -> None:
        self.now = float(NOW)
        self.published = True
        self.reads = 0
        self.verifier = TokenVerifier(
            TokenConfig(issuers=(publishing("RS256"),)),
            lambda _: self.read,
            clock=lambda: self.now,
            monotonic=lambda: self.now,
        )

    async def read(self) -> Mapping[str, Any]:
        self.reads += 1
        return {"keys": [RSA.as_dict(private=False)] if self.published else []}


@pytest.fixture
def world() -> World:
    return World()


def token(**claims: Any) -> str:
    return signed(CLAIMS | claims, RSA, {"alg": "RS256", "kid": "rsa"})


async def test_it_is_checked_once_within_a_minute(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = token(exp=NOW + 6_000)
    first = await world.verifier.verify(text)
    monkeypatch.setattr("runtime.security.tokens.validate_compact", lambda *_, **__: False)
    world.now += 59
    assert await world.verifier.verify(text) is first
    world.now += 2
    assert await refused(text, world.verifier) == "the token's signature is wrong"


async def test_it_ends_when_it_says(world: World) -> None:
    text = token(exp=NOW + 5)
    await world.verifier.verify(text)
    world.now += 34  # within the leeway of 30 seconds
    await world.verifier.verify(text)
    world.now += 1
    assert "expired" in await refused(text, world.verifier)


async def test_a_key_that_is_withdrawn_is_not_honoured_for_longer(world: World) -> None:
    text = token(exp=NOW + 90_000)
    await world.verifier.verify(text)
    world.published = False
    world.now += 3_601
    await world.verifier.verify(text)  # known keys are read again beside the first use
    published = world.verifier._trusted[ISSUER].published
    assert published is not None
    assert published._reading is not None
    await published._reading
    await world.verifier.verify(text)  # remembered
    world.now += 61
    assert "does not publish" in await refused(text, world.verifier)


async def test_what_is_refused_is_refused_again(world: World) -> None:
    text = token(aud="other")
    for _ in range(2):
        assert "another audience" in await refused(text, world.verifier)


async def test_another_token_is_another_one(world: World) -> None:
    text = token()
    await world.verifier.verify(text)
    for forged in (f"{text}A", text[:-4], text.replace(".", ".A", 1)):
        with pytest.raises(UnauthenticatedError):
            await world.verifier.verify(forged)


async def test_few_are_remembered_and_none_by_its_text(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "_MOST", 2)
    for n in range(4):
        await world.verifier.verify(token(sub=f"user {n}"))
    known = world.verifier._remembered._known
    assert [k.principal.subject for k in known.values()] == ["user 2", "user 3"]
    assert {len(digest) for digest in known} == {32}


def test_a_scope_is_what_decisions_rest_on(world: World) -> None:
    def scope(subject: str, roles: set[Role], suppliers: tuple[str, ...] | None) -> bytes:
        ends = datetime(2027, 1, len(subject), tzinfo=UTC)
        return scope_key(Principal(subject, frozenset(roles), suppliers, ends))

    planner = scope("ada", {Role.PLANNER}, None)
    assert scope("ada lovelace", {Role.PLANNER}, None) == planner
    others = [
        scope("ada", {Role.BUYER}, None),
        scope("ada", {Role.PLANNER, Role.BUYER}, None),
        scope("ada", {Role.PLANNER}, ()),
        scope("ada", {Role.PLANNER}, ("S1",)),
        scope("ada", {Role.PLANNER}, ("S1", "S2")),
        scope("ada", {Role.PLANNER}, ("S1,S2",)),
    ]
    assert len({planner, *others}) == 7
    both = {Role.SUPPLIER, Role.OPERATOR}
    assert scope("a", both, ("S",)) == scope("b", both, ("S",))
