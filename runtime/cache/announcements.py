"""What processes tell each other before they put something into Redis that others must know of.

    sg:{version}:questions   a stream: {q: announcement}, the last MOST of them

Whoever asks for news gets what was announced since it asked last, its own included; the first time
all that is left.
"""

from collections.abc import Sequence
from typing import Any, Final

from runtime.cache.connection import RedisHandle
from runtime.cache.entries import FORMAT
from runtime.cache.urls import Client

MOST: Final = 20_000
_PAGE: Final = 2_000
_FIRST: Final = "0-0"
_KEPT_S: Final = 8 * 86_400
"""From the last one on: as long as what it is about may be kept."""


class Announcements:
    """One process's view of what was announced.

    Args:
        redis: Where they are.
        version: Names what announcements look like; those of other versions are not seen.
    """

    def __init__(self, redis: RedisHandle, version: str) -> None:
        self._redis = redis
        self._name = f"sg:{FORMAT}.{version}:questions"
        self._last: Any = _FIRST

    async def tell(self, announcement: bytes) -> None:
        """Announce. Without Redis nobody else could see what it is about."""

        async def add(client: Client) -> None:
            pipeline: Any = client.pipeline(transaction=False)
            pipeline.xadd(self._name, {b"q": announcement}, maxlen=MOST, approximate=True)
            pipeline.expire(self._name, _KEPT_S)
            await pipeline.execute()

        await self._redis.run(add, otherwise=None)

    async def news(self) -> Sequence[bytes] | None:
        """What was announced since the last call, oldest first; None if Redis cannot be asked."""
        found: list[bytes] = []
        while True:
            after = self._last
            page: Any = await self._redis.run(
                lambda client, after=after: client.xrange(  # type: ignore[misc]  # bound now
                    self._name, min=b"(" + _bytes(after), count=_PAGE
                ),
                otherwise=None,
            )
            if page is None:
                return None
            found += [fields[b"q"] for _, fields in page if b"q" in fields]
            if page:
                self._last = page[-1][0]
            if len(page) < _PAGE:
                return found


def _bytes(stream_id: bytes | str) -> bytes:
    return stream_id.encode() if isinstance(stream_id, str) else stream_id
