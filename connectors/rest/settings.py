"""What a manifest or preset may declare of a JSON-over-HTTP interface.

`Settings` holds for a whole system. A dataset's `options` may say any of it anew for one resource,
and add what only a resource can have. `spec` lays the one over the other.

Templates are written `parameter=value`. In filters they know `{name}` (the field as queries spell
it), `{value}` (one value; with several values the parameter is repeated) and `{values}` (all
values, joined by `separator`).
"""

import string
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from connectors.kit.policy import CallPolicy

OperatorName = Literal[
    "eq", "in", "not_eq", "not_in", "gte", "gt", "lte", "lt", "contains", "starts_with", "null"
]
Kind = Literal["string", "integer", "decimal", "date", "datetime", "boolean", "day", "days"]
Pointer = Annotated[str, Field(pattern=r"^/", description="JSON pointer; `/` is the whole body.")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Operator(_Model):
    """How one comparison is written.

    Attributes:
        send: `parameter=value`, e.g. `{name}[in]={values}`.
        superset: The system may give rows too many (it ignores case, compares days only, ...).
        null_is: For `null`: the value that asks for rows without a value, and for those with one.
    """

    send: str
    superset: bool = False
    null_is: tuple[str, str] = ("true", "false")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        return {"send": given} if isinstance(given, str) else given

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


class Filters(_Model):
    """How rows are chosen.

    Attributes:
        operators: Comparisons that the system knows. `not_eq` and `not_in` only where rows without
            a value are kept.
        by_kind: Operators of fields of one kind, where not all work (`{string: [eq, in]}`).
        join: How the names of a nested path are put together: `a[b]`, `a.b`, `a__b` or `a_b`.
        replace: Characters of names that queries write differently (`{"-": "_"}`).
        separator: Between the values of a list; a value that holds it is asked for alone.
        verify: Rows are compared with what was asked, for systems that ignore a filter that they
            do not know: rows that do not fit are left out, and if none fits it is an error.
        case_sensitive: Whether text is compared exactly; if not, text filters count as giving rows
            too many.
    """

    operators: Mapping[OperatorName, Operator] = {}
    by_kind: Mapping[Kind, tuple[OperatorName, ...]] = {}
    join: Literal["brackets", "dots", "double_underscore", "underscore"] = "dots"
    replace: Mapping[str, str] = {}
    separator: str = ","
    verify: bool = False
    case_sensitive: bool = True


class FieldOptions(_Model):
    """What is special about filtering by one field.

    Attributes:
        name: Its name in queries, whole.
        operators: Comparisons that work on it; an empty list for a field that cannot be filtered.
        date: strftime format of dates in queries.
        datetime: Format of datetimes in queries.
    """

    name: str | None = None
    operators: tuple[OperatorName, ...] | None = None
    date: str | None = None
    datetime: str | None = None


class Formats(_Model):
    """How values are written in queries.

    Attributes:
        date: strftime format.
        datetime: strftime format, or `iso` (`2026-01-31T10:00:00Z`), `epoch` (seconds) or
            `epoch_ms`.
        time_zone: IANA name of the zone that datetimes are written in.
        boolean: Text of true and of false.
    """

    date: str = "%Y-%m-%d"
    datetime: str = "iso"
    time_zone: str = "UTC"
    boolean: tuple[str, str] = ("true", "false")


class WholePages(_Model):
    """Everything comes at once."""

    style: Literal["none"] = "none"


class _Sized(_Model):
    """Pages whose size may be asked for.

    Attributes:
        size: Rows of a page; never more than the system gives, or its cut would look like the end.
        size_parameter: Parameter of the size; None if it is fixed.
        stop: What ends the list: a `short` page, or only an `empty` one (systems that filter after
            cutting pages).
    """

    size: int = Field(default=100, ge=1, le=100_000)
    size_parameter: str | None = None
    stop: Literal["short", "empty"] = "short"


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


class CursorPages(_Model):
    """The body holds, at `next`, what to send as `parameter` for the following page."""

    style: Literal["cursor"]
    parameter: str = "cursor"
    next: Pointer
    size: int = Field(default=100, ge=1, le=100_000)
    size_parameter: str | None = None


class LinkPages(_Model):
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


class SortStyle(_Model):
    """How an order is asked for.

    Attributes:
        send: `parameter=value` templates with `{keys}` (all keys, joined by `separator`), or
            `{name}` and `{direction}`.
        ascending: One key of `{keys}`, and of `{direction}` its word.
        several: Whether more than one key may be given.
        fields: Paths that sort as canonical values do (numbers, times, plain codes); None for all.
            Leave out text that the system sorts by a collation of its own.
    """

    send: tuple[str, ...] = ()
    ascending: str = "{name}"
    descending: str = "-{name}"
    directions: tuple[str, str] = ("asc", "desc")
    separator: str = ","
    several: bool = False
    fields: tuple[str, ...] | None = None

    @field_validator("send")
    @classmethod
    def _known_fields(cls, send: tuple[str, ...]) -> tuple[str, ...]:
        for template in send:
            _check_template(template, {"keys", "name", "direction"})
            if "=" not in template:
                raise ValueError(f"write it as parameter=value, not {template!r}")
        return send


class ColumnsStyle(_Model):
    """How the system is told which fields to give.

    Attributes:
        style: `none`; `list` (`fields=a,b.c`); `top` (first names only); `nested_json`
            (`fields=["a",{"b":["c"]}]`).
        parameter: The parameter, e.g. `fields` or `fields[orders]`.
        always: Paths to ask for in any case.
    """

    style: Literal["none", "list", "top", "nested_json"] = "none"
    parameter: str = "fields"
    separator: str = ","
    join: Literal["brackets", "dots", "double_underscore", "underscore"] = "dots"
    always: tuple[str, ...] = ()


class BodySearch(_Model):
    """Many keys go into the body of one POST.

    Attributes:
        path: Where to post; the dataset's own path if None.
        body: The body; the text `{values}` in it stands for the list of values.
    """

    style: Literal["body"]
    path: str | None = None
    body: Mapping[str, Any]


class Singles(_Model):
    """One request for each value, several at a time.

    Attributes:
        path: Path with `{key}`, which is put in encoded.
        rows: Where the row, or the list of rows, is in the answer.
        missing: Statuses that mean that there is nothing under this key.
    """

    style: Literal["singles"]
    path: str
    rows: Pointer = "/"
    missing: tuple[int, ...] = (404,)

    @field_validator("path")
    @classmethod
    def _has_key(cls, path: str) -> str:
        if "{key}" not in path:
            raise ValueError(f"{path!r} must hold {{key}}, where the value goes")
        return path


Many = Annotated[BodySearch | Singles, Field(discriminator="style")]


class Settings(_Model):
    """One system's JSON interface. By default one GET gives one list, which is the body itself.

    Attributes:
        variables: Values of `{name}` in datasets' paths (a scenario, a company).
        query: Parameters sent with every request.
        headers: Headers sent with every request.
        rows: Where the list of rows is.
        rows_by: The rows are an object by key: under this name the key is put into each row.
        total: Where the count of all matching rows is.
        total_header: Header that holds it instead.
        count_query: Parameters that ask for it.
        pages: How lists are cut.
        max_pages: Pages of one list, after which it is given up with an error.
        filters, formats, sort, columns: How questions are written.
        errors: Where error bodies hold what went wrong: the first that exists is told, objects and
            lists flattened.
        error_in_success: Pointer whose presence, not null, in an answer of status 200 means
            failure.
        sample: Rows to ask for when only looking whether a dataset is there.
    """

    variables: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {"Accept": "application/json"}
    rows: Pointer = "/"
    rows_by: str | None = None
    total: Pointer | None = None
    total_header: str | None = None
    count_query: Mapping[str, str] = {}
    pages: Pages = WholePages()
    max_pages: int = Field(default=2_000, ge=1)
    filters: Filters = Filters()
    formats: Formats = Formats()
    sort: SortStyle = SortStyle()
    columns: ColumnsStyle = ColumnsStyle()
    errors: tuple[Pointer, ...] = ("/detail", "/title", "/error", "/errors", "/message")
    error_in_success: Pointer | None = None
    sample: int = Field(default=20, ge=1)


class Options(_Model):
    """What a dataset's `options` may hold: any of the settings anew, and what only a resource has.

    A mapping given here (`filters`, `sort`, ...) is laid over the system's, key by key; `query`
    too.

    Attributes:
        fields: What is special about fields, by path.
        many: How many values of a field are asked for at once, by path, where its `in` or `eq`
            filter is not the way.
        unique: Paths, besides a key of one path, whose values no two rows share: once a row for
            each value is there, no further page is asked for.
    """

    query: Mapping[str, str] = {}
    rows: Pointer | None = None
    rows_by: str | None = None
    total: Pointer | None = None
    total_header: str | None = None
    count_query: Mapping[str, str] | None = None
    pages: Mapping[str, Any] | None = None
    max_pages: int | None = None
    filters: Mapping[str, Any] | None = None
    formats: Mapping[str, Any] | None = None
    sort: Mapping[str, Any] | None = None
    columns: Mapping[str, Any] | None = None
    error_in_success: Pointer | None = None
    fields: Mapping[str, FieldOptions] = {}
    many: Mapping[str, Many] = {}
    unique: tuple[str, ...] = ()


class Spec(Settings):
    """The settings of one dataset: the system's with the dataset's options over them.

    Attributes:
        fields, many, unique: As in `Options`.
        max_keys: Most values in one request.
        max_url_bytes: Longest address with query, encoded.
    """

    fields: Mapping[str, FieldOptions] = {}
    many: Mapping[str, Many] = {}
    unique: tuple[str, ...] = ()
    max_keys: int
    max_url_bytes: int


def spec(settings: Settings, options: Mapping[str, Any], policy: CallPolicy) -> Spec:
    """Lay a dataset's options over the system's settings, within the bounds of its call policy.

    Raises:
        pydantic.ValidationError: if the options name something unknown, or the whole makes no
        sense.
    """
    own = Options.model_validate(options).model_dump(exclude_unset=True, exclude_none=True)
    merged = settings.model_dump(exclude_unset=True)
    for name, value in own.items():
        over = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
        restyled = name == "pages" and "style" in value
        merged[name] = {**merged[name], **value} if over and not restyled else value
    bounds = {"max_keys": policy.max_keys_per_request, "max_url_bytes": policy.max_url_bytes}
    return Spec.model_validate({**merged, **bounds})


def _check_template(template: str, known: set[str]) -> None:
    try:
        named = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
    except ValueError as exc:
        raise ValueError(f"{template!r} is not a template: {exc}") from exc
    if named - known:
        wanted = ", ".join(f"{{{n}}}" for n in sorted(known))
        raise ValueError(f"{template!r} may hold {wanted}, nothing else in braces")
