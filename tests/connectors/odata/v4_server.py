"""A small OData V4 service of orders with lines, really filtered, sorted, expanded and paged."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

NAMESPACE = "com.example.orders"
STATUS = f"{NAMESPACE}.Status"
METADATA = f"""<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="{NAMESPACE}" xmlns="http://docs.oasis-open.org/odata/ns/edm">
<EnumType Name="Status"><Member Name="Open"/><Member Name="Closed"/></EnumType>
<EntityType Name="Order"><Key><PropertyRef Name="Number"/></Key>
<Property Name="Number" Type="Edm.String" Nullable="false"/>
<Property Name="Id" Type="Edm.Guid"/><Property Name="Supplier" Type="Edm.String"/>
<Property Name="Status" Type="{STATUS}"/><Property Name="Total" Type="Edm.Decimal"/>
<Property Name="Lines" Type="Edm.Int64"/><Property Name="OrderedOn" Type="Edm.Date"/>
<Property Name="ChangedAt" Type="Edm.DateTimeOffset"/>
<NavigationProperty Name="_Item" Type="Collection({NAMESPACE}.Item)"/></EntityType>
<EntityType Name="Item"><Key><PropertyRef Name="Order"/><PropertyRef Name="Line"/></Key>
<Property Name="Order" Type="Edm.String"/><Property Name="Line" Type="Edm.Int32"/>
<Property Name="Material" Type="Edm.String"/><Property Name="Quantity" Type="Edm.Decimal"/>
<NavigationProperty Name="_Order" Type="{NAMESPACE}.Order"/></EntityType>
<EntityContainer Name="C"><EntitySet Name="Orders" EntityType="{NAMESPACE}.Order"/>
<EntitySet Name="Items" EntityType="{NAMESPACE}.Item"/></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"""

Row = dict[str, Any]
Scope = Mapping[str, Any]
Value = Callable[[Scope], Any]

_TOKEN = re.compile(
    r"\s*(?:(?P<enum>[A-Za-z_.]+'[^']*')|(?P<string>'(?:[^']|'')*')"
    r"|(?P<guid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    r"|(?P<moment>\d{4}-\d\d-\d\d(?:T[\d:.]+Z)?)|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<mark>[(),:/]))"
)
_ORDERINGS: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
}


class FilterError(Exception):
    """A $filter that is wrong."""


class Filter:
    """A parsed $filter; null in a comparison other than eq and ne is false, in a function null."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        position = 0
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                raise FilterError(f"cannot read {text[position:]!r}")
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            position = match.end()
        self._at = 0
        self.test = self._either()
        if self._at < len(self._tokens):
            raise FilterError(f"unexpected {self._tokens[self._at][1]!r}")

    def _take(self, text: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at][1] == text:
            self._at += 1
            return True
        return False

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise FilterError(f"{text!r} is missing")

    def _either(self) -> Value:
        parts = [self._all()]
        while self._take("or"):
            parts.append(self._all())
        return lambda scope: any(p(scope) is True for p in parts)

    def _all(self) -> Value:
        parts = [self._not()]
        while self._take("and"):
            parts.append(self._not())
        return lambda scope: all(p(scope) is True for p in parts)

    def _not(self) -> Value:
        if not self._take("not"):
            return self._comparison()
        inner = self._not()

        def negated(scope: Scope) -> bool | None:
            value = inner(scope)
            return None if value is None else not value

        return negated

    def _comparison(self) -> Value:
        left = self._operand()
        if self._take("in"):
            values = self._arguments()
            return lambda scope: left(scope) in [v(scope) for v in values]
        for name in ("eq", "ne", "gt", "ge", "lt", "le"):
            if self._take(name):
                return _compared(name, left, self._operand())
        return left

    def _arguments(self) -> list[Value]:
        self._need("(")
        found = [self._operand()]
        while self._take(","):
            found.append(self._operand())
        self._need(")")
        return found

    def _operand(self) -> Value:
        if self._take("("):
            inner = self._either()
            self._need(")")
            return inner
        if self._at >= len(self._tokens):
            raise FilterError("it ends too early")
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "name":
            return self._named(text)
        value = _literal(kind, text)
        return lambda _: value

    def _named(self, text: str) -> Value:
        if text in {"true", "false", "null"}:
            value = {"true": True, "false": False, "null": None}[text]
            return lambda _: value
        if text in {"contains", "startswith"}:
            whole, part = self._arguments()
            return lambda scope: _searched(text, whole(scope), part(scope))
        path = [text]
        while self._take("/"):
            name = self._tokens[self._at][1]
            self._at += 1
            if name == "any":
                return self._any(path)
            path.append(name)
        return lambda scope: _walk(scope, path)

    def _any(self, path: list[str]) -> Value:
        self._need("(")
        variable = self._tokens[self._at][1]
        self._at += 1
        self._need(":")
        inner = self._either()
        self._need(")")
        return lambda scope: any(
            inner({**scope, variable: element}) is True for element in _walk(scope, path)
        )


