"""The order of a key as a system sorts by it, and what lies beyond a key."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from connectors.kit.mapping.expr import ALL, Expr, both, of, within
from connectors.kit.mapping.fields import FieldType
from connectors.kit.mapping.keys import Keys

_SAMPLES = {
    FieldType.INTEGER: 1,
    FieldType.DAYS: 1,
    FieldType.DECIMAL: Decimal(1),
    FieldType.DATE: date(2000, 1, 1),
    FieldType.DAY: date(2000, 1, 1),
    FieldType.DATETIME: datetime(2000, 1, 1, tzinfo=UTC),
    FieldType.BOOLEAN: True,
}


class KeyOrder:
    """A key's parts, in order.

    Args:
        keys: The key.
        descending: The direction.
    """

    def __init__(self, keys: Keys, *, descending: bool) -> None:
        self._parts = keys.parts
        self.descending = descending

    @property
    def sort(self) -> tuple[tuple[str, bool], ...]:
        """What the system is asked to sort by."""
        return tuple((p.path, self.descending) for p in self._parts)

    @property
    def sample(self) -> tuple[Any, ...]:
        """Values that a key might have, to try what the system can be asked."""
        return tuple(_SAMPLES.get(p.type, "0") for p in self._parts)

    def beyond(self, values: Sequence[Any]) -> Expr:
        """Strictly beyond a key: a > x, or for (a, b): a >= x and (a > x or b > y)."""
        strict, reached = ("lt", "lte") if self.descending else ("gt", "gte")
        clauses: list[Expr] = []
        for i, part in enumerate(self._parts):
            last = i == len(self._parts) - 1
            earlier = [
                within(p.path, p.type.value, **{strict: v})
                for p, v in zip(self._parts[:i], values, strict=False)
            ]
            here = within(part.path, part.type.value, **{strict if last else reached: values[i]})
            clauses.append(of(*earlier, here))
        return both(ALL, *clauses)
