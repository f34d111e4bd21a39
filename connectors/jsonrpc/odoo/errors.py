"""Odoo's errors as ours, by the name of the exception behind them.

/jsonrpc   HTTP 200 {"error": {"code": 200, "data": {"name": "odoo.exceptions.AccessError", ...}}}
JSON-2     HTTP 4xx {"name": "odoo.exceptions.AccessError", "message": "...", ...}
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from canonical.errors import (
    InvalidInputError,
    MisconfiguredError,
    NotFoundError,
    Reason,
    RejectedError,
    SupplygraphError,
    UnavailableError,
)

ACCESS_DENIED: Final = "AccessDenied"

_REFUSED: Final = frozenset({ACCESS_DENIED, "AccessError", "Forbidden", "Unauthorized"})
_INVALID: Final = frozenset({"UserError", "ValidationError", "UnprocessableEntity", "BadRequest"})
_UNKNOWN: Final = re.compile(
    r"invalid field|unknown field|doesn't exist|does not exist|no such|not found|unknown model",
    re.IGNORECASE,
)
_FOR_PEOPLE: Final = frozenset({"UserError", "ValidationError", "RedirectWarning"})
_LONGEST: Final = 300


def error_of(system: str, label: str, fault: Mapping[str, Any]) -> SupplygraphError:
    """The error that an exception's name and message stand for.

    Args:
        system: The backend's name.
        label: What was asked.
        fault: `name` and `message`, wherever the reply has them.
    """
    name = exception_of(fault)
    text = _short(fault.get("message"))
    if name in _REFUSED:
        return MisconfiguredError(system, f"{label} is refused: {text}", reason=Reason.CREDENTIALS)
    if name == "MissingError":
        return NotFoundError(f"{system}: {label}: {text}")
    if name in {"NotFound", "KeyError"} or _UNKNOWN.search(text):
        return MisconfiguredError(system, f"{label}: {text}")
    if name in _INVALID:
        return InvalidInputError(f"{system}: {label}: {text}")
    return UnavailableError(system, Reason.SERVER_ERROR, f"{label} failed: {text}")


def refusal_of(system: str, label: str, fault: Mapping[str, Any]) -> SupplygraphError:
    """The error that an exception stands for where something was told: nothing of it was done.

    What Odoo says for people is passed on; everything else is as in `error_of`.
    """
    if exception_of(fault) in _FOR_PEOPLE:
        return RejectedError(system, _short(fault.get("message")))
    return error_of(system, label, fault)


def exception_of(fault: Mapping[str, Any]) -> str:
    """The class of the exception, without its module."""
    return str(fault.get("name") or "").rpartition(".")[2]


def _short(text: Any) -> str:
    plain = " ".join(str(text or "no reason is given").split())
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]} ..."
