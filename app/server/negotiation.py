"""In which form an answer is wanted: media type (`Accept`) and coding (`Accept-Encoding`).

Follows RFC 9110, section 12.5.1: the most specific range that fits a type decides on its quality;
of types with the same quality, the one whose range stands first wins. An event stream is for
whoever prefers it: clients name it for subscriptions, among what they take for queries.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from msgspec import Struct

RESPONSE_JSON: Final = "application/graphql-response+json"
PLAIN_JSON: Final = "application/json"
EVENT_STREAM: Final = "text/event-stream"

_OFFERED: Final = (PLAIN_JSON, RESPONSE_JSON, EVENT_STREAM)
_QUALITY: Final = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
_MAX_RANGES: Final = 100


class HTTPRefusal(Exception):
    """The request cannot be answered at all.

    Attributes:
        status: HTTP status.
        message: Why, and what to do.
        headers: Further headers.
        code: Stable code for programs.
    """

    def __init__(
        self,
        status: int,
        message: str,
        headers: Mapping[str, str] | None = None,
        code: str = "BAD_REQUEST",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})
        self.code = code


class _Range(Struct, frozen=True):
    name: str
    quality: float
    place: int


@lru_cache(maxsize=256)
def media_type(accept: str | None) -> str:
    """The media type to answer with; plain JSON where the client does not mind.

    Raises:
        HTTPRefusal: 406, if the client takes none of ours.
    """
    if accept is None or not accept.strip():
        return PLAIN_JSON
    ranges = {r.name: r for r in _ranges(accept)}
    wanted: list[tuple[float, bool, int, str]] = []
    for offered in _OFFERED:
        kind = offered.partition("/")[0]
        fitting = (ranges.get(name) for name in (offered, f"{kind}/*", "*/*"))
        best = next((r for r in fitting if r is not None), None)
        if best is not None and best.quality > 0:
            wanted.append((-best.quality, offered == EVENT_STREAM, best.place, offered))
    if not wanted:
        offered = f"{RESPONSE_JSON}, {PLAIN_JSON} or {EVENT_STREAM}"
        raise HTTPRefusal(406, f"answers are {offered}: accept one of them")
    return min(wanted, key=lambda w: w[:3])[3]


@lru_cache(maxsize=256)
def names_plain_json(accept: str | None) -> bool:
    """Tell whether a client names plain JSON; its rules want 200 for whatever could be read."""
    return any(r.name == PLAIN_JSON and r.quality > 0 for r in _ranges(accept or ""))


@lru_cache(maxsize=256)
def takes_events(accept: str | None) -> bool:
    """Tell whether a client names event streams among what it takes, wanted most or not."""
    return any(r.name == EVENT_STREAM and r.quality > 0 for r in _ranges(accept or ""))


@lru_cache(maxsize=256)
def takes_gzip(accept_encoding: str | None) -> bool:
    """Tell whether a client takes what gzip has compressed."""
    ranges = {r.name: r for r in _ranges(accept_encoding or "")}
    found = ranges.get("gzip") or ranges.get("x-gzip") or ranges.get("*")
    return found is not None and found.quality > 0


def parameters_of(text: str) -> dict[str, str]:
    """Parameters of a media type, `name=value` separated by semicolons; names in lower case."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}


def _ranges(accept: str) -> Iterator[_Range]:
    for place, part in enumerate(accept.split(",")[:_MAX_RANGES]):
        name, _, parameters = part.partition(";")
        quality = parameters_of(parameters).get("q", "1")
        if _QUALITY.fullmatch(quality):
            yield _Range(name.strip().lower(), float(quality), place)
