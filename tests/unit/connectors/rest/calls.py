"""A transport without a network: it keeps what was asked, and answers as a function says."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from canonical.ports import Ask
from connectors.kit.http import Explain, Request, Response
from connectors.kit.policy import CallPolicy
from connectors.kit.rows import Dataset
from connectors.rest import RestReader, reader

Answering = Callable[[Request], Any]


class NoMeter:
    """Counts nothing."""

    def called(self, system: str, *, milliseconds: float, rows: int, failed: bool = False) -> None:
        """Forget it."""


ASK = Ask(deadline=1e9, correlation_id="c-1", meter=NoMeter())


class Calls:
    """An `HTTPCaller` that answers from a function: a body, or a whole `Response`."""

    def __init__(self, answering: Answering) -> None:
        self.requests: list[Request] = []
        self._answering = answering

    @property
    def system(self) -> str:
        return "wms"

    @property
    def base_url(self) -> str:
        return "http://wms.test/api"

    async def send(self, request: Request, ask: Ask, *, explain: Explain | None = None) -> Response:
        self.requests.append(request)
        answer = self._answering(request)
        return answer if isinstance(answer, Response) else response(answer)

    @property
    def queries(self) -> list[dict[str, str]]:
        """The parameters of each request; of repeated ones the last."""
        return [dict(request.query) for request in self.requests]


def response(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response."""
    return Response("wms", status, headers or {}, msgspec.json.encode(body), "stock")


def opened(
    answering: Answering, settings: Mapping[str, Any], **policy: Any
) -> tuple[RestReader, Calls]:
    """A reader over a function."""
    calls = Calls(answering)
    return reader(calls, settings, CallPolicy(**policy)), calls


def dataset(name: str = "stock", key: tuple[str, ...] = ("id",), **options: Any) -> Dataset:
    """A dataset with options."""
    return Dataset(name, key, options)
