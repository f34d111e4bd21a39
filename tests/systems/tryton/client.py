"""A Tryton client on the standard library alone: seeds the database, and tells tests what is so.

It shares nothing with the connector under test, so that the two can disagree.
"""

import base64
import datetime as dt
import gzip
import http.client
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit


class TrytonError(Exception):
    """Tryton refused a call."""


class Client:
    """A user of one database; of none (the empty name), for what the server says of itself."""

    def __init__(self, base_url: str, database: str) -> None:
        self._address = urlsplit(base_url).netloc
        self._path = f"/{database}/rpc/" if database else "/rpc/"
        self._authorization = ""
        self.uid = 0
        self.context: dict[str, Any] = {}
        self.calls = 0

    def login(self, user: str, password: str) -> None:
        """Sign in; the user's preferences become the context of every later call."""
        self._authorization = ""
        self.uid, session, *_ = self.rpc("common.db.login", user, {"password": password}, "en")
        token = base64.b64encode(f"{user}:{self.uid}:{session}".encode()).decode()
        self._authorization = f"Session {token}"
        self.context = self.rpc("model.res.user.get_preferences", True, {})

    def rpc(self, method: str, *params: Any) -> Any:
        """Call a method.

        Raises:
            TrytonError: if Tryton answers with an error.
        """
        self.calls += 1
        # Exactly these keys: any further one ("jsonrpc") changes the form of the reply.
        body = {"id": self.calls, "method": method, "params": params}
        headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip"}
        if self._authorization:
            headers["Authorization"] = self._authorization
        connection = http.client.HTTPConnection(self._address, timeout=120)
        try:
            connection.request("POST", self._path, json.dumps(body, default=_encode), headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise TrytonError(f"{method}: HTTP {response.status}")
        if response.headers.get("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
        reply = json.loads(content, object_hook=_decode)
        if "error" in reply:
            raise TrytonError(f"{method}: {reply['error']}")
        return reply["result"]

    def call(self, model: str, method: str, *params: Any, **context: Any) -> Any:
        """Call a model's method, with the user's context."""
        return self.rpc(f"model.{model}.{method}", *params, {**self.context, **context})

    def read(
        self, model: str, domain: Sequence[Any], fields: Sequence[str], **context: Any
    ) -> list[dict[str, Any]]:
        """All records of a domain, by id."""
        order = [["id", "ASC"]]
        rows: list[dict[str, Any]] = self.call(
            model, "search_read", domain, 0, None, order, fields, **context
        )
        return rows

    def first(self, model: str, domain: Sequence[Any]) -> int:
        """Id of the first record of a domain.

        Raises:
            TrytonError: if there is none.
        """
        rows = self.read(model, domain, ["id"])
        if not rows:
            raise TrytonError(f"{model}: nothing matches {domain}")
        found: int = rows[0]["id"]
        return found

    def create(self, model: str, *values: Mapping[str, Any]) -> list[int]:
        """Create records; their ids in the same order."""
        ids: list[int] = self.call(model, "create", list(values))
        return ids

    def by_xml_id(self, name: str) -> int:
        """Id of a record that a module brought along, such as `product.uom_unit`."""
        module, _, xml_id = name.partition(".")
        found: int = self.call("ir.model.data", "get_id", module, xml_id)
        return found

    def wizard(
        self, name: str, *steps: tuple[str, Mapping[str, Any]], **context: Any
    ) -> tuple[Any, ...]:
        """Go through a wizard: (state, values of its forms), one after the other."""
        merged = {**self.context, **context}
        session, start, _ = self.rpc(f"wizard.{name}.create", merged)
        answers = [
            self.rpc(f"wizard.{name}.execute", session, values, state, merged)
            for state, values in ((start, {}), *steps)
        ]
        self.rpc(f"wizard.{name}.delete", session, merged)
        return tuple(answers)


def _encode(value: Any) -> dict[str, Any]:
    match value:
        case Decimal():
            return {"__class__": "Decimal", "decimal": str(value)}
        case dt.datetime():
            parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
            return {"__class__": "datetime"} | {p: getattr(value, p) for p in parts}
        case dt.date():
            return {"__class__": "date"} | {p: getattr(value, p) for p in ("year", "month", "day")}
        case dt.timedelta():
            return {"__class__": "timedelta", "seconds": value.total_seconds()}
    raise TypeError(type(value))


def _decode(value: dict[str, Any]) -> Any:
    kind = value.get("__class__")
    parts = {k: v for k, v in value.items() if k != "__class__"}
    match kind:
        case "Decimal":
            return Decimal(parts["decimal"])
        case "date":
            return dt.date(**parts)
        case "datetime":
            return dt.datetime(**parts, tzinfo=dt.UTC)
        case "timedelta":
            return dt.timedelta(seconds=parts["seconds"])
    return value
