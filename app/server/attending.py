"""Waiting for work for as long as somebody wants it: the client is there, the process may go on.

Nothing is started for work that is done within moments: only then is the client looked after.
"""

import asyncio
from typing import Final, TypeVar

from starlette.types import Receive

from app.server.drain import Drain
from app.server.exchange import ClientGoneError
from app.server.negotiation import HTTPRefusal

T = TypeVar("T")

_LOOKED_AFTER_S: Final = 0.02


def stopping() -> HTTPRefusal:
    """Why nothing is begun any more, or not yet."""
    headers = {"Retry-After": "1", "Connection": "close"}
    message = "this process is starting or stopping; try again shortly"
    return HTTPRefusal(503, message, headers, "UNAVAILABLE")


class Attendant:
    """Waits for work on behalf of one client.

    Args:
        receive: Tells when the client hangs up; the request has been read to its end.
        drain: Tells when what is under way is given up.
    """

    def __init__(self, receive: Receive, drain: Drain) -> None:
        self._receive = receive
        self._drain = drain

    async def until(self, work: "asyncio.Future[T]") -> T:
        """Wait for work. It goes on when the wait ends early: others may want it.

        Raises:
            ClientGoneError: if the client hung up.
            HTTPRefusal: if the process stops and can wait no longer.
        """
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        watching: list[asyncio.Task[None]] = []

        def end(why: Exception | None = None) -> None:
            if not over.done():
                over.set_exception(why) if why is not None else over.set_result(None)

        def done(_: "asyncio.Future[T]") -> None:
            end()

        async def watch() -> None:
            while (await self._receive())["type"] != "http.disconnect":
                pass
            end(ClientGoneError())

        timer = loop.call_later(_LOOKED_AFTER_S, lambda: watching.append(loop.create_task(watch())))
        work.add_done_callback(done)
        try:
            with self._drain.told_to_give_up(lambda: end(stopping())):
                await over
            return work.result()
        finally:
            timer.cancel()
            work.remove_done_callback(done)
            if watching:
                watching[0].cancel()
                await asyncio.gather(*watching, return_exceptions=True)
