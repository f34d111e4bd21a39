"""How a system is told of orders and forecasts, as presets write it (`writes:` of an entity).

A write sends rows. What stands at a path of a row is said by a form: a column of what is told, a
value of the order as the system has it, or a constant. Most columns are sent as they are read
(`columns`): to the same path, through the same codes, types and formats backwards.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from connectors.kit.mapping.fields import FieldType
from connectors.kit.mapping.when import ALWAYS, Model, Scalar, When


class Find(Model):
    """A value by which a row of another dataset is looked up, to send what that row is called."""

    dataset: str = Field(min_length=1, description="The dataset as the protocol spells it.")
    options: dict[str, Any] = Field(
        default_factory=dict, description="Options of the dataset that the protocol knows."
    )
    path: str = Field(min_length=1, description="Where the value is there.")
    give: str = Field(min_length=1, description="Path of what is sent instead: its key.")
    type: FieldType = Field(FieldType.STRING, description="What the system holds at `path`.")
    where: When = Field(ALWAYS, description="Which rows count.")
    match: dict[str, "Send"] = Field(
        default_factory=dict,
        description="Path there to a further value that must be equal: the unit that a quantity "
        "is in, a company.",
    )


class SendForm(Model):
    """What is sent at a path. A bare text is short for `{column: text}`."""

    column: str | None = Field(None, min_length=1, description="A column of what is told.")
    row: str | None = Field(
        None,
        min_length=1,
        description="Path in the order as the system has it (in lines: of the line; `/` in front: "
        "of the order); of a list on the way the first element.",
    )
    const: Scalar = Field(None, description="A fixed value; null sends null.")
    find: Find | None = Field(
        None, description="The value is looked up, and what the row found is called is sent."
    )
    type: FieldType | None = Field(
        None,
        description="What the system holds; by default what the column holds. `day`: an instant, "
        "midnight in `time_zone` of the settings.",
    )
    format: str | None = Field(
        None, description="How dates are written where not ISO 8601, as strftime has it."
    )
    map: dict[Scalar, Scalar] | None = Field(
        None, description="The canonical values to the system's. Others stay."
    )
    unit: bool = Field(False, description="The value is a unit and goes back through `units`.")
    digits: int | None = Field(
        None, ge=0, le=20, description="Most digits after the point; more of them are refused."
    )
    per: str | None = Field(
        None,
        min_length=1,
        description="Path of the quantity that a price is for: one that has more than `digits` is "
        "told for 10, 100, 1000 or 10000 units.",
    )
    plus_days: int = Field(0, ge=-366, le=366, description="Days added to a date.")
    plus_months: int = Field(0, ge=-12, le=12, description="Months added to a date.")
    length: int | None = Field(None, ge=1, description="Most characters; a text is cut there.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in ("column", "row", "const") if name in self.model_fields_set]
        if len(given) != 1:
            raise ValueError("exactly one of `column`, `row` and `const` is wanted")
        if self.per is not None and (self.digits is None or given == ["const"]):
            raise ValueError("`per` needs `digits`, and a price that is no constant")
        if given == ["const"] and self.find is not None:
            raise ValueError("`find` looks up what `column` or `row` gives, no constant")
        return self


def _column(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


Send = Annotated[SendForm, BeforeValidator(_column, json_schema_input_type=str | SendForm)]
"""What is sent at a path."""

Find.model_rebuild()
SendForm.model_rebuild()

_COLUMNS = "Columns that are sent as they are read."
_SEND = "Path to what is sent there, where it is not sent as it is read."


class KeyPlace(Model):
    """Where the system keeps our key, so that it can be asked for by it."""

    path: str = Field(min_length=1, description="Path of a field that orders can be searched by.")
    length: int | None = Field(
        None,
        ge=10,
        description="Most characters that it holds; a longer key is replaced by a digest of it.",
    )


def _place(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


Key = Annotated[KeyPlace, BeforeValidator(_place, json_schema_input_type=str | KeyPlace)]
"""Where our key is; a bare text is its path."""


class LineRows(Model):
    """Rows within a row, one for each line that is told."""

    at: str | None = Field(
        None, min_length=1, description="Path of the list; by default that of `lines` as read."
    )
    columns: tuple[str, ...] | None = Field(None, description=_COLUMNS)
    send: dict[str, Send] = Field(default_factory=dict, description=_SEND)


class Create(Model):
    """How an order is made. Columns that are neither in `columns` nor in `send` are not sent."""

    columns: tuple[str, ...] | None = Field(
        None,
        description=f"{_COLUMNS} By default all that an order needs and `send` does not name.",
    )
    send: dict[str, Send] = Field(default_factory=dict, description=_SEND)
    lines: LineRows = Field(default=LineRows.model_validate({}), description="Its lines.")


class Step(Model):
    """One request: a change of fields, unless `call` or `create` say otherwise."""

    call: str | None = Field(
        None, min_length=1, description="What the protocol calls the action on the row."
    )
    create: str | None = Field(None, min_length=1, description="Dataset in which a row is made.")
    dataset: str | None = Field(
        None,
        min_length=1,
        description="Where the row is that is changed or acted on; by default the order's.",
    )
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="Options of that dataset that the protocol knows.",
    )
    key: dict[str, Send] = Field(
        default_factory=dict,
        description="Path to value of what identifies the row; by default the order's own key.",
    )
    each: bool = Field(False, description="One request for each line, with the line's columns.")
    only: Literal["cancelled", "kept"] | None = Field(
        None, description="Of a change only lines whose quantity becomes 0, or only the others."
    )
    when: When = Field(
        ALWAYS,
        description="The step is passed over unless this holds of the order, read just before.",
    )
    columns: tuple[str, ...] = Field((), description=_COLUMNS)
    send: dict[str, Send] = Field(default_factory=dict, description=_SEND)
    lines: LineRows | None = Field(None, description="Rows within it, one for each line.")

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if self.create is not None and (self.call or self.dataset or self.key):
            raise ValueError("`create` makes a row: without `call`, `dataset` and `key`")
        if self.dataset is not None and not self.key:
            raise ValueError("say by `key` which row of `dataset` is meant")
        if self.each and self.lines is not None:
            raise ValueError("`each` sends the line's own row, `lines` sends all of them in one")
        if not (self.call or self.columns or self.send or self.lines):
            raise ValueError("the step says nothing: name an action (`call`), or fields (`send`)")
        return self


def _steps(value: Any) -> Any:
    return (value,) if isinstance(value, Mapping | Step) else value


Steps = Annotated[
    tuple[Step, ...],
    BeforeValidator(_steps, json_schema_input_type=Step | tuple[Step, ...]),
    Field(min_length=1),
]
"""Requests in order; one may stand alone."""


class Then(Model):
    """An action on what was just made."""

    call: str = Field(min_length=1, description="What the protocol calls the action on the row.")
    when: When = Field(
        ALWAYS,
        description="It is passed over unless this holds of the row, read just before: so it is "
        "known after a lost answer what is still to be done.",
    )


class Receive(Model):
    """How goods that have come are booked: a row of a dataset of its own."""

    create: str = Field(min_length=1, description="Dataset in which the receipt is made.")
    options: dict[str, Any] = Field(
        default_factory=dict, description="Options of the dataset that the protocol knows."
    )
    key: Key = Field(description="Where our key is there: a receipt that is found is not made.")
    gives: str = Field(min_length=1, description="Path of the receipt's own key there.")
    each: bool = Field(
        False, description="One receipt for each line; its number follows our key behind a `-`."
    )
    send: dict[str, Send] = Field(default_factory=dict, description=_SEND)
    lines: LineRows | None = Field(None, description="Rows within it, one for each line.")
    then: tuple[Then, ...] = Field(
        (), description="What is done with the receipt once it is made, in order."
    )

    @model_validator(mode="after")
    def _lines_somewhere(self) -> Self:
        if self.each == (self.lines is not None):
            raise ValueError("say either `each: true`, or `lines` within one receipt")
        return self


class Publish(Model):
    """How forecasts are published: as rows that replace those of the same key."""

    dataset: str | None = Field(
        None, min_length=1, description="Where they go; by default where they are read."
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="Options of the dataset that the protocol knows."
    )
    key: tuple[str, ...] = Field(
        (), description="Paths that identify a row there; by default the entity's key."
    )
    columns: tuple[str, ...] | None = Field(
        None,
        description=f"{_COLUMNS} By default all of a forecast that `send` does not name.",
    )
    send: dict[str, Send] = Field(default_factory=dict, description=_SEND)
    rows: int = Field(500, ge=1, le=10_000, description="Most rows in one request.")


class Writes(Model):
    """What a system can be told of an entity: orders of `purchase_order`, `publish` of `forecast`.

    What is not said here, it is not told.
    """

    key: Key | None = Field(None, description="Where the system keeps our key of an order.")
    version: str | None = Field(
        None,
        min_length=1,
        description="Path of what changes whenever the order does, where the protocol has no such "
        "thing of its own.",
    )
    released: When | None = Field(
        None, description="Whether an order is on its way to the supplier, and no draft."
    )
    cancelled: When | None = Field(None, description="Whether an order was called off.")
    create: Create | None = Field(None, description="How an order is made.")
    release: Steps | None = Field(None, description="How a draft goes to the supplier.")
    acknowledge: Steps | None = Field(
        None, description="How it is written down what the supplier promised."
    )
    change: Steps | None = Field(None, description="How lines are changed.")
    cancel: Steps | None = Field(None, description="How an order is called off.")
    receive: Receive | None = Field(None, description="How goods that have come are booked.")
    publish: Publish | None = Field(None, description="How forecasts are published.")

    @model_validator(mode="after")
    def _can_be_asked_afterwards(self) -> Self:
        if self.create is not None and self.key is None:
            raise ValueError(
                "`create` needs `key`: where an order carries ours, so that the system can be "
                "asked for it when its answer was lost"
            )
        if self.release is not None and self.released is None:
            raise ValueError("`release` needs `released`: what tells that an order is no draft")
        if self.cancel is not None and self.cancelled is None:
            raise ValueError("`cancel` needs `cancelled`: what tells that an order is called off")
        return self
