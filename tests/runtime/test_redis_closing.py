"""Closing the way to Redis leaves nothing open, whatever is under way."""

import asyncio
import gc
import warnings

import pytest

from runtime.cache.connection import RedisHandle


@pytest.mark.parametrize("turns", [1, 2, 5])
def test_a_connection_that_is_being_made_is_closed_too(valkey_url: str, turns: int) -> None:
    async def close_while_asking() -> list[bool]:
        handle = RedisHandle(valkey_url, operation_timeout_s=2)
        await handle.run(lambda client: client.exists("a"), otherwise=None)
        asking = [
            asyncio.ensure_future(handle.run(lambda client: client.exists("a"), otherwise=None))
            for _ in range(3)
        ]
        for _ in range(turns):
            await asyncio.sleep(0)
        await handle.aclose()
        return [task.done() for task in asking]

    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        assert asyncio.run(close_while_asking()) == [True] * 3
        gc.collect()
    assert [str(c.message) for c in complaints] == []
