"""How many messages each caller may send, over all its sockets in this process.

An account that is full again says no more than a new one does: it is forgotten, so that there are
never many more than callers who sent something within the last minute.
"""

from functools import lru_cache
from typing import Final

from runtime.limits.rates import Account, Rate
from runtime.security.principal import Identity

_US: Final = 1_000_000
_MINUTE_S: Final = 60
_FEW: Final = 1_024


@lru_cache(maxsize=8)
def per_minute(messages: int) -> Rate:
    """So many messages a minute; all of them may come at once."""
    return Rate(messages / _MINUTE_S, messages)


def takes(account: Account, rate: Rate, now_s: float) -> bool:
    """Count one message, unless there are too many."""
    return account.take(rate, 1, 1, int(now_s * _US)).granted == 1


class MessageRates:
    """What callers may still send.

    Args:
        rate: What each of them may.
    """

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._of: dict[Identity, Account] = {}
        self._looked_through_at = _FEW

    def takes(self, caller: Identity, now_s: float) -> bool:
        """Count one message of a caller, unless it sends too many."""
        account = self._of.get(caller)
        if account is None:
            if len(self._of) >= self._looked_through_at:
                self._forget(now_s)
            account = self._of[caller] = Account()
        return takes(account, self._rate, now_s)

    def __len__(self) -> int:
        """Of how many callers something is held."""
        return len(self._of)

    def _forget(self, now_s: float) -> None:
        """Let go of what is full again."""
        self._of = {who: a for who, a in self._of.items() if a.tat_us > now_s * _US}
        self._looked_through_at = max(_FEW, 2 * len(self._of))
