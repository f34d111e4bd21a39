"""Real processes, one and several, that are told to stop while they answer."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import httpx
import pytest

from tests.app.server import slow
from tests.fakes.serving import KEY, a_token

ROOT = Path(__file__).parents[3]
ITEMS = {"query": "{ items { nodes { sku } } }"}
READY = {"query": "{ __typename }"}


@contextmanager
def process(
    workers: int, delay_s: float, drain_s: float = 10, *, quiet: bool = True
) -> Iterator[tuple[int, str]]:
    """A server's process and address; it is to end without a word where it is not forced to."""
    settings = {slow.DELAY: str(delay_s), slow.DRAIN: str(drain_s), slow.KEY: KEY}
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    arguments = ["--factory", "tests.app.server.slow:application", "--port", str(port)]
    arguments += ["--workers", str(workers), "--log-level", "warning", "--http", "httptools"]
    with subprocess.Popen(
        [sys.executable, "-m", "uvicorn", *arguments],
        cwd=ROOT,
        env={**os.environ, **settings},
        stderr=subprocess.PIPE,
    ) as running:
        try:
            yield running.pid, f"http://127.0.0.1:{port}"
            _, said = running.communicate(timeout=20)
        finally:
            running.kill()
    assert not quiet or said == b""
    assert running.returncode in {0, -signal.SIGTERM, -signal.SIGINT}


async def until_ready(address: str) -> None:
    async with asyncio.timeout(30), httpx.AsyncClient(base_url=address) as client:
        while True:
            try:
                if (await client.post("/graphql", json=READY)).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.1)


def a_client(address: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {a_token()}"}
    return httpx.AsyncClient(base_url=address, headers=headers, timeout=30)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", [1, 2])
async def test_an_answer_that_has_begun_arrives(workers: int, number: signal.Signals) -> None:
    with process(workers, delay_s=1.5) as (pid, address):
        await until_ready(address)
        async with a_client(address) as client:
            begun = [asyncio.ensure_future(client.post("/graphql", json=ITEMS)) for _ in range(4)]
            await asyncio.sleep(0.5)
            os.kill(pid, number)
            answers = await asyncio.gather(*begun)
    assert [a.status_code for a in answers] == [200] * 4
    assert {len(a.json()["data"]["items"]["nodes"]) for a in answers} == {10}


async def test_who_comes_while_it_stops_is_told_to_come_again() -> None:
    with process(1, delay_s=1.5) as (pid, address):
        await until_ready(address)
        async with a_client(address) as client, a_client(address) as other:
            begun = asyncio.ensure_future(client.post("/graphql", json=ITEMS))
            await asyncio.sleep(0.3)
            os.kill(pid, signal.SIGTERM)
            await asyncio.sleep(0.3)
            late = await other.post("/graphql", json=ITEMS)
            answer = await begun
    assert (late.status_code, late.headers["retry-after"]) == (503, "1")
    assert answer.status_code == 200


async def test_a_bound_ends_what_takes_too_long() -> None:
    with process(1, delay_s=60, drain_s=0.5) as (pid, address):
        await until_ready(address)
        async with a_client(address) as client:
            begun = asyncio.ensure_future(client.post("/graphql", json=ITEMS))
            await asyncio.sleep(0.3)
            started = perf_counter()
            os.kill(pid, signal.SIGTERM)
            answer = await begun
        assert answer.status_code == 503
        assert perf_counter() - started < 3


async def test_a_second_interruption_ends_it_at_once() -> None:
    with process(1, delay_s=60, drain_s=60, quiet=False) as (pid, address):
        await until_ready(address)
        async with a_client(address) as client:
            begun = asyncio.ensure_future(client.post("/graphql", json=ITEMS))
            await asyncio.sleep(0.3)
            os.kill(pid, signal.SIGINT)
            await asyncio.sleep(0.2)
            os.kill(pid, signal.SIGINT)
            answer = await asyncio.wait_for(begun, 5)
        assert answer.status_code == 503
