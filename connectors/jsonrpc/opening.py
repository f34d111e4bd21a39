"""Opens the protocol for a backend: which dialect, and who signs in."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from canonical.errors import InvalidInputError
from connectors.jsonrpc.dialect import Dialect
from connectors.jsonrpc.reader import JSONRPCReader
from connectors.jsonrpc.settings import Settings
from connectors.jsonrpc.tryton.dialect import TrytonDialect
from connectors.jsonrpc.tryton.session import TrytonSession
from connectors.kit.auth import Authenticator
from connectors.kit.auth_kinds import Auth, SessionAuth
from connectors.kit.http import HTTPCaller
from connectors.kit.policy import CallPolicy
from connectors.kit.secrets import Vault

_NEEDS_SESSION: Final = (
    "this dialect signs in by itself: write `auth: {kind: session, username: ..., password: ...}`"
)


def reader(  # noqa: PLR0913  -- wiring, by name
    settings: Settings,
    caller: HTTPCaller,
    policy: CallPolicy,
    *,
    auth: Auth,
    vault: Vault,
    clock: Callable[[], float],
    now: Callable[[], datetime],
) -> tuple[JSONRPCReader, Authenticator | None]:
    """Open a system. Nothing is asked before the first question.

    Returns:
        The reader, and what the transport is to authorise requests with; None where the kind of
        `auth` says it by itself, or the credentials go into the calls.

    Raises:
        InvalidInputError: if the dialect cannot sign in with this kind of `auth`.
    """
    dialect, authenticator = _dialect(settings, caller, auth, vault, clock)
    return JSONRPCReader(caller.system, dialect, settings, policy, now), authenticator


def _dialect(
    settings: Settings,
    caller: HTTPCaller,
    auth: Auth,
    vault: Vault,
    clock: Callable[[], float],
) -> tuple[Dialect, Authenticator | None]:
    context = dict(settings.context)
    if not isinstance(auth, SessionAuth):
        raise InvalidInputError(_NEEDS_SESSION)
    if settings.language is not None:
        context["language"] = settings.language
    session = TrytonSession(caller, str(settings.database), auth, vault, clock)
    return TrytonDialect(session, context), session
