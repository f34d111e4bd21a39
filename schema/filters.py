"""Filter inputs that several lists share, and how they become criteria."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final

import strawberry

from canonical.criteria import Condition, Criteria, Op, Range, Sort
from canonical.errors import InvalidInputError

MAX_VALUES: Final = 1_000


@strawberry.enum(description="Direction of an order.")
class SortDirection(Enum):
    """Direction of an order."""

    ASC = "ASC"
    DESC = "DESC"


@strawberry.input(description="Conditions on text; all that are given must hold. Case matters.")
class StringFilter:
    """Conditions on text."""

    eq: str | None = strawberry.field(default=None, description="Equal to.")
    in_: list[str] | None = strawberry.field(
        default=None, name="in", description=f"Equal to one of these; at most {MAX_VALUES}."
    )
    contains: str | None = strawberry.field(default=None, description="Contains this text.")
    starts_with: str | None = strawberry.field(default=None, description="Begins with this text.")

    def on(self, column: str) -> list[Condition]:
        """The conditions on a column."""
        found = [] if self.eq is None else [Condition(column, Op.IN, (self.eq,))]
        found += one_of(column, self.in_)
        for op, text in ((Op.CONTAINS, self.contains), (Op.STARTS_WITH, self.starts_with)):
            if text:
                found.append(Condition(column, op, text))
        return found


@strawberry.input(description="A span of days.")
class DateFilter:
    """A span of days."""

    gte: date | None = strawberry.field(default=None, description="On this day or later.")
    lt: date | None = strawberry.field(default=None, description="Before this day.")

    def on(self, column: str) -> list[Condition]:
        """The condition on a column."""
        return within(column, self.gte, self.lt)


@strawberry.input(description="A span of time.")
class DateTimeFilter:
    """A span of time."""

    gte: datetime | None = strawberry.field(default=None, description="At this moment or later.")
    lt: datetime | None = strawberry.field(default=None, description="Before this moment.")

    def on(self, column: str) -> list[Condition]:
        """The condition on a column."""
        return within(column, self.gte, self.lt)


@strawberry.input(description="A span of numbers.")
class DecimalFilter:
    """A span of numbers."""

    gte: Decimal | None = strawberry.field(default=None, description="This or more.")
    lt: Decimal | None = strawberry.field(default=None, description="Less than this.")

    def on(self, column: str) -> list[Condition]:
        """The condition on a column."""
        return within(column, self.gte, self.lt)


AnyFilter = StringFilter | DateFilter | DateTimeFilter | DecimalFilter


def within(column: str, gte: Any, lt: Any) -> list[Condition]:
    """The condition that a column lies in a span; none if both ends are open.

    Raises:
        InvalidInputError: if nothing can lie in it.
    """
    if gte is None and lt is None:
        return []
    if gte is not None and lt is not None and gte >= lt:
        raise InvalidInputError(f"`gte` ({gte}) must be less than `lt` ({lt})")
    return [Condition(column, Op.RANGE, Range(gte, lt))]


def one_of(column: str, values: Sequence[Any] | None) -> list[Condition]:
    """The condition that a column is one of some values; none if the values are not given.

    Raises:
        InvalidInputError: if there are too many values.
    """
    if values is None:
        return []
    if len(values) > MAX_VALUES:
        raise InvalidInputError(
            f"{len(values)} values in one filter; at most {MAX_VALUES} are taken. Ask in parts"
        )
    return [Condition(column, Op.IN, tuple(sorted(set(values))))]


def criteria(*parts: tuple[str, AnyFilter | Sequence[Any] | None]) -> Criteria:
    """The criteria of (column, filter or values) pairs; pairs without either say nothing."""
    found: list[Condition] = []
    for column, part in parts:
        if isinstance(part, AnyFilter):
            found += part.on(column)
        else:
            found += one_of(column, part)
    return tuple(found)


def sort_by(field: Enum, direction: SortDirection) -> Sort:
    """The order by an order field, whose value names the column."""
    return Sort(str(field.value), direction is SortDirection.DESC)
