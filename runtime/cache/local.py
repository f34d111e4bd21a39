"""The layer within one process: values bounded by memory, and claims among its tasks."""

import math
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from runtime.cache.entries import MEMORY_PER_BYTE, Kind

_OVERHEAD_BYTES: Final = 400
"""What one value costs beside itself and its key, measured with tracemalloc, rounded up."""


_MISS_KNOWN_S: Final = 60.0

Told = tuple[str, bytes | None]
"""A key, and what Redis has under it."""


class LocalAges(msgspec.Struct, frozen=True):
    """How long a process may answer without asking Redis again, in seconds.

    Attributes:
        heard_s: While it hears what changes elsewhere.
        unheard_s: Once it does not.
    """

    heard_s: float = 60.0
    unheard_s: float = 5.0

    def trusted_since(self, now: float, lost_at: float) -> float:
        """What was stored after that may be used.

        Args:
            now: The present moment.
            lost_at: When others were last heard; in the future while they are.
        """
        if lost_at > now - self.unheard_s:
            return now - self.heard_s
        return now - min(self.heard_s, self.unheard_s)


class Held(msgspec.Struct, frozen=True, gc=False):  # never part of a cycle
    """A value in this process; None for a key that Redis was seen not to have."""

    value: Any
    stored_at: float
    expires_at: float
    size: int


class LocalCache:
    """Least recently used values go first when the bound is reached.

    Args:
        max_bytes: Bound of the memory taken. A value larger than that is not kept.
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

    def find(self, keys: Iterable[str], now: float, since: float = -math.inf) -> dict[str, Any]:
        """Values of those keys that are held, have not expired, and were stored after `since`."""
        if not self._held:
            return {}
        get, used = self._held.get, self._held.move_to_end
        found: dict[str, Any] = {}
        for key in keys:
            held = get(key)
            if held is None or held.value is None:
                continue
            if held.expires_at <= now:
                self.drop((key,))
            elif held.stored_at > since:
                used(key)
                found[key] = held.value
        return found

    def put(self, key: str, value: Any, weight: int, stored_at: float, expires_at: float) -> None:
        """Hold a value instead of what was held under its key."""
        size = len(key) + _OVERHEAD_BYTES + weight
        if key in self._held:
            self._bytes -= self._held.pop(key).size
        if size > self._max_bytes:
            return
        self._held[key] = Held(value, stored_at, expires_at, size)
        self._bytes += size
        while self._bytes > self._max_bytes:
            _, oldest = self._held.popitem(last=False)
            self._bytes -= oldest.size

    def take(
        self,
        told: Iterable[Told],
        kind: Kind[Any],
        *,
        began: float,
        now: float,
    ) -> dict[str, Any]:
        """Decode and hold what Redis told of keys; hold too that it has none.

        Args:
            told: Keys with their bytes.
            kind: What the bytes are.
            began: When Redis was asked; what was put here since is newer than what it told.
            now: The present moment.

        Returns:
            What is known of the keys. Bytes that are not of our making count as none.
        """
        found: dict[str, Any] = {}
        decode, put, held_at = kind.decode, self.put, self._held.get
        for key, data in told:
            kept = decode(data) if data is not None else None
            held = held_at(key)
            if held is not None and _is_newer(held, began, kept):
                found[key] = held.value
            elif data is None:
                put(key, None, 0, now, now + _MISS_KNOWN_S)
            elif kept is None or kept[1] <= now:
                self.drop((key,))
            else:
                value, until = kept
                found[key] = value
                put(key, value, MEMORY_PER_BYTE * len(data), now, until)
        return found

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


def _is_newer(held: Held, began: float, kept: tuple[Any, float] | None) -> bool:
    """Whether what is held was put since Redis was asked, and is newer than what it told."""
    if held.value is None or held.stored_at < began:
        return False
    return kept is None or bool(kept[0].fetched_at < held.value.fetched_at)


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
        if self._until:
            for key in keys:
                self._until.pop(key, None)

    def held(self, keys: Sequence[str], now: float) -> list[str]:
        """Those of the keys that somebody holds."""
        return [key for key in keys if self._until.get(key, now) > now]
