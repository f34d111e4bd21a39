"""The two ways to call Odoo's methods by named arguments: execute_kw over /jsonrpc, and JSON-2."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol
from urllib.parse import quote

import msgspec
from msgspec import Struct

from canonical.errors import BadAnswerError, InDoubtError, MisconfiguredError, Reason
from canonical.ports import Ask
from connectors.jsonrpc.numbers import exact
from connectors.jsonrpc.odoo.errors import ACCESS_DENIED, error_of, exception_of, refusal_of
from connectors.kit.auth import Token, TokenCache
from connectors.kit.auth_kinds import SessionAuth
from connectors.kit.http import HTTPCaller, Request, Response
from connectors.kit.secrets import SecretMissingError, Vault

_JSON: Final = {"Content-Type": "application/json"}
_ERRORS: Final = (400, 403, 404, 422)
_DECODER: Final = msgspec.json.Decoder(type=Any, float_hook=exact)
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


class Wire(Protocol):
    """A way to call methods."""

    @property
    def system(self) -> str:
        """The backend's name."""

    async def call(self, model: str, method: str, arguments: Mapping[str, Any], ask: Ask) -> Any:
        """Call a method of a model that only reads.

        Raises:
            MisconfiguredError: what was named is not there, or the user may not read it.
            UnavailableError, BadAnswerError: as the transport does.
        """

    async def tell(self, call: "Told", ask: Ask) -> Any:
        """Call a method of a model that changes something, at most once.

        Raises:
            InDoubtError: it may have been done.
            RejectedError: Odoo refuses, with its words.
            NotFoundError: there is no such record.
            MisconfiguredError: what was named is not there, or the user may not change it.
            UnavailableError: it was surely not done.
        """

    async def aclose(self) -> None:
        """Stop a sign-in under way."""


class Told(Struct, frozen=True):
    """A call that changes something.

    Attributes:
        model: Whose method.
        method: Which.
        arguments: By name, in the method's order.
        context: Sent with it.
        ids: Records that it is about; None where it is about none.
    """

    model: str
    method: str
    arguments: Mapping[str, Any]
    context: Mapping[str, Any]
    ids: Sequence[int] | None = None


class JSON2:
    """POST /json/2/<model>/<method>, authorised by a bearer key."""

    def __init__(self, caller: HTTPCaller, database: str | None) -> None:
        self._caller = caller
        self._headers = dict(_JSON) | ({"X-Odoo-Database": database} if database else {})

    @property
    def system(self) -> str:
        """The backend's name."""
        return self._caller.system

    async def call(self, model: str, method: str, arguments: Mapping[str, Any], ask: Ask) -> Any:
        """Call a method; its result is the whole body."""
        response = await self._post(model, method, arguments, ask, repeatable=True)
        reply = _read(response)
        if response.status in _ERRORS:
            raise error_of(self.system, model, _body_fault(reply))
        _count(response, reply)
        return reply

    async def tell(self, call: Told, ask: Ask) -> Any:
        """Call a method that changes something; its result is the whole body."""
        ids = {} if call.ids is None else {"ids": call.ids}
        arguments = {**ids, **call.arguments, "context": call.context}
        response = await self._post(call.model, call.method, arguments, ask, repeatable=False)
        reply = _read_told(response)
        if response.status in _ERRORS:
            raise refusal_of(self.system, call.model, _body_fault(reply))
        return reply

    async def _post(
        self, model: str, method: str, arguments: Mapping[str, Any], ask: Ask, *, repeatable: bool
    ) -> Response:
        request = Request(
            path=f"json/2/{quote(model, safe='.')}/{quote(method, safe='')}",
            method="POST",
            headers=self._headers,
            body=_ENCODER.encode(arguments),
            label=model,
            accept=_ERRORS,
            repeatable=repeatable,
        )
        return await self._caller.send(request, ask, explain=_explain)

    async def aclose(self) -> None:
        """Nothing is under way: the key is not obtained."""


