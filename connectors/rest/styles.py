"""The ways in which JSON interfaces differ: filters, formats, pages, order, columns, many keys.

Templates are written `parameter=value`. In filters they know `{name}` (the field as queries spell
it), `{value}` (one value; with several values the parameter is repeated) and `{values}` (all
values, joined by `separator`).
"""

import string
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

OperatorName = Literal[
    "eq", "in", "not_eq", "not_in", "gte", "gt", "lte", "lt", "contains", "starts_with", "null"
]
Kind = Literal["string", "integer", "decimal", "date", "datetime", "boolean", "day", "days"]
Pointer = Annotated[str, Field(pattern=r"^/")]
"""A JSON pointer; `/` is the whole body."""


class Model(BaseModel):
    """Base of everything declared: frozen, and no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Operator(Model):
    """How one comparison is written."""

    send: str
    """`parameter=value`, e.g. `{name}[in]={values}`."""

    superset: bool = False
    """The system may give rows too many (it ignores case, compares days only, ...)."""

    null_is: tuple[str, str] = ("true", "false")
    """For `null`: the value that asks for rows without a value, and for those with one."""

    @field_validator("send")
    @classmethod
    def _known_fields(cls, send: str) -> str:
        _check_template(send, {"name", "value", "values"})
        if "=" not in send:
            raise ValueError(f"write it as parameter=value, not {send!r}")
        return send

    @property
    def joins(self) -> bool:
        """Whether several values go into one parameter."""
        return "{values}" in self.send


def _written_out(given: Any) -> Any:
    return {"send": given} if isinstance(given, str) else given


OperatorForm = Annotated[
    Operator, BeforeValidator(_written_out, json_schema_input_type=str | Operator)
]
"""An operator. A bare text is short for `{send: text}`."""


class Filters(Model):
    """How rows are chosen."""

    operators: Mapping[OperatorName, OperatorForm] = {}
    """Comparisons that the system knows. `not_eq` and `not_in` only where rows without a value
    are kept.
    """

    fields: tuple[str, ...] | None = None
    """Paths that rows can be chosen by; None for all."""

    by_kind: Mapping[Kind, tuple[OperatorName, ...]] = {}
    """Operators of fields of one kind, where not all work (`{string: [eq, in]}`)."""

    join: Literal["brackets", "dots", "double_underscore", "underscore"] = "dots"
    """How the names of a nested path are put together: `a[b]`, `a.b`, `a__b` or `a_b`."""

    replace: Mapping[str, str] = {}
    """Characters of names that queries write differently (`{"-": "_"}`)."""

    separator: str = ","
    """Between the values of a list; a value that holds it is asked for alone."""

    verify: bool = False
    """Rows are compared with what was asked, for systems that ignore a filter that they do not
    know: rows that do not fit are left out, and if none fits it is an error.
    """

    case_sensitive: bool = True
    """Whether text is compared exactly; if not, text filters count as giving rows too many."""


class FieldOptions(Model):
    """What is special about filtering by one field."""

    name: str | None = None
    """Its name in queries, whole."""

    operators: tuple[OperatorName, ...] | None = None
    """Comparisons that work on it; an empty list for a field that cannot be filtered."""

    date: str | None = None
    """strftime format of dates in queries."""

    datetime: str | None = None
    """Format of datetimes in queries."""


class Formats(Model):
    """How values are written in queries."""

    date: str = "%Y-%m-%d"
    """strftime format."""

    datetime: str = "iso"
    """strftime format, or `iso` (`2026-01-31T10:00:00Z`), `epoch` (seconds) or `epoch_ms`."""

    time_zone: str = "UTC"
    """IANA name of the zone that datetimes are written in."""

    boolean: tuple[str, str] = ("true", "false")
    """Text of true and of false."""


class WholePages(Model):
    """Everything comes at once."""

    style: Literal["none"] = "none"


class _Sized(Model):
    """Pages whose size may be asked for."""

    size: int = Field(default=100, ge=1, le=100_000)
    """Rows of a page; never more than the system gives, or its cut would look like the end."""

    size_parameter: str | None = None
    """Parameter of the size; None if it is fixed."""

    stop: Literal["short", "empty"] = "short"
    """What ends the list: a `short` page, or only an `empty` one (systems that filter after
    cutting pages).
    """


class OffsetPages(_Sized):
    """`offset` counts rows."""

    style: Literal["offset"]
    offset_parameter: str = "offset"
    size_parameter: str | None = "limit"


class NumberedPages(_Sized):
    """Pages are numbered from `first`."""

    style: Literal["page"]
    page_parameter: str = "page"
    size_parameter: str | None = "per_page"
    first: Literal[0, 1] = 1


class CursorPages(Model):
    """The body holds, at `next`, what to send as `parameter` for the following page."""

    style: Literal["cursor"]
    parameter: str = "cursor"
    next: Pointer
    size: int = Field(default=100, ge=1, le=100_000)
    size_parameter: str | None = None


class LinkPages(Model):
    """The next page's address is in the `Link` header (RFC 8288), or in the body at `next`."""

    style: Literal["link", "next_url"]
    next: Pointer | None = None
    size: int = Field(default=100, ge=1, le=100_000)
    size_parameter: str | None = None

    @model_validator(mode="after")
    def _next_where(self) -> Self:
        if (self.style == "next_url") != (self.next is not None):
            raise ValueError("`next` (where the body holds the address) belongs to style next_url")
        return self


