"""Who is asking, and whether a write carries the token that was handed out for its session."""

from __future__ import annotations

import base64
import binascii
from secrets import token_urlsafe

from starlette.requests import Request
from starlette.responses import Response

from sandbox.s4.errors import ODataError

RESTRICTED_USER = "RESTRICTED"
_COOKIE = "SAP_SESSIONID_S4H_100"
_WRITES = frozenset({"POST", "PUT", "PATCH", "MERGE", "DELETE"})


class Sessions:
    """Basic authentication, and x-csrf-token tied to a session cookie.

    The user RESTRICTED has the same password and may see nothing.
    """

    def __init__(self, user: str, password: str) -> None:
        self._user = user
        self._password = password
        self._tokens_by_session: dict[str, str] = {}

    def expire(self) -> None:
        """Forget all sessions."""
        self._tokens_by_session.clear()

    def check(self, request: Request) -> None:
        """Let the request through, or not.

        Raises:
            ODataError: 401 without a known user, 403 without authorisation or without token.
        """
        user, password = _credentials(request)
        if user not in {self._user, RESTRICTED_USER} or password != self._password:
            realm = {"www-authenticate": 'Basic realm="SAP NetWeaver Application Server"'}
            raise ODataError(401, "Logon failed", "/IWFND/CM_COS/004", realm)
        if user == RESTRICTED_USER:
            raise ODataError(403, "No authorization to access the service", "/IWFND/CM_COS/003")
        if request.method in _WRITES:
            self._check_token(request)

    def _check_token(self, request: Request) -> None:
        expected = self._tokens_by_session.get(request.cookies.get(_COOKIE, ""))
        if expected is None or request.headers.get("x-csrf-token") != expected:
            required = {"x-csrf-token": "Required"}
            raise ODataError(403, "CSRF token validation failed", "/IWFND/CM_COS/CSRF", required)

    def hand_out_token(self, request: Request, response: Response) -> None:
        """Add token and cookie to the answer of a read that fetches them."""
        if request.headers.get("x-csrf-token", "").lower() != "fetch":
            return
        session = request.cookies.get(_COOKIE, "")
        if session not in self._tokens_by_session:
            session = token_urlsafe(24)
            self._tokens_by_session[session] = token_urlsafe(16)
        response.headers["x-csrf-token"] = self._tokens_by_session[session]
        response.set_cookie(_COOKIE, session, path="/", httponly=True)


def _credentials(request: Request) -> tuple[str, str]:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password
