"""Waiting for work while somebody wants it; nothing is started for work that is soon done."""

import asyncio
from typing import Any

import pytest

from app.server import attending
from app.server.attending import Attendant
from app.server.drain import Drain
from app.server.exchange import BodyTooLongError, ClientGoneError, Inbound
from app.server.negotiation import HTTPRefusal
from app.server.stepping import begin

LIMITS: Any = {"max_bytes": 10, "within_s": 0.05}


class Client:
    """Sends messages, and hangs up after the last if it is told to."""

    def __init__(self, *messages: dict[str, Any], stays: bool = True) -> None:
        self.messages = [*messages]
        self.asked = 0
        self._stays = stays

    async def receive(self) -> dict[str, Any]:
        self.asked += 1
        if self.messages:
            return self.messages.pop(0)
        if self._stays:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}


def part(body: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def inbound(client: Client) -> Inbound:
    scope = {"method": "POST", "query_string": b"", "headers": []}
    return Inbound.of(scope, client.receive)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attending, "_LOOKED_AFTER_S", 0.0)


async def slowly(result: int) -> int:
    for _ in range(5):
        await asyncio.sleep(0)
    return result


async def for_ever() -> int:
    await asyncio.Event().wait()
    return 0


async def test_the_result_is_handed_on() -> None:
    work = asyncio.ensure_future(slowly(7))
    assert await Attendant(Client().receive, Drain()).until(work) == 7


async def test_the_client_is_looked_after_only_once_it_takes_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(attending, "_LOOKED_AFTER_S", 5)
    client = Client(stays=False)
    assert await Attendant(client.receive, Drain()).until(asyncio.ensure_future(slowly(7))) == 7
    assert client.asked == 0


async def test_a_client_that_hangs_up_ends_the_wait_and_not_the_work() -> None:
    work = asyncio.ensure_future(for_ever())
    with pytest.raises(ClientGoneError):
        await Attendant(Client(stays=False).receive, Drain()).until(work)
    assert not work.done()
    work.cancel()


@pytest.mark.parametrize("before", [True, False])
async def test_a_process_that_ends_gives_it_up(before: bool) -> None:
    drain = Drain()
    if before:
        drain.give_up()
    else:
        asyncio.get_running_loop().call_soon(drain.give_up)
    work = asyncio.ensure_future(for_ever())
    with pytest.raises(HTTPRefusal):
        await Attendant(Client().receive, drain).until(work)
    assert drain._waiting == set()
    work.cancel()


async def test_errors_of_the_work_are_handed_on() -> None:
    async def broken() -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await Attendant(Client().receive, Drain()).until(asyncio.ensure_future(broken()))


@pytest.mark.parametrize(
    "messages, body",
    [
        ([part(b"0123456789", more=False)], b"0123456789"),
        ([part(b"01"), part(b"234", more=False)], b"01234"),
        ([part(b""), part(b"", more=False)], b""),
    ],
)
async def test_a_body_is_put_together(messages: list[dict[str, Any]], body: bytes) -> None:
    assert await inbound(Client(*messages)).body(**LIMITS) == body


@pytest.mark.parametrize("sizes", [[11], [5, 6], [11, 1]])
async def test_a_body_that_is_too_long(sizes: list[int]) -> None:
    parts = [part(b"x" * n, more=i < len(sizes) - 1) for i, n in enumerate(sizes)]
    client = Client(*parts)
    with pytest.raises(BodyTooLongError):
        await inbound(client).body(**LIMITS)
    assert client.messages == []  # read to its end, so that an answer is heard


@pytest.mark.parametrize("begun", [[], [part(b"0")]])
async def test_a_body_that_does_not_come(begun: list[dict[str, Any]]) -> None:
    with pytest.raises(TimeoutError):
        await inbound(Client(*begun)).body(**LIMITS)
    with pytest.raises(ClientGoneError):
        await inbound(Client(*begun, stays=False)).body(**LIMITS)


async def test_of_headers_alike_the_first_counts() -> None:
    headers = [(b"a", b"1"), (b"b", b"\xe4"), (b"a", b"2")]
    scope = {"method": "GET", "query_string": b"", "headers": headers}
    found = Inbound.of(scope, Client().receive)
    assert [found.header(n) for n in (b"a", b"b", b"c")] == ["1", "ä", None]


class TestStepping:
    async def test_what_is_there_is_had_at_once(self) -> None:
        async def there() -> int:
            return 7

        assert begin(there()) == (None, 7)

    async def test_what_waits_goes_on_when_it_is_awaited(self) -> None:
        rest, _ = begin(slowly(7))
        assert rest is not None
        assert await rest == 7

    async def test_it_hears_of_its_end(self) -> None:
        heard: list[str] = []

        async def careful() -> int:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                heard.append("cancelled")
                raise
            return 0

        rest, _ = begin(careful())
        assert rest is not None
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await rest
        assert heard == ["cancelled"]

    async def test_a_future_is_waited_for(self) -> None:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        rest, _ = begin(future)
        future.set_result(7)
        assert rest is not None
        assert await rest == 7
