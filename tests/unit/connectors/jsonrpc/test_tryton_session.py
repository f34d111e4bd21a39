"""Sessions with Tryton: one sign-in and one context for all, and both anew when a session ends."""

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from canonical.errors import BadAnswerError, MisconfiguredError, Reason, SupplygraphError
from canonical.ports import Ask
from connectors.jsonrpc.tryton.session import TrytonSession
from connectors.kit.auth_kinds import SessionAuth
from connectors.kit.http import Explain, Request, Response
from connectors.kit.secrets import Reference, Vault
from tests.fakes.asks import ASK

AUTH = SessionAuth(kind="session", username="anna", password=Reference(env="PASSWORD"))


class Calls:
    """An `HTTPCaller` that authorises like the transport, and answers by function."""

    system = "erp"
    base_url = "https://erp.example"

    def __init__(self, answer: Callable[[str, Any], Any]) -> None:
        self.answer = answer
        self.bodies: list[dict[str, Any]] = []
        self.requests: list[Request] = []

    async def send(self, request: Request, ask: Ask, *, explain: Explain | None = None) -> Response:
        self.requests.append(request)
        body = json.loads(request.body or b"")
        self.bodies.append(body)
        await asyncio.sleep(0)
        answer = self.answer(body["method"], body["params"])
        if isinstance(answer, SupplygraphError):
            raise answer
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return Response("erp", 200, {}, content, request.label)

    def methods(self) -> list[str]:
        return [body["method"] for body in self.bodies]


def healthy(method: str, params: Any) -> Any:
    if method == "common.db.login":
        return {"id": 1, "result": [5, "abc", None]}
    if method.endswith("get_preferences"):
        return {"id": 1, "result": {"company": 1, "language": "en"}}
    return {"id": 1, "result": params}


def session_of(answer: Callable[[str, Any], Any], **environ: str) -> tuple[TrytonSession, Calls]:
    calls = Calls(answer)
    vault = Vault(environ or {"PASSWORD": "s3cret"}, Path())
    return TrytonSession(calls, "my erp", AUTH, vault, lambda: 0.0), calls


async def test_the_sign_in_is_exactly_what_tryton_takes() -> None:
    session, calls = session_of(healthy)
    headers = await session.headers(ASK)
    proof = base64.b64encode(b"anna:5:abc").decode()
    assert headers == {"Authorization": f"Session {proof}"}
    [request], [body] = calls.requests, calls.bodies
    assert (request.path, request.method) == ("my%20erp/rpc/", "POST")
    assert not request.authorise
    assert not request.repeatable
    assert set(body) == {"id", "method", "params"}
    assert body["params"] == ["anna", {"password": "s3cret"}, "en"]


async def test_many_at_once_sign_in_once_and_read_the_context_once() -> None:
    session, calls = session_of(healthy)
    await asyncio.gather(*(session.headers(ASK) for _ in range(10)))
    contexts = await asyncio.gather(*(session.context(ASK) for _ in range(10)))
    assert contexts[0] == {"company": 1, "language": "en"}
    assert calls.methods() == ["common.db.login", "model.res.user.get_preferences"]


async def test_a_new_session_reads_its_context_anew() -> None:
    session, calls = session_of(healthy)
    headers = await session.headers(ASK)
    await session.context(ASK)
    session.invalidate(headers)
    await session.headers(ASK)
    await session.context(ASK)
    assert calls.methods().count("model.res.user.get_preferences") == 2


@pytest.mark.parametrize("result", [None, [], [5], [5, None, None]])
async def test_a_sign_in_without_a_session_is_refused(result: Any) -> None:
    session, _ = session_of(lambda *_: {"id": 1, "result": result})
    with pytest.raises(MisconfiguredError, match="check user name and password") as caught:
        await session.headers(ASK)
    assert caught.value.reason is Reason.CREDENTIALS


async def test_a_missing_secret_is_told_without_asking() -> None:
    session, calls = session_of(healthy, OTHER="x")
    with pytest.raises(MisconfiguredError, match="PASSWORD is not set"):
        await session.headers(ASK)
    assert calls.requests == []


@pytest.mark.parametrize(
    "content", [b"<html>", b"[1]", b'{"id": 1}', b'{"result": {"__class__": "date"}}', b"\xff"]
)
async def test_what_is_no_answer_of_tryton_s_is_bad(content: bytes) -> None:
    session, _ = session_of(lambda *_: content)
    with pytest.raises(BadAnswerError):
        await session.call("model.party.party.search_read", [], ASK, label="party.party")


async def test_preferences_that_are_none_are_bad() -> None:
    session, _ = session_of(lambda *_: {"id": 1, "result": None})
    with pytest.raises(BadAnswerError, match="preferences"):
        await session.context(ASK)
    await session.aclose()
