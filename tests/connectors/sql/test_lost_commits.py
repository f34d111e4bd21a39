"""What becomes of a write whose connection breaks: not done before the commit, in doubt after."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import parse_qs, urlsplit

import pytest

from canonical.errors import InDoubtError, UnavailableError
from canonical.ports import Ask
from canonical.values import Money
from canonical.writing import NewOrder, NewOrderLine
from tests.conformance.selling import Selling, database, make_tables
from tests.fakes.asks import NoMeter

pytestmark = pytest.mark.xdist_group("scms")  # one start of PostgreSQL


class Proxy:
    """Stands before PostgreSQL, and hangs up when it hears a word: before or after passing it on.

    Args:
        server: Folder of the server's socket.
    """

    def __init__(self, server: str) -> None:
        self._server = f"{server}/.s.PGSQL.5432"
        self.word = b""
        self.passes_on = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self._server)
        answers = asyncio.create_task(self._answers(there, writer))
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                heard = bool(self.word) and self.word in data
                if heard:
                    answers.cancel()
                    await asyncio.gather(answers, return_exceptions=True)
                if not heard or self.passes_on:
                    back.write(data)
                    await back.drain()
                if heard:
                    self.word = b""
                    if self.passes_on:
                        await there.read(65_536)  # it has done it, and nobody hears so
                    break
        answers.cancel()
        for one in (back, writer):
            one.close()

    async def _answers(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await there.read(65_536):
                writer.write(data)
                await writer.drain()
            writer.close()


@pytest.fixture
async def proxy(postgres_url: str) -> AsyncIterator[tuple[Proxy, str]]:
    await make_tables("postgresql", postgres_url)
    parts = urlsplit(postgres_url)
    made = Proxy(parse_qs(parts.query)["host"][0])
    with TemporaryDirectory(prefix="pg", dir="/tmp") as folder:
        listening = await asyncio.start_unix_server(made.serve, str(Path(folder) / ".s.PGSQL.5432"))
        yield made, parts._replace(query=f"host={folder}").geturl()
        listening.close()


def order(key: str) -> NewOrder:
    line = NewOrderLine(
        line_number=1,
        item="A-1",
        quantity=Decimal(1),
        unit="PC",
        unit_price=Money(Decimal(1), "EUR"),
        due_on=date(2026, 12, 1),
        ship_to="W1",
    )
    day = date(2026, 11, 23)
    return NewOrder(key=key, supplier="S-1", currency="EUR", ordered_on=day, lines=(line,))


def ask() -> Ask:
    return Ask(asyncio.get_running_loop().time() + 30, "test", NoMeter())


async def made(selling: Selling, key: str) -> type[Exception]:
    with pytest.raises(UnavailableError) as caught:
        await selling.sink.create(order(key), ask())
    return type(caught.value)


async def test_a_write_is_in_doubt_only_once_its_commit_was_sent(
    proxy: tuple[Proxy, str],
) -> None:
    between, url = proxy
    async with database(url) as selling:
        assert await selling.sink.find("warm", ask()) is None
        between.word, between.passes_on = b"po_lines", False
        assert await made(selling, "lost") is UnavailableError
        assert await selling.sink.find("lost", ask()) is None

        between.word, between.passes_on = b"COMMIT", False
        assert await made(selling, "before") is InDoubtError
        assert await selling.sink.find("before", ask()) is None

        between.word, between.passes_on = b"COMMIT", True
        assert await made(selling, "after") is InDoubtError
        assert await selling.sink.find("after", ask()) is not None
