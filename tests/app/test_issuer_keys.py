"""Keys of real OpenID providers on loopback: found, rotated, refetched within bounds, missed."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from app.jwks import keys_of
from canonical.errors import UnauthenticatedError, UnavailableError
from runtime.security.config import Issuer, TokenConfig
from runtime.security.tokens import TokenVerifier
from tests.fixtures.server import served
from tests.fixtures.waiting import until

CONFIGURATION = "/realm/.well-known/openid-configuration"


class Provider:
    """An OpenID provider that signs with the last of its keys."""

    def __init__(self) -> None:
        self.url = ""
        self.keys = [new_key("1")]
        self.asked: Counter[str] = Counter()
        self.status = 200
        self.said: dict[str, Any] = {}
        self.answering = asyncio.Event()
        self.answering.set()

    @property
    def issuer(self) -> str:
        return f"{self.url}/realm"

    async def configuration(self, request: Request) -> Response:
        self.asked["configuration"] += 1
        said = {"issuer": self.issuer, "jwks_uri": f"{self.url}/keys", **self.said}
        return JSONResponse(said, self.status)

    async def published(self, request: Request) -> Response:
        self.asked["keys"] += 1
        await self.answering.wait()
        listed = [key.as_dict(private=False) for key in self.keys]
        return JSONResponse({"keys": listed}, self.status)

    async def moved(self, request: Request) -> Response:
        self.asked["moved"] += 1
        return RedirectResponse("/keys")

    def token(self, key: ECKey | None = None, **claims: Any) -> str:
        key = key or self.keys[-1]
        said = {"iss": self.issuer, "aud": "sg", "sub": "ada", "roles": "planner"}
        payload = json.dumps({**said, "exp": time.time() + 600, **claims}).encode()
        return jws.serialize_compact({"alg": "ES256", "kid": key.kid}, payload, key)


def new_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid})


class House:
    """Two providers, what trusts both, and the clock by which keys grow old."""

    def __init__(self, staff: Provider, partners: Provider, **terms: Any) -> None:
        self.staff, self.partners = staff, partners
        self.now = 1_000.0
        issuers = [
            Issuer(name=name, issuer=p.issuer, audience="sg", **terms)
            for name, p in (("staff", staff), ("partners", partners))
        ]
        config = TokenConfig(issuers=tuple(issuers))
        self.verifier = TokenVerifier(config, keys_of, monotonic=lambda: self.now)

    async def takes(self, token: str) -> bool:
        try:
            return (await self.verifier.verify(token)).subject == "ada"
        except UnauthenticatedError:
            return False


@asynccontextmanager
async def providing() -> AsyncIterator[Provider]:
    provider = Provider()
    routes = [
        Route(CONFIGURATION, provider.configuration),
        Route("/keys", provider.published),
        Route("/moved", provider.moved),
    ]
    async with served(Starlette(routes=routes), ws="none", lifespan="off") as server:
        provider.url = server.url
        yield provider


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        staff, partners = [await stack.enter_async_context(providing()) for _ in range(2)]
        house = House(staff, partners)
        yield house
        staff.answering.set()
        partners.answering.set()
        await house.verifier.aclose()


async def test_keys_are_found_by_the_issuers_own_configuration(house: House) -> None:
    assert await house.takes(house.staff.token())
    assert await house.takes(house.staff.token(sub="ada", jti="2"))
    assert house.staff.asked == {"configuration": 1, "keys": 1}
    assert house.partners.asked == {}


async def test_a_new_key_is_taken_once_it_is_seen_and_an_old_one_until_it_is_gone(
    house: House,
) -> None:
    old = house.staff.keys[0]
    assert await house.takes(house.staff.token())
    house.staff.keys.append(new_key("2"))
    house.now += 30
    assert await house.takes(house.staff.token())
    assert await house.takes(house.staff.token(old, jti="again"))
    assert house.staff.asked["keys"] == 2
    house.staff.keys.pop(0)
    house.now += 3_600
    assert await house.takes(house.staff.token(old, jti="renews"))  # and has keys read beside
    await until(lambda: house.verifier.health()["staff"]["read_s_ago"] == 0)
    assert house.staff.asked["keys"] == 3
    assert not await house.takes(house.staff.token(old, jti="once more"))


async def test_unknown_keys_cause_no_storm(house: House) -> None:
    assert await house.takes(house.staff.token())
    forged = [house.staff.token(new_key(f"forged {n}")) for n in range(40)]
    house.now += 30
    assert not any(await asyncio.gather(*map(house.takes, forged)))
    assert house.staff.asked == {"configuration": 2, "keys": 2}
    house.now += 29.9
    assert not any(await asyncio.gather(*map(house.takes, forged)))
    assert await house.takes(house.staff.token(jti="2"))
    assert house.staff.asked == {"configuration": 2, "keys": 2}


async def test_a_provider_that_hangs_costs_the_other_nothing(house: House) -> None:
    house.partners.answering.clear()
    hanging = asyncio.create_task(house.takes(house.partners.token()))
    await until(lambda: house.partners.asked["keys"] == 1)
    assert await house.takes(house.staff.token())
    assert not hanging.done()
    house.partners.answering.set()
    assert await hanging


async def test_known_keys_outlive_an_outage_of_less_than_a_day(house: House) -> None:
    assert await house.takes(house.staff.token())
    house.staff.status = 500
    house.now += 86_399
    assert await house.takes(house.staff.token(jti="2"))
    house.now += 1
    with pytest.raises(UnavailableError, match="its keys cannot be read just now"):
        await house.takes(house.staff.token(jti="3"))
    assert house.verifier.health()["staff"] == {"keys": "unavailable"}


@pytest.mark.parametrize(
    "said, told",
    [
        ({"issuer": "https://evil.example"}, "is of another issuer"),
        ({"issuer": None}, "is of another issuer"),
        ({"jwks_uri": "http://evil.example/keys"}, "names no jwks_uri with https://"),
        ({"jwks_uri": "file:///etc/passwd"}, "names no jwks_uri with https://"),
        ({"jwks_uri": 7}, "names no jwks_uri with https://"),
    ],
)
async def test_a_configuration_that_leads_astray_is_not_followed(
    house: House, said: dict[str, Any], told: str
) -> None:
    house.staff.said = said
    issuer = Issuer(name="staff", issuer=house.staff.issuer, audience="sg")
    with pytest.raises(UnavailableError, match=told):
        await keys_of(issuer)()
    assert house.staff.asked == {"configuration": 1}


async def test_keys_that_have_moved_are_not_followed(house: House) -> None:
    url = f"{house.staff.url}/moved"
    issuer = Issuer(name="staff", issuer=house.staff.issuer, audience="sg", jwks_url=url)
    with pytest.raises(UnavailableError):
        await keys_of(issuer)()
    assert house.staff.asked == {"moved": 1}
