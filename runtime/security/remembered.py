"""Principals of tokens that were found valid a moment ago.

Checking a signature costs, and being asked again with the same token is the rule. Tokens themselves
are not held, only their digests. A principal is remembered for a minute at most, for keys may be
withdrawn, and no longer than its token is valid.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from runtime.security.principal import Principal

REMEMBERED_S: Final = 60.0
_MOST: Final = 10_000


class _Known(Struct, frozen=True):
    principal: Principal
    until: float


class RememberedPrincipals:
    """The least recently used are forgotten first.

    Args:
        clock: Seconds since the epoch.
        monotonic: Seconds that never go back.
    """

    def __init__(self, *, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    def get(self, token: str) -> Principal | None:
        """Whose token it is, if it was found valid a moment ago and is valid still."""
        digest = _digest(token)
        known = self._known.get(digest)
        if known is None:
            return None
        if self._monotonic() >= known.until:
            del self._known[digest]
            return None
        self._known.move_to_end(digest)
        return known.principal

    def put(
        self,
        token: str,
        principal: Principal,
        *,
        leeway_s: float = 0.0,
        longest_s: float = REMEMBERED_S,
    ) -> None:
        """Remember a token that was found valid just now.

        Args:
            token: The token.
            principal: Whose it is.
            leeway_s: How long past its end it is still valid.
            longest_s: How long it is remembered at most.
        """
        left_s = principal.expires_at.timestamp() + leeway_s - self._clock()
        until = self._monotonic() + min(longest_s, left_s)
        self._known[_digest(token)] = _Known(principal, until)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)


def _digest(token: str) -> bytes:
    return hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=32).digest()
