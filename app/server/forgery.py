"""Requests that a page of others could have sent in a visitor's name (CSRF).

A browser lets any page send a request of a few simple forms to any address, with what it keeps for
that address. Of these forms only GET is taken here at all; it must carry something that makes the
browser ask first: a token in its header, or one of the headers that Apollo's clients send.
"""

from typing import Final

from app.server.exchange import Inbound
from app.server.negotiation import HTTPRefusal

_SIMPLE: Final = frozenset(
    {"", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}
)
_ASKED_FIRST: Final = (b"x-apollo-operation-name", b"apollo-require-preflight", b"x-api-key")
_BLOCKED: Final = (
    "this could have been sent by a page of others (CSRF): send a token, or the header "
    "`apollo-require-preflight`, or `Content-Type: application/json`"
)


def check_intended(inbound: Inbound) -> None:
    """Check that a GET was not sent by a page of others.

    Raises:
        HTTPRefusal: if it could have been.
    """
    if inbound.headers.get(b"authorization", b"")[:7].lower() == b"bearer ":
        return
    if any(inbound.headers.get(name) for name in _ASKED_FIRST):
        return
    kind = (inbound.header(b"content-type") or "").partition(";")[0].strip().lower()
    if kind in _SIMPLE or "/" not in kind:
        raise HTTPRefusal(400, _BLOCKED)
