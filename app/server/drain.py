"""Stopping without breaking off: what has begun is finished, what comes later is put off.

After SIGTERM new operations get 503 with Retry-After, those under way end, or are given up at a
bound; then uvicorn closes its connections and the installation is closed.
"""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from typing_extensions import override

STATE: Final = "drain"
"""Where the application's lifespan hands its `Drain` to the server."""

_LOOK_S: Final = 0.02


class Drain:
    """Operations under way in one process, and whether further ones are taken."""

    def __init__(self) -> None:
        self.stopping = False
        self._under_way = 0
        self._over = asyncio.Event()

    @property
    def under_way(self) -> int:
        """Operations that have begun and not ended."""
        return self._under_way

    @contextmanager
    def operation(self) -> Iterator[None]:
        """One operation, for as long as it lasts."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    def give_up(self) -> None:
        """End what is still under way."""
        self._over.set()

    async def given_up(self) -> None:
        """Wait until operations are to end at once."""
        await self._over.wait()


class DrainingServer(uvicorn.Server):
    """Uvicorn, which lets an application finish what it has begun before it closes connections.

    Args:
        config: As uvicorn's.
        drain_s: Longest time that operations may take to end.
    """

    def __init__(self, config: uvicorn.Config, *, drain_s: float = 20.0) -> None:
        super().__init__(config)
        self._drain_s = drain_s

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        drain = self.lifespan.state.get(STATE)
        if isinstance(drain, Drain):
            drain.stopping = True
            await self._emptied(drain)
            drain.give_up()
        await super().shutdown(sockets)

    async def _emptied(self, drain: Drain) -> None:
        clock = asyncio.get_running_loop().time
        ends_at = clock() + self._drain_s
        # Uvicorn sets `force_exit`, which wakes nobody, so that it has to be looked at.
        while drain.under_way and clock() < ends_at and not self.force_exit:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_S)
