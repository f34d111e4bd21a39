"""Development tokens: accepted by a service that is set up for them, made with no other key."""

import pytest

from canonical.errors import InvalidInputError, UnauthenticatedError
from runtime.security.development import (
    PREFIX,
    development_config,
    mint_development_token,
    new_development_key,
)
from runtime.security.principal import Role
from runtime.security.tokens import TokenVerifier

NOW = 1_800_000_000.0
KEY = new_development_key()


def at(now: float, key: str = KEY) -> TokenVerifier:
    return TokenVerifier(development_config(key), clock=lambda: now)


async def test_a_token_is_accepted_until_it_ends() -> None:
    roles = [Role.SUPPLIER, Role.BUYER]
    token = mint_development_token(KEY, "sam", roles, ["V2", "V1"], 60, NOW)
    principal = await at(NOW + 59).verify(token)
    assert (principal.subject, principal.roles, principal.suppliers) == (
        "sam",
        frozenset({Role.SUPPLIER, Role.BUYER}),
        ("V1", "V2"),
    )
    assert principal.expires_at.timestamp() == NOW + 60
    with pytest.raises(UnauthenticatedError, match="expired"):
        await at(NOW + 91).verify(token)


async def test_another_services_key_does_not_open_this_one() -> None:
    token = mint_development_token(KEY, "sam", [Role.OPERATOR], None, 60, NOW)
    with pytest.raises(UnauthenticatedError, match="signature"):
        await at(NOW, new_development_key()).verify(token)


@pytest.mark.parametrize("key", ["", "x" * 64, PREFIX, PREFIX + "short", "MY-" + PREFIX + 43 * "x"])
def test_other_keys_make_no_tokens(key: str) -> None:
    with pytest.raises(InvalidInputError, match="development keys alone") as error:
        mint_development_token(key, "sam", [Role.OPERATOR], None, 60, NOW)
    assert not key or key == PREFIX or key not in error.value.message
    with pytest.raises(InvalidInputError, match="development keys alone"):
        development_config(key)


@pytest.mark.parametrize("ttl_s", [0, -1, 31 * 86_400, float("nan")])
def test_a_token_ends(ttl_s: float) -> None:
    with pytest.raises(InvalidInputError, match="30 days"):
        mint_development_token(KEY, "sam", [Role.OPERATOR], None, ttl_s, NOW)


@pytest.mark.parametrize("subject,roles", [("", [Role.BUYER]), ("sam", [])])
def test_a_token_is_somebodys(subject: str, roles: list[Role]) -> None:
    with pytest.raises(InvalidInputError, match="a subject and at least one role"):
        mint_development_token(KEY, subject, roles, None, 60, NOW)


def test_keys_are_random() -> None:
    assert new_development_key() != KEY
