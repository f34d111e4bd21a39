"""The layer within one process: entries bounded by bytes, and claims among its tasks."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from runtime.cache.entries import Entry

_OVERHEAD_BYTES: Final = 400
"""What one entry costs beside its payload and key, measured with tracemalloc, rounded up."""


class Held(msgspec.Struct, frozen=True):
    """An entry in this process; `entry` is None for a key that Redis was seen not to have."""

    entry: Entry | None
    stored_at: float
    expires_at: float
    size: int


class LocalCache:
    """Least recently used entries go first when the bound is reached.

    Args:
        max_bytes: Bound of the memory taken. An entry larger than that is not kept.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held: OrderedDict[str, Held] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._held)

    @property
    def bytes(self) -> int:
        """Memory taken, nearly."""
        return self._bytes

    def get(self, key: str, now: float) -> Held | None:
        """What is held and has not expired."""
        held = self._held.get(key)
        if held is None:
            return None
        if held.expires_at <= now:
            self.drop((key,))
            return None
        self._held.move_to_end(key)
        return held

    def put(self, key: str, entry: Entry | None, *, stored_at: float, expires_at: float) -> None:
        """Hold an entry instead of what was held under its key."""
        self.drop((key,))
        size = len(key) + _OVERHEAD_BYTES + (len(entry.payload) if entry else 0)
        if size > self._max_bytes:
            return
        self._held[key] = Held(entry, stored_at, expires_at, size)
        self._bytes += size
        while self._bytes > self._max_bytes:
            _, oldest = self._held.popitem(last=False)
            self._bytes -= oldest.size

    def drop(self, keys: Iterable[str]) -> None:
        """Forget some keys."""
        for key in keys:
            held = self._held.pop(key, None)
            if held is not None:
                self._bytes -= held.size

    def clear(self) -> None:
        """Forget everything."""
        self._held.clear()
        self._bytes = 0


class LocalClaims:
    """Who refreshes what, where there is but one process."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def claim(self, keys: Sequence[str], ttl_s: float, now: float) -> list[str]:
        """The keys that nobody held; they are held now, until `now + ttl_s` or release."""
        won = [key for key in keys if self._until.get(key, now) <= now]
        self._until.update(dict.fromkeys(won, now + ttl_s))
        return won

    def release(self, keys: Iterable[str]) -> None:
        """Let go of keys."""
        for key in keys:
            self._until.pop(key, None)

    def held(self, keys: Sequence[str], now: float) -> list[str]:
        """Those of the keys that somebody holds."""
        return [key for key in keys if self._until.get(key, now) > now]
