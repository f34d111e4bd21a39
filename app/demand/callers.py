"""Who asks, as limits see it: the caller's figures, allowance and turns, found again in no time."""

import hashlib
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Final

import msgspec

from app.demand.figures import Demand, Figures
from app.server.terms import Terms
from runtime.limits.allowances import Allowance, Allowances
from runtime.limits.rates import Rate
from runtime.security.principal import Principal

Headers = tuple[tuple[bytes, bytes], ...]

KEPT: Final = 1
"""What each request costs, and all that a kept answer does."""

_UNLIMITED: Final = Rate(1e9, 1_000_000_000)
_MOST: Final = 10_000
_STEPS: Final = 64
_OF_ONE: Final = 64
"""Bits of an IPv6 address that one caller cannot choose."""


class Caller:
    """A caller.

    Attributes:
        key: Who it is: issuer and subject, or an address.
        figures: What it may ask for.
        allowance: What it may still spend.
        principal: The principal that it was made for; None if it did not say who it is.
    """

    __slots__ = ("_step", "_told", "_told_at", "allowance", "figures", "key", "principal")

    def __init__(
        self,
        key: tuple[str, str],
        figures: Figures,
        allowance: Allowance,
        principal: Principal | None,
    ) -> None:
        self.key = key
        self.figures = figures
        self.allowance = allowance
        self.principal = principal
        self._step = allowance.lot // _STEPS
        self._told: Headers = ()
        self._told_at = -1

    def headers(self) -> Headers:
        """RateLimit and RateLimit-Policy, of a moment in which nearly as much was left as now."""
        allowance = self.allowance
        units = allowance.shown + allowance.left
        if -self._step <= self._told_at - units <= self._step:
            return self._told
        rate = self.figures.rate
        if rate is not None:
            now = b'"default";r=%d;t=%d' % allowance.remaining()
            self._told = ((b"ratelimit", now), (b"ratelimit-policy", _policy(rate)))
        self._told_at = units
        return self._told


class Callers:
    """Finds callers.

    Args:
        demand: The figures.
        allowances: The allowances.
    """

    def __init__(self, demand: Demand, allowances: Allowances) -> None:
        self._demand = demand
        self._allowances = allowances
        self._by_principal: dict[int, Caller] = {}

    def kept(self, principal: Principal) -> bool:
        """Take the price of a kept answer; False if that needs a wait."""
        caller = self._by_principal.get(id(principal))
        if caller is None or caller.principal is not principal:
            caller = self.named(principal)
        allowance = caller.allowance
        left = allowance.left - KEPT
        if left < allowance.low:  # a new lot is to be fetched
            return self._allowances.spend(allowance, KEPT)
        allowance.left = left
        return True

    def of(self, terms: Terms) -> Caller:
        """The caller of a request."""
        if terms.principal is not None:
            return self.named(terms.principal)
        key = ("", _network(terms.address))
        figures = self._demand.strangers
        return Caller(key, figures, self._allowance(key, figures), None)

    def named(self, principal: Principal) -> Caller:
        """A caller that said who it is; a token stands for one object for as long as it lasts."""
        found = self._by_principal.get(id(principal))
        if found is not None and found.principal is principal:
            return found
        key = (principal.issuer, principal.subject)
        figures = self._demand.of(principal.roles)
        made = Caller(key, figures, self._allowance(key, figures), principal)
        if len(self._by_principal) >= _MOST:
            self._by_principal.clear()
        self._by_principal[id(principal)] = made
        return made

    def _allowance(self, key: tuple[str, str], figures: Figures) -> Allowance:
        rate = figures.rate or _UNLIMITED
        return self._allowances.of((key, id(rate)), rate, lambda: _account(key))


def _account(key: tuple[str, str]) -> str:
    """The name of an account: a digest, for who asks is nobody's business who looks into Redis."""
    return hashlib.blake2b(msgspec.json.encode(key), digest_size=16).hexdigest()


@lru_cache(maxsize=4_096)
def _network(address: str) -> str:
    """An address, of which in IPv6 one caller has as many as it likes: there its network of /64."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if isinstance(known, IPv4Address):
        return address
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(IPv6Network((known, _OF_ONE), strict=False))


@lru_cache(maxsize=64)
def _policy(rate: Rate) -> bytes:
    window_s = max(1, round(rate.burst / rate.per_s))
    return b'"default";q=%d;w=%d;qu="cost"' % (rate.burst, window_s)
