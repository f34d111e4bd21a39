"""Whether two runs of an operation gave the same answer.

The same are: the data, key for key in their order; the errors of fields that no null above them
hides, with their message, code, path and places; and what is said to be incomplete of what is
shown. Where a null spread upwards, each side names at least one reason below it: graphql-core stops
at the first, and which one is first is chance. Any other may be told that there is, but no path
twice.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from tests.differential.running import Path, Ran, Told

_ALIKE: Final = {"CACHED": "LIVE"}
"""Whether the second list with the same question finds the first one's is a matter of order."""


def difference(expected: Ran, given: Ran, *, sparing: bool = False) -> str:
    """The first difference in words; empty if there is none.

    Args:
        expected: What graphql-core made of it.
        given: What another engine did.
        sparing: Whether it must do with as few requests. It need not: what hangs below a reference
            is asked for before it is known that it leads nowhere, or what else is asked later.
    """
    if expected.fault or given.fault:
        return "" if expected.fault == given.fault else f"fault: {expected.fault} / {given.fault}"
    if expected.begun != given.begun:
        return f"begun: {expected.begun} / {given.begun}"
    return (
        _unequal(expected.data, given.data, ())
        or _errors(expected, given)
        or _problems(expected, given)
        or (_calls(expected, given) if sparing else "")
    )


def _unequal(a: Any, b: Any, path: Path) -> str:
    if type(a) is not type(b):
        return f"data at {path}: {a!r:.200} / {b!r:.200}"
    if isinstance(a, dict):
        if list(a) != list(b):
            return f"keys at {path}: {list(a)} / {list(b)}"
        return _first(_unequal(a[k], b[k], (*path, k)) for k in a)
    if isinstance(a, list):
        if len(a) != len(b):
            return f"length at {path}: {len(a)} / {len(b)}"
        pairs = enumerate(zip(a, b, strict=True))
        return _first(_unequal(x, y, (*path, i)) for i, (x, y) in pairs)
    same = a == b or (isinstance(a, str) and _ALIKE.get(a, a) == _ALIKE.get(b, b))
    return "" if same else f"data at {path}: {a!r} / {b!r}"


def _errors(expected: Ran, given: Ran) -> str:
    if not expected.begun:
        same = [_about(e) for e in expected.errors] == [_about(e) for e in given.errors]
        return "" if same else f"refusals: {expected.errors} / {given.errors}"
    if len({e.path for e in given.errors}) < len(given.errors):
        return f"a path is told twice: {given.errors}"
    ours, theirs = _by_null(expected), _by_null(given)
    for null in sorted({*ours, *theirs}, key=repr):
        a, b = ours.get(null, []), theirs.get(null, [])
        spread = null is None or any(e.steps != null for e in (*a, *b))
        if null is not None and spread and a and b:
            if not {*a, *b} <= (expected.possible or {*a}):
                return f"errors below {null}: {a} / {b}; possible: {expected.possible}"
        elif a != b:
            return f"errors of null at {null}: {a} / {b}"
    return ""


def _by_null(ran: Ran) -> dict[Path | None, list[Told]]:
    """Errors by the path of the null that they made; None for those that made none."""
    found: dict[Path | None, list[Told]] = {}
    for error in ran.errors:
        found.setdefault(_null_of(ran.data, error.steps), []).append(error)
    return found


def _null_of(data: Any, path: Path) -> Path | None:
    for depth, step in enumerate(path):
        if data is None:
            return path[:depth]
        data = _at(data, step)
    return path if data is None else None


def _problems(expected: Ran, given: Ran) -> str:
    a, b = (Counter(p for p in r.problems if _is_shown(r.data, p.steps)) for r in (expected, given))
    return "" if a == b else f"problems: {_list(a - b)} / {_list(b - a)}"


def _is_shown(data: Any, path: Path) -> bool:
    for step in path:
        data = _at(data, step)
        if data is None:
            return False
    return True


def _at(data: Any, step: str | int) -> Any:
    if isinstance(data, list) and isinstance(step, int):
        return data[step] if step < len(data) else None
    return data.get(step) if isinstance(data, dict) else None


def _calls(expected: Ran, given: Ran) -> str:
    """More requests than graphql-core needs: compared where no error cut its way short."""
    if expected.errors:
        return ""
    more = {s: (expected.calls.get(s, 0), n) for s, n in given.calls.items()}
    more = {s: (a, b) for s, (a, b) in more.items() if b > a}
    return f"calls: {more}" if more else ""


def _about(error: Told) -> tuple[str, str, Sequence[tuple[int, int]]]:
    return error.code, error.message, error.locations


def _list(problems: Counter[Told]) -> list[Told]:
    return sorted(problems.elements())


def _first(found: Iterable[str]) -> str:
    return next((f for f in found if f), "")
