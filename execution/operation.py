"""What belongs to one operation: its scheduler, its link loaders, its problems."""

from collections.abc import Callable, Hashable
from typing import Any, Final, Protocol, TypeVar

from msgspec import Struct

from canonical.errors import SupplygraphError
from execution.scheduling import LevelScheduler

T = TypeVar("T")
Path = tuple[str | int, ...]
Mask = frozenset[tuple[str, str]]
"""Fields that are null for a caller, unread: names of their object types, and their own."""

NO_MASK: Final[Mask] = frozenset()


class BatchError(Exception):
    """A batch failed in a way that nobody foresaw; its cause says how, once for all parents."""


class Partial(Struct, frozen=True):
    """A batch result for one parent that is less than was asked for.

    Attributes:
        value: What there is.
        problems: What is missing, and why.
    """

    value: Any
    problems: tuple[SupplygraphError, ...]


class Operation:
    """State of one operation. Never shared between operations.

    Attributes:
        scheduler: Starts its batches.
        problems: What is incomplete, with paths.
        mask: Fields that are null, unread.
        personal: Whether its answer is about the caller alone, and no other caller's with the same
            rights; a resolver that looks at more than the caller's rights says so.
        timer: A clock in nanoseconds, where it is to be told how long each field took.
        objects: What was worked on: owner and name of each field that led to objects, and to how
            many different ones; None where that was not counted.
    """

    def __init__(self) -> None:
        self.scheduler = LevelScheduler()
        self.problems: list[tuple[SupplygraphError, Path]] = []
        self.mask: Mask = NO_MASK
        self.personal = False
        self.timer: Callable[[], int] | None = None
        self.objects: list[tuple[str, str, int]] | None = None
        self._kept: dict[Hashable, Any] = {}

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Make a thing the first time it is asked for, and keep it for the operation."""
        if key not in self._kept:
            self._kept[key] = make()
        kept: T = self._kept[key]
        return kept

    def report(self, problem: SupplygraphError, path: Path) -> None:
        """Tell the caller that the value at a path is incomplete."""
        self.problems.append((problem, path))


class OperationContext(Protocol):
    """What execution needs of the context that resolvers get."""

    @property
    def operation(self) -> Operation:
        """The operation that is under way."""
