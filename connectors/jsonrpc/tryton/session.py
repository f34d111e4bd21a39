"""A user's session with a Tryton database: signed in once, with the context of every call."""

import asyncio
import base64
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import msgspec

from canonical.errors import (
    BadAnswerError,
    InDoubtError,
    MisconfiguredError,
    Reason,
    SupplygraphError,
    UnavailableError,
)
from canonical.ports import Ask
from connectors.jsonrpc.tryton.errors import error_of, refusal_of
from connectors.jsonrpc.tryton.values import decode, encode
from connectors.kit.auth import Token, TokenCache
from connectors.kit.auth_kinds import SessionAuth
from connectors.kit.http import HTTPCaller, Request, Response
from connectors.kit.secrets import SecretMissingError, Vault

_HEADERS: Final = {"Content-Type": "application/json"}
_ErrorFor = Callable[[str, str, Any], SupplygraphError]


class TrytonSession:
    """The authenticator of a Tryton database, and the way to call its methods."""

    def __init__(
        self,
        caller: HTTPCaller,
        database: str,
        auth: SessionAuth,
        vault: Vault,
        clock: Callable[[], float],
    ) -> None:
        self._caller = caller
        self._path = f"{quote(database, safe='')}/rpc/"
        self._auth = auth
        self._vault = vault
        self._tokens = TokenCache(caller.system, self._sign_in, clock=clock)
        self._preferences: Mapping[str, Any] | None = None
        self._reading = asyncio.Lock()
        self._calls = 0

    @property
    def system(self) -> str:
        """The backend's name."""
        return self._caller.system

    async def headers(self, ask: Ask) -> Mapping[str, str]:
        """Headers of the session, signed in where there is none."""
        return await self._tokens.headers(ask)

    def invalidate(self, headers: Mapping[str, str]) -> None:
        """Learn that the session is gone; the next call signs in again."""
        self._tokens.invalidate(headers)

    async def aclose(self) -> None:
        """Stop a sign-in under way."""
        await self._tokens.aclose()

    async def call(self, method: str, params: list[Any], ask: Ask, *, label: str) -> Any:
        """Call a method that only reads.

        Raises:
            MisconfiguredError: what was named is not there, or the user may not read it.
            UnavailableError, BadAnswerError: as the transport does.
        """
        return await self._send(method, params, ask, label=label)

    async def tell(self, method: str, params: list[Any], ask: Ask, *, label: str) -> Any:
        """Call a method that changes something, at most once.

        Raises:
            InDoubtError: it may have been done.
            RejectedError: Tryton refuses, with its words (`WarnedError`: it wants a confirmation).
            ConflictError: the record is no longer as `_timestamp` of the context says.
            MisconfiguredError: what was named is not there.
            UnavailableError: it was surely not done.
        """
        await self.headers(ask)  # signing in is not part of what may be in doubt
        response = await self._post(method, params, ask, label=label, repeatable=False)
        try:
            return self._result(response, label, refusal_of)
        except BadAnswerError as exc:
            raise InDoubtError(self.system, exc.message) from exc

    async def context(self, ask: Ask) -> Mapping[str, Any]:
        """The user's preferences: without them Tryton answers for no company."""
        if self._preferences is None:
            try:
                async with asyncio.timeout_at(ask.deadline), self._reading:
                    if self._preferences is None:
                        self._preferences = await self._read_preferences(ask)
            except TimeoutError as exc:
                msg = "reading the user's preferences took longer than the deadline"
                raise UnavailableError(self.system, Reason.TIMEOUT, msg) from exc
        return self._preferences

    async def _read_preferences(self, ask: Ask) -> Mapping[str, Any]:
        method = "model.res.user.get_preferences"
        found = await self._send(method, [True, {}], ask, label="preferences")
        if not isinstance(found, dict):
            raise BadAnswerError(self.system, "the user's preferences cannot be read")
        return found

    async def _sign_in(self, ask: Ask) -> Token:
        try:
            name = self._vault.text(self._auth.username)
            password = self._vault.read(self._auth.password).get_secret_value()
        except SecretMissingError as exc:
            raise MisconfiguredError(self.system, str(exc), reason=Reason.CREDENTIALS) from exc
        params = [name, {"password": password}, "en"]
        answer = await self._send("common.db.login", params, ask, label="sign-in", authorise=False)
        if not isinstance(answer, list) or len(answer) < 2 or not answer[1]:  # noqa: PLR2004
            msg = "the sign-in is refused: check user name and password"
            raise MisconfiguredError(self.system, msg, reason=Reason.CREDENTIALS)
        self._preferences = None  # they are of the session
        proof = base64.b64encode(f"{name}:{answer[0]}:{answer[1]}".encode()).decode()
        return Token({"Authorization": f"Session {proof}"})

    async def _send(
        self, method: str, params: list[Any], ask: Ask, *, label: str, authorise: bool = True
    ) -> Any:
        # Not a sign-in again: each wrong password counts towards a lock.
        response = await self._post(
            method, params, ask, label=label, repeatable=authorise, authorise=authorise
        )
        result = self._result(response, label, error_of)
        if authorise and isinstance(result, list):  # of records; a sign-in gives one of its own
            response.count(len(result))
        return result

    async def _post(
        self,
        method: str,
        params: list[Any],
        ask: Ask,
        *,
        label: str,
        repeatable: bool,
        authorise: bool = True,
    ) -> Response:
        self._calls += 1
        # Exactly these three keys: with any other ("jsonrpc") errors come as HTML.
        body = encode({"id": self._calls, "method": method, "params": params})
        request = Request(
            path=self._path,
            method="POST",
            headers=_HEADERS,
            body=body,
            authorise=authorise,
            repeatable=repeatable,
            label=label,
        )
        return await self._caller.send(request, ask, explain=explain)

    def _result(self, response: Response, label: str, error_for: _ErrorFor) -> Any:
        try:
            reply = decode(response.content)
        except (msgspec.DecodeError, ValueError, RecursionError) as exc:
            raise BadAnswerError(self.system, f"{label} answered no JSON of Tryton's") from exc
        if not isinstance(reply, dict) or not reply.keys() & {"result", "error"}:
            raise BadAnswerError(self.system, f"{label} answered without a result")
        if "error" in reply:
            raise error_for(self.system, label, reply["error"])
        return reply["result"]


def explain(response: Response) -> str | None:
    """What an HTTP error means in Tryton's mouth; its bodies are empty or HTML."""
    return _MEANING.get(response.status)


_MEANING: Final[Mapping[int, str]] = {
    HTTPStatus.UNAUTHORIZED: "the user name or the password is wrong, or the session has ended",
    HTTPStatus.FORBIDDEN: "this method may not be called from outside",
    HTTPStatus.NOT_FOUND: "there is no such database on this server",
    HTTPStatus.TOO_MANY_REQUESTS: "too many wrong passwords; Tryton waits for five minutes",
    HTTPStatus.GATEWAY_TIMEOUT: "the database took too long",
}
