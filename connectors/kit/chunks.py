"""Splits keys into requests by the bound that comes first: number, bytes of the URL or page."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from msgspec import Struct

from connectors.kit.policy import CallPolicy

K = TypeVar("K")


class Bounds(Struct, frozen=True):
    """What one request may hold.

    Attributes:
        max_keys: Most keys.
        max_bytes: Most bytes of the whole encoded URL.
        base_bytes: Bytes of the URL without any key.
        page_size: Rows that one answer can hold, where each key gives about one row and further
            pages cost further requests; None where pages do not matter.
    """

    max_keys: int
    max_bytes: int
    base_bytes: int = 0
    page_size: int | None = None

    def hold(self, keys: int, size: int) -> bool:
        """Whether so many keys of so many bytes, all together, fit into one request."""
        most = min(self.max_keys, self.page_size or self.max_keys)
        return keys <= most and self.base_bytes + size <= self.max_bytes

    @classmethod
    def of(cls, policy: CallPolicy, *, base_bytes: int, page_size: int | None = None) -> "Bounds":
        """The bounds that a call policy sets."""
        return cls(policy.max_keys_per_request, policy.max_url_bytes, base_bytes, page_size)


def chunks(
    keys: Sequence[K], bounds: Bounds, size: Callable[[K], int], *, joint_bytes: int = 0
) -> Iterator[Sequence[K]]:
    """Split keys, in their order, into as few runs as the bounds allow.

    Args:
        keys: The keys.
        bounds: What one request may hold.
        size: Bytes of one key as it stands in the URL, percent-encoded and with what surrounds it.
        joint_bytes: Bytes between two keys, percent-encoded.

    Yields:
        Runs of at least one key. A key that is too long by itself stands alone.
    """
    most = min(bounds.max_keys, bounds.page_size or bounds.max_keys)
    start, used = 0, bounds.base_bytes
    for at, length in enumerate(map(size, keys)):
        grown = used + length + (joint_bytes if at > start else 0)
        if at > start and (at - start >= most or grown > bounds.max_bytes):
            yield keys[start:at]
            start, grown = at, bounds.base_bytes + length
        used = grown
    if start < len(keys):
        yield keys[start:]
