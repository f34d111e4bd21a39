"""The one place where secrets are taken out of what is told: logs, error reports, health.

A value is masked for the name that it stands under, at any depth, and text is masked for what it
looks like: credentials in an address, a token after Bearer or Basic, a JWT, an API key of ours,
`password=...`.
"""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

MASK: Final = "***"
_MAX_DEPTH: Final = 8
_MAX_TEXT: Final = 20_000
_PAIR: Final = 2

# Compared with the name's letters alone: client_secret, Client-Secret and clientSecret meet.
_SECRET_NAME: Final = re.compile(
    r"(?:password|passwd|passphrase|pwd|secret|token|apikey|accesskey|privatekey|statickey"
    r"|authorization|cookies?|credentials?)$"
)
_NO_LETTER: Final = re.compile(r"[^a-z0-9]")

# The look behind lets each pattern try once for each word: time stays linear in the text.
_USERINFO: Final = re.compile(
    r"(?<![A-Za-z0-9+.-])(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#@]*(?:@[^\s/?#@]*)*@"
)
_BEARER: Final = re.compile(r"(?i)\b(bearer|basic)(\s+)[A-Za-z0-9._~+/=-]{6,}")
_JWT: Final = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.?[A-Za-z0-9_-]*")
_API_KEY: Final = re.compile(r"(?<![A-Za-z0-9])(sg_[A-Za-z0-9]{12}_)[A-Za-z0-9]{10,}")
_ASSIGNMENT: Final = re.compile(
    r"""(?ix)
    (?<![a-z0-9_.-])
    (?P<name> [a-z0-9_.-]*? (?:password|passwd|passphrase|pwd|secret|token
      |api[_-]?key|access[_-]?key|private[_-]?key) ["']?)
    (?P<sign> \s? [=:] \s?)
    (?: "[^"]*" | '[^']*' | [^\s&;,"'}\])]+ )
    """
)
_HEADER: Final = re.compile(
    r"""(?ix)
    (?P<name> \b (?:proxy-)?authorization | \b (?:set-)?cookie)
    (?P<sign> ["']? \s? [=:] \s? ["']?)
    [^\r\n"']+
    """
)
_PLAIN: Final = (bool, int, float, Decimal, date, timedelta, UUID, type(None))


def is_secret_name(name: str) -> bool:
    """Tell whether what stands under a name is a secret."""
    return _SECRET_NAME.search(_NO_LETTER.sub("", name.lower())) is not None


def masked_text(text: str) -> str:
    """The text without what looks like a secret. A long text is cut."""
    if len(text) > _MAX_TEXT:
        text = f"{text[:_MAX_TEXT]}... ({len(text) - _MAX_TEXT} characters more)"
    text = _USERINFO.sub(rf"\g<scheme>{MASK}@", text)
    text = _JWT.sub(MASK, text)
    text = _API_KEY.sub(rf"\1{MASK}", text)
    text = _HEADER.sub(rf"\g<name>\g<sign>{MASK}", text)
    text = _BEARER.sub(rf"\1\2{MASK}", text)
    return _ASSIGNMENT.sub(rf"\g<name>\g<sign>{MASK}", text)


def masked(value: Any, *, name: str = "", depth: int = 0) -> Any:
    """A copy of a value without secrets, made of plain types: what is unknown becomes its text.

    Args:
        value: Anything.
        name: What it stands under.
        depth: How deep it lies; what is too deep is left out.
    """
    if name and value is not None and is_secret_name(name):
        return MASK
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return _container(value, depth + 1) if depth < _MAX_DEPTH else "..."
    return masked_text(_text(value))


def _container(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        items = [(_text(name), item) for name, item in value.items()]
        return {name: masked(item, name=name, depth=depth) for name, item in items}
    if isinstance(value, set | frozenset):
        return sorted((masked(item, depth=depth) for item in value), key=repr)
    if len(value) == _PAIR and isinstance(value[0], str | bytes):  # a header, perhaps
        return [masked(value[0]), masked(value[1], name=_text(value[0]), depth=depth)]
    return [masked(item, depth=depth) for item in value]


def _text(value: Any) -> str:
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "backslashreplace")
    return str(value) if isinstance(value, str | int | BaseException) else repr(value)
