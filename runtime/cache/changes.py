"""Who is told, within this process, that something has changed.

Listeners are told of every change; a watch notes what changes while a piece of work goes on, so
that what was read before a change is not kept after it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

OnChange = Callable[[Sequence[str] | None], None]
"""Told keys; None means that anything may have changed."""

LONGEST_ANSWER_S: Final = 86_400.0
"""How long anything made of entries may be kept, and changes are remembered."""


class Watch:
    """What has changed since it was opened.

    Attributes:
        keys: Keys that changed.
        everything: Whether anything may have changed, because messages were missed.
    """

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.everything = False

    def touched(self, keys: Iterable[str]) -> bool:
        """Tell whether any of the keys may have changed."""
        return self.everything or not self.keys.isdisjoint(keys)


class Changes:
    """Tells listeners and open watches."""

    def __init__(self) -> None:
        self._listeners: list[OnChange] = []
        self._watches: dict[int, Watch] = {}

    def listen(self, callback: OnChange) -> None:
        """Call back at every change, at once; the callback must not fail."""
        self._listeners.append(callback)

    @contextmanager
    def watch(self) -> Iterator[Watch]:
        """Note what changes while the block lasts."""
        watch = Watch()
        self._watches[id(watch)] = watch
        try:
            yield watch
        finally:
            del self._watches[id(watch)]

    def tell(self, keys: Sequence[str]) -> None:
        """Some keys have changed."""
        for watch in self._watches.values():
            watch.keys.update(keys)
        for callback in self._listeners:
            callback(keys)

    def tell_all(self) -> None:
        """Anything may have changed."""
        for watch in self._watches.values():
            watch.everything = True
        for callback in self._listeners:
            callback(None)
