"""The load counts every answer, however it arrives."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from bench.load import Sample, load

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd"
Answering = Callable[[asyncio.StreamWriter, int], None]


@asynccontextmanager
async def _served(answering: Answering) -> AsyncIterator[tuple[str, list[bytes]]]:
    bodies: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := (await reader.readuntil(b"\r\n\r\n")).lower():
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            bodies.append(await reader.readexactly(length))
            answering(writer, len(bodies))

    async def ended(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(ended, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/graphql", bodies


async def test_what_is_under_way_when_the_time_is_up_is_waited_for_and_counted() -> None:
    def late(writer: asyncio.StreamWriter, _: int) -> None:
        asyncio.get_running_loop().call_later(0.05, writer.write, OK)

    async with _served(late) as (url, bodies):
        sample = await load(url, [b"1", b"2"], {"X-Who": "me"}, 4, 0.01)

    assert len(sample.latencies_s) == len(bodies) == 4
    assert sorted(bodies) == [b"1", b"1", b"2", b"2"]
    assert min(sample.latencies_s) >= 0.045
    assert sample.seconds >= 0.045
    assert (sample.failed, sample.bytes) == (0, 4)


async def test_answers_in_pieces_and_answers_with_errors_are_told_apart() -> None:
    def in_pieces(writer: asyncio.StreamWriter, number: int) -> None:
        answer = OK if number % 2 else OK.replace(b"200 OK", b"503 No")
        for start in range(0, len(answer), 7):
            writer.write(answer[start : start + 7])

    async with _served(in_pieces) as (url, bodies):
        sample = await load(url, [b"{}"], {}, 1, 0.1)

    assert len(sample.latencies_s) == len(bodies) > 1
    assert sample.failed == len(bodies) // 2


async def test_a_connection_that_is_closed_is_an_error() -> None:
    async with _served(lambda writer, _: writer.close()) as (url, _):
        with pytest.raises(ConnectionError):
            await load(url, [b"{}"], {}, 1, 0.1)


def test_percentiles_are_of_the_answers_in_order() -> None:
    sample = Sample([n / 1000 for n in range(101)], 2.0, 0, 4)

    assert [sample.percentile_ms(p) for p in (0, 50, 99, 100)] == [0, 50, 99, 100]
    assert sample.per_s == 50.5
