"""Tryton's errors, which come with HTTP 200, as ours.

["UserError", [message, description, domain]]     a rule of the business, or no right to read
["LoginException", ...]  ["ConcurrencyException", message]  ["UserWarning", [...]]
["'nope'", ""]                                    a KeyError: no such model or field
["Missing search function for field ...", ""]     anything else that broke inside
"""

import re
from typing import Any, Final

from canonical.errors import (
    BadAnswerError,
    ConflictError,
    InvalidInputError,
    MisconfiguredError,
    Reason,
    RejectedError,
    SupplygraphError,
    UnavailableError,
)

_KEY: Final = re.compile(r"'([\w.]+)'")
_REFUSALS: Final = frozenset({"UserError", "UserWarning", "LoginException"})
_LONGEST: Final = 300


def error_of(system: str, label: str, error: Any) -> SupplygraphError:
    """The error that a reply's `error` stands for.

    Args:
        system: The backend's name.
        label: What was asked.
        error: What the reply holds under `error`.
    """
    if not isinstance(error, list) or not error:
        return BadAnswerError(system, f"{label} failed with an error that cannot be read")
    name, text = str(error[0]), _text(error[1:])
    if name == "ConcurrencyException":
        return ConflictError(f"{system}: {label}: {text}")
    if name in _REFUSALS:
        msg = f"{label} is refused: {text}"
        return MisconfiguredError(system, msg, reason=Reason.CREDENTIALS)
    return _broken(system, label, name)


class WarnedError(RejectedError):
    """Tryton wants a user to confirm something first.

    Attributes:
        name: The warning's name, without what it is about.
        key: The whole name, by which it is confirmed.
    """

    def __init__(self, system: str, key: str, said: str) -> None:
        super().__init__(system, said)
        self.key = key
        self.name = key.partition(".")[2] or key


def refusal_of(system: str, label: str, error: Any) -> SupplygraphError:
    """The error that a reply's `error` stands for where something was told.

    Nothing of it was done. What Tryton says for people is passed on; everything else is as in
    `error_of`.
    """
    match error:
        case ["UserError", [*said]]:
            return RejectedError(system, _words(said[:2]))
        case ["UserWarning", [str(key), *said]]:
            return WarnedError(system, key, _words(said))
    return error_of(system, label, error)


def _words(said: list[Any]) -> str:
    return _short(" ".join(str(part) for part in said if part)) or "no reason is given"


def _broken(system: str, label: str, text: str) -> SupplygraphError:
    unknown = _KEY.fullmatch(text)
    if unknown:
        return MisconfiguredError(system, f"{label}: there is no {unknown[1]!r} in this database")
    if text.startswith(("Missing search function", "Missing order function")):
        return MisconfiguredError(system, f"{label}: {_short(text)} Set `push: false` on it.")
    if text.startswith("invalid literal"):
        return InvalidInputError(f"{system}: {label}: a value has the wrong form")
    return UnavailableError(system, Reason.SERVER_ERROR, f"{label} failed: {_short(text)}")


def _text(rest: list[Any]) -> str:
    first = rest[0] if rest else ""
    return _words(first[:2] if isinstance(first, list) else [first])


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]} ..."
