"""A column that was not asked for is absent: neither null nor a value.

Records hold only the columns a question needed. An absent column is left out of every encoded form,
so what a cache returns tells by itself which columns it knows.
"""

from typing import Any, Final

from msgspec import UNSET

ABSENT: Final[Any] = UNSET
"""Default of every record column, typed as anything: annotations say only what it holds."""


def is_absent(value: object) -> bool:
    """Tell whether a column was not fetched."""
    return value is UNSET
