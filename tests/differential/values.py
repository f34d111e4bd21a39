"""Random values of record columns: whatever a system may send that an answer must spell right."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from functools import cache
from random import Random
from types import UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

from msgspec import Struct

R = TypeVar("R", bound=Struct)

TEXTS: Final = (
    "plain",
    "",
    'say "so"',
    "back\\slash",
    "two\nlines\ttab",
    "\x00\x1f\x7f",
    "Größe №5",
    "箱 📦",
    "\u2028\u2029",
    "</script>",
    "null",
    " 12.50 ",
    "é" * 40,
)
DECIMALS: Final = (
    *map(Decimal, ("5", "0", "0.00", "-0", "12.50", "-3.25", "1E+3", "1.5E-7", "1E+20", "3")),
    *map(Decimal, ("0.1000000", "100.120000", "7.1230000", "0.000001")),
    *map(Decimal, ("99999999999999999999.99", "2.00000000000000000001")),
)
DAYS: Final = (date(2026, 11, 23), date(2026, 12, 7), date(1999, 12, 31), date(9999, 12, 31))
MOMENTS: Final = (
    datetime(2026, 11, 23, 8, tzinfo=UTC),
    datetime(2026, 11, 22, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 11, 1, 6, 30, tzinfo=timezone(timedelta(hours=5, minutes=45))),
    datetime(2025, 3, 1, 0, 0, 0, 120_000, tzinfo=timezone(timedelta(hours=-9, minutes=-30))),
)
NUMBERS: Final = (0, 1, 7, -1, 365, 2**31 - 1, -(2**31), 2**31, 2**53 + 1)
"""The last two are more than GraphQL's Int can say: an error at their field."""

_LEAVES: Final[Mapping[type, tuple[Any, ...]]] = {
    str: TEXTS,
    Decimal: DECIMALS,
    date: DAYS,
    datetime: MOMENTS,
    int: NUMBERS[:-2] * 3 + NUMBERS[-2:],
    bool: (False, True),
}


def made(record: type[R], rnd: Random, *, nulls: float = 0.25, **given: Any) -> R:
    """A record with random columns, but for those that are given.

    Args:
        record: Its type.
        rnd: Where chance comes from.
        nulls: How often a nullable column is null.
        given: Columns that are fixed.
    """
    columns = {
        name: given[name] if name in given else _value(hint, rnd, nulls)
        for name, hint in _hints(record).items()
    }
    return record(**columns)


@cache
def _hints(record: type[Struct]) -> Mapping[str, Any]:
    return {n: h for n, h in get_type_hints(record).items() if not n.startswith("__")}


def _value(hint: Any, rnd: Random, nulls: float) -> Any:
    if get_origin(hint) in (Union, UnionType):
        kinds = [k for k in get_args(hint) if k is not type(None)]
        return None if rnd.random() < nulls else _value(kinds[0], rnd, nulls)
    if get_origin(hint) is tuple:
        return tuple(_value(get_args(hint)[0], rnd, nulls) for _ in range(rnd.choice((0, 1, 3))))
    if issubclass(hint, Enum):
        return rnd.choice(list(hint))
    if issubclass(hint, Struct):
        return made(hint, rnd, nulls=nulls)
    return rnd.choice(_LEAVES[hint])
