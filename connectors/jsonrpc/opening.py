"""Opens the protocol for a backend: which dialect, and who signs in."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from canonical.errors import InvalidInputError
from connectors.jsonrpc.dialect import Dialect
from connectors.jsonrpc.odoo.dialect import OdooDialect
from connectors.jsonrpc.odoo.models import Models
from connectors.jsonrpc.odoo.wire import JSON2, ExecuteKw, Wire
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
    dialect, authenticator = _dialect(settings, caller, policy, auth, vault, clock)
    return JSONRPCReader(caller.system, dialect, settings, policy, now), authenticator


def _dialect(
    settings: Settings,
    caller: HTTPCaller,
    policy: CallPolicy,
    auth: Auth,
    vault: Vault,
    clock: Callable[[], float],
) -> tuple[Dialect, Authenticator | None]:
    language = {} if settings.language is None else {"language": settings.language}
    if settings.dialect == "odoo_json2":
        return _odoo(JSON2(caller, settings.database), settings, policy), None
    if not isinstance(auth, SessionAuth):
        raise InvalidInputError(_NEEDS_SESSION)
    if settings.dialect == "odoo_jsonrpc":
        wire = ExecuteKw(caller, str(settings.database), auth, vault, clock)
        return _odoo(wire, settings, policy), None
    session = TrytonSession(caller, str(settings.database), auth, vault, clock)
    return TrytonDialect(session, {**settings.context, **language}), session


def _odoo(wire: Wire, settings: Settings, policy: CallPolicy) -> OdooDialect:
    language = {} if settings.language is None else {"lang": settings.language}
    models = Models(wire, settings.renamed, settings.optional)
    context = {**settings.context, **language}
    return OdooDialect(wire, models, context, policy.max_keys_per_request)
