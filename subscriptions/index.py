"""The index: from an event to those who want it, by a look-up for each dimension.

Each listener stands under the values of its most selective condition; further conditions are tested
for the few that are found there.
"""

from typing import Final, Generic, TypeVar

from subscriptions.topics import Keys, Wanted

T = TypeVar("T")


class Index(Generic[T]):
    """Listeners of one topic.

    Args:
        dimensions: How many dimensions the topic has.
    """

    def __init__(self, dimensions: int) -> None:
        self._everything: Final[dict[T, None]] = {}
        self._by: Final[tuple[dict[str, dict[T, Wanted | None]], ...]] = tuple(
            {} for _ in range(dimensions)
        )

    def add(self, wanted: Wanted, listener: T) -> None:
        """Let a listener be found; it is not in the index yet."""
        if wanted.nothing:
            return
        at = _place(wanted)
        if at is None:
            self._everything[listener] = None
            return
        alone = sum(v is not None for v in wanted.values) == 1
        values = wanted.values[at]
        for value in values or ():
            self._by[at].setdefault(value, {})[listener] = None if alone else wanted

    def remove(self, wanted: Wanted, listener: T) -> None:
        """Let a listener be found no longer."""
        at = _place(wanted)
        if at is None:
            self._everything.pop(listener, None)
            return
        by = self._by[at]
        for value in wanted.values[at] or ():
            standing = by.get(value, {})
            standing.pop(listener, None)
            if not standing:
                by.pop(value, None)

    def find(self, keys: Keys) -> list[T]:
        """All who want an event with these keys, each once."""
        found = dict.fromkeys(self._everything)
        for by, key in zip(self._by, keys, strict=True):
            for value in key if isinstance(key, tuple) else (key,):
                if value is None or value not in by:
                    continue
                for listener, wanted in by[value].items():
                    if wanted is None or wanted.matches(keys):
                        found[listener] = None
        return [*found]


def entries(wanted: Wanted) -> int:
    """How many places of an index a listener takes."""
    at = _place(wanted)
    return 1 if at is None else len(wanted.values[at] or ())


def _place(wanted: Wanted) -> int | None:
    """The first dimension that is narrowed; None if none is."""
    return next((at for at, v in enumerate(wanted.values) if v is not None), None)
