"""An answer as an HTTP reply: media type, compression, and what caches may do with it.

a query by GET whose answer is kept   private, for as long as all of it is fresh; ETag and 304
anything else                         no-store

A document or variables that are wrong have the status 400, but for clients that ask for
`application/json` by name: there the specification wants 200 for every request that could be read.
"""

import re
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from app.demand.control import DemandControl
from app.server.credentials import API_KEY
from app.server.envelope import enveloped
from app.server.exchange import Inbound, Reply, as_headers
from app.server.negotiation import EVENT_STREAM, PLAIN_JSON, names_plain_json, takes_gzip
from app.server.ports import Serves
from app.server.requests import READ
from app.server.telling import Answer
from app.server.terms import EXTENSIONS, STALENESS, Terms
from runtime.cache.kept import KeptAnswer, gzipped

Headers = tuple[tuple[bytes, bytes], ...]

_VARY: Final = f"Accept, Accept-Encoding, Authorization, {API_KEY}"
NO_STORE: Final = {
    "Cache-Control": "no-store",
    "Vary": _VARY,
    "X-Content-Type-Options": "nosniff",
}
_OK: Final = 200
_WRONG: Final = 400
_GZIPPED: Final = ((b"content-encoding", b"gzip"),)
_TAG: Final = re.compile(r'"([0-9a-f]+)(?:-gzip)?"')


class Replies:
    """Makes replies.

    Args:
        serves: How answers are sent.
        demand: Tells how much the caller may still ask.
    """

    def __init__(self, serves: Serves, demand: DemandControl) -> None:
        self._demand = demand
        self._gzip_from_bytes = serves.gzip_from_bytes
        self._now = time.time if serves.answers is None else serves.answers.now

    async def reply(self, answer: Answer, inbound: Inbound, form: str, terms: Terms) -> Reply:
        """The reply to a request; a refusal to who wants an event stream is plain JSON."""
        told = () if answer.at_hand else self._demand.headers(terms)
        status = _OK if _is_well_formed(answer, inbound, form) else answer.status
        form = PLAIN_JSON if form == EVENT_STREAM else form
        headers, kept = _unkept(form) + told, answer.kept
        packs = self._packs(answer.body, inbound)
        if kept is not None and inbound.method in READ and terms.max_staleness_s is None:
            known = _known(inbound.header(b"if-none-match"), kept)
            seconds = int(kept.good_until - self._now())
            headers = _cacheable(kept, seconds, packed=packs) + told
            headers += () if known else _typed(form)
            if known:
                return Reply(304, headers)
        if not packs:
            return Reply(status, headers, answer.body)
        body = await (gzipped(answer.body) if kept is None else kept.packed())
        return Reply(status, headers + _GZIPPED, body)

    def _packs(self, body: bytes, inbound: Inbound) -> bool:
        least = self._gzip_from_bytes
        if least is None or len(body) < least:
            return False
        return takes_gzip(inbound.header(b"accept-encoding"))


def refused(
    error: Mapping[str, Any], status: int, form: str, headers: Mapping[str, str] | None = None
) -> Reply:
    """The reply that says why there is no answer."""
    return Reply(status, _unkept(form) + as_headers(headers or {}), enveloped(None, [error]))


def _is_well_formed(answer: Answer, inbound: Inbound, form: str) -> bool:
    """Whether a request could be read, and its client goes by the rules of plain JSON."""
    if answer.status != _WRONG or form != PLAIN_JSON:
        return False
    return names_plain_json(inbound.header(b"accept"))


def _cacheable(kept: KeptAnswer, seconds: int, *, packed: bool) -> Headers:
    if seconds <= 0:
        return as_headers({**NO_STORE, "ETag": _tag(kept, packed=packed)})
    return as_headers(
        {
            "Cache-Control": f"private, max-age={seconds}",
            "Vary": f"{_VARY}, {EXTENSIONS}, {STALENESS}",
            "ETag": _tag(kept, packed=packed),
            "X-Content-Type-Options": "nosniff",
        }
    )


def _tag(kept: KeptAnswer, *, packed: bool) -> str:
    """An ETag, which is another one for the compressed form."""
    return f'"{kept.tag}-gzip"' if packed else f'"{kept.tag}"'


def _known(if_none_match: str | None, kept: KeptAnswer) -> bool:
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or kept.tag in _TAG.findall(if_none_match)


@lru_cache(maxsize=8)
def _unkept(form: str) -> Headers:
    return as_headers(NO_STORE) + _typed(form)


@lru_cache(maxsize=8)
def _typed(form: str) -> Headers:
    return as_headers({"Content-Type": f"{form}; charset=utf-8"})
