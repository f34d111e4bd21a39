"""Conditions on a system's rows, as presets write them: `{state: done, qty: {gte: 0}}`."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)


class Model(BaseModel):
    """Base of everything written in the mapping language: frozen, and no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int | Decimal | date):
        return value
    if isinstance(value, float):
        return Decimal(repr(value))
    raise ValueError("a text, number, true/false, date or null is wanted here")


_SCALAR_SCHEMA = {"type": ["string", "number", "boolean", "null"]}
Scalar = Annotated[Any, BeforeValidator(_scalar), WithJsonSchema(_SCALAR_SCHEMA)]
"""One value as YAML gives it; numbers with a fraction become `Decimal`."""


class Compare(Model):
    """A comparison of the value at a path. All that is given must hold; null satisfies `null`."""

    not_: Scalar | list[Scalar] = Field(
        None, alias="not", description="None of these. Null holds, unless it is listed."
    )
    gte: Scalar = Field(None, description="At least.")
    gt: Scalar = Field(None, description="More than.")
    lt: Scalar = Field(None, description="Less than.")
    lte: Scalar = Field(None, description="At most.")
    null: bool | None = Field(None, description="Whether there is no value.")
    starts_with: str | None = Field(None, description="Text that the value begins with.")
    gte_path: str | None = Field(None, description="Path of a value that this one reaches.")

    @model_validator(mode="before")
    @classmethod
    def _null_is_a_word(cls, value: Any) -> Any:
        """YAML reads the key `null` as nothing."""
        if isinstance(value, Mapping) and None in value:
            return {"null" if k is None else k: v for k, v in value.items()}
        return value

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("an empty comparison says nothing: leave the path out")
        return self


def _test_form(value: Any) -> str:
    if isinstance(value, Mapping | Compare):
        return "comparison"
    return "list of values" if isinstance(value, list | tuple) else "value"


PathTest = Annotated[
    Annotated[Scalar, Tag("value")]
    | Annotated[tuple[Scalar, ...], Tag("list of values")]
    | Annotated[Compare, Tag("comparison")],
    Discriminator(_test_form),
]
"""What must hold of the value at a path: a value, one of several, or a comparison."""


def _field_form(value: Any) -> Any:
    from connectors.kit.mapping.fields import as_field  # noqa: PLC0415 - fields hold conditions too

    return as_field(value)


Calculated = Annotated[
    Any, BeforeValidator(_field_form), WithJsonSchema({"type": ["string", "object"]})
]
"""A number, in any form that a field may have."""


class NumberWhen(Model):
    """A comparison of calculated numbers. Null never holds."""

    value: Calculated = Field(description="The number.")
    gte: Calculated = Field(None, description="It is at least this one.")
    gt: Calculated = Field(None, description="It is more than this one.")


class When(BaseModel):
    """A condition: every entry must hold. Empty always holds.

    Keys are paths, or one of `any`, `all`, `or` and `compare`.
    """

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)
    __pydantic_extra__: dict[str, PathTest]

    any_: "ListWhen | None" = Field(
        None, alias="any", description="Holds for at least one element of a list."
    )
    all_: "ListWhen | None" = Field(
        None, alias="all", description="Holds for every element of a list that is not empty."
    )
    or_: tuple["When", ...] = Field(
        (), alias="or", description="Conditions of which at least one holds."
    )
    compare: NumberWhen | None = Field(
        None, description="Holds for calculated numbers; not in `where`."
    )

    @property
    def tests(self) -> Mapping[str, Any]:
        """Path to what must hold there."""
        return self.__pydantic_extra__ or {}


class ListWhen(Model):
    """A condition on the elements of a list."""

    of: str = Field(description="Path of the list; `/` in front: from the record's row.")
    when: When = Field(description="What must hold of the element.")


When.model_rebuild()
ListWhen.model_rebuild()
ALWAYS: Final = When.model_validate({})
"""Holds of everything."""