Pages = Annotated[
    WholePages | OffsetPages | NumberedPages | CursorPages | LinkPages,
    Field(discriminator="style"),
]


class SortStyle(Model):
    """How an order is asked for."""

    send: tuple[str, ...] = ()
    """`parameter=value` templates with `{keys}` (all keys, joined by `separator`), or `{name}`
    and `{direction}`.
    """

    ascending: str = "{name}"
    """One key of `{keys}`, and of `{direction}` its word."""

    descending: str = "-{name}"
    directions: tuple[str, str] = ("asc", "desc")
    separator: str = ","
    several: bool = False
    """Whether more than one key may be given."""

    fields: tuple[str, ...] | None = None
    """Paths that sort as canonical values do (numbers, times, plain codes); None for all. Leave
    out text that the system sorts by a collation of its own.
    """

    given: tuple[str, ...] = ()
    """Paths in whose ascending order every list comes without being asked: usually the key. Such
    a list is read from its start up to the end of the page that is wanted, not whole; rows out of
    this order are an error.
    """

    @field_validator("send")
    @classmethod
    def _known_fields(cls, send: tuple[str, ...]) -> tuple[str, ...]:
        for template in send:
            _check_template(template, {"keys", "name", "direction"})
            if "=" not in template:
                raise ValueError(f"write it as parameter=value, not {template!r}")
        return send


class ColumnsStyle(Model):
    """How the system is told which fields to give."""

    style: Literal["none", "list", "top", "nested_json"] = "none"
    """`none`; `list` (`fields=a,b.c`); `top` (first names only); `nested_json`
    (`fields=["a",{"b":["c"]}]`).
    """

    parameter: str = "fields"
    """The parameter, e.g. `fields` or `fields[orders]`."""

    separator: str = ","
    join: Literal["brackets", "dots", "double_underscore", "underscore"] = "dots"
    always: tuple[str, ...] = ()
    """Paths to ask for in any case."""


class BodySearch(Model):
    """Many keys go into the body of one POST."""

    style: Literal["body"]
    path: str | None = None
    """Where to post; the dataset's own path if None."""

    body: Mapping[str, Any]
    """The body; the text `{values}` in it stands for the list of values."""


class Singles(Model):
    """One request for each value, several at a time."""

    style: Literal["singles"]
    path: str
    """Path with `{key}`, which is put in encoded."""

    rows: Pointer = "/"
    """Where the row, or the list of rows, is in the answer."""

    missing: tuple[int, ...] = (404,)
    """Statuses that mean that there is nothing under this key."""

    @field_validator("path")
    @classmethod
    def _has_key(cls, path: str) -> str:
        if "{key}" not in path:
            raise ValueError(f"{path!r} must hold {{key}}, where the value goes")
        return path


class Told(Model):
    """One kind of request that changes something."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"]
    """HTTP method."""

    path: str
    """Path with `{dataset}`, `{key}` (a key of one path), `{path}` of any part of the key, and for
    actions `{action}`.
    """


class VersionStyle(Model):
    """How a request says which state of a row it is about, where the system compares it itself."""

    header: str | None = None
    """Header that holds it: `If-Match`."""

    field: str | None = None
    """Path in the body that holds it."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.header is None) == (self.field is None):
            raise ValueError("say exactly one of `header` and `field`")
        return self


class WriteStyle(Model):
    """How the system is told things."""

    create: Told = Told(method="POST", path="{dataset}")
    """How a row is made."""

    change: Told = Told(method="PATCH", path="{dataset}/{key}")
    """How fields of a row are changed."""

    call: Told = Told(method="POST", path="{dataset}/{key}/{action}")
    """How an action is done on a row."""

    upsert: Told = Told(method="POST", path="{dataset}")
    """How many rows are put in the place of those with the same key: their list is the body."""

    query: Mapping[str, str] = {}
    """Parameters sent with every such request."""

    row: Pointer = "/"
    """Where the made row is in the answer."""

    location: bool = False
    """The made row's key is the last part of the header `Location`."""

    version: VersionStyle | None = None
    """How stale changes are refused by the system itself. They are looked for here in any case."""

    idempotency_header: str | None = None
    """Header by which the system knows a row that it was told of before."""

    idempotency_path: str | None = None
    """Path of what it holds, in the row that is made."""

    decimal: Literal["number", "string"] = "number"
    """How numbers with a fraction stand in JSON."""

    @model_validator(mode="after")
    def _header_of_something(self) -> Self:
        if (self.idempotency_header is None) != (self.idempotency_path is None):
            raise ValueError("`idempotency_header` and `idempotency_path` belong together")
        return self


Many = Annotated[BodySearch | Singles, Field(discriminator="style")]


def _check_template(template: str, known: set[str]) -> None:
    try:
        named = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
    except ValueError as exc:
        raise ValueError(f"{template!r} is not a template: {exc}") from exc
    if named - known:
        wanted = ", ".join(f"{{{n}}}" for n in sorted(known))
        raise ValueError(f"{template!r} may hold {wanted}, nothing else in braces")