def _compared(name: str, left: Value, right: Value) -> Value:
    if name == "eq":
        return lambda scope: left(scope) == right(scope)
    if name == "ne":
        return lambda scope: left(scope) != right(scope)

    def ordered(scope: Scope) -> bool:
        a, b = left(scope), right(scope)
        if a is None or b is None:
            return False
        if type(a) is not type(b):
            raise FilterError(f"{name} cannot compare {a!r} with {b!r}")
        return _ORDERINGS[name](a, b)

    return ordered


def _searched(function: str, whole: Any, part: Any) -> bool | None:
    if whole is None or part is None:
        return None
    return part in whole if function == "contains" else bool(whole.startswith(part))


def _literal(kind: str, text: str) -> Any:
    match kind:
        case "string":
            return text[1:-1].replace("''", "'")
        case "enum":
            name, _, member = text.partition("'")
            if name != STATUS:
                raise FilterError(f"no type {name}")
            return member[:-1]
        case "number":
            return Decimal(text)
        case "moment" if "T" in text:
            return datetime.fromisoformat(text)
        case "moment":
            return date.fromisoformat(text)
        case "guid":
            return text
    raise FilterError(f"unexpected {text!r}")


def _walk(scope: Any, path: Sequence[str]) -> Any:
    for name in path:
        if name not in scope:
            raise FilterError(f"no property {name}")
        scope = scope[name]
    return scope


class V4Service:
    """The service: rows hold Python values; `asked` keeps every request's options.

    Args:
        orders: Orders with their lines under `_Item`.
        page_size: Most rows of one answer.
    """

    def __init__(self, orders: Sequence[Row], page_size: int = 10) -> None:
        self.page_size = page_size
        self.asked: list[dict[str, str]] = []
        self.accepted: list[str] = []
        items = [{**item, "_Order": order} for order in orders for item in order["_Item"]]
        self._sets: dict[str, Sequence[Row]] = {"Orders": orders, "Items": items}
        self.app = Starlette(
            routes=[
                Route("/srv/orders/$metadata", self._metadata),
                Route("/srv/orders/{name}", self._read),
            ]
        )

    async def _metadata(self, request: Request) -> Response:
        return Response(METADATA, media_type="application/xml")

    async def _read(self, request: Request) -> Response:
        options = dict(request.query_params)
        self.asked.append(options)
        self.accepted.append(request.headers["accept"])
        try:
            return self._answer(request.path_params["name"], options)
        except FilterError as exc:
            error = {"code": "SADL/042", "message": str(exc), "details": []}
            return JSONResponse({"error": error}, 400)
        except KeyError as exc:
            error = {"code": "SADL/043", "message": f"Property {exc} is unknown"}
            return JSONResponse({"error": error}, 400)

    def _answer(self, name: str, options: Mapping[str, str]) -> Response:
        rows = list(self._sets[name])
        if "$filter" in options:
            test = Filter(options["$filter"]).test
            rows = [row for row in rows if test(row) is True]
        for term in reversed([t for t in options.get("$orderby", "").split(",") if t]):
            column, _, direction = term.partition(" ")
            path = column.split("/")
            rows.sort(
                key=lambda row: _null_first(_walk(row, path)),
                reverse=direction == "desc",
            )
        total = len(rows)
        start = int(options.get("$skip", 0))
        window = rows[start : start + int(options.get("$top", total))]
        at = int(options.get("$skiptoken", 0))
        page = window[at : at + self.page_size]
        body: dict[str, Any] = {"@odata.context": f"$metadata#{name}"}
        if options.get("$count") == "true":
            body["@odata.count"] = total
        body["value"] = [_shown(r, options.get("$select"), options.get("$expand")) for r in page]
        if len(window) > at + self.page_size:
            rest = {**options, "$skiptoken": str(at + self.page_size)}
            body["@odata.nextLink"] = f"{name}?{urlencode(rest)}"
        return Response(json.dumps(body, default=_wire), media_type="application/json")


def _null_first(value: Any) -> tuple[bool, Any]:
    return (value is not None, value)


def _shown(row: Row, select: str | None, expand: str | None) -> Row:
    names = select.split(",") if select else [n for n in row if not n.startswith("_")]
    found = {"@odata.etag": 'W/"1"', **{name: row[name] for name in names}}
    for link, inner_select, inner_expand in _expands(expand or ""):
        value = row[link]
        if isinstance(value, list):
            found[link] = [_shown(r, inner_select, inner_expand) for r in value]
        else:
            found[link] = _shown(value, inner_select, inner_expand)
    return found


def _expands(text: str) -> list[tuple[str, str | None, str | None]]:
    """Links with their own $select and $expand; one level of parentheses is enough here."""
    found = []
    for match in re.finditer(r"(\w+)(?:\(([^()]*)\))?(?:,|$)", text):
        options = dict(o.split("=", 1) for o in (match[2] or "").split(";") if o)
        found.append((match[1], options.get("$select"), options.get("$expand")))
    return found


def _wire(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)
