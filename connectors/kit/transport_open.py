"""Puts a backend's transport together: wire, limits (shared or alone), breaker."""

from connectors.kit.breaker import Breaker
from connectors.kit.limits import Limiter
from connectors.kit.limits_counters import Counter, LocalCounter, SharedCounter
from connectors.kit.policy import CallPolicy
from connectors.kit.services import Services
from connectors.kit.transport import Transport
from connectors.kit.transport_aiohttp import AiohttpWire
from connectors.kit.transport_urls import Addresses
from runtime.limits.rules import Rules

_LEASE_MARGIN_S = 5.0
_COST_BURST_S = 10.0
"""Single answers are large and come in bursts: after a rest there is more than a second's worth."""


def open_transport(
    system: str,
    url: str,
    policy: CallPolicy,
    services: Services,
    *,
    ca_file: str | None = None,
    proxy: str | None = None,
) -> Transport:
    """The transport of one backend. Nothing is connected before the first request.

    Args:
        system: The backend's name.
        url: Its address.
        policy: How it may be asked.
        services: Time, chance and shared limits.
        ca_file: Certificates to trust instead of the usual ones.
        proxy: URL of an HTTP proxy.

    Raises:
        OSError: the file of certificates cannot be read (`ssl.SSLError`: nor understood).
    """
    counter = _counter(system, policy, services)
    return Transport(
        Addresses(system, url, rebase=policy.rebase_links),
        policy,
        wire=AiohttpWire(max_connections=policy.max_concurrency, ca_file=ca_file, proxy=proxy),
        limiter=Limiter(
            system, counter, max_waiting=policy.max_waiting, new_lease=services.new_lease
        ),
        breaker=Breaker(policy.breaker, services.clock),
        clock=services.clock,
        now=services.now,
        random=services.random,
    )


def rules_of(policy: CallPolicy) -> Rules:
    """The limits that a call policy sets."""
    return Rules(
        rate_per_s=policy.rate_per_s,
        burst=policy.burst or max(1, int(policy.rate_per_s)),
        slots=policy.max_concurrency,
        per_day=policy.per_day,
        lease_s=policy.timeout_s + _LEASE_MARGIN_S,
        cost_per_s=policy.cost_per_s,
        cost_burst=policy.cost_burst or max(1, int(_COST_BURST_S * (policy.cost_per_s or 0))),
    )


def _counter(system: str, policy: CallPolicy, services: Services) -> Counter:
    rules = rules_of(policy)
    shared = services.shared_limits if policy.shared else None
    if shared is None:
        # Shared limits without Redis are divided, as they are while Redis is down.
        share = policy.share if policy.shared else 1
        return LocalCounter(rules.divided(share), clock=services.clock, now=services.now)
    alone = LocalCounter(rules.divided(policy.share), clock=services.clock, now=services.now)
    return SharedCounter(
        system,
        policy.account or system,
        rules,
        shared=shared,
        alone=alone,
        clock=services.clock,
    )
