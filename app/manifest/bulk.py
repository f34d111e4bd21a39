"""What a manifest says about files of rows, and how they are read by it.

The columns of a file are called as those of a record, or the manifest says how:

    ingestion:
      planning:
        bulk:
          forecast:
            columns:
              {item: item, location: location, period_start: startdate, quantity: forecasttotal}
            key: [item, location, customer, startdate]

Values are read as the connectors read them, and the key is made as they make it; so a record of a
file and one that a watcher has read are the same.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, tzinfo
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from types import NoneType
from typing import Annotated, Any, Final, get_args, get_type_hints
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, field_validator

from app.manifest.part import Part
from canonical.entities import ENTITIES, EntityName
from canonical.errors import InvalidInputError
from connectors.kit.mapping.convert import reader_for, to_text, zone_of
from connectors.kit.mapping.keys import join_key
from connectors.kit.mapping.paths import BadValueError, shown
from loaders.crosswalks import Crosswalks
from workflows.ingestion.bulk import MOST_BAD
from workflows.ingestion.row_records import ColumnReading, RowReading

_SINGLE: Final = (str, bool, int, Decimal, date, datetime, Enum)
_DISTINCT: Final = 10_000
_MIDNIGHT: Final = ("00:00", "00:00:00")
_NEEDED: Final[Mapping[EntityName, tuple[str, ...]]] = {
    EntityName.FORECAST: ("item", "period_start", "quantity"),
    EntityName.INVENTORY: ("item", "location", "available"),
    EntityName.ITEM: ("sku",),
    EntityName.SUPPLIER: ("code",),
}
"""Entities of which a row can say all that matters, and what it must say."""


class FormatsConfig(Part):
    """How dates are written, where not as ISO 8601 does."""

    date: Annotated[str | None, Field(min_length=2, description="As in strptime: %d.%m.%Y.")] = None
    datetime: Annotated[str | None, Field(min_length=2, description="As in strptime.")] = None


class RowsConfig(Part):
    """How the rows of a file are read."""

    key: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(
            min_length=1,
            max_length=16,
            description="The file's columns that make the record's key, in the order in which the "
            "system's connector joins them.",
        ),
    ]
    columns: Annotated[
        dict[str, Annotated[str, Field(min_length=1)]],
        Field(description="The file's column by canonical column; left out: called alike."),
    ] = {}
    constants: Annotated[
        dict[str, str | int | bool],
        Field(description="Canonical columns that are the same in all rows, such as unit: EA."),
    ] = {}
    formats: Annotated[FormatsConfig, Field(description="How dates are written.")] = FormatsConfig()
    timezone: Annotated[str, Field(description="Of times that are written without one.")] = "UTC"
    delimiter: Annotated[
        str, Field(min_length=1, max_length=1, description="Between the cells of CSV.")
    ] = ","
    max_megabytes: Annotated[
        int, Field(ge=1, le=100_000, description="How long a file may be, unpacked.")
    ] = 1_000
    max_bad_rows: Annotated[
        int, Field(ge=0, le=1_000_000, description="How many bad rows a file may have.")
    ] = MOST_BAD

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"there is no time zone {value!r}: name one like Europe/Berlin")
        return value


def _sound(files: dict[EntityName, RowsConfig]) -> dict[EntityName, RowsConfig]:
    for entity, rows in files.items():
        if entity not in _NEEDED:
            names = ", ".join(e.value for e in _NEEDED)
            raise ValueError(f"{entity.value}: no files of rows are taken, only of {names}")
        types = single_columns(entity)
        unknown = sorted({*rows.columns, *rows.constants} - set(types))
        if unknown:
            raise ValueError(
                f"{entity.value} has no column {', '.join(unknown)} that a cell can hold; it has "
                f"{', '.join(types)}"
            )
        said = {*(rows.columns or types), *rows.constants}
        missing = [column for column in _NEEDED[entity] if column not in said]
        if missing:
            raise ValueError(f"{entity.value}: name the file's column for {', '.join(missing)}")
    return files


BulkConfig = Annotated[dict[EntityName, RowsConfig], AfterValidator(_sound)]
"""Files of rows of one system, by entity."""


def single_columns(entity: EntityName) -> dict[str, type[Any]]:
    """The columns of an entity that a cell can hold, with their types."""
    found: dict[str, type[Any]] = {}
    for name, hint in get_type_hints(ENTITIES[entity].record).items():
        kinds = [kind for kind in get_args(hint) or (hint,) if kind is not NoneType]
        if len(kinds) == 1 and isinstance(kinds[0], type) and issubclass(kinds[0], _SINGLE):
            found[name] = kinds[0]
    return found


def reading_of(system: str, entity: EntityName, rows: RowsConfig, walks: Crosswalks) -> RowReading:
    """How the rows of a file are read.

    Args:
        system: The backend.
        entity: What they are.
        rows: What the manifest says.
        walks: The system's crosswalks: records come in canonical keys.

    Raises:
        InvalidInputError: if a constant is no value of its column.
    """
    zone, types = zone_of(rows.timezone), single_columns(entity)
    readers = {
        column: _identified(_reader(kind, rows.formats, zone), entity, column, walks)
        for column, kind in types.items()
    }
    nullable = _nullable(entity)
    headers = rows.columns or {c: c for c in types if c not in rows.constants}
    try:
        constants = {column: readers[column](value) for column, value in rows.constants.items()}
    except ValueError as exc:
        raise InvalidInputError(f"{system}: constants of {entity.value}: {exc}") from exc
    return RowReading(
        system=system,
        entity=entity,
        columns=tuple(
            ColumnReading(
                column=column,
                header=header,
                read=readers[column],
                is_required=column in _NEEDED[entity],
                is_nullable=column in nullable,
                is_named=bool(rows.columns),
            )
            for column, header in headers.items()
        ),
        constants=constants,
        key_headers=rows.key,
        key=_key_of,
    )


def _nullable(entity: EntityName) -> frozenset[str]:
    hints = get_type_hints(ENTITIES[entity].record)
    return frozenset(name for name, hint in hints.items() if NoneType in get_args(hint))


def _key_of(values: list[Any]) -> str:
    try:
        texts = ["" if value is None else to_text(value) for value in values]
    except BadValueError as exc:
        raise ValueError(f"its key: {exc}") from None
    if not any(texts):
        raise ValueError("it has no key")
    return join_key(texts)


def _reader(target: type[Any], formats: FormatsConfig, zone: tzinfo) -> Callable[[Any], Any]:
    if target is str:
        return _explained(lambda raw: to_text(raw) or None)
    form = formats.datetime if target is datetime else formats.date if target is date else None
    read = reader_for(target, None, zone, form=form)
    if target is date and form is None:
        return _explained(lru_cache(_DISTINCT)(lambda raw: read(_day(raw))))
    if target in (date, datetime):
        return _explained(lru_cache(_DISTINCT)(read))
    if target is bool:
        return _explained(lambda raw: None if raw == "" else read(raw))
    return _explained(lambda raw: None if raw == "" else read(raw))


def _day(raw: Any) -> Any:
    """What is written of a day; midnight may stand behind it."""
    text = raw.strip() if isinstance(raw, str) else raw
    if isinstance(text, str) and len(text) > len("2026-01-31"):
        day, time = text[:10], text[11:]
        if time not in _MIDNIGHT:
            raise BadValueError(f"{shown(raw)} has a time of day where a date is meant")
        return day
    return text


def _explained(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def explained(raw: Any) -> Any:
        if isinstance(raw, list | dict):
            raise ValueError(f"{shown(raw)} is not a single value")
        try:
            return read(raw)
        except BadValueError as exc:
            raise ValueError(str(exc)) from None

    return explained


def _identified(
    read: Callable[[Any], Any], entity: EntityName, column: str, walks: Crosswalks
) -> Callable[[Any], Any]:
    other = ENTITIES[entity].references.get(column)
    walk = None if other is None else walks.get(other)
    if walk is None or walk.trivial:
        return read
    to_canonical = walk.to_canonical

    def identified(raw: Any) -> Any:
        local = read(raw)
        return None if local is None else to_canonical(local)

    return identified
