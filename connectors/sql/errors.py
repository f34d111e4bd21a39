"""Translates a database's errors once, by SQLSTATE class or the vendor's own number."""

import re
from typing import Any, Final

import structlog
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from canonical.errors import (
    ConflictError,
    InDoubtError,
    MisconfiguredError,
    Reason,
    RejectedError,
    SupplygraphError,
    UnavailableError,
)

_log = structlog.get_logger(__name__)

# Vendor numbers where there is no SQLSTATE: MySQL, Oracle, SQL Server.
_VENDOR: Final = {
    **dict.fromkeys(("1045", "1044", "1698", "01017", "28000", "18456"), Reason.CREDENTIALS),
    **dict.fromkeys(("3024", "1969", "01013", "-2", "1222"), Reason.TIMEOUT),
    **dict.fromkeys(("2002", "2003", "2006", "2013", "03113", "12541", "12170"), Reason.CONNECTION),
    **dict.fromkeys(("1213", "1205", "00060", "08177", "1040"), Reason.SERVER_ERROR),
    **dict.fromkeys(
        ("1054", "1146", "1142", "1049", "00904", "00942", "207", "208"), Reason.MISCONFIGURED
    ),
}
_BY_STATE: Final = (
    ("57014", Reason.TIMEOUT),
    ("42501", Reason.CREDENTIALS),
    ("3D000", Reason.MISCONFIGURED),
    ("HYT", Reason.TIMEOUT),
    ("28", Reason.CREDENTIALS),
    ("08", Reason.CONNECTION),
    ("57P", Reason.CONNECTION),
    ("53", Reason.SERVER_ERROR),
    ("40", Reason.SERVER_ERROR),
    ("42", Reason.MISCONFIGURED),
    ("0A", Reason.MISCONFIGURED),
    ("22", Reason.MISCONFIGURED),
    ("25", Reason.MISCONFIGURED),
)
_SAID: Final = (
    ("no such ", Reason.MISCONFIGURED),
    ("syntax error", Reason.MISCONFIGURED),
    ("readonly database", Reason.MISCONFIGURED),
    ("unable to open database", Reason.CONNECTION),
    ("not a database", Reason.MISCONFIGURED),
    ("database is locked", Reason.SERVER_ERROR),
    ("interrupted", Reason.TIMEOUT),
    ("invalid input for query argument", Reason.MISCONFIGURED),
    ("operator does not exist", Reason.MISCONFIGURED),
)
_UNKNOWN: Final = "40003"
"""The one rollback of which the database does not know whether it is one."""
_TAKEN: Final = "there is a row with such a key already"
_NOTHING: Final = "a value refers to something that is not there"
_MISSING: Final = "a value is missing that must be given"
_NOT_ALLOWED: Final = "a value is not allowed there"
_REFUSED_BY_STATE: Final = {
    "23505": _TAKEN,
    "23503": _NOTHING,
    "23502": _MISSING,
    "23": _NOT_ALLOWED,
    "22": "a value does not fit its column",
}
_REFUSED_BY_VENDOR: Final = {
    **dict.fromkeys(("1062", "00001", "2627", "2601"), _TAKEN),
    **dict.fromkeys(("1452", "02291", "547"), _NOTHING),
    **dict.fromkeys(("1048", "1364", "01400", "515"), _MISSING),
    **dict.fromkeys(("3819", "4025", "02290"), _NOT_ALLOWED),
}
_REFUSED_AS_SAID: Final = {
    "unique constraint failed": _TAKEN,
    "foreign key constraint failed": _NOTHING,
    "not null constraint failed": _MISSING,
    "check constraint failed": _NOT_ALLOWED,
}
_ORACLE: Final = re.compile(r"ORA-(\d{5})")
_TOLD: Final = {
    Reason.TIMEOUT: "took longer than there was time for, and was stopped",
    Reason.CREDENTIALS: "our login is refused, or may not read it. Check `auth` and its rights",
    Reason.CONNECTION: "the database cannot be reached",
    Reason.SERVER_ERROR: "the database could not answer just now",
    Reason.MISCONFIGURED: (
        "the database does not have the table, view or column that the mapping names, or holds "
        "another type there (say `type` of the field or key). `supplygraph check` names it"
    ),
}


