"""What is decided here of a question, because a row does not get it from the system itself."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from msgspec import Struct

from canonical.criteria import Condition, Op, holds
from connectors.jsonrpc.settings import Split
from connectors.kit.rows import Bounds, Clause, Row, Test


class Reduced(Struct, frozen=True):
    """Clauses of which some tests are decided.

    Attributes:
        clauses: What is left of them.
        never: Whether one of them cannot be satisfied any more.
    """

    clauses: tuple[Clause, ...]
    never: bool = False


def value_at(row: Any, path: str) -> Any:
    """The value at a path through single records; None where one is missing."""
    for step in path.split("."):
        row = row.get(step) if isinstance(row, dict) else None
    return row


def satisfied(test: Test, value: Any) -> bool:
    """Tell whether one value satisfies a test."""
    if test.op is Op.RANGE:
        return _within(test.value, value) is not test.negated
    return holds(Condition(test.path, test.op, test.value), value) is not test.negated


def reduced(clauses: Sequence[Clause], prefix: str, row: Row) -> Reduced:
    """Clauses with the tests on an attached row decided.

    Args:
        clauses: The clauses.
        prefix: What the paths of these tests begin with.
        row: The attached row.
    """
    left: list[Clause] = []
    for clause in clauses:
        ours = [t for t in clause if t.path.startswith(prefix)]
        if any(satisfied(t, value_at(row, t.path[len(prefix) :])) for t in ours):
            continue
        left.append(tuple(t for t in clause if t not in ours))
    return Reduced(tuple(left), never=() in left)


def by_day(test: Test) -> Test:
    """A range of instants as one of the days that they may be on in any zone."""
    lower = test.value.gte or getattr(test.value, "gt", None)
    upper = test.value.lt or getattr(test.value, "lte", None)
    days = Bounds(
        gte=None if lower is None else lower.date() - timedelta(days=1),
        lte=None if upper is None else upper.date() + timedelta(days=1),
    )
    return Test(test.path, test.op, days, "date")


def split_rows(rows: Sequence[Row], split: Split, clauses: Sequence[Clause]) -> list[Row]:
    """One row for each value that the elements of a list have, by value; with these elements.

    Args:
        rows: The rows.
        split: How they are split.
        clauses: What must hold of the new rows.
    """
    found = []
    for row in rows:
        elements = [e for e in row.get(split.list) or () if isinstance(e, dict)]
        values = {value_at(e, split.by): None for e in elements}
        for value in sorted(values, key=lambda v: (v is not None, v)):
            own = [e for e in elements if value_at(e, split.by) == value]
            new = {**row, split.list: own, split.name: value}
            if all(any(satisfied(t, value_at(new, t.path)) for t in c) for c in clauses):
                found.append(new)
    return found


def _within(bounds: Any, value: Any) -> bool:
    if value is None:
        return False
    gt, lte = getattr(bounds, "gt", None), getattr(bounds, "lte", None)
    return (
        (bounds.gte is None or value >= bounds.gte)
        and (bounds.lt is None or value < bounds.lt)
        and (gt is None or value > gt)
        and (lte is None or value <= lte)
    )
