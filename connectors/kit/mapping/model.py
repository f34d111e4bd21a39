"""Presets and their entities, as they are written in YAML. Every part refuses unknown keys."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from msgspec import Struct
from pydantic import BeforeValidator, Field, model_validator

from canonical.entities import ENTITIES, KEY, EntityName
from canonical.values import Money, Quantity
from connectors.kit.mapping.fields import (
    ArithmeticField,
    CoalesceField,
    ComputeField,
    ConstField,
    EachField,
    FieldMapping,
    FieldType,
    MoneyField,
    ObjectField,
    PositionField,
    QuantitiesField,
    RulesField,
    ValueForm,
    walk,
)
from connectors.kit.mapping.shape import Column, column_at, shape_of
from connectors.kit.mapping.when import ALWAYS, Model, Scalar, When
from connectors.kit.mapping.writes import Writes


def _part(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


class KeyPart(Model):
    """One path of a key. A bare text is short for `{path: text}`."""

    path: str = Field(min_length=1, description="Where the value is.")
    type: FieldType = Field(
        FieldType.STRING, description="What the system holds there: `integer` for numeric ids."
    )


def _paths(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Paths = Annotated[tuple[str, ...], BeforeValidator(_paths), Field(min_length=1)]
"""One path, or several that count together."""


class Related(Model):
    """A further dataset, read for all rows of a page or batch at once and attached under a name."""

    dataset: str = Field(min_length=1, description="The dataset as the protocol spells it.")
    options: dict[str, Any] = Field(
        default_factory=dict, description="Options of the dataset that the protocol knows."
    )
    key: Paths = Field(description="Paths that identify a row there.")
    local: Paths = Field(
        description="Path of the value here; may go through lists, and into another related name."
    )
    remote: Paths = Field(description="Path of the equal value there.")
    type: FieldType = Field(
        FieldType.STRING, description="What the system holds at `remote`, for its filter language."
    )
    many: bool = Field(True, description="Attach a list; false: one row, or null.")
    at: str | None = Field(
        None,
        description="Path of the list to whose elements the rows are attached; `local` is then a "
        "path in the element.",
    )
    where: When = Field(ALWAYS, description="Which rows count.")
    when: When = Field(
        ALWAYS,
        description="For which rows here (elements, with `at`) it is read. Others get nothing.",
    )

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if len(self.local) != len(self.remote):
            raise ValueError("`local` and `remote` need the same number of paths")
        return self


class Lookup(Model):
    """How an entity is read by many values of a column that is not simply a path of its own rows.

    The dataset is read by `path`; its values at `parent` are the entity's own keys.
    """

    dataset: str = Field(min_length=1, description="The dataset as the protocol spells it.")
    options: dict[str, Any] = Field(
        default_factory=dict, description="Options of the dataset that the protocol knows."
    )
    key: Paths | None = Field(
        None, description="Paths that identify a row there; by default `parent` and `path`."
    )
    path: str = Field(min_length=1, description="Where the column's value is.")
    type: FieldType = Field(FieldType.STRING, description="What the system holds at `path`.")
    parent: Paths = Field(description="Where the key of the entity is, part by part.")
    where: When = Field(ALWAYS, description="Which rows count.")


class EntityMapping(Model):
    """Where the records of one entity come from."""

    dataset: str = Field(min_length=1, description="The dataset as the protocol spells it.")
    options: dict[str, Any] = Field(
        default_factory=dict, description="Options of the dataset that the protocol knows."
    )
    key: Annotated[
        tuple[Annotated[KeyPart, BeforeValidator(_part)], ...], BeforeValidator(_paths)
    ] = Field(
        min_length=1,
        description='The record\'s own key: one path, or several (joined with "|", escaped '
        'by "\\").',
    )
    where: When = Field(ALWAYS, description="Which rows are records.")
    group: tuple[str, ...] = Field(
        (), description="Rows equal in these paths make one record. They must be the key's paths."
    )
    row_key: tuple[str, ...] = Field(
        (), description="Paths that identify a row, where rows are grouped."
    )
    constant: tuple[str, ...] = Field(
        (),
        description="Further paths in which the rows of a group are equal, so that the system can "
        "be asked about them.",
    )
    related: dict[str, Related] = Field(
        default_factory=dict, description="Further datasets, by the name they are attached under."
    )
    lookups: dict[str, Lookup] = Field(
        default_factory=dict, description="Ways to read by many values, by canonical column."
    )
    fields: dict[str, FieldMapping] = Field(
        min_length=1, description="Canonical columns, and where they come from."
    )
    writes: Writes | None = Field(
        None, description="What the system can be told; nothing where it is left out."
    )

    @model_validator(mode="after")
    def _grouped(self) -> Self:
        if self.group and set(self.group) != {p.path for p in self.key}:
            raise ValueError("`group` and `key` must name the same paths: a group is one record")
        if (self.row_key or self.constant) and not self.group:
            raise ValueError("`row_key` and `constant` are for grouped rows; a row's key is `key`")
        return self


class PresetModel(Model):
    """How one product speaks and what its rows mean."""

    preset: str = Field(min_length=1, description="Name of the preset; its file is called so.")
    title: str = Field("", description="Name of the product, for people.")
    protocol: Literal["odata", "rest", "jsonrpc", "sql"] = Field(description="How it speaks.")
    settings: dict[str, Any] = Field(
        default_factory=dict, description="Settings of the protocol and of the mapping."
    )
    policy: dict[str, Any] = Field(
        default_factory=dict, description="Call policy: limits, timeouts, maintenance windows."
    )
    units: dict[str, str] = Field(
        default_factory=dict, description="The system's unit codes to canonical ones."
    )
    entities: dict[EntityName, EntityMapping] = Field(
        default_factory=dict, description="What it can supply, entity by entity."
    )

    @model_validator(mode="after")
    def _columns_exist(self) -> Self:
        wrong = [m for name, entity in self.entities.items() for m in mistakes(name, entity)]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


class MappingSettings(Model):
    """What holds for the whole mapping of one system."""

    units: dict[str, str] = Field(
        default_factory=dict, description="The system's unit codes to canonical ones."
    )
    time_zone: str = Field(
        "UTC", description="IANA zone of the system's times that are written without one."
    )
    empty: tuple[Scalar, ...] = Field(
        (), description="Values that mean null everywhere: the empty text, `false` in Odoo."
    )
    max_scanned_rows: int = Field(
        20_000, ge=1, description="Most rows that are read to filter or sort them here."
    )

    @model_validator(mode="after")
    def _zone_exists(self) -> Self:
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError) as exc:
            raise ValueError(f"time_zone: {self.time_zone!r} is no IANA time zone name") from exc
        return self

    @classmethod
    def take(
        cls, settings: Mapping[str, Any], units: Mapping[str, str]
    ) -> tuple["MappingSettings", dict[str, Any]]:
        """Split a backend's settings into the mapping's and those of its protocol.

        Raises:
            pydantic.ValidationError: if a setting of the mapping is wrong.
        """
        ours = {k: v for k, v in settings.items() if k in cls.model_fields and k != "units"}
        rest = {k: v for k, v in settings.items() if k not in ours}
        return cls.model_validate({**ours, "units": dict(units)}), rest


def mistakes(name: EntityName, mapping: EntityMapping) -> Iterator[str]:
    """What is wrong with an entity's fields, each with its place and remedy."""
    entity = ENTITIES[name]
    yield from _fields_wrong(f"{name}.fields", entity.record, mapping.fields, top=True)
    for column in mapping.lookups:
        if column != KEY and column_at(entity.record, column) is None:
            yield f"{name}.lookups.{column}: {entity.record.__name__} has no such column"
    computed = [f.compute for f in mapping.fields.values() if isinstance(f, ComputeField)]
    for wanted in (c for n in computed for c in COMPUTED_FROM[n]):
        first, _, inner = wanted.partition(".")
        field = mapping.fields.get(first)
        if field is None or (inner and isinstance(field, EachField) and inner not in field.fields):
            yield f"{name}.fields: a computation needs {wanted}, which has no mapping"


