"""Deprecations that say what to use instead, since when, and until when.

`@deprecated(reason: "Use Item.name; since 2026-11-25; may be gone from 2027-05-25 on")`
"""

import re
from datetime import date
from typing import Final

from msgspec import Struct

_FORM: Final = re.compile(
    r"Use (?P<use>\S.*?); since (?P<since>\d{4}-\d\d-\d\d); "
    r"may be gone from (?P<ends>\d{4}-\d\d-\d\d) on(?:: (?P<why>.+))?"
)


class Retirement(Struct, frozen=True):
    """What a deprecation says.

    Attributes:
        use: What to use instead.
        since: Since when it is deprecated.
        ends: The day from which on it may be gone.
        why: Why, if that is said.
    """

    use: str
    since: date
    ends: date
    why: str | None = None


def retired(use: str, *, since: date, ends: date, why: str | None = None) -> str:
    """The `deprecation_reason` of a field, an argument or an enum value.

    Args:
        use: What to use instead: a coordinate, or a few words without a semicolon.
        since: The day on which it is published as deprecated.
        ends: The day from which on it may be gone, after `since`.
        why: Why, for people.

    Raises:
        ValueError: if that is no retirement that readers could rely on.
    """
    text = f"Use {use}; since {since}; may be gone from {ends} on" + (f": {why}" if why else "")
    if ends <= since or ";" in use or retirement(text) is None:
        raise ValueError("say what to use instead, without a semicolon, and an end after its start")
    return text


def retirement(reason: str | None) -> Retirement | None:
    """What a deprecation's reason says; None if it is not of this form."""
    found = _FORM.fullmatch(reason or "")
    if found is None:
        return None
    try:
        since, ends = (date.fromisoformat(found[name]) for name in ("since", "ends"))
    except ValueError:
        return None
    return Retirement(found["use"], since, ends, found["why"])
