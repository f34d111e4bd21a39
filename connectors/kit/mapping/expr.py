"""What may be asked of a system: clauses that must all hold, each an OR of tests.

An expression never excludes a row that it stands for: it is exact, or gives some rows too many.
`ANY` says nothing, `NEVER` has a clause without tests, which nothing satisfies.
"""

from typing import Any, Final, NamedTuple

from canonical.criteria import Op
from connectors.kit.rows import Bounds, Clause, Test

_MOST_CLAUSES: Final = 6


class Expr(NamedTuple):
    """Clauses that must all hold, and whether they say exactly what is meant."""

    clauses: tuple[Clause, ...] = ()
    exact: bool = False

    @property
    def never(self) -> bool:
        """Whether no row can satisfy it."""
        return () in self.clauses


ANY: Final = Expr()
ALL: Final = Expr(exact=True)
NEVER: Final = Expr(((),), exact=True)


def of(*tests: Test, exact: bool = True) -> Expr:
    """At least one of some tests holds."""
    return Expr((tests,), exact)


def both(*parts: Expr) -> Expr:
    """All of them hold."""
    clauses = tuple(dict.fromkeys(c for p in parts for c in p.clauses))
    return Expr(clauses, all(p.exact for p in parts))


def either(a: Expr, b: Expr) -> Expr:
    """At least one of two holds."""
    if a.never:
        return b
    if b.never:
        return a
    pairs = [_merged(x + y) for x in a.clauses for y in b.clauses]
    return Expr(tuple(pairs[:_MOST_CLAUSES]), a.exact and b.exact and len(pairs) <= _MOST_CLAUSES)


def negated(expr: Expr) -> Expr:
    """It does not hold. Of an expression that is not exact, nothing can be excluded: `ANY`."""
    if not expr.exact:
        return ANY
    result = NEVER
    for clause in expr.clauses:
        result = either(result, both(ALL, *(of(_opposite(t)) for t in clause)))
    return result


def _opposite(test: Test) -> Test:
    if test.op is Op.IS_NULL:
        return Test(test.path, Op.IS_NULL, not test.value, test.kind)
    return Test(test.path, test.op, test.value, test.kind, not test.negated)


def _merged(clause: Clause) -> Clause:
    """One test for all values that a path may be equal to."""
    values: dict[tuple[str, str], dict[Any, None]] = {}
    rest: list[Test] = []
    for test in clause:
        if test.op is Op.IN and not test.negated:
            values.setdefault((test.path, test.kind), {}).update(dict.fromkeys(test.value))
        elif test not in rest:
            rest.append(test)
    merged = [Test(p, Op.IN, tuple(v), kind) for (p, kind), v in values.items()]
    return (*merged, *rest)


def within(path: str, kind: str, **bounds: Any) -> Test:
    """A test that a value lies between bounds."""
    return Test(path, Op.RANGE, Bounds(**bounds), kind)
