"""Extensions are asked: Python functions, and services over real HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.manifest.extensions import EditionConfig, ExtensionConfig
from app.processes.callouts import Callouts
from canonical.errors import InvalidInputError, MisconfiguredError, UnavailableError
from connectors.kit.secrets import Vault
from tests.fixtures.server import Server, served
from workflows.extensions import Place, Verdict

QUESTION = b'{"kind": "ordering", "asked": {"quantity": "4"}}'


def plain(question: dict[str, Any]) -> dict[str, Any]:
    return {"verdict": "refuse", "message": f"not {question['asked']['quantity']}"}


async def awaited(question: dict[str, Any]) -> dict[str, Any]:
    return plain(question)


def odd(question: dict[str, Any]) -> Any:
    return {"result": object()}


class Desk:
    """A service of a region."""

    def __init__(self) -> None:
        self.asked: list[tuple[dict[str, str], Any]] = []
        self.status = 200
        self.sent = 0
        self.endless = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        body = (await receive())["body"]
        headers = {n.decode(): v.decode() for n, v in scope["headers"]}
        self.asked.append((headers, json.loads(body)))
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        while self.endless:
            await send({"type": "http.response.body", "body": b" " * 100_000, "more_body": True})
            self.sent += 100_000
            if self.sent > 100_000_000 or await _left(receive):
                return
        await send({"type": "http.response.body", "body": b'{"verdict": "continue"}'})


async def _left(receive: Any) -> bool:
    """Whether the client has gone."""
    try:
        async with asyncio.timeout(0.001):
            return bool((await receive())["type"] == "http.disconnect")
    except TimeoutError:
        return False


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def server(desk: Desk) -> AsyncIterator[Server]:
    async with served(desk) as server:
        yield server


@pytest.fixture
async def callouts(tmp_path: Path) -> AsyncIterator[Callouts]:
    callouts = Callouts(Vault({"DESK_TOKEN": "t-1"}, tmp_path))
    yield callouts
    await callouts.aclose()


@pytest.mark.parametrize("function", [plain, awaited])
async def test_a_function_is_given_plain_data(
    callouts: Callouts, function: Callable[[Any], Any]
) -> None:
    config = EditionConfig(python=f"{__name__}:{function.__name__}")
    answer = await callouts.asking("local", config)(QUESTION)
    assert json.loads(answer) == {"verdict": "refuse", "message": "not 4"}


async def test_a_function_that_is_not_there_or_gives_no_data_is_said_so(
    callouts: Callouts,
) -> None:
    for path in ("nowhere.at_all:check", f"{__name__}:nothing"):
        with pytest.raises(InvalidInputError, match=f"there is no {path}; install its package"):
            callouts.asking("local", EditionConfig(python=path))
    with pytest.raises(InvalidInputError, match="gives what is no plain data"):
        await callouts.asking("local", EditionConfig(python=f"{__name__}:odd"))(QUESTION)


async def test_a_service_is_posted_the_question(
    callouts: Callouts, server: Server, desk: Desk
) -> None:
    config = EditionConfig.model_validate({"url": server.url, "token": {"env": "DESK_TOKEN"}})
    assert await callouts.asking("local", config)(QUESTION) == b'{"verdict": "continue"}'
    [(headers, body)] = desk.asked
    assert body == json.loads(QUESTION)
    assert headers["authorization"] == "Bearer t-1"
    assert headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "status, error, message",
    [
        (500, UnavailableError, "extension local: answers with 500"),
        (429, UnavailableError, "extension local: answers with 429"),
        (404, MisconfiguredError, "extension local: does not take the question: it answers 404"),
        (302, MisconfiguredError, "extension local: does not take the question: it answers 302"),
    ],
)
async def test_what_a_service_says_against_it(  # the case and its fixtures
    callouts: Callouts,
    server: Server,
    desk: Desk,
    status: int,
    error: type[Exception],
    message: str,
) -> None:
    desk.status = status
    with pytest.raises(error, match=message):
        await callouts.asking("local", EditionConfig(url=server.url))(QUESTION)


async def test_an_answer_without_end_is_read_no_further_than_its_bound(
    callouts: Callouts, server: Server, desk: Desk
) -> None:
    desk.endless = True
    config = EditionConfig.model_validate({"url": server.url})
    with pytest.raises(MisconfiguredError, match="more than 1,000,000 bytes"):
        await callouts.asking("local", config)(QUESTION)
    assert desk.sent < 20_000_000


async def test_a_service_that_is_away_is_unavailable(callouts: Callouts) -> None:
    with pytest.raises(UnavailableError, match="extension local: cannot be reached"):
        await callouts.asking("local", EditionConfig(url="http://127.0.0.1:9"))(QUESTION)


def test_an_extension_of_the_manifest(callouts: Callouts) -> None:
    config = ExtensionConfig.model_validate(
        {
            "process": "ordering",
            "step": "create in *",
            "place": "before",
            "regions": ["EU"],
            "versions": {
                1: {"python": f"{__name__}:plain", "fallback": "refuse"},
                2: {"url": "http://localhost:9", "deadline_s": 2},
            },
        }
    )
    extension = config.extension("dual-use", callouts.asking)
    assert (extension.place, extension.regions) == (Place.BEFORE, frozenset({"EU"}))
    fallback = extension.editions[1].fallback
    assert fallback is not None
    assert fallback.verdict is Verdict.REFUSE
    assert fallback.message.startswith("dual-use could not be asked in time")
    assert extension.editions[2].deadline_s == 2
    assert extension.editions[2].fallback is None


@pytest.mark.parametrize(
    "wrong", [{}, {"python": "a:b", "url": "http://x"}, {"python": "a:b", "token": {"env": "T"}}]
)
def test_an_edition_is_asked_in_one_way(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        EditionConfig.model_validate(wrong)
