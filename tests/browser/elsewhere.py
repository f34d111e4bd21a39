"""Our server in a thread of its own: the browser's has an event loop that is taken."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from app.server.application import Streaming
from tests.fakes.serving import FakeServing, running
from tests.fakes.streams import FakeStreams


@contextmanager
def served_elsewhere(serving: FakeServing, streams: FakeStreams) -> Iterator[str]:
    """Serve on a free port of loopback, whose address it yields, until the block ends."""
    up, addresses = threading.Event(), []
    loop, over = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        streaming = Streaming(streams=lambda *_: nullcontext(streams))
        async with running(serving, streaming=streaming) as site:
            addresses.append(f"http://127.0.0.1:{site.port}")
            up.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert up.wait(10)
    try:
        yield addresses[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()
