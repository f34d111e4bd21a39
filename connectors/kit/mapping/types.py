"""How the mapping's field types relate to Python types and to the kinds that readers are told."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from connectors.kit.mapping.fields import FieldType

_PYTHON: Final[Mapping[FieldType, type[Any]]] = {
    FieldType.STRING: str,
    FieldType.INTEGER: int,
    FieldType.DECIMAL: Decimal,
    FieldType.BOOLEAN: bool,
    FieldType.DATE: date,
    FieldType.DATETIME: datetime,
    FieldType.DAY: date,
    FieldType.DAYS: int,
}
_KINDS: Final[Mapping[type[Any], FieldType]] = {
    str: FieldType.STRING,
    int: FieldType.INTEGER,
    Decimal: FieldType.DECIMAL,
    bool: FieldType.BOOLEAN,
    date: FieldType.DATE,
    datetime: FieldType.DATETIME,
}


def python_type(kind: FieldType) -> type[Any]:
    """The Python type that values of a field type are read as."""
    return _PYTHON[kind]


def kind_for(target: type[Any]) -> FieldType:
    """What a system is taken to hold for a column's type, where the mapping does not say."""
    return FieldType.STRING if issubclass(target, Enum) else _KINDS[target]


def kind_of(value: Any) -> str:
    """The kind, as readers are told, of a value written in a mapping."""
    return _KINDS[type(value)].value if type(value) in _KINDS else FieldType.STRING.value
