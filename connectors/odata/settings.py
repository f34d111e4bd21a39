"""What a backend says of its OData dialect, and what a preset says of one entity set."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Version = Literal["v2", "v4"]


class Settings(BaseModel):
    """How one system speaks OData."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Annotated[Version, Field(description="Protocol version of all its services.")] = "v2"
    root: Annotated[
        str,
        Field(description="Path before every dataset name, e.g. `/sap/opu/odata/sap`."),
    ] = ""
    metadata: Annotated[
        str | None,
        Field(
            description="Where a service describes itself, below the service. It is read by "
            "checks, and once when a filter needs a type that neither the mapping nor the preset "
            "knows. Null: never."
        ),
    ] = "$metadata"
    sap_client: Annotated[
        str | None, Field(pattern=r"^\d{3}$", description="SAP client, sent as `sap-client`.")
    ] = None
    sap_language: Annotated[
        str | None,
        Field(pattern=r"^[A-Z]{2}$", description="Language of texts, sent as `sap-language`."),
    ] = None
    query: Annotated[
        dict[str, str],
        Field(description="Parameters of every request, e.g. `cross-company: 'true'`."),
    ] = {}
    page_size: Annotated[
        int, Field(ge=1, le=10_000, description="Most rows asked for at once.")
    ] = 1_000
    in_operator: Annotated[
        bool, Field(description="Whether `in` is understood (V4 only); else `or` chains are sent.")
    ] = False
    contains: Annotated[
        Literal["function", "wildcard", "none"],
        Field(
            description="How text is searched: by functions (`substringof` in V2, `contains` in "
            "V4, `startswith`), by `eq '*text*'`, or not at all."
        ),
    ] = "function"
    ignores_case: Annotated[
        bool, Field(description="Whether the system compares text without regard to case.")
    ] = False
    mixed_or: Annotated[
        bool,
        Field(description="Whether one `or` may name different fields; some V2 services fail."),
    ] = False
    lambdas: Annotated[
        bool, Field(description="Whether `any` filters by rows of a collection (V4 only).")
    ] = False
    csrf: Annotated[
        bool,
        Field(description="Whether writes need a token that is fetched before them, as SAP's do."),
    ] = False
    updates: Annotated[
        Literal["patch", "merge"],
        Field(description="How rows are changed: by PATCH, or by POST with `X-HTTP-Method`."),
    ] = "patch"


class Nested(BaseModel):
    """Rows behind a link that are changed together with the one that they belong to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    set: Annotated[str, Field(description="Entity set that they are in, of the same service.")]
    key: Annotated[
        dict[str, str],
        Field(
            min_length=1,
            description="Their key: name to the name in the row above, where they have it from, "
            "or to the same name, where they have it themselves.",
        ),
    ]


class DatasetOptions(BaseModel):
    """What a preset may say of an entity set, under `options`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def attached(self) -> frozenset[str]:
        """Names that rows get here: the system has no such paths."""
        return frozenset(name for name in (self.read_at, self.etag) if name is not None)

    types: Annotated[
        dict[str, str],
        Field(description="EDM type by path, where the mapping's type does not tell it."),
    ] = {}
    to_one: Annotated[
        list[str], Field(description="Links that lead to one row, so that they can be filtered by.")
    ] = []
    fixed: Annotated[
        list[str], Field(description="Paths that can be neither filtered nor sorted by.")
    ] = []
    read_at: Annotated[
        str | None,
        Field(
            pattern=r"^\w+$",
            description="Name under which rows get the moment of reading: for figures that the "
            "system knows as of now.",
        ),
    ] = None
    etag: Annotated[
        str | None,
        Field(
            pattern=r"^\w+$",
            description="Name under which rows get their ETag, for writes that must not overwrite. "
            "Rows nested in them are held to share it.",
        ),
    ] = None
    nested: Annotated[
        dict[str, Nested],
        Field(description="Rows that can be changed together with those of this set, by path."),
    ] = {}
    pad: Annotated[
        dict[str, int],
        Field(description="Keys by path: digits are sent with leading zeros, and read without."),
    ] = {}
