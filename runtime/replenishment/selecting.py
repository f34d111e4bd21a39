"""Criteria and orders as SQL: the same rows, in the same order, as `canonical.criteria` has them.

| column | kept as | compared as |
|---|---|---|
| texts | text | by code point, whatever the database's collation |
| `status` | text | is one of |
| `quantity` | plain digits | a number; exactly, also in SQLite, which has no decimals |
| `need_by` | ISO 8601 | the text, which sorts as the day does |
| `created_at` and the like | moments | moments |
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct

from canonical.criteria import Condition, Criteria, Op, Sort
from canonical.errors import UnsupportedError
from runtime.replenishment.rows import number_text
from runtime.store.process_tables import RECOMMENDATIONS

_T: Final = RECOMMENDATIONS.c
_TEXTS: Final = (
    "item",
    "location",
    "supplier",
    "unit",
    "reason",
    "decided_by",
    "first_approved_by",
    "escalated_to",
    "purchase_order",
    "correlation_id",
)
_MOMENTS: Final = ("created_at", "decided_at", "expires_at")
_LONGEST: Final = 3
"""Digits of the length of a number's whole part."""
Expression = sa.ColumnElement[Any]


class Compared(Struct, frozen=True):
    """How a column is compared.

    Attributes:
        column: What is compared, in its order.
        same: What is asked for equality, so that indexes serve.
        bound: A value as it is compared with.
        is_text: Whether parts of it may be looked for.
    """

    column: Expression
    same: Expression
    bound: Callable[[Any], Any]
    is_text: bool = False


class Selecting:
    """Conditions and orders in one kind of database.

    Args:
        dialect: Which.
    """

    def __init__(self, dialect: str) -> None:
        self._sqlite = dialect == "sqlite"
        self._columns: Mapping[str, Compared] = {
            **{name: self._text_of(_T[name]) for name in _TEXTS},
            **{name: Compared(_T[name], _T[name], _same) for name in _MOMENTS},
            "decision_note": self._text_of(_T.note),
            "status": Compared(self._text(_T.status), _T.status, str),
            "need_by": Compared(self._text(_T.need_by), _T.need_by, date.isoformat),
            "quantity": self._number(_T.quantity),
        }
        self._key = self._text(_T.id)

    def where(self, criteria: Criteria) -> list[Expression]:
        """Conditions that must all hold.

        Raises:
            UnsupportedError: if a column cannot be compared.
        """
        return [self._condition(condition) for condition in criteria]

    def order(self, order: Sequence[Sort]) -> list[Expression]:
        """Sort keys: those without a value last, and ties by key."""
        keys: list[Expression] = []
        for sort in order:
            column = self._of(sort.column).column
            down = column.desc() if sort.descending else column.asc()
            keys.append(down.nulls_last())
        return [*keys, self._key.asc()]

    def after(self, order: Sequence[Sort], position: Sequence[Any]) -> Expression:
        """Whether a row comes after a position in an order."""
        ways: list[Expression] = []
        before: list[Expression] = []
        for sort, value in zip(order, position, strict=False):
            compared = self._of(sort.column)
            column = compared.column
            if value is None:  # nothing comes after it by this column
                before.append(column.is_(None))
                continue
            bound = compared.bound(value)
            further = column < bound if sort.descending else column > bound
            ways.append(sa.and_(*before, sa.or_(further, column.is_(None))))
            before.append(compared.same == bound)
        ways.append(sa.and_(*before, self._key > str(position[-1])))
        return sa.or_(*ways)

    def _condition(self, condition: Condition) -> Expression:
        compared = self._of(condition.column)
        column, value = compared.column, condition.value
        match condition.op:
            case Op.IS_NULL:
                return column.is_(None) if value else column.is_not(None)
            case Op.IN:
                found = compared.same.in_([compared.bound(v) for v in value if v is not None])
                return sa.or_(found, column.is_(None)) if None in value else found
            case Op.RANGE:
                low, high = value
                bounds = [] if low is None else [column >= compared.bound(low)]
                bounds += [] if high is None else [column < compared.bound(high)]
                return sa.and_(column.is_not(None), *bounds)
        if not compared.is_text:
            raise UnsupportedError(f"{condition.column!r} of recommendations is no text")
        position = sa.func.instr if self._sqlite else sa.func.strpos
        place = position(column, value)
        return place > 0 if condition.op is Op.CONTAINS else place == 1

    def _of(self, name: str) -> Compared:
        compared = self._columns.get(name)
        if compared is None:
            raise UnsupportedError(f"recommendations cannot be asked for by {name!r}")
        return compared

    def _text_of(self, column: Expression) -> Compared:
        return Compared(self._text(column), column, str, is_text=True)

    def _text(self, column: Expression) -> Expression:
        return column if self._sqlite else column.collate("C")

    def _number(self, column: Expression) -> Compared:
        """A number that is not negative, as something that sorts as it does.

        In SQLite: how long its whole part is, and then its digits, which have no zeros before or
        behind.
        """
        if not self._sqlite:
            number = sa.cast(column, sa.Numeric)
            return Compared(number, number, _same)
        whole = sa.func.instr(column.concat("."), ".")
        sortable = sa.func.printf(f"%0{_LONGEST}d", whole).concat(column)
        return Compared(sortable, sortable, _sortable)


def _same(value: Any) -> Any:
    return value


def _sortable(number: Decimal) -> str:
    if number < 0:
        return ""  # before all that are kept
    digits = number_text(number)
    return f"{f'{digits}.'.index('.') + 1:0{_LONGEST}d}{digits}"
