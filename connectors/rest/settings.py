"""What a manifest or preset may declare of a JSON-over-HTTP interface.

`Settings` holds for a whole system. A dataset's `options` may say any of it anew for one resource,
and add what only a resource can have. `spec` lays the one over the other.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from connectors.kit.policy import CallPolicy
from connectors.rest.styles import (
    ColumnsStyle,
    FieldOptions,
    Filters,
    Formats,
    Many,
    Model,
    Pages,
    Pointer,
    SortStyle,
    WholePages,
    WriteStyle,
)


class Settings(Model):
    """One system's JSON interface. By default one GET gives one list, which is the body itself."""

    variables: Mapping[str, str] = {}
    """Values of `{name}` in datasets' paths (a scenario, a company)."""

    query: Mapping[str, str] = {}
    """Parameters sent with every request."""

    headers: Mapping[str, str] = {"Accept": "application/json"}
    """Headers sent with every request."""

    rows: Pointer = "/"
    """Where the list of rows is."""

    rows_by: str | None = None
    """The rows are an object by key: under this name the key is put into each row."""

    total: Pointer | None = None
    """Where the count of all matching rows is."""

    total_header: str | None = None
    """Header that holds it instead."""

    count_query: Mapping[str, str] = {}
    """Parameters that ask for it."""

    pages: Pages = WholePages()
    """How lists are cut."""

    max_pages: int = Field(default=2_000, ge=1)
    """Pages of one list, after which it is given up with an error."""

    filters: Filters = Filters()
    """How questions are written."""

    formats: Formats = Formats()
    """How questions are written."""

    sort: SortStyle = SortStyle()
    """How questions are written."""

    columns: ColumnsStyle = ColumnsStyle()
    """How questions are written."""

    writes: WriteStyle = WriteStyle()
    """How the system is told things."""

    errors: tuple[Pointer, ...] = ("/detail", "/title", "/error", "/errors", "/message")
    """Where error bodies hold what went wrong: the first that exists is told, objects and lists
    flattened.
    """

    error_in_success: Pointer | None = None
    """Pointer whose presence, not null, in an answer of status 200 means failure."""

    sample: int = Field(default=50, ge=1)
    """Rows to ask for when only looking whether a dataset is there."""


class Options(Model):
    """What a dataset's `options` may hold: any of the settings anew, and what only a resource has.

    A mapping given here (`filters`, `sort`, ...) is laid over the system's, key by key; `query`
    too.
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
    writes: Mapping[str, Any] | None = None
    error_in_success: Pointer | None = None
    fields: Mapping[str, FieldOptions] = {}
    """What is special about fields, by path."""

    many: Mapping[str, Many] = {}
    """How many values of a field are asked for at once, by path, where its `in` or `eq` filter
    is not the way.
    """

    unique: tuple[str, ...] = ()
    """Paths, besides a key of one path, whose values no two rows share: once a row for each
    value is there, no further page is asked for.
    """


class Spec(Settings):
    """The settings of one dataset: the system's with the dataset's options over them."""

    fields: Mapping[str, FieldOptions] = {}
    """As in `Options`."""

    many: Mapping[str, Many] = {}
    """As in `Options`."""

    unique: tuple[str, ...] = ()
    """As in `Options`."""

    max_keys: int
    """Most values in one request."""

    max_url_bytes: int
    """Longest address with query, encoded."""


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
