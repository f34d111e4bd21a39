"""Whole answers as bytes: in this process, and in Redis for all processes and the next start.

    get   -> this process; nothing is awaited
    find  -> Redis; what is found there is asked after: has anything in it changed since?
    keep  -> this process at once, Redis in the background
    a change of a record or list -> exactly the answers with it in them are dropped, here and there

An answer is never served past the freshness of anything in it. What changes while an answer is made
is noted (`watch`), and such an answer is not kept. What other processes change is heard of as the
record cache hears of it, and where it cannot hear, answers are asked after again or not served.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from msgspec import Struct

from runtime.cache.changes import LONGEST_ANSWER_S, OnChange, Watch
from runtime.cache.connection import RedisHandle
from runtime.cache.kept import AnswerKey, KeptAnswer
from runtime.cache.shared_answers import SharedAnswers
from runtime.telemetry import metrics

_OVERHEAD_BYTES: Final = 1_000
_SLOT_BYTES: Final = 400
"""What the index of one slot costs besides its name."""
_LARGEST_SHARE: Final = 4
_MOST_WRITES: Final = 32
_PACKED_FROM: Final = 64 * 1024


class ChangeTeller(Protocol):
    """What tells of changes; `runtime.cache.record_cache.RecordCache` does."""

    def on_change(self, callback: OnChange) -> None:
        """Call back at every change; None means that anything may have changed."""

    def watch(self) -> AbstractContextManager[Watch]:
        """Note what changes while a block lasts."""

    async def changed_since(self, keys: Sequence[str], moment: float) -> bool:
        """Tell whether any of the keys may have changed since a moment."""

    def trusted(self, stored_at: float) -> bool:
        """Tell whether what this process holds since then may be used without asking Redis."""


_Key = AnswerKey | tuple[bytes, bytes, int]
"""A plain tuple is equal to the key of the same parts."""


class _Held(Struct):
    answer: KeptAnswer
    size: int
    checked_at: float


class AnswerCache:
    """Answers by key, for one process and one event loop.

    Args:
        changes: Tells of changes of what answers are made of.
        redis: Where answers are shared; None keeps them within the process. The caller closes it.
        version: Names everything else that answers depend on: schema, manifest, release.
        max_bytes: Bound of the memory taken within the process; 0 keeps no answer anywhere.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        changes: ChangeTeller,
        redis: RedisHandle | None,
        *,
        version: str,
        max_bytes: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._changes = changes
        self._max_bytes = max_bytes
        self._clock = clock
        self._held: OrderedDict[_Key, _Held] = OrderedDict()
        self._by_slot: dict[str, set[AnswerKey]] = {}
        self._bytes = 0
        self._under_way: set[asyncio.Task[None]] = set()
        self._shared: SharedAnswers | None = None
        if redis is not None and max_bytes:
            self._shared = SharedAnswers(redis, version)
        changes.on_change(self._on_change)

    def of_schema(self, text: str) -> None:
        """Tell answers of this schema apart from those of others, in Redis."""
        if self._shared is not None:
            self._shared.of_schema(text)

    def get(self, key: _Key, max_staleness_s: float | None = None) -> KeptAnswer | None:
        """The answer that this process holds, if it may be served now.

        Args:
            key: What was asked, and by whom.
            max_staleness_s: Nothing older than this is of use to the caller.
        """
        held = self._held.get(key)
        if held is None or not self._usable(key, held.answer, max_staleness_s):
            metrics.answer_looked_up("l1", hit=False)
            return None
        if not self._changes.trusted(held.checked_at):
            metrics.answer_looked_up("l1", hit=False)
            return None
        self._held.move_to_end(key)
        metrics.answer_looked_up("l1", hit=True)
        return held.answer

    async def find(self, key: AnswerKey, max_staleness_s: float | None = None) -> KeptAnswer | None:
        """The answer that another process keeps, or this one has not asked after for a while."""
        if not self._max_bytes:
            return None
        found = await self._asked_after(key, max_staleness_s)
        if found is None and self._shared is not None:
            found = await self._from_redis(key, self._shared, max_staleness_s)
        metrics.answer_looked_up("l2", hit=found is not None)
        return found

    def now(self) -> float:
        """The present moment as answers have it, in seconds since the epoch."""
        return self._clock()

    def watch(self) -> AbstractContextManager[Watch]:
        """Note what changes while an answer is made."""
        return self._changes.watch()

    def keep(self, key: AnswerKey, answer: KeptAnswer, watch: Watch) -> bool:
        """Keep an answer, unless something in it has changed since its making began.

        Returns:
            Whether it is kept.
        """
        answer.good_until = min(answer.good_until, answer.made_at + LONGEST_ANSWER_S)
        if self._clock() >= answer.good_until or not answer.slots or watch.touched(answer.slots):
            return False
        if not self._hold(key, answer):
            return False
        if self._shared is not None and len(self._under_way) < _MOST_WRITES:
            self._start(self._share(key, answer, self._shared))
        return True

    def health(self) -> Mapping[str, object]:
        """State for the health page."""
        return {"entries": len(self._held), "bytes": self._bytes}

    async def aclose(self) -> None:
        """Give up what is under way."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _usable(self, key: _Key, answer: KeptAnswer, max_staleness_s: float | None) -> bool:
        now = self._clock()
        if now >= answer.good_until:
            self._drop((key,))
            return False
        return max_staleness_s is None or now - answer.oldest_at <= max_staleness_s

    async def _asked_after(
        self, key: AnswerKey, max_staleness_s: float | None
    ) -> KeptAnswer | None:
        """What is held already, if nothing in it has changed since it was made."""
        held = self._held.get(key)
        if held is None or not self._usable(key, held.answer, max_staleness_s):
            return None
        now = self._clock()
        if await self._changes.changed_since(tuple(held.answer.slots), held.answer.made_at):
            self._drop((key,))
            return None
        if self._held.get(key) is not held:  # dropped meanwhile
            return None
        held.checked_at = now
        return held.answer

    async def _from_redis(
        self, key: AnswerKey, shared: SharedAnswers, max_staleness_s: float | None
    ) -> KeptAnswer | None:
        now = self._clock()
        with self._changes.watch() as watch:
            answer = await shared.read(key)
            if answer is None or not self._usable(key, answer, max_staleness_s):
                return None
            if await self._changes.changed_since(tuple(answer.slots), answer.made_at):
                return None
            if watch.touched(answer.slots):
                return None
        self._hold(key, answer, checked_at=now)
        return answer

    def _hold(self, key: AnswerKey, answer: KeptAnswer, checked_at: float | None = None) -> bool:
        slots = answer.slots
        size = (
            _OVERHEAD_BYTES
            + len(answer.body) * 5 // 4  # its compressed form may be held too
            + sum(map(len, slots))
            + len(slots) * _SLOT_BYTES
        )
        self._drop((key,))
        if size * _LARGEST_SHARE > self._max_bytes:
            return False
        at = self._clock() if checked_at is None else checked_at
        self._held[key] = _Held(answer, size, at)
        self._bytes += size
        for slot in slots:
            self._by_slot.setdefault(slot, set()).add(key)
        while self._bytes > self._max_bytes:
            self._drop((next(iter(self._held)),))
        return True

    def _drop(self, keys: Iterable[_Key]) -> None:
        for key in keys:
            held = self._held.pop(key, None)
            if held is None:
                continue
            self._bytes -= held.size
            for slot in held.answer.slots:
                others = self._by_slot[slot]
                others.discard(key)
                if not others:
                    del self._by_slot[slot]

    def _on_change(self, slots: Sequence[str] | None) -> None:
        if slots is None:
            self._held.clear()
            self._by_slot.clear()
            self._bytes = 0
            return
        gone = {key for slot in slots for key in self._by_slot.get(slot, ())}
        self._drop(gone)
        if gone and self._shared is not None:
            # Who asks after them finds out anyway, unless they were made of what this process
            # believed while it had not heard of the change yet.
            self._start(self._shared.remove(gone))

    async def _share(self, key: AnswerKey, answer: KeptAnswer, shared: SharedAnswers) -> None:
        if len(answer.body) >= _PACKED_FROM:
            await answer.packed()
        ttl_s = answer.good_until - self._clock()
        held = self._held.get(key)
        if ttl_s <= 0 or held is None or held.answer is not answer:
            return
        await shared.write(key, answer, ttl_s)
        if self._held.get(key) is not held:  # its removal may have come before the writing
            await shared.remove((key,))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