class ExecuteKw:
    """POST /jsonrpc, where each call carries the user's number and password."""

    def __init__(
        self,
        caller: HTTPCaller,
        database: str,
        auth: SessionAuth,
        vault: Vault,
        clock: Callable[[], float],
    ) -> None:
        self._caller = caller
        self._database = database
        self._auth = auth
        self._vault = vault
        # The number goes into the body of each call: no header is ever made of it.
        self._users = TokenCache(caller.system, self._sign_in, clock=clock)
        self._calls = 0

    @property
    def system(self) -> str:
        """The backend's name."""
        return self._caller.system

    async def call(self, model: str, method: str, arguments: Mapping[str, Any], ask: Ask) -> Any:
        """Call a method, signed in; once more where the user's number is not good any more."""
        parts = [model, method, [], arguments]
        response = await self._signed_in(parts, ask, repeatable=True)
        reply = _answer(response)
        if "error" in reply:
            raise error_of(self.system, model, _fault(reply))
        _count(response, reply["result"])
        return reply["result"]

    async def tell(self, call: Told, ask: Ask) -> Any:
        """Call a method that changes something; ids and arguments go by their places."""
        places = [*([] if call.ids is None else [call.ids]), *call.arguments.values()]
        parts = [call.model, call.method, places, {"context": call.context}]
        response = await self._signed_in(parts, ask, repeatable=False)
        reply = _answer_told(response)
        if "error" in reply:
            raise refusal_of(self.system, call.model, _fault(reply))
        return reply["result"]

    async def aclose(self) -> None:
        """Stop a sign-in under way."""
        await self._users.aclose()

    async def _signed_in(self, parts: list[Any], ask: Ask, *, repeatable: bool) -> Response:
        """Answer to a call; who is not known any more has changed nothing, and signs in again."""
        user = await self._users.headers(ask)
        response = await self._execute(user, parts, ask, repeatable=repeatable)
        if _is_denied(response):
            self._users.invalidate(user)
            user = await self._users.headers(ask)
            response = await self._execute(user, parts, ask, repeatable=repeatable)
        return response

    async def _execute(
        self, user: Mapping[str, str], parts: list[Any], ask: Ask, *, repeatable: bool
    ) -> Response:
        call = [int(user[_UID]), self._password(), *parts]
        return await self._post(
            "object", "execute_kw", call, ask, label=str(parts[0]), repeatable=repeatable
        )

    async def _sign_in(self, ask: Ask) -> Token:
        proof = [self._text(), self._password(), {}]
        # Not again: each wrong password counts towards a lock.
        response = await self._post(
            "common", "authenticate", proof, ask, label="sign-in", repeatable=False
        )
        reply = _answer(response)
        if "error" in reply:
            raise error_of(self.system, "sign-in", _fault(reply))
        user = reply["result"]
        if not isinstance(user, int) or isinstance(user, bool):
            msg = "the sign-in is refused: check database, user name and password (or API key)"
            raise MisconfiguredError(self.system, msg, reason=Reason.CREDENTIALS)
        return Token({_UID: str(user)})

    def _text(self) -> str:
        return self._secret(lambda: self._vault.text(self._auth.username))

    def _password(self) -> str:
        return self._secret(lambda: self._vault.read(self._auth.password).get_secret_value())

    def _secret(self, read: Callable[[], str]) -> str:
        try:
            return read()
        except SecretMissingError as exc:
            raise MisconfiguredError(self.system, str(exc), reason=Reason.CREDENTIALS) from exc

    async def _post(
        self,
        service: str,
        method: str,
        arguments: list[Any],
        ask: Ask,
        *,
        label: str,
        repeatable: bool,
    ) -> Response:
        self._calls += 1
        params = {"service": service, "method": method, "args": [self._database, *arguments]}
        body = {"jsonrpc": "2.0", "method": "call", "params": params, "id": self._calls}
        request = Request(
            path="jsonrpc",
            method="POST",
            headers=_JSON,
            body=_ENCODER.encode(body),
            authorise=service != "common",
            repeatable=repeatable,
            label=label,
        )
        return await self._caller.send(request, ask)


def _count(response: Response, result: Any) -> None:
    """What only reads answers with a list of records, or with one thing."""
    if isinstance(result, list):
        response.count(len(result))


def _answer(response: Response) -> Mapping[str, Any]:
    reply = _read(response)
    if not isinstance(reply, dict) or not reply.keys() & {"result", "error"}:
        raise BadAnswerError(response.system, f"{response.label} answered without a result")
    return reply


def _answer_told(response: Response) -> Mapping[str, Any]:
    try:
        return _answer(response)
    except BadAnswerError as exc:
        raise InDoubtError(response.system, exc.message) from exc


def _is_denied(response: Response) -> bool:
    if ACCESS_DENIED.encode() not in response.content:
        return False  # most answers are read once
    try:
        reply = _read(response)
    except BadAnswerError:
        return False
    return isinstance(reply, dict) and exception_of(_fault(reply)) == ACCESS_DENIED


def _read_told(response: Response) -> Any:
    try:
        return _read(response)
    except BadAnswerError as exc:
        raise InDoubtError(response.system, exc.message) from exc


def _body_fault(reply: Any) -> Mapping[str, Any]:
    return reply if isinstance(reply, dict) else {"name": "NotFound"}


def _fault(reply: Mapping[str, Any]) -> Mapping[str, Any]:
    error = reply.get("error")
    data = error.get("data") if isinstance(error, dict) else None
    return data if isinstance(data, dict) else {}


def _read(response: Response) -> Any:
    try:
        return _DECODER.decode(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        if response.status in _ERRORS:
            return None  # a proxy's page, not Odoo's words
        raise BadAnswerError(response.system, f"{response.label} answered no JSON") from exc


def _explain(response: Response) -> str | None:
    reply = _DECODER.decode(response.content)
    return str(reply["message"]) if isinstance(reply, dict) and reply.get("message") else None


_UID: Final = "uid"
