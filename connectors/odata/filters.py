"""Clauses as `$filter`: what the system can do with a test, and how it is written.

IN             (A eq 'x' or A eq 'y'), or A in ('x','y') where V4 services take it
RANGE          A ge 1 and A lt 5 (or gt, le)
CONTAINS       substringof('x',A) in V2, contains(A,'x') in V4, A eq '*x*' where the settings say so
STARTS_WITH    startswith(A,'x')
IS_NULL        A eq null
behind a link  to_One/A; in V4 to_Many/any(x:x/A eq 'x')
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from canonical.criteria import Op
from connectors.kit.rows import Bounds, Clause, Push, Test
from connectors.odata.keys import padded
from connectors.odata.literals import literal, quoted
from connectors.odata.shape import Shape

_TEXT: Final = "Edm.String"
_UNORDERED: Final = frozenset({"Edm.Guid", "Edm.Boolean"})


def pushable(test: Test, shape: Shape) -> Push:
    """Tell what the system can do with a test."""
    if not shape.filterable(test.path) or not _reachable(test.path, shape):
        return Push.NO
    edm = shape.edm(test.path, kind_of(test))
    if not _comparable(test, edm, shape):
        return Push.NO
    if edm == _TEXT and shape.settings.ignores_case and test.op is not Op.IS_NULL:
        return Push.NO if test.negated or test.op is Op.RANGE else Push.SUPERSET
    return Push.EXACT


def pushable_together(clause: Clause, shape: Shape) -> Push:
    """Tell what the system can do with an OR of several tests."""
    if len({test.path for test in clause}) > 1 and not shape.settings.mixed_or:
        return Push.NO
    found = {pushable(test, shape) for test in clause}
    return next((p for p in (Push.NO, Push.SUPERSET) if p in found), Push.EXACT)


def render(where: Sequence[Clause], shape: Shape) -> str | None:
    """Write clauses that must all hold as one `$filter`.

    Returns:
        The expression, empty if everything is wanted, or None if no row can satisfy the clauses.

    Raises:
        ValueError: if a value cannot be written in the type of its field.
    """
    written: list[str] = []
    for clause in where:
        parts = [_test(test, shape) for test in clause]
        if True in parts:
            continue
        texts = [part for part in parts if isinstance(part, str)]
        if not texts:
            return None
        written.append(texts[0] if len(texts) == 1 else f"({' or '.join(texts)})")
    return " and ".join(written)


def kind_of(test: Test) -> str:
    """The test's type; where the mapping says only text, what its values are."""
    if test.kind != "string":
        return test.kind
    value = next((v for v in _scalars(test) if v is not None), None)
    for kind, types in _KINDS:
        if isinstance(value, types):
            return kind
    return "string"


def _reachable(path: str, shape: Shape) -> bool:
    many = shape.collections(path)
    if many is None:
        return False
    return not many or (shape.settings.version == "v4" and shape.settings.lambdas)


def _comparable(test: Test, edm: str, shape: Shape) -> bool:
    kind = kind_of(test)
    match test.op:
        case Op.IS_NULL:
            return True
        case Op.CONTAINS | Op.STARTS_WITH:
            mode = shape.settings.contains
            return edm == _TEXT and (
                mode == "function" or (mode == "wildcard" and "*" not in test.value)
            )
        case Op.RANGE:
            if edm == _TEXT:
                return kind == "string"
            return edm.startswith("Edm.") and edm not in _UNORDERED
        case Op.IN:
            return edm != _TEXT or kind in {"string", "integer"}


def _scalars(test: Test) -> Sequence[Any]:
    return tuple(test.value) if test.op in {Op.IN, Op.RANGE} else (test.value,)


def _test(test: Test, shape: Shape) -> str | bool:
    """One test as text; True or False where no row or every row can fail it."""
    edm = shape.edm(test.path, kind_of(test))
    many = shape.collections(test.path) or ()
    way = test.path.split(".")
    return _within(way, many, lambda name: _compare(name, test, edm, shape))


