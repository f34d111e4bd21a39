"""What a database's errors mean for a piece of work: do it again, or tell somebody."""

from enum import Enum
from typing import Final

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from canonical.errors import MisconfiguredError, Reason, UnavailableError
from runtime.store.engines import SYSTEM


class Trouble(Enum):
    """What to do."""

    CUT = "cut"
    """The connection is of no use; another may be."""
    CONTENDED = "contended"
    """Another was first: a deadlock, a lock, a key that appeared meanwhile."""
    OURS = "ours"
    """It would fail again."""


_CONTENDED: Final = frozenset({"40001", "40P01", "55P03", "23505"})
_CUT: Final = frozenset({"57P01", "57P02", "57P03", "53300", "25P03", "57P05"})
_CUT_WORDS: Final = (
    "connection is closed",
    "connection was closed",
    "connection lost",
    "no active connection",
)
_BUSY_WORDS: Final = ("database is locked", "database table is locked", "database schema is locked")
_LOGIN: Final = ("28", "3D")
_NO_TABLE: Final = "42P01"
_TOO_LONG: Final = "57014"


def judged(error: BaseException) -> Trouble:
    """What an error raised by a piece of work means for it."""
    if isinstance(error, (OSError, PoolTimeoutError)):
        return Trouble.CUT
    if not isinstance(error, DBAPIError):
        return Trouble.OURS
    state, words = _state(error), str(error.orig).lower()
    if state in _CONTENDED or any(each in words for each in _BUSY_WORDS):
        return Trouble.CONTENDED
    if isinstance(error, IntegrityError) and "unique constraint" in words:
        return Trouble.CONTENDED
    if error.connection_invalidated or state in _CUT or state.startswith("08"):
        return Trouble.CUT
    return Trouble.CUT if any(each in words for each in _CUT_WORDS) else Trouble.OURS


def told(error: BaseException, *, seconds: float) -> Exception | None:
    """The error for whoever asked; None if the error is a mistake of ours and should be seen."""
    if isinstance(error, TimeoutError):
        return _unavailable(f"did not answer within {seconds:g} seconds", Reason.TIMEOUT)
    if isinstance(error, (OSError, PoolTimeoutError)):
        return _unavailable("cannot be reached, or has no connection to spare")
    if not isinstance(error, DBAPIError) or isinstance(error, IntegrityError):
        return None
    return _refusal(error)


def _refusal(error: DBAPIError) -> Exception | None:
    state, words = _state(error), str(error.orig)
    if state.startswith(_LOGIN):
        msg = "refuses the user, the password or the database named in its address"
        return MisconfiguredError(SYSTEM, msg, reason=Reason.CREDENTIALS)
    if state == _NO_TABLE or "no such table" in words:
        return MisconfiguredError(SYSTEM, "its tables are missing: run `supplygraph migrate`")
    if state.startswith("53") or "disk is full" in words:
        return _unavailable("has no room left, for data or for connections", Reason.SERVER_ERROR)
    if state == _TOO_LONG or judged(error) is not Trouble.OURS:
        return _unavailable("is too busy, or its connection was cut")
    return None


def _unavailable(message: str, reason: Reason = Reason.CONNECTION) -> UnavailableError:
    return UnavailableError(SYSTEM, reason, message, retry_after_s=1.0)


def _state(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or "")
