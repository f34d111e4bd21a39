"""The forms in which a preset says where a canonical column comes from.

A bare text is short for `{path: text}`. Paths are dotted and relative to the row (within `each`, to
the element); `/` in front goes from the record's row; `.` is the row or element itself.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, TypeAdapter, model_validator

from connectors.kit.mapping.when import ALWAYS, Model, Scalar, When


class FieldType(StrEnum):
    """What the system holds at a path."""

    STRING = "string"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    DAY = "day"
    DAYS = "days"


_TYPE = (
    "What the system holds; by default what the column holds. `date`: a calendar day as written; "
    "`datetime`: an instant (without zone: in `time_zone` of the settings); `day`: an instant of "
    "which the day in that zone counts; `days`: a duration, of which whole days count."
)


class ValueForm(Model):
    """What is done with a value that was found, before it becomes the column's value."""

    type: FieldType | None = Field(None, description=_TYPE)
    format: str | tuple[str, ...] | None = Field(
        None,
        description="How dates are written where not ISO 8601, as strptime has it: `%d/%m/%Y`; of "
        "several forms the first that fits. A week (`%G-W%V`) stands for its Monday.",
    )
    map: dict[Scalar, Scalar] | None = Field(
        None, description="The system's values to canonical ones. Others stay, or become `default`."
    )
    default: Scalar = Field(None, description="Instead of null, and of values outside `map`.")
    empty: tuple[Scalar, ...] = Field((), description="Values that mean null, besides null.")
    unit: bool = Field(False, description="The value is a unit code and goes through `units`.")
    digits: int | None = Field(
        None, ge=0, le=20, description="Digits after the point that a number is rounded to."
    )
    plus_days: int = Field(
        0,
        ge=-366,
        le=366,
        description="Days added to a date: 1 where the system holds the last day of a period and "
        "the column the day after.",
    )
    plus_months: int = Field(
        0,
        ge=-12,
        le=12,
        description="Months added to a date: 1 for the day after a period of a month.",
    )
    nullable: bool | None = Field(
        None, description="Whether the system may hold null here; by default as the column."
    )
    push: bool = Field(
        True,
        description="False where the system compares or sorts this field otherwise (numbers kept "
        "as text, computed fields): it is then filtered and sorted here.",
    )


class PathField(ValueForm):
    """The value at a path."""

    path: str = Field(min_length=1, description="Where the value is.")


class ListForm(ValueForm):
    """What forms over the elements of a list have in common."""

    where: When = Field(ALWAYS, description="Which elements count.")
    match: dict[str, str] = Field(
        default_factory=dict,
        description="Path in the element to path outside it (in the row or element that this "
        "field is of) of equal values.",
    )


class FirstField(ListForm):
    """A value of the first element of a list that satisfies a condition."""

    first: str = Field(min_length=1, description="Path of the list.")
    path: str = Field(min_length=1, description="Where the value is in the element.")


class SumField(ListForm):
    """A sum over the rows of the group, or the elements of a list.

    Of nothing it is zero, or null if `nullable` is true.
    """

    sum: str = Field(min_length=1, description="Path of the number; of the element with `of`.")
    of: str | None = Field(
        None,
        description="Path of the list; by default the rows of the group, or `sum` less its last "
        "step.",
    )


class MinField(ListForm):
    """The least value of a list; null if there is none."""

    min: str = Field(min_length=1, description="Path of the value; of the element with `of`.")
    of: str | None = Field(
        None, description="Path of the list; by default `min` less its last step."
    )


class MaxField(ListForm):
    """The greatest value of a list; null if there is none."""

    max: str = Field(min_length=1, description="Path of the value; of the element with `of`.")
    of: str | None = Field(
        None, description="Path of the list; by default `max` less its last step."
    )


class ConstField(Model):
    """A fixed value."""

    const: Scalar = Field(description="The canonical value.")