def _within(
    way: list[str], many: tuple[str, ...], compare: Callable[[str], str | bool], depth: int = 0
) -> str | bool:
    """Write the comparison at the end of a path, inside an `any` for each collection on the way."""
    at = next((n for n, step in enumerate(way) if step in many), None)
    if at is None:
        return compare("/".join(way))
    variable = f"x{depth}"
    inner = _within([variable, *way[at + 1 :]], many[1:], compare, depth + 1)
    if isinstance(inner, bool):
        return inner
    return f"{'/'.join(way[: at + 1])}/any({variable}:{inner})"


def _compare(name: str, test: Test, edm: str, shape: Shape) -> str | bool:
    if test.op is Op.IN:
        return _in(name, test, edm, shape)
    if test.op is Op.RANGE:
        return _range(name, test, edm, shape)
    if test.op is Op.IS_NULL:
        return f"{name} {'eq' if test.value is not test.negated else 'ne'} null"
    text = _search(name, test, shape)
    if not test.negated:
        return text
    # V4 functions of null are null, and so is their negation.
    return f"not ({text})" if shape.settings.version == "v2" else f"(not {text} or {name} eq null)"


def _search(name: str, test: Test, shape: Shape) -> str:
    text = str(test.value)
    starts = test.op is Op.STARTS_WITH
    if shape.settings.contains == "wildcard":
        return f"{name} eq {quoted(f'{text}*' if starts else f'*{text}*')}"
    if starts:
        return f"startswith({name},{quoted(text)})"
    if shape.settings.version == "v2":
        return f"substringof({quoted(text)},{name})"
    return f"contains({name},{quoted(text)})"


def _in(name: str, test: Test, edm: str, shape: Shape) -> str | bool:
    if kind_of(test) == "date" and edm == "Edm.DateTimeOffset":
        return _days(name, test, edm, shape)
    texts: list[str] = []
    for value in test.value:
        try:
            texts.append(_value(test, value, edm, shape))
        except ValueError:  # a value that the type does not have: nothing equals it
            continue
    if not texts:
        return test.negated
    if shape.settings.in_operator and shape.settings.version == "v4" and "null" not in texts:
        text = f"{name} in ({','.join(texts)})"
        return f"not ({text})" if test.negated else text
    operator, word = ("ne", " and ") if test.negated else ("eq", " or ")
    chain = word.join(f"{name} {operator} {text}" for text in texts)
    return f"({chain})" if len(texts) > 1 else chain


def _days(name: str, test: Test, edm: str, shape: Shape) -> str | bool:
    """Days of a field that holds moments: each is a span of 24 hours in UTC."""
    version = shape.settings.version
    spans = []
    for day in test.value:
        start = datetime.combine(day, time(), UTC)
        first, after = (literal(d, edm, version) for d in (start, start + timedelta(days=1)))
        spans.append(f"({name} ge {first} and {name} lt {after})")
    if not spans:
        return test.negated
    text = f"({' or '.join(spans)})" if len(spans) > 1 else spans[0]
    return f"not {text}" if test.negated else text


def _range(name: str, test: Test, edm: str, shape: Shape) -> str | bool:
    bounds = Bounds(*test.value)
    ends = (("ge", bounds.gte), ("gt", bounds.gt), ("le", bounds.lte), ("lt", bounds.lt))
    parts = [
        f"{name} {operator} {_value(test, end, edm, shape)}"
        for operator, end in ends
        if end is not None
    ]
    if not parts:
        return f"{name} {'eq' if test.negated else 'ne'} null"
    text = " and ".join(parts)
    if test.negated:
        return f"not ({text})"
    return f"({text})" if len(parts) > 1 else text


def _value(test: Test, value: Any, edm: str, shape: Shape) -> str:
    if value is None:
        return "null"
    width = shape.options.pad.get(test.path)
    return literal(value if width is None else padded(value, width), edm, shape.settings.version)


_KINDS: Final[tuple[tuple[str, type], ...]] = (
    ("boolean", bool),
    ("integer", int),
    ("decimal", Decimal),
    ("datetime", datetime),
    ("date", date),
)
