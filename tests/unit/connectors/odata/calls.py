"""A caller without a network: answers by function, and keeps what was asked."""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from canonical.errors import SupplygraphError
from canonical.ports import Ask
from connectors.kit.http import Explain, Request, Response
from connectors.kit.policy import CallPolicy
from connectors.odata import ODataReader, Settings, reader


class Meter:
    def called(self, system: str, *, milliseconds: float, rows: int, failed: bool = False) -> None:
        """Nothing is counted here."""


NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ASK = Ask(deadline=1e12, correlation_id="c", meter=Meter())
Answer = Any | bytes | SupplygraphError


class Calls:
    """An `HTTPCaller`; JSON documents, bytes and errors are what it may answer."""

    system = "erp"
    base_url = "https://erp.example:44300"

    def __init__(self, answer: Callable[[Request], Answer]) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self.headers: dict[str, str] = {}

    async def send(self, request: Request, ask: Ask, *, explain: Explain | None = None) -> Response:
        self.requests.append(request)
        await asyncio.sleep(0)
        answer = self.answer(request)
        if isinstance(answer, SupplygraphError):
            raise answer
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return Response(self.system, 200, self.headers, content, request.label)

    def queries(self) -> list[dict[str, str]]:
        return [dict(request.query) for request in self.requests]


def opened(
    answer: Callable[[Request], Answer], policy: CallPolicy | None = None, **settings: Any
) -> tuple[ODataReader, Calls]:
    calls = Calls(answer)
    erp = reader("erp", Settings(**settings), calls, policy or CallPolicy(), now=lambda: NOW)
    return erp, calls


def answering(*answers: Answer) -> Callable[[Request], Answer]:
    """One answer after the other."""
    left: list[Answer] = list(answers)

    def answer(_: Request) -> Answer:
        return left.pop(0)

    return answer


def results(rows: Sequence[Any], **further: Any) -> dict[str, Any]:
    """Rows in V2's wrapper."""
    return {"d": {"results": list(rows), **further}}
