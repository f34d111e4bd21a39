"""What a manifest or preset says of a JSON-RPC system, and of one dataset in it."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

_MODEL = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

Scalar = str | int | bool | None


class Settings(BaseModel):
    """How the system speaks."""

    model_config = _MODEL

    dialect: Annotated[
        Literal["tryton", "odoo_jsonrpc", "odoo_json2"],
        Field(
            description="`tryton`: JSON-RPC of Tryton; `odoo_jsonrpc`: /jsonrpc of Odoo up to 21; "
            "`odoo_json2`: /json/2 of Odoo 19 and later."
        ),
    ]
    database: Annotated[
        str | None, Field(min_length=1, description="Name of the database on the server.")
    ] = None
    language: Annotated[
        str | None,
        Field(
            min_length=2, description="Language of texts, as the system codes it; null: its own."
        ),
    ] = None
    context: Annotated[
        Mapping[str, Any],
        Field(description="Sent with every call, over what the system gives for the user."),
    ] = {}
    page_size: Annotated[int, Field(ge=1, le=10_000, description="Most rows in one answer.")] = 500
    renamed: Annotated[
        Mapping[str, tuple[str, ...]],
        Field(
            description="`model.field` to the names that the field has in other versions: the "
            "first that exists is asked for. Odoo only."
        ),
    ] = {}
    optional: Annotated[
        frozenset[str],
        Field(
            description="`model.field` that an installation may lack, for its version or a missing "
            "module: read as null. Odoo only."
        ),
    ] = frozenset()
    accepted_warnings: Annotated[
        frozenset[str],
        Field(
            description="Warnings of Tryton that count as confirmed by a user, by name; all others "
            "are refusals."
        ),
    ] = frozenset()
    text_order: Annotated[
        Literal["code_point", "locale"],
        Field(
            description="How the database sorts text: `code_point` (SQLite, PostgreSQL with the "
            "collation C) or by its `locale`, in which case text is sorted here."
        ),
    ] = "locale"

    @model_validator(mode="after")
    def _names_its_database(self) -> "Settings":
        if self.database is None and self.dialect != "odoo_json2":
            msg = f"the dialect {self.dialect} needs `database`, the database's name"
            raise ValueError(msg)
        return self


class FanOut(BaseModel):
    """The dataset is read once for each row of a small other one, under a context made of it."""

    model_config = _MODEL

    dataset: Annotated[str, Field(min_length=1, description="The other dataset.")]
    where: Annotated[
        Mapping[str, Scalar | tuple[Scalar, ...]],
        Field(description="Which of its rows: path to value or values."),
    ] = {}
    context: Annotated[
        Mapping[str, Any],
        Field(description="Context of the calls; `{path}` is the other row's value there."),
    ]
    name: Annotated[
        str, Field(alias="as", pattern=r"^\w+$", description="The other row is attached so.")
    ]
    fresh_s: Annotated[float, Field(gt=0, le=3_600, description="How long its rows are kept.")] = (
        60.0
    )


class Overlay(BaseModel):
    """The same rows read once more under another context, attached under a name."""

    model_config = _MODEL

    context: Annotated[Mapping[str, Any], Field(min_length=1, description="The other context.")]


class Split(BaseModel):
    """A row becomes several, one for each value that the elements of one of its lists have."""

    model_config = _MODEL

    list: Annotated[str, Field(min_length=1, description="Name of the list.")]
    by: Annotated[str, Field(min_length=1, description="Path of the value in an element.")]
    name: Annotated[
        str, Field(alias="as", pattern=r"^\w+$", description="The value is attached so.")
    ]


class Options(BaseModel):
    """What is particular about a dataset."""

    model_config = _MODEL

    context: Annotated[
        Mapping[str, Any], Field(description="Sent with the calls for this dataset.")
    ] = {}
    sort: Annotated[
        tuple[str, ...], Field(description="Paths of numbers, dates and ids that can be sorted by.")
    ] = ()
    sort_text: Annotated[
        tuple[str, ...],
        Field(description="Paths of texts that can be sorted by, if `text_order` allows it."),
    ] = ()
    days: Annotated[
        tuple[str, ...],
        Field(description="Paths of days that the mapping reads as instants, of any zone."),
    ] = ()
    fan_out: Annotated[
        FanOut | None, Field(description="Rows that the calls are repeated for.")
    ] = None
    overlays: Annotated[
        Mapping[str, Overlay], Field(description="The same rows under further contexts, by name.")
    ] = {}
    split: Annotated[Split | None, Field(description="A list that rows are split by.")] = None
    read_at: Annotated[
        str | None,
        Field(
            pattern=r"^\w+$",
            description="Name under which the moment of reading is attached: for figures that the "
            "system computes for now.",
        ),
    ] = None
