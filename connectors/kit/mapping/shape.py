"""What canonical columns hold: the type behind an annotation, whether a list, whether nullable."""

from collections.abc import Mapping
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from msgspec import Struct


class Column(Struct, frozen=True):
    """What a column holds.

    Attributes:
        type: The Python type of a value, or of an element where `many`.
        many: Whether it is a tuple of these.
        nullable: Whether None is a proper value.
    """

    type: type[Any]
    many: bool
    nullable: bool

    @property
    def is_struct(self) -> bool:
        """Whether values are structured (parts, money, quantities)."""
        return issubclass(self.type, Struct)

    @property
    def is_enum(self) -> bool:
        """Whether values belong to an enumeration."""
        return issubclass(self.type, Enum)


@cache
def shape_of(record: type[Struct]) -> Mapping[str, Column]:
    """The columns of a record or part, by name, without provenance."""
    hints = get_type_hints(record, include_extras=True)
    return {
        name: _column(hint)
        for name, hint in hints.items()
        if name != "provenance" and not name.startswith("__")
    }


def _column(hint: Any) -> Column:
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    nullable = False
    if get_origin(hint) in (Union, UnionType):
        options = [a for a in get_args(hint) if a is not NoneType]
        nullable = len(options) < len(get_args(hint))
        hint = options[0]
    if get_origin(hint) is tuple:
        return Column(get_args(hint)[0], many=True, nullable=nullable)
    return Column(hint, many=False, nullable=nullable)


def column_at(record: type[Struct], dotted: str) -> Column | None:
    """The column at a dotted name, or None if there is none."""
    first, _, rest = dotted.partition(".")
    column = shape_of(record).get(first)
    if not rest or column is None:
        return column
    return column_at(column.type, rest) if column.is_struct else None
