"""What is done with a column of values that were found: `valueform` for many values at once.

The types that a column holds decide. Most columns hold one type and null, and are either what the
canonical column holds already, or converted in one go; texts are converted once for each distinct
one. Anything else is converted value by value.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from connectors.kit.mapping.batch import demanded, types_of
from connectors.kit.mapping.fields import FieldType, ValueForm
from connectors.kit.mapping.model import MappingSettings
from connectors.kit.mapping.shape import Column
from connectors.kit.mapping.valueform import Finish, empties, finisher

FinishAll = Callable[[Sequence[Any]], Sequence[Any]]

_NULL: Final = type(None)
_NUMBERS: Final = frozenset({int, Decimal})
_PLAIN: Final = frozenset({str, int, bool, _NULL})
"""Types of which equal values are the same to every conversion, as long as they are not mixed."""
_OF_TEXT: Final = frozenset({None, FieldType.STRING, FieldType.DECIMAL, FieldType.BOOLEAN})


def column_finisher(
    form: ValueForm, column: Column, settings: MappingSettings, *, required: bool
) -> FinishAll:
    """The closure from values as found to the column's values.

    It raises `BadValueError` where one of them cannot be the column's; also where one is null, if
    a value is required.
    """
    finish = finisher(form, column, settings)
    empty = empties(form, column, settings)
    kept, texts = _kept(form, column, empty), frozenset(e for e in empty if isinstance(e, str))
    numbers = _are_numbers(form, column, empty)
    null_kept = not required and form.default is None and form.map is None

    def finish_all(raw: Sequence[Any]) -> Sequence[Any]:
        types = types_of(raw)
        sure = types - {_NULL} if null_kept else types
        if sure == kept and (not texts or texts.isdisjoint(raw)):
            return raw
        if numbers and sure <= _NUMBERS:
            found = _decimals(raw, types)
            if types == {int} or all(n is None or n.is_finite() for n in found):
                return found
        if len(types - {_NULL}) == 1 and types <= _PLAIN:
            return _once_each(finish, raw, required=required)
        return demanded([finish(v) for v in raw], required=required)

    return finish_all


def _decimals(raw: Sequence[Any], types: set[type[Any]]) -> list[Any]:
    if types == {int}:
        return list(map(Decimal, raw))
    return [v if v is None or type(v) is Decimal else Decimal(v) for v in raw]


def _once_each(finish: Finish, raw: Sequence[Any], *, required: bool) -> list[Any]:
    found = {value: finish(value) for value in set(raw)}
    demanded(list(found.values()), required=required)
    return list(map(found.__getitem__, raw))


def _kept(form: ValueForm, column: Column, empty: tuple[Any, ...]) -> set[type[Any]]:
    """The type of values that stay as they are, unless they are texts that mean null."""
    if form.map is not None:
        return set()
    if column.type is str and form.type in _OF_TEXT and not form.unit:
        return {str}
    if column.type is int and form.type is not FieldType.DAYS and not _numbers_in(empty):
        return {int}
    if column.type is bool and not any(isinstance(e, bool) for e in empty):
        return {bool}
    return set()


def _are_numbers(form: ValueForm, column: Column, empty: tuple[Any, ...]) -> bool:
    """Whether numbers only become decimals."""
    changed = form.digits is not None or form.map is not None or form.type is FieldType.DAYS
    return column.type is Decimal and not changed and not _numbers_in(empty)


def _numbers_in(empty: tuple[Any, ...]) -> bool:
    return any(isinstance(e, int | Decimal) and not isinstance(e, bool) for e in empty)
