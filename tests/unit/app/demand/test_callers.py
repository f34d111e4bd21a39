"""Callers are told apart by issuer and subject, or by the network that they ask from."""

from datetime import UTC, datetime

import pytest

from app.demand.callers import Callers
from app.demand.figures import Demand, Figures
from app.server.terms import Terms
from runtime.limits.allowances import Allowances
from runtime.limits.rates import Rate
from runtime.security.principal import Principal, Role

NEVER = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def callers() -> Callers:
    roles = {Role.SUPPLIER: Figures(rate=Rate(1.0, 2_000_000)), Role.AUDITOR: Figures(rate=None)}
    return Callers(Demand(roles=roles), Allowances(None, now=lambda: 1_000.0))


def principal(subject: str = "pia", role: Role = Role.BUYER, issuer: str = "us") -> Principal:
    suppliers = ("S1",) if role is Role.SUPPLIER else None
    return Principal(subject, frozenset({role}), suppliers, NEVER, issuer)


def terms(address: str = "", who: Principal | None = None) -> Terms:
    return Terms(who, "c", address=address)


def test_a_callers_tokens_share_its_allowance(callers: Callers) -> None:
    first, second = principal(), principal()
    assert callers.named(first) is callers.named(first)
    assert callers.named(first).allowance is callers.named(second).allowance
    assert callers.named(principal(issuer="them")).allowance is not callers.named(first).allowance
    assert callers.named(principal("bob")).allowance is not callers.named(first).allowance


def test_the_name_of_an_account_tells_nobody_whose_it_is(callers: Callers) -> None:
    account = callers.named(principal("pia@example.com")).allowance.account
    assert "pia" not in account
    assert len(account) == 32


@pytest.mark.parametrize(
    "one, other, same",
    [
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("", "", True),
        ("unix", "10.0.0.1", False),
    ],
)
def test_strangers_are_told_apart_by_their_network(
    callers: Callers, one: str, other: str, same: bool
) -> None:
    found = callers.of(terms(one)).allowance, callers.of(terms(other)).allowance
    assert (found[0] is found[1]) is same
    assert found[0].rate == Demand().strangers.rate


def test_headers_are_those_of_a_moment_in_which_nearly_as_much_was_left(callers: Callers) -> None:
    caller = callers.named(principal())
    policy = (b"ratelimit-policy", b'"default";q=2000000;w=40;qu="cost"')
    assert caller.headers() == ((b"ratelimit", b'"default";r=2000000;t=0'), policy)
    caller.allowance.left -= 100
    assert caller.headers()[0] == (b"ratelimit", b'"default";r=2000000;t=0')
    caller.allowance.left -= 100
    assert caller.headers()[0] == (b"ratelimit", b'"default";r=1999800;t=1')
    caller.allowance.left -= 10**7
    assert caller.headers()[0] == (b"ratelimit", b'"default";r=0;t=40')


def test_who_has_no_limit_is_told_none(callers: Callers) -> None:
    assert callers.named(principal(role=Role.AUDITOR)).headers() == ()


def test_a_slow_rate_is_told_exactly(callers: Callers) -> None:
    caller = callers.named(principal(role=Role.SUPPLIER))
    caller.headers()
    caller.allowance.left -= 1
    assert caller.headers()[0] == (b"ratelimit", b'"default";r=1999999;t=1')
