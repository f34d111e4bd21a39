"""Long work without a wait in it is done beside the event loop, so that others go on meanwhile.

A thread takes turns with the loop every few milliseconds. Few at a time: each of them makes the
loop's own turns come later.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Final, TypeVar

T = TypeVar("T")

LARGE: Final = 50_000
"""Values of an answer that are written within some 50 ms: no longer does the loop wait for one."""

_AT_A_TIME: Final = 2
_threads: Final = ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="aside")


async def aside(work: Callable[[], T], values: int) -> T:
    """Do work, beside the event loop if it is long. It is not ended by who no longer waits for it.

    Args:
        work: Touches nothing that the loop touches meanwhile.
        values: How many values it is about.
    """
    if values < LARGE:
        return work()
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads, copy_context().run, work)