class PositionField(Model):
    """The place of the element in the list that `each` goes over, for lists without numbers.

    Elements that `where` leaves out are counted too, so that the others keep their numbers.
    """

    position: int = Field(ge=0, description="The number of the first element: 1, or 0.")


class TemplateField(Model):
    """A text put together; null if one of its values is null."""

    template: str = Field(description="Text with paths in braces: `{Plant}-{StorageLocation}`.")


class Rule(Model):
    """One rule of several, of which the first that holds decides."""

    when: When = Field(description="What must hold of the row.")
    then: Scalar = Field(description="The canonical value.")


class RulesField(Model):
    """A value decided by rules over several fields, in order."""

    rules: tuple[Rule, ...] = Field(min_length=1, description="The first that holds decides.")
    default: Scalar = Field(description="Where no rule holds.")
    known: dict[str, tuple[Scalar, ...]] = Field(
        default_factory=dict,
        description="Path to the values that the rules were written for; others are reported by "
        "`check`.",
    )


class MoneyParts(Model):
    """An amount and its currency."""

    amount: "FieldMapping" = Field(description="The amount in major units.")
    currency: "FieldMapping" = Field(description="ISO 4217 code.")


class MoneyField(Model):
    """Money; null if the amount or the currency is null."""

    money: MoneyParts = Field(description="Where amount and currency are.")


class ArithmeticField(Model):
    """A number calculated from others; null if one of them is null, or a divisor zero."""

    divide: tuple["FieldMapping", "FieldMapping"] | None = Field(
        None, description="The first by the second."
    )
    subtract: tuple["FieldMapping", "FieldMapping"] | None = Field(
        None, description="The first less the second."
    )
    multiply: tuple["FieldMapping", ...] | None = Field(None, description="All of them.")
    add: tuple["FieldMapping", ...] | None = Field(None, description="All of them.")
    digits: int | None = Field(None, ge=0, le=20, description="Digits to round to.")

    @model_validator(mode="after")
    def _one(self) -> "ArithmeticField":
        given = [n for n in _ARITHMETIC if getattr(self, n) is not None]
        if len(given) != 1:
            raise ValueError(f"exactly one of {', '.join(_ARITHMETIC)} is wanted")
        return self

    @property
    def operation(self) -> str:
        """Which of the four it is."""
        return next(n for n in _ARITHMETIC if getattr(self, n) is not None)

    @property
    def operands(self) -> tuple["FieldMapping", ...]:
        """The numbers."""
        return tuple(getattr(self, self.operation))


class CoalesceField(Model):
    """The first of several that is not null."""

    coalesce: tuple["FieldMapping", ...] = Field(min_length=1, description="In order.")


class ComputeField(Model):
    """A computation over canonical columns of the same record."""

    compute: Literal["net_total", "available"] = Field(
        description="`net_total`: value of the lines not cancelled; `available`: on hand less "
        "reserved."
    )


class ObjectField(Model):
    """One structured part."""

    fields: dict[str, "FieldMapping"] = Field(min_length=1, description="Its columns.")
    when: When = Field(ALWAYS, description="Null unless this holds.")
    at: str | None = Field(None, description="Path of the object that paths below are relative to.")


class EachField(Model):
    """A list of structured parts, one for each element of a list."""

    each: str = Field(min_length=1, description="Path of the list.")
    where: When = Field(ALWAYS, description="Which elements count.")
    match: dict[str, str] = Field(
        default_factory=dict, description="Path in the element to path outside it of equal values."
    )
    fields: dict[str, "FieldMapping"] = Field(min_length=1, description="Columns of each part.")

    @model_validator(mode="after")
    def _counted(self) -> "EachField":
        if self.counts and (self.match or self.each == "."):
            raise ValueError("`position` counts a list of the row: not with `match`, nor `each: .`")
        return self

    @property
    def counts(self) -> bool:
        """Whether a column of its parts is their place in the list."""
        return any(
            isinstance(f, PositionField) for form in self.fields.values() for f in walk(form)
        )


