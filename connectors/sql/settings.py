"""What a manifest may declare of a database and of the tables or views read from it."""

import re
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from canonical.errors import MisconfiguredError
from connectors.kit.rows import Dataset

_SELECT = re.compile(r"\s*(select|with)\b", re.IGNORECASE)


class Settings(BaseModel):
    """How a database is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pool_size: Annotated[
        int, Field(ge=1, le=50, description="Most connections, and statements at a time.")
    ] = 3
    page_rows: Annotated[
        int, Field(ge=1, le=100_000, description="Rows read by one statement of a list.")
    ] = 2_000
    max_rows: Annotated[
        int,
        Field(
            ge=1,
            le=10_000_000,
            description="Most rows that one batch of keys may find; more is an error, not a cut.",
        ),
    ] = 100_000
    max_keys: Annotated[
        int | None,
        Field(
            ge=1,
            le=100_000,
            description="Most keys in one statement; by default what the database bears.",
        ),
    ] = None
    sample: Annotated[
        int, Field(ge=1, le=1_000, description="Rows looked at when a mapping is checked.")
    ] = 50


class Options(BaseModel):
    """What is special about one dataset. Its name is a table or view, perhaps with a schema."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    select: Annotated[
        str | None,
        Field(
            description="One SELECT whose rows are the dataset's; its name is then a mere label."
        ),
    ] = None
    table: Annotated[
        str | None, Field(min_length=1, description="Name of the table, where it holds a dot.")
    ] = None
    schema_: Annotated[
        str | None, Field(alias="schema", min_length=1, description="Schema of that table.")
    ] = None

    count_version: Annotated[
        bool,
        Field(
            description="Whether the column that `writes.version` names is a number that is "
            "counted up here; not where the database does it itself."
        ),
    ] = False

    @field_validator("select")
    @classmethod
    def _one_query(cls, select: str | None) -> str | None:
        if select is None:
            return None
        text = select.strip().removesuffix(";").rstrip()
        if not _SELECT.match(text) or ";" in text:
            raise ValueError("write one query that begins with SELECT or WITH, without semicolons")
        return text

    @model_validator(mode="after")
    def _table_or_select(self) -> Self:
        if self.select is not None and (self.table is not None or self.schema_ is not None):
            raise ValueError("`select` stands in the place of `table` and `schema`")
        return self


def options_of(system: str, dataset: Dataset) -> Options:
    """A dataset's options, checked.

    Raises:
        MisconfiguredError: if they name something unknown, or make no sense.
    """
    try:
        return Options.model_validate(dict(dataset.options))
    except ValidationError as exc:
        wrong = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'they'}: {e['msg'].removeprefix('Value error, ')}"
            for e in exc.errors(include_url=False)
        )
        raise MisconfiguredError(system, f"options of {dataset.name}: {wrong}") from exc
