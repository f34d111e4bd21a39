"""Opens the protocol for a backend: which dialect, who signs in, who reads and who tells."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

from canonical.errors import InvalidInputError
from connectors.jsonrpc.dialect import Dialect
from connectors.jsonrpc.odoo.dialect import OdooDialect
from connectors.jsonrpc.odoo.models import Models
from connectors.jsonrpc.odoo.telling import OdooTeller
from connectors.jsonrpc.odoo.wire import JSON2, ExecuteKw, Wire
from connectors.jsonrpc.reader import JSONRPCReader
from connectors.jsonrpc.settings import Settings
from connectors.jsonrpc.telling import Teller
from connectors.jsonrpc.tryton.dialect import TrytonDialect
from connectors.jsonrpc.tryton.session import TrytonSession
from connectors.jsonrpc.tryton.telling import TrytonTeller
from connectors.jsonrpc.writing import JSONRPCWriter
from connectors.kit.auth import Authenticator
from connectors.kit.auth_kinds import Auth, SessionAuth
from connectors.kit.http import HTTPCaller
from connectors.kit.policy import CallPolicy
from connectors.kit.secrets import Vault

_NEEDS_SESSION: Final = (
    "this dialect signs in by itself: write `auth: {kind: session, username: ..., password: ...}`"
)


class Opened(NamedTuple):
    """A system, opened.

    Attributes:
        reader: Reads it.
        writer: Tells it.
        authenticator: What the transport is to authorise requests with; None where the kind of
            `auth` says it by itself, or the credentials go into the calls.
    """

    reader: JSONRPCReader
    writer: JSONRPCWriter
    authenticator: Authenticator | None


class _Parts(NamedTuple):
    dialect: Dialect
    teller: Teller
    authenticator: Authenticator | None = None


def opened(  # noqa: PLR0913  -- wiring, by name
    settings: Settings,
    caller: HTTPCaller,
    policy: CallPolicy,
    *,
    auth: Auth,
    vault: Vault,
    clock: Callable[[], float],
    now: Callable[[], datetime],
) -> Opened:
    """Open a system. Nothing is asked before the first question.

    Raises:
        InvalidInputError: if the dialect cannot sign in with this kind of `auth`.
    """
    parts = _parts(settings, caller, policy, auth, vault, clock)
    return Opened(
        JSONRPCReader(caller.system, parts.dialect, settings, policy, now),
        JSONRPCWriter(caller.system, parts.teller),
        parts.authenticator,
    )


def _parts(
    settings: Settings,
    caller: HTTPCaller,
    policy: CallPolicy,
    auth: Auth,
    vault: Vault,
    clock: Callable[[], float],
) -> _Parts:
    if settings.dialect == "odoo_json2":
        return _odoo(JSON2(caller, settings.database), settings, policy)
    if not isinstance(auth, SessionAuth):
        raise InvalidInputError(_NEEDS_SESSION)
    if settings.dialect == "odoo_jsonrpc":
        wire = ExecuteKw(caller, str(settings.database), auth, vault, clock)
        return _odoo(wire, settings, policy)
    session = TrytonSession(caller, str(settings.database), auth, vault, clock)
    language = {} if settings.language is None else {"language": settings.language}
    context = {**settings.context, **language}
    dialect = TrytonDialect(session, context)
    teller = TrytonTeller(session, dialect, context, settings.accepted_warnings)
    return _Parts(dialect, teller, session)


def _odoo(wire: Wire, settings: Settings, policy: CallPolicy) -> _Parts:
    language = {} if settings.language is None else {"lang": settings.language}
    models = Models(wire, settings.renamed, settings.optional)
    context = {**settings.context, **language}
    dialect = OdooDialect(wire, models, context, policy.max_keys_per_request)
    return _Parts(dialect, OdooTeller(wire, models, context))
