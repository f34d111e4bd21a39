"""A timer wheel: what is to happen to many at some time, looked at once a second by one timer."""

import math
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Wheel(Generic[T]):
    """Things by the second in which they are due."""

    def __init__(self, now: float) -> None:
        self._due: Final[dict[int, dict[T, None]]] = {}
        self._seen = math.floor(now)

    def add(self, thing: T, at: float) -> None:
        """It is due at a time, rounded up to the second."""
        self._due.setdefault(max(math.ceil(at), self._seen + 1), {})[thing] = None

    def discard(self, thing: T, at: float) -> None:
        """It is due no longer at the time that it was added for."""
        second = math.ceil(at)
        things = self._due.get(second)
        if things is not None:
            things.pop(thing, None)
            if not things:
                del self._due[second]

    def due(self, now: float) -> list[T]:
        """What has become due since it was asked for last, the earliest first."""
        until = math.floor(now)
        passed = until - self._seen
        if passed <= 0:
            return []
        seconds = range(self._seen + 1, until + 1)
        if passed > len(self._due):
            seconds = sorted(s for s in self._due if s <= until)  # type: ignore[assignment]  # both are iterated over
        self._seen = until
        return [thing for s in seconds for thing in self._due.pop(s, ())]
