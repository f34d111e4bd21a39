"""Who we are to a system: credentials in each kind, tokens obtained once, secrets never shown."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from pydantic import TypeAdapter
from structlog.testing import capture_logs

from canonical.errors import BadAnswerError, MisconfiguredError, Reason, UnavailableError
from connectors.kit.auth_kinds import Auth, make_authenticator
from connectors.kit.http import Request

ITEMS = Request(path="items", label="items")
SECRETS = {"PASSWORD": "pass-wörd-1", "KEY": "key-12345", "CLIENT_SECRET": "s3cr3t&=?/"}
KINDS: TypeAdapter[Any] = TypeAdapter(Auth)
OAUTH = {
    "kind": "oauth2_client_credentials",
    "token_url": "/oauth2/token",
    "client_id": "client",
    "client_secret": {"env": "CLIENT_SECRET"},
    "scope": ["core.item.read", "core.supplier.read"],
}


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


class Portal:
    """A system with tokens: gives out t1, t2, ... and accepts what is valid."""

    def __init__(self, world: Any, *, expires_in: object = 3600, slow_s: float = 0.0) -> None:
        self.world = world
        self.expires_in = expires_in
        self.slow_s = slow_s
        self.given = 0
        self.valid: set[str] = set()
        self.token_status = 200
        self.never = False
        self.forms: list[Mapping[str, list[str]]] = []
        self.token_headers: list[Mapping[str, str]] = []
        self.data_calls = 0

    async def answer(self, heard: Any, writer: asyncio.StreamWriter) -> None:
        if heard.target == "/oauth2/token":
            await asyncio.sleep(self.slow_s)
            writer.write(self.token(heard))
            return
        self.data_calls += 1
        token = heard.headers.get("authorization", "").removeprefix("Bearer ")
        known = token in self.valid and not self.never
        writer.write(self.world.reply() if known else self.world.reply(401))

    def token(self, heard: Any) -> bytes:
        self.forms.append(parse_qs(heard.body.decode()))
        self.token_headers.append(heard.headers)
        if self.token_status != 200:
            body = b'{"error":"invalid_client"}'
            return self.world.reply(self.token_status, body)  # type: ignore[no-any-return]
        self.given += 1
        self.valid.add(f"t{self.given}")
        answer: dict[str, object] = {"access_token": f"t{self.given}", "token_type": "bearer"}
        if self.expires_in is not None:
            answer["expires_in"] = self.expires_in
        body = json.dumps(answer).encode()
        return self.world.reply(200, body)  # type: ignore[no-any-return]


def signed_in(world: Any, auth: Mapping[str, Any], clock: Any = None, **policy: Any) -> Any:
    """A transport with an authenticator of a declared kind."""
    given = {"environ": SECRETS} | ({"clock": clock} if clock else {})
    services = world.services(**given)
    transport = world.transport(services, **({"rate_per_s": 10_000} | policy))
    transport.authenticator = make_authenticator(
        KINDS.validate_python(auth), caller=transport, vault=services.vault, clock=services.clock
    )
    return transport


@pytest.mark.parametrize(
    "auth, header, value",
    [
        (
            {"kind": "basic", "username": "ann", "password": {"env": "PASSWORD"}},
            "authorization",
            "Basic YW5uOnBhc3Mtd8O2cmQtMQ==",
        ),
        ({"kind": "api_key", "key": {"env": "KEY"}}, "x-api-key", "key-12345"),
        (
            {"kind": "api_key", "key": {"env": "KEY"}, "header": "Auth", "prefix": "Token "},
            "auth",
            "Token key-12345",
        ),
        ({"kind": "bearer", "token": {"env": "KEY"}}, "authorization", "Bearer key-12345"),
    ],
)
async def test_fixed_credentials_go_with_each_request(
    world: Any, auth: Mapping[str, Any], header: str, value: str
) -> None:
    transport = signed_in(world, auth)
    await transport.send(ITEMS, world.ask())
    await transport.send(Request(path="public", label="public", authorise=False), world.ask())
    with_credentials, without = world.server.heard
    assert with_credentials.headers[header] == value
    assert header not in without.headers


async def test_credentials_stay_with_their_system(world: Any) -> None:
    transport = signed_in(world, {"kind": "bearer", "token": {"env": "KEY"}})
    await transport.send(Request(path="http://elsewhere.example/x", label="x"), world.ask())
    assert [h.target for h in world.server.heard] == ["/x"]
    world.server.answer = world.always(
        world.reply(302, b"", location=f"http://localhost:{world.server.port}/stolen")
    )
    with pytest.raises(MisconfiguredError, match="redirect"):
        await transport.send(ITEMS, world.ask())
    assert [h.target for h in world.server.heard] == ["/x", "/api/items"]


async def test_a_refused_password_is_misconfigured_and_not_tried_again(world: Any) -> None:
    world.server.answer = world.always(world.reply(401))
    transport = signed_in(
        world, {"kind": "basic", "username": "ann", "password": {"env": "PASSWORD"}}
    )
    with pytest.raises(MisconfiguredError, match="credentials were refused") as caught:
        await transport.send(ITEMS, world.ask())
    assert caught.value.reason is Reason.CREDENTIALS
    assert len(world.server.heard) == 1


async def test_a_replaced_secret_file_is_read_after_a_401(world: Any, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("old\n")
    services = world.services(base_dir=tmp_path)
    transport = world.transport(services)
    transport.authenticator = make_authenticator(
        KINDS.validate_python({"kind": "bearer", "token": {"file": "token"}}),
        caller=transport,
        vault=services.vault,
        clock=services.clock,
    )

    async def answer(heard: Any, writer: asyncio.StreamWriter) -> None:
        known = heard.headers["authorization"] == "Bearer new"
        writer.write(world.reply(200 if known else 401))

    world.server.answer = answer
    with pytest.raises(MisconfiguredError):
        await transport.send(ITEMS, world.ask())
    (tmp_path / "token").write_text("new\n")
    assert (await transport.send(ITEMS, world.ask())).status == 200


@pytest.mark.parametrize("client_auth", ["basic", "body"])
async def test_a_token_is_asked_for_as_declared(world: Any, client_auth: str) -> None:
    portal = Portal(world)
    world.server.answer = portal.answer
    auth = OAUTH | {"client_auth": client_auth, "audience": "api", "params": {"resource": "r"}}
    await signed_in(world, auth).send(ITEMS, world.ask())
    (form,) = portal.forms
    expected = {
        "grant_type": ["client_credentials"],
        "scope": ["core.item.read core.supplier.read"],
        "audience": ["api"],
        "resource": ["r"],
    }
    if client_auth == "body":
        expected |= {"client_id": ["client"], "client_secret": [SECRETS["CLIENT_SECRET"]]}
        assert "authorization" not in portal.token_headers[0]
    else:
        basic = portal.token_headers[0]["authorization"]
        assert basic == "Basic Y2xpZW50OnMzY3IzdCUyNiUzRCUzRiUyRg=="
    assert form == expected


async def test_fifty_callers_share_one_token(world: Any) -> None:
    portal = Portal(world, slow_s=0.05)
    world.server.answer = portal.answer
    transport = signed_in(world, OAUTH)
    answers = await asyncio.gather(*(transport.send(ITEMS, world.ask()) for _ in range(50)))
    assert {a.status for a in answers} == {200}
    assert (portal.given, portal.data_calls) == (1, 50)


async def test_a_storm_of_401s_renews_the_token_once(world: Any) -> None:
    portal = Portal(world, slow_s=0.02)
    world.server.answer = portal.answer
    transport = signed_in(world, OAUTH)
    await transport.send(ITEMS, world.ask())
    portal.valid.clear()
    answers = await asyncio.gather(*(transport.send(ITEMS, world.ask()) for _ in range(50)))
    assert {a.status for a in answers} == {200}
    assert portal.given == 2
    assert transport.health()["circuit"] == "closed"


async def test_a_token_that_was_good_is_renewed_whenever_it_is_lost(world: Any) -> None:
    portal = Portal(world)
    world.server.answer = portal.answer
    transport = signed_in(world, OAUTH)
    for number in (1, 2, 3, 4):
        await transport.send(ITEMS, world.ask())
        assert portal.given == number
        portal.valid.clear()


async def test_tokens_that_are_never_accepted_are_not_asked_for_without_end(world: Any) -> None:
    portal = Portal(world)
    portal.never = True
    world.server.answer = portal.answer
    transport = signed_in(world, OAUTH)
    for _ in range(3):
        results = await asyncio.gather(
            *(transport.send(ITEMS, world.ask()) for _ in range(20)), return_exceptions=True
        )
        assert {getattr(r, "reason", r) for r in results} == {Reason.CREDENTIALS}
    assert portal.given == 2


async def test_a_token_is_renewed_in_the_background_at_80_percent_of_its_life(world: Any) -> None:
    clock = Clock()
    portal = Portal(world, expires_in="100")
    world.server.answer = portal.answer
    transport = signed_in(world, OAUTH, clock)
    await transport.send(ITEMS, world.ask())
    clock.at += 79
    await transport.send(ITEMS, world.ask())
    assert portal.given == 1
    clock.at += 2
    await transport.send(ITEMS, world.ask())
    assert world.server.heard[-1].headers.get("authorization") in {"Bearer t1", None}
    async with asyncio.timeout(1):
        while portal.given < 2:  # noqa: ASYNC110 the server has no event for it
            await asyncio.sleep(0.005)
    await asyncio.sleep(0.02)
    await transport.send(ITEMS, world.ask())
    assert world.server.heard[-1].headers["authorization"] == "Bearer t2"


async def test_an_expired_token_is_not_used(world: Any) -> None:
    clock = Clock()
    portal = Portal(world, expires_in=100)
    world.server.answer = portal.answer
    transport = signed_in(world, OAUTH, clock)
    await transport.send(ITEMS, world.ask())
    clock.at += 101
    await transport.send(ITEMS, world.ask())
    assert (portal.given, portal.data_calls) == (2, 2)


@pytest.mark.parametrize("status", [400, 401])
async def test_a_wrong_client_is_told_and_left_alone_for_a_while(world: Any, status: int) -> None:
    clock = Clock()
    portal = Portal(world)
    portal.token_status = status
    world.server.answer = portal.answer
    transport = signed_in(world, OAUTH, clock)
    for _ in range(3):
        with pytest.raises(MisconfiguredError) as caught:
            await transport.send(ITEMS, world.ask())
        assert caught.value.reason is Reason.CREDENTIALS
    assert len(portal.forms) == 1
    clock.at += 31
    portal.token_status = 200
    assert (await transport.send(ITEMS, world.ask())).status == 200


async def test_a_token_answer_without_token_is_a_bad_answer(world: Any) -> None:
    world.server.answer = world.always(world.reply(200, b'{"nothing": 1}'))
    with pytest.raises(BadAnswerError, match="without an access_token"):
        await signed_in(world, OAUTH).send(ITEMS, world.ask())


async def test_a_slow_sign_in_keeps_each_callers_deadline_and_serves_the_next(world: Any) -> None:
    portal = Portal(world, slow_s=0.3)
    world.server.answer = portal.answer
    transport = signed_in(world, OAUTH)
    hasty = asyncio.create_task(transport.send(ITEMS, world.ask(0.1)))
    patient = asyncio.create_task(transport.send(ITEMS, world.ask(2)))
    with pytest.raises(UnavailableError, match="signing in took longer"):
        await hasty
    assert (await patient).status == 200
    assert portal.given == 1


async def test_signing_in_needs_no_second_place(world: Any) -> None:
    portal = Portal(world)
    world.server.answer = portal.answer
    transport = signed_in(world, OAUTH, max_concurrency=1)
    answers = await asyncio.gather(*(transport.send(ITEMS, world.ask()) for _ in range(5)))
    assert len(answers) == 5


async def test_secrets_are_in_no_message_log_or_repr(world: Any) -> None:
    async def echo(heard: Any, writer: asyncio.StreamWriter) -> None:
        sent = json.dumps([heard.headers.get("authorization"), heard.body.decode()])
        writer.write(world.reply(401, sent.encode()))

    world.server.answer = echo
    shown: list[str] = []
    with capture_logs() as logs:
        for auth in (OAUTH, {"kind": "bearer", "token": {"env": "KEY"}}):
            transport = signed_in(world, auth)
            with pytest.raises(MisconfiguredError) as caught:
                await transport.send(ITEMS, world.ask(), explain=lambda r: str(r.json()))
            shown += [str(caught.value), repr(KINDS.validate_python(auth)), repr(vars(transport))]
            shown.append(repr(transport.authenticator))
    shown += [str(entry) for entry in logs]
    assert any("(hidden)" in text for text in shown)
    for secret in SECRETS.values():
        assert not any(secret in text for text in shown)
