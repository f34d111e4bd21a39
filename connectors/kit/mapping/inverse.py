"""A field with a plain path, read backwards: canonical values and conditions to the system's."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from canonical.criteria import Condition, Op, Range, holds
from connectors.kit.mapping.convert import literal, zone_of
from connectors.kit.mapping.expr import ANY, NEVER, Expr, either, of, within
from connectors.kit.mapping.fields import FieldType, PathField
from connectors.kit.mapping.model import MappingSettings
from connectors.kit.mapping.shape import Column
from connectors.kit.mapping.types import kind_for, kind_of, python_type
from connectors.kit.mapping.valueform import empties
from connectors.kit.rows import Test

# Dates outside mean null. Some databases cannot spell dates before 1753.
_EARLIEST: Final = date(1753, 1, 1)
_LATEST: Final = date(9999, 1, 1)
_SAMPLES: Final = {
    str: "0",
    int: 1,
    Decimal: Decimal(1),
    date: date(2000, 1, 1),
    datetime: datetime(2000, 1, 1, tzinfo=UTC),
    bool: True,
}
_NATURAL: Final = frozenset(
    {
        (str, FieldType.STRING),
        (str, FieldType.INTEGER),
        (int, FieldType.INTEGER),
        (Decimal, FieldType.DECIMAL),
        (Decimal, FieldType.INTEGER),
        (date, FieldType.DATE),
        (date, FieldType.DAY),
        (datetime, FieldType.DATETIME),
        (bool, FieldType.BOOLEAN),
    }
)


class Inverse:
    """One field with a plain path, for asking the system.

    Args:
        form: The field.
        column: What its canonical value is.
        path: Its path from the record's row.
        settings: What holds for the whole mapping.
    """

    def __init__(
        self, form: PathField, column: Column, path: str, settings: MappingSettings
    ) -> None:
        self.path = path
        self._form = form
        self._column = column
        self._zone = zone_of(settings.time_zone)
        self._units = settings.units if form.unit else {}
        self._empty = empties(form, column, settings)
        self._target = str if column.is_enum else column.type
        kind = form.type or kind_for(column.type)
        if self._target is date and kind is FieldType.DATETIME:
            kind = FieldType.DAY
        self._kind = kind
        self._default = literal(column.type, form.default)
        self._map = {k: literal(column.type, v) for k, v in (form.map or {}).items()}
        natural = (self._target, kind) in _NATURAL
        moved = form.plus_days or form.plus_months
        self._plain = natural and form.format is None and not moved
        coded = form.map is not None or form.unit or self._default is not None
        self._verbatim = (self._target, kind) == (str, FieldType.STRING) and not (
            coded or form.digits is not None or form.format is not None
        )
        """Whether the system holds the very texts that the column has."""

    @property
    def kind(self) -> str:
        """The kind of the field's values, as readers are told."""
        if self._map:
            return kind_of(next(iter(self._map)))
        return FieldType.DATETIME.value if self._kind is FieldType.DAY else self._kind.value

    @property
    def sortable(self) -> bool:
        """Whether the system's order of the field is the column's."""
        form = self._form
        coded = form.map is not None or form.unit or form.digits is not None
        return self._plain and not coded and self._default is None and self._target is not bool

    @property
    def nullable(self) -> bool:
        """Whether records may have no value here."""
        if self._default is not None:
            return False
        return self._column.nullable if self._form.nullable is None else self._form.nullable

    @property
    def sample(self) -> Any:
        """A value that the column might have, to try what the system can be asked."""
        return _SAMPLES[self._target]

    def expr(self, condition: Condition) -> Expr:
        """What may be asked for a condition on the column."""
        match condition.op:
            case Op.IN:
                if self._verbatim:
                    return self._one_of(condition.value)
                result = NEVER
                for value in condition.value:
                    result = either(result, self._equal(value))
                return result
            case Op.IS_NULL:
                return self._null() if condition.value else self._not_null()
            case Op.RANGE:
                return self._range(condition)
            case _:
                return self._text(condition)

    def values(self, value: Any) -> tuple[Any, ...] | None:
        """What the system holds where the column has a value; None if that cannot be listed."""
        if self._default is not None and self._same(self._default, value):
            return None
        found = [k for k, v in self._map.items() if self._same(v, value)]
        if self._form.map is None or self._default is None:
            if not self._plain or self._form.digits is not None or self._kind is FieldType.DAY:
                return None
            found += self._unmapped(value)
        return tuple(dict.fromkeys(found))

    def all_values(self, values: Sequence[Any]) -> dict[Any, tuple[Any, ...]] | None:
        """What the system holds for each of many values; None if that cannot be listed for one."""
        if self._verbatim:
            held = self._held(values)
            return dict(zip(held, zip(held, strict=True), strict=True))
        found = {value: self.values(value) for value in values}
        known = {value: held for value, held in found.items() if held is not None}
        return known if len(known) == len(found) else None

    def since(self, value: Any) -> Test:
        """The value, or what follows it in ascending order."""
        return within(self.path, self.kind, gte=self._lower(value))

    def until(self, value: Any) -> Test:
        """The value, hidden parts of a second or day included, or what follows it descending."""
        if self._target is date:
            return within(self.path, self.kind, lt=self._lower(value + timedelta(days=1)))
        if self._target is datetime:
            return within(self.path, self.kind, lt=value + timedelta(seconds=1))
        return within(self.path, self.kind, lte=self._lower(value))

    def _same(self, a: Any, b: Any) -> bool:
        return bool(str(a) == str(b)) if self._target is str else bool(a == b)

    def _unmapped(self, value: Any) -> list[Any]:
        codes: list[Any] = [value]
        if self._units:
            codes = [c for c, unit in self._units.items() if unit == value]
            codes += [value] if value not in self._units else []
        raws = [self._raw(c) for c in codes]
        known = {str(k) for k in self._map}
        return [r for r in raws if r is not None and str(r) not in known and r not in self._empty]

    def _raw(self, value: Any) -> Any:
        """A canonical value in the system's type, or None if the system cannot hold it."""
        if self._kind is FieldType.INTEGER:
            return _integer(value)
        if self._kind is FieldType.STRING:
            return str(value)
        wanted = python_type(self._kind)
        return Decimal(value) if wanted is Decimal else self._earlier(value)

    def _earlier(self, value: Any) -> Any:
        days = self._form.plus_days
        return value - timedelta(days=days) if days and self._target is date else value

    def _equal(self, value: Any) -> Expr:
        if self._kind is FieldType.DAY and self._plain and self._default is None and not self._map:
            lower, upper = self._lower(value), self._lower(value + timedelta(days=1))
            return of(within(self.path, self.kind, gte=lower, lt=upper))
        if self._default is not None and self._same(self._default, value):
            return self._default_or(value)
        raws = self.values(value)
        if raws is None:
            return ANY
        return of(Test(self.path, Op.IN, raws, self.kind)) if raws else NEVER

    def _one_of(self, values: Sequence[Any]) -> Expr:
        held = tuple(dict.fromkeys(self._held(values)))
        return of(Test(self.path, Op.IN, held, self.kind)) if held else NEVER

    def _held(self, values: Sequence[Any]) -> Sequence[str]:
        """Texts that are the same in the system, without those that mean null there."""
        if set(map(type, values)) == {str} and not (self._empty and set(self._empty) & {*values}):
            return values
        return [str(v) for v in values if v not in self._empty]

    def _default_or(self, value: Any) -> Expr:
        """Codes outside the map have the default; without a map, null has."""
        if not self._map:
            return ANY
        others = tuple(k for k, v in self._map.items() if not self._same(v, value))
        return of(Test(self.path, Op.IN, others, self.kind, negated=True)) if others else ANY

    def _null(self) -> Expr:
        if self._default is not None:
            return NEVER
        if self._map and None in self._map:
            return ANY
        listed = tuple(e for e in self._empty if kind_of(e) == self.kind)
        if any(e not in listed and e is not None for e in self._form.empty):
            return ANY
        tests = [Test(self.path, Op.IS_NULL, True, self.kind)]
        if listed:
            tests.append(Test(self.path, Op.IN, listed, self.kind))
        if self._target in (date, datetime):
            tests.append(within(self.path, self.kind, lt=self._edge(_EARLIEST)))
            tests.append(within(self.path, self.kind, gte=self._edge(_LATEST)))
        elif self._target is not str and self._kind is FieldType.STRING:
            return ANY
        return of(*tests, exact=False)

    def _not_null(self) -> Expr:
        if self._default is not None or (self._map and None in self._map):
            return ANY
        return of(Test(self.path, Op.IS_NULL, False, self.kind), exact=False)

    def _range(self, condition: Condition) -> Expr:
        bounds: Range = condition.value
        coded = bool(self._map) or self._form.unit or self._target in (str, bool)
        if not self._plain or coded or self._default is not None:
            return ANY
        gte, lt = (None if b is None else literal(self._target, b) for b in bounds)
        if self._form.digits is not None:
            step = Decimal(1).scaleb(-self._form.digits)
            gte = None if gte is None else gte - step
            lt = None if lt is None else lt + step
        test = within(
            self.path,
            self.kind,
            gte=None if gte is None else self._lower(gte),
            lt=None if lt is None else self._lower(lt),
        )
        open_ended = self._target in (date, datetime) and (gte is None or lt is None)
        return of(test, exact=not open_ended and self._form.digits is None)

    def _text(self, condition: Condition) -> Expr:
        coded = self._form.map is not None or self._form.unit or self._default is not None
        if self._target is not str or self._kind is not FieldType.STRING or coded:
            return ANY
        exact = not any(isinstance(e, str) and holds(condition, e) for e in self._empty)
        return of(Test(self.path, condition.op, condition.value, self.kind), exact=exact)

    def _lower(self, value: Any) -> Any:
        if self._kind is FieldType.DAY:
            return datetime.combine(self._earlier(value), time(), self._zone)
        if self._kind is FieldType.INTEGER and self._target is Decimal:
            return value
        raw = self._raw(value)
        return value if raw is None else raw

    def _edge(self, day: date) -> Any:
        if self._kind is FieldType.DATE:
            return day
        return datetime.combine(day, time(), self._zone)


def _integer(value: Any) -> int | None:
    if isinstance(value, str):
        return int(value) if value.isascii() and _canonical(value) else None
    return int(value) if value == int(value) else None


def _canonical(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isdigit() and (digits == "0" or not digits.startswith("0"))