COMPUTED_FROM: Mapping[str, tuple[str, ...]] = {
    "net_total": ("lines.quantity", "lines.unit_price", "lines.cancelled", "currency"),
    "available": ("on_hand", "reserved"),
}
"""Columns that each computation needs."""


def _fields_wrong(
    place: str, record: type[Struct], fields: Mapping[str, Any], *, top: bool = False
) -> Iterator[str]:
    columns = shape_of(record)
    for name, form in fields.items():
        column = columns.get(name)
        if column is None:
            yield (
                f"{place}.{name}: {record.__name__} has no such column; it has "
                f"{', '.join(sorted(columns))}"
            )
            continue
        yield from _form_wrong(f"{place}.{name}", column, form, top=top)


def _form_wrong(place: str, column: Column, form: Any, *, top: bool) -> Iterator[str]:
    allowed = _forms_for(column)
    if allowed is not None and not isinstance(form, allowed):
        forms = " or ".join(t.__name__.removesuffix("Field").lower() for t in allowed)
        yield f"{place}: holds {_what(column)}, which needs the form {forms}"
        return
    if allowed is None and isinstance(form, EachField | ObjectField | MoneyField | QuantitiesField):
        yield f"{place}: holds {_what(column)}, not structured values"
        return
    if isinstance(form, PositionField) and top:
        yield f"{place}: a position is that of an element, so it stands within `each`"
    if isinstance(form, ComputeField) and not top:
        yield f"{place}: a computation stands directly under the entity's fields"
    if isinstance(form, EachField | ObjectField):
        yield from _fields_wrong(f"{place}.fields", column.type, form.fields)
    elif column.is_enum:
        yield from _enum_wrong(place, column, form)


def _forms_for(column: Column) -> tuple[type[Model], ...] | None:
    if column.type is Quantity:
        return (QuantitiesField, EachField) if column.many else (ObjectField,)
    if column.type is Money:
        return (MoneyField, ComputeField, CoalesceField)
    if column.is_struct:
        return (EachField,) if column.many else (ObjectField,)
    return None


def _what(column: Column) -> str:
    return f"a list of {column.type.__name__}" if column.many else column.type.__name__


def _enum_wrong(place: str, column: Column, form: Any) -> Iterator[str]:
    members = {str(m.value) for m in column.type}
    for part in walk(form):
        for value in _values_said(part):
            if value is not None and value not in members:
                yield f"{place}: {value!r} is not one of {', '.join(sorted(members))}"
        if (
            isinstance(part, ValueForm)
            and part.map
            and part.default is None
            and not column.nullable
        ):
            yield f"{place}: say `default`, so that a code outside `map` does not fail"
        if isinstance(part, ArithmeticField):
            yield f"{place}: holds {_what(column)}, not a number"


def _values_said(form: Any) -> list[Any]:
    if isinstance(form, RulesField):
        return [*(r.then for r in form.rules), form.default]
    if isinstance(form, ConstField):
        return [form.const]
    if isinstance(form, ValueForm):
        return [*(form.map or {}).values(), form.default]
    return []
