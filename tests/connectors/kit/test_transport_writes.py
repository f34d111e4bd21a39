"""A write is told once, and every failure tells whether it was done."""

import asyncio
from typing import Any

import pytest

from canonical.errors import (
    ConflictError,
    InDoubtError,
    MisconfiguredError,
    Reason,
    RejectedError,
    SupplygraphError,
    UnavailableError,
)
from connectors.kit.http import Request, Response

ORDER = Request(path="orders", label="orders", method="POST", body=b"{}", repeatable=False)


def explain(response: Response) -> str | None:
    return str(response.json()["error"])


async def told(world: Any, seconds: float = 5.0, **policy: Any) -> SupplygraphError:
    with pytest.raises(SupplygraphError) as caught:
        await world.transport(**policy).send(ORDER, world.ask(seconds), explain=explain)
    return caught.value


async def hang_up(heard: Any, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def silent(heard: Any, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3)


async def half(heard: Any, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 201 X\r\ncontent-length: 100\r\n\r\n{")
    await writer.drain()
    writer.close()


@pytest.mark.parametrize("answer", [hang_up, half], ids=["hangs up", "half a body"])
async def test_a_lost_answer_leaves_a_write_in_doubt(world: Any, answer: Any) -> None:
    world.server.answer = answer
    error = await told(world)
    assert type(error) is InDoubtError
    assert error.reason is Reason.IN_DOUBT
    assert error.message.startswith("erp: orders may have been done: ")
    assert len(world.server.heard) == 1


async def test_an_answer_that_takes_too_long_leaves_a_write_in_doubt(world: Any) -> None:
    world.server.answer = silent
    error = await told(world, timeout_s=0.1)
    assert type(error) is InDoubtError
    assert len(world.server.heard) == 1


@pytest.mark.parametrize("status", [302, 303, 408, 500, 502, 503, 504])
async def test_who_breaks_down_may_have_done_it(world: Any, status: int) -> None:
    said = b'{"error": "at db-7.internal"}' if status >= 500 else b"{}"
    world.server.answer = world.always(world.reply(status, said))
    error = await told(world, retry_500=True)
    assert type(error) is InDoubtError
    assert "db-7" not in error.message
    assert len(world.server.heard) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 X\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>",
        b"HTTP/1.1 200 X\r\ncontent-encoding: br\r\ncontent-length: 2\r\n\r\n{}",
    ],
    ids=["a web page", "unreadable"],
)
async def test_a_success_that_cannot_be_read_leaves_a_write_in_doubt(
    world: Any, raw: bytes
) -> None:
    world.server.answer = world.always(raw)
    assert type(await told(world)) is InDoubtError


@pytest.mark.parametrize(
    "status, expected, words",
    [
        (400, RejectedError, "erp refuses: supplier is on hold"),
        (422, RejectedError, "erp refuses: supplier is on hold"),
        (409, ConflictError, "erp: orders is in conflict (409): supplier is on hold"),
        (412, ConflictError, "erp: orders is in conflict (412): supplier is on hold"),
        (307, MisconfiguredError, "erp: orders answered with a redirect (307)"),
        (403, MisconfiguredError, "erp: orders may not be read with our credentials (403)"),
    ],
)
async def test_a_refusal_is_told_in_the_systems_words(
    world: Any, status: int, expected: type[SupplygraphError], words: str
) -> None:
    world.server.answer = world.always(world.reply(status, b'{"error": "supplier is on hold"}'))
    error = await told(world)
    assert type(error) is expected
    assert error.message.startswith(words)
    assert len(world.server.heard) == 1


@pytest.mark.parametrize("status", [429, 503])
async def test_who_asks_to_wait_has_done_nothing_and_is_told_again(world: Any, status: int) -> None:
    later = world.reply(status, retry_after="0")
    world.server.answer = world.in_turn(later, world.reply(201, b'{"id": 1}'))
    response = await world.transport().send(ORDER, world.ask())
    assert response.status == 201
    assert len(world.server.heard) == 2


async def test_who_cannot_be_reached_was_not_told(world: Any) -> None:
    closed = await asyncio.start_server(world.server.serve, "127.0.0.1", 0)
    port = closed.sockets[0].getsockname()[1]
    closed.close()
    transport = world.transport(url=f"http://127.0.0.1:{port}", retries=0)
    with pytest.raises(UnavailableError) as caught:
        await transport.send(ORDER, world.ask())
    assert type(caught.value) is UnavailableError
    assert caught.value.reason is Reason.CONNECTION


async def test_a_connection_that_is_not_made_in_time_was_not_told(world: Any) -> None:
    # The server speaks no TLS: the handshake waits, and nothing of the request goes out.
    url = world.server.url.replace("http:", "https:")
    transport = world.transport(url=url, timeout_s=0.1, retries=0)
    with pytest.raises(UnavailableError) as caught:
        await transport.send(ORDER, world.ask())
    assert type(caught.value) is UnavailableError
    assert caught.value.reason is Reason.TIMEOUT


async def test_a_write_whose_time_was_up_before_was_not_told(world: Any) -> None:
    error = await told(world, seconds=-1)
    assert type(error) is UnavailableError
    assert world.server.heard == []


async def test_a_write_is_told_anew_with_new_credentials_alone(world: Any) -> None:
    class Passes:
        """Gives a new token each time the last one was refused."""

        given = 1

        async def headers(self, ask: Any) -> dict[str, str]:
            return {"Authorization": f"Bearer {self.given}"}

        def invalidate(self, refused: Any) -> None:
            self.given += 1

        async def aclose(self) -> None: ...

    world.server.answer = world.in_turn(world.reply(401), world.reply(201))
    transport = world.transport()
    transport.authenticator = Passes()
    assert (await transport.send(ORDER, world.ask())).status == 201
    assert [h.headers["authorization"] for h in world.server.heard] == ["Bearer 1", "Bearer 2"]
