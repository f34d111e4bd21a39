"""An OData V4 service that keeps track of changes, in the manner of 4.0 and of 4.01."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from typing_extensions import override

from tests.connectors.odata.v4_server import Row, V4Service, _wire


class TrackedService(V4Service):
    """The service of orders, whose rows change. `preferred` keeps every request's wishes.

    Args:
        orders: Orders with their lines under `_Item`.
        is_401: Whether removed rows are written as 4.01 has it.
        origin: Where its links lead; empty for relative ones.
    """

    def __init__(self, orders: Sequence[Row], *, is_401: bool = True, origin: str = "") -> None:
        self.orders: list[Row] = list(orders)
        super().__init__(self.orders)
        self.is_401 = is_401
        self.origin = origin
        self.tracks = True
        self.preferred: list[str] = []
        self.links: list[str] = []
        self.odd: list[Row] = []
        self._changes: list[str] = []
        self._oldest = 0

    def put(self, row: Row) -> None:
        """A row comes, or becomes another."""
        self.orders[:] = [r for r in self.orders if r["Number"] != row["Number"]] + [row]
        self._changes.append(row["Number"])

    def remove(self, number: str) -> None:
        """A row goes."""
        self.orders[:] = [r for r in self.orders if r["Number"] != number]
        self._changes.append(number)

    def forget(self) -> None:
        """What has changed up to now cannot be told any more."""
        self._changes.append("")
        self._oldest = len(self._changes)

    @override
    async def _read(self, request: Request) -> Response:
        options, prefer = dict(request.query_params), request.headers.get("prefer", "")
        if "$deltatoken" not in options and not self._begins(prefer, options):
            return await super()._read(request)
        self.preferred.append(prefer)
        self.links.append(str(request.url.query))
        if int(options.get("$deltatoken", self._oldest)) < self._oldest:
            return JSONResponse({"error": {"code": "410", "message": "token expired"}}, 410)
        size = int(prefer.rpartition("maxpagesize=")[2])
        whole = "$deltatoken" not in options
        found = self._whole() if whole else self._since(int(options["$deltatoken"]))
        return self._page(options, found, size, len(self._changes))

    def _begins(self, prefer: str, options: Mapping[str, str]) -> bool:
        return self.tracks and ("track-changes" in prefer or "$tracktoken" in options)

    def _whole(self) -> list[Row]:
        return sorted(self.orders, key=lambda row: row["Number"])

    def _since(self, token: int) -> list[Row]:
        there = {row["Number"]: row for row in self.orders}
        changed = dict.fromkeys(self._changes[token:])
        return [*(there[n] if n in there else self._gone(n) for n in changed), *self.odd]

    def _gone(self, number: str) -> Row:
        address = f"Orders('{number}')"
        if self.is_401:
            return {"@removed": {"reason": "deleted"}, "@id": address}
        context = "$metadata#Orders/$deletedEntity"
        return {"@odata.context": context, "id": address, "reason": "deleted"}

    def _page(
        self, options: Mapping[str, str], rows: Sequence[Row], size: int, now: int
    ) -> Response:
        at, now = int(options.get("$skiptoken", 0)), int(options.get("$tracktoken", now))
        shown = [{k: v for k, v in r.items() if k != "_Item"} for r in rows[at : at + size]]
        body: dict[str, Any] = {"@odata.context": "$metadata#Orders", "value": shown}
        mark = "@" if self.is_401 else "@odata."
        rest = {k: v for k, v in options.items() if k == "$deltatoken"}
        if len(rows) > at + size:
            rest |= {"$skiptoken": str(at + size), "$tracktoken": str(now)}
            body[f"{mark}nextLink"] = self._link(rest)
        else:
            body[f"{mark}deltaLink"] = self._link({"$deltatoken": str(now)})
        return Response(json.dumps(body, default=_wire), media_type="application/json")

    def _link(self, options: Mapping[str, str]) -> str:
        where = f"{self.origin}/srv/orders/" if self.origin else ""
        return f"{where}Orders?{urlencode(options)}"