def reason_of(error: BaseException) -> Reason:
    """Why a statement failed."""
    state = sqlstate(error)
    for prefix, reason in _BY_STATE:
        if state.startswith(prefix):
            return reason
    for code in _codes(error):
        if code in _VENDOR:
            return _VENDOR[code]
    text = str(error).lower()
    said = next((reason for words, reason in _SAID if words in text), None)
    if said is not None:
        return said
    broken = getattr(error, "connection_invalidated", False) or any(
        isinstance(inner, OSError) for inner in _chain(error)
    )
    return Reason.CONNECTION if broken else Reason.SERVER_ERROR


def sqlstate(error: BaseException) -> str:
    """The SQLSTATE that an error carries, or nothing."""
    for inner in _chain(error):
        state = getattr(inner, "sqlstate", None) or getattr(inner, "pgcode", None)
        if isinstance(state, str):
            return state
        first = inner.args[0] if inner.args else None
        if isinstance(first, str) and re.fullmatch(r"[0-9A-Z]{5}", first):
            return first
    return ""


def translated(
    system: str, label: str, error: SQLAlchemyError | OSError, correlation_id: str
) -> UnavailableError:
    """The error that a caller is told. What the database said goes to the log alone."""
    if isinstance(error, PoolTimeoutError):
        msg = f"{label}: all connections (pool_size) are taken"
        return UnavailableError(system, Reason.THROTTLED, msg)
    reason = reason_of(error)
    said = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    _log.warning(
        "statement_failed",
        system=system,
        label=label,
        reason=reason.value,
        sqlstate=sqlstate(error),
        vendor_text=said[:500],
        correlation_id=correlation_id,
    )
    message = f"{label}: {_TOLD[reason]}"
    if reason in {Reason.MISCONFIGURED, Reason.CREDENTIALS}:
        return MisconfiguredError(system, message, reason=reason)
    return UnavailableError(system, reason, message)


def refused(
    system: str,
    label: str,
    error: SQLAlchemyError | OSError,
    correlation_id: str,
    *,
    committing: bool,
) -> SupplygraphError:
    """The error that who changes something is told: whether it was done, refused or in doubt."""
    words = _refusal(error)
    if words == _TAKEN:
        return ConflictError(f"{system}: {label}: {words}")
    if words is not None:
        return RejectedError(system, f"{label}: {words}")
    found = translated(system, label, error, correlation_id)
    if committing and not _is_rolled_back(error):
        return InDoubtError(system, f"{label} may have been done: no answer came to the commit")
    return found


def _is_rolled_back(error: SQLAlchemyError | OSError) -> bool:
    """Whether the database says that a commit was not done. Drivers have states of their own."""
    state = sqlstate(error)
    if state.startswith("40"):
        return state != _UNKNOWN
    return "database is locked" in str(error).lower()


def _refusal(error: SQLAlchemyError | OSError) -> str | None:
    """What the database refuses about a value, in words without its own."""
    state = sqlstate(error)
    for prefix, words in _REFUSED_BY_STATE.items():
        if state.startswith(prefix):
            return words
    for code in _codes(error):
        if code in _REFUSED_BY_VENDOR:
            return _REFUSED_BY_VENDOR[code]
    said = str(error).lower()
    return next((words for text, words in _REFUSED_AS_SAID.items() if text in said), None)


def _codes(error: BaseException) -> list[str]:
    found: list[str] = []
    for inner in _chain(error):
        found += [str(a) for a in inner.args[:2] if isinstance(a, int)]
        found += _ORACLE.findall(str(inner))
    return found


def _chain(error: BaseException) -> list[Any]:
    found: list[Any] = []
    current: Any = error
    while current is not None and current not in found:
        found.append(current)
        current = getattr(current, "orig", None) or current.__cause__
    return found