class QuantitiesParts(Model):
    """Elements whose quantities are summed unit by unit."""

    of: str = Field(min_length=1, description="Path of the list.")
    match: dict[str, str] = Field(
        default_factory=dict, description="Path in the element to path outside it of equal values."
    )
    where: When = Field(ALWAYS, description="Which elements count.")
    amount: "FieldMapping" = Field(description="How many.")
    unit: "FieldMapping" = Field(description="Unit code; a bare path goes through `units`.")
    sign: "FieldMapping | int" = Field(1, description="What each amount is multiplied by.")


class QuantitiesField(Model):
    """A list of quantities, one for each unit whose sum is not zero."""

    quantities: QuantitiesParts = Field(description="What is summed.")


_ARITHMETIC = ("divide", "subtract", "multiply", "add")
_FORMS: Mapping[str, type[Model]] = {
    "first": FirstField,
    "each": EachField,
    "quantities": QuantitiesField,
    "rules": RulesField,
    "money": MoneyField,
    "compute": ComputeField,
    "sum": SumField,
    "min": MinField,
    "max": MaxField,
    "template": TemplateField,
    "const": ConstField,
    "position": PositionField,
    "coalesce": CoalesceField,
    **dict.fromkeys(_ARITHMETIC, ArithmeticField),
    "fields": ObjectField,
    "path": PathField,
}


def _expand(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("YAML reads on, off, yes and no as true or false: put the path in quotes")
    return {"path": value} if isinstance(value, str) else value


def _form(value: Any) -> str | None:
    if isinstance(value, Mapping):
        return next((_FORMS[k].__name__ for k in _FORMS if k in value), None)
    return type(value).__name__ if isinstance(value, Model) else None


FieldMapping = Annotated[
    Annotated[PathField, Tag("PathField")]
    | Annotated[FirstField, Tag("FirstField")]
    | Annotated[SumField, Tag("SumField")]
    | Annotated[MinField, Tag("MinField")]
    | Annotated[MaxField, Tag("MaxField")]
    | Annotated[ConstField, Tag("ConstField")]
    | Annotated[PositionField, Tag("PositionField")]
    | Annotated[TemplateField, Tag("TemplateField")]
    | Annotated[RulesField, Tag("RulesField")]
    | Annotated[MoneyField, Tag("MoneyField")]
    | Annotated[ArithmeticField, Tag("ArithmeticField")]
    | Annotated[CoalesceField, Tag("CoalesceField")]
    | Annotated[ComputeField, Tag("ComputeField")]
    | Annotated[ObjectField, Tag("ObjectField")]
    | Annotated[EachField, Tag("EachField")]
    | Annotated[QuantitiesField, Tag("QuantitiesField")],
    Discriminator(
        _form,
        custom_error_type="field_form",
        custom_error_message="a path, or one of these forms is wanted: {"
        + "}, {".join(_FORMS)
        + "}",
    ),
    BeforeValidator(_expand),
]
"""Where a canonical column comes from."""

for _model in (
    MoneyParts,
    MoneyField,
    ArithmeticField,
    CoalesceField,
    ObjectField,
    EachField,
    QuantitiesParts,
    QuantitiesField,
):
    _model.model_rebuild()


_FIELD: TypeAdapter[Any] = TypeAdapter(FieldMapping)


def as_field(value: Any) -> Any:
    """A field from what is written of it.

    Raises:
        pydantic.ValidationError: if it has none of the forms.
    """
    return _FIELD.validate_python(value)


def walk(mapping: Any) -> Iterator[Any]:
    """A field and all fields within it."""
    yield mapping
    for name in type(mapping).model_fields:
        value = getattr(mapping, name)
        inner = value.values() if isinstance(value, dict) else value
        for item in inner if isinstance(inner, tuple) or inner is not value else (value,):
            if isinstance(item, Model) and not isinstance(item, When):
                yield from walk(item)
