"""What a request presents to say who asks: a token, or an API key."""

from collections.abc import Mapping
from typing import Final

from app.server.exchange import Inbound
from canonical.errors import UnauthenticatedError
from runtime.security.key_texts import PREFIX

API_KEY: Final = "X-API-Key"
"""For machines that cannot set `Authorization`."""

_API_KEY: Final = API_KEY.lower().encode()
HEADERS: Final = frozenset({b"authorization", _API_KEY})
"""Names of the headers that credentials are read from."""


def credential_of(inbound: Inbound) -> str | None:
    """The token or key of a request; None if it has none.

    Raises:
        UnauthenticatedError: if it has both, or one that is none by its form.
    """
    authorization, key = inbound.header(b"authorization"), inbound.header(_API_KEY)
    if key is None:
        return None if authorization is None else _token(authorization)
    if authorization is not None:
        raise UnauthenticatedError(f"send either `Authorization` or `{API_KEY}`, and not both")
    if not key.startswith(PREFIX):
        raise UnauthenticatedError(f"{API_KEY} takes API keys, which begin with `{PREFIX}`")
    return key


def has_credential(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a request presents something, be it right or not."""
    return any(name in headers for name in HEADERS)


def _token(authorization: str) -> str:
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise UnauthenticatedError(
            "the header must be `Authorization: Bearer <token>`; other schemes are not taken"
        )
    return token
