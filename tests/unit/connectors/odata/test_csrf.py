"""A write carries the token of its session, which is fetched once and again when it has expired."""

import asyncio
from typing import Any

import pytest

from canonical.errors import BadAnswerError, MisconfiguredError
from canonical.ports import Ask
from connectors.kit.http import Explain, Request, Response
from connectors.odata.csrf import Session
from tests.unit.connectors.odata.calls import ASK

WRITE = Request(path="srv/A", label="A", method="POST", body=b"{}", repeatable=False)
COOKIES = "SAP_SESSIONID_X=ab=c; path=/; expires=Wed, 21 Oct 2026 07:28:00 GMT, sap-ctx=1; secure"


class Service:
    """Hands out tokens T1, T2 ...; takes the latest one, unless writes are refused altogether."""

    system, base_url = "erp", "https://erp.example"

    def __init__(self, *, refuses: bool = False, silent: bool = False) -> None:
        self.refuses, self.silent = refuses, silent
        self.tokens = 0
        self.writes: list[dict[str, Any]] = []

    async def send(self, request: Request, ask: Ask, *, explain: Explain | None = None) -> Response:
        await asyncio.sleep(0)
        if request.method == "GET":
            assert request.headers["x-csrf-token"] == "Fetch"
            self.tokens += 1
            given = {} if self.silent else {"x-csrf-token": f"T{self.tokens}"}
            return Response("erp", 200, {**given, "set-cookie": COOKIES}, b"{}", request.label)
        self.writes.append(dict(request.headers))
        if self.refuses:
            body = b'{"error":{"code":"1","message":{"value":"Not allowed"}}}'
            return Response("erp", 403, {}, body, request.label)
        if request.headers["x-csrf-token"] != f"T{self.tokens}":
            return Response("erp", 403, {"X-CSRF-Token": "Required"}, b"", request.label)
        return Response("erp", 201, {}, b"{}", request.label)


async def test_token_and_cookies_go_with_every_write() -> None:
    service = Service()
    session = Session(service, "srv")
    answers = await asyncio.gather(*(session.send(WRITE, ASK) for _ in range(3)))
    assert [a.status for a in answers] == [201, 201, 201]
    assert service.tokens == 1
    assert service.writes[0] == {
        "x-csrf-token": "T1",
        "Cookie": "SAP_SESSIONID_X=ab=c; sap-ctx=1",
    }


async def test_expired_tokens_are_fetched_again_once_for_all() -> None:
    service = Service()
    session = Session(service, "srv")
    await session.send(WRITE, ASK)
    service.tokens = 7
    answers = await asyncio.gather(*(session.send(WRITE, ASK) for _ in range(3)))
    assert [a.status for a in answers] == [201, 201, 201]
    assert service.tokens == 8


async def test_other_refusals_are_told_and_not_repeated() -> None:
    service = Service(refuses=True)
    with pytest.raises(MisconfiguredError, match=r"A: .* \(403\): Not allowed"):
        await Session(service, "srv").send(WRITE, ASK)
    assert len(service.writes) == 1


async def test_a_service_without_tokens_is_told() -> None:
    with pytest.raises(BadAnswerError, match="srv token: none was handed out"):
        await Session(Service(silent=True), "srv").send(WRITE, ASK)
