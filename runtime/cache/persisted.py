"""Texts that clients ask for by their SHA-256, so that they need not send them each time.

    sg:q:{sha256}   the text, with a finite time to live

A text proves by its digest that it is the right one, so every process and release may share it.
"""

import hashlib
import re
from collections import OrderedDict
from typing import Any, Final

from runtime.cache.connection import RedisHandle

LIFE_S: Final = 7 * 86_400
DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_KEPT: Final = 1_000
_KEPT_CHARACTERS: Final = 2_000_000


def digest_of(text: str) -> str:
    """The name of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class PersistedTexts:
    """Texts in this process, the least recently used forgotten first, over texts in Redis.

    Args:
        redis: Where they are shared; None keeps them within the process.
    """

    def __init__(self, redis: RedisHandle | None) -> None:
        self._redis = redis
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._characters = 0

    async def get(self, digest: str) -> str | None:
        """The text of a digest, if somebody has given it."""
        text = self._kept.get(digest)
        if text is not None:
            self._kept.move_to_end(digest)
            return text
        if self._redis is None or not DIGEST.fullmatch(digest):
            return None
        data: Any = await self._redis.run(
            lambda client: client.get(f"sg:q:{digest}"), otherwise=None
        )
        text = bytes(data).decode("utf-8", "replace") if data is not None else None
        if text is None or digest_of(text) != digest:
            return None
        self._keep(digest, text)
        return text

    async def put(self, text: str) -> None:
        """Keep a text."""
        digest = digest_of(text)
        if digest in self._kept:
            return
        self._keep(digest, text)
        if self._redis is not None:
            data = text.encode("utf-8", "replace")
            await self._redis.run(
                lambda client: client.set(f"sg:q:{digest}", data, ex=LIFE_S), otherwise=None
            )

    def _keep(self, digest: str, text: str) -> None:
        self._kept[digest] = text
        self._characters += len(text)
        while len(self._kept) > _KEPT or self._characters > _KEPT_CHARACTERS:
            _, gone = self._kept.popitem(last=False)
            self._characters -= len(gone)
