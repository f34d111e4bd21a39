"""Tests become query parameters, as far as the declared operators go."""

import string
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from canonical.criteria import Op
from canonical.errors import UnsupportedError
from connectors.kit.rows import Bounds, Clause, Push, Test
from connectors.rest.settings import Spec
from connectors.rest.styles import Formats, Operator, OperatorName
from connectors.rest.values import written

Parameters = list[tuple[str, str]]


class _Part(NamedTuple):
    """One operator with its values, already written."""

    operator: Operator
    values: tuple[str, ...]


class _Plan(NamedTuple):
    """What is sent for a test, and whether that says all of it."""

    parts: tuple[_Part, ...]
    whole: bool = True


_NOTHING = _Plan(())


def push(spec: Spec, test: Test) -> Push:
    """Tell whether the declared operators can express a test, exactly or with rows too many."""
    plan = _plan(spec, test)
    if not plan.parts or encoded_bytes(_written(spec, test, plan)) > spec.max_url_bytes * 3 // 4:
        return Push.NO
    loose = test.kind == "string" and not spec.filters.case_sensitive
    if loose or not plan.whole or any(part.operator.superset for part in plan.parts):
        return Push.SUPERSET
    return Push.EXACT


def push_any(spec: Spec, clause: Clause) -> Push:
    """Tell whether an OR can be expressed: as a choice of values of one field, or not at all."""
    return push(spec, _choice_of(clause)) if _is_choice(clause) else Push.NO


def parameters(spec: Spec, where: Sequence[Clause]) -> Parameters | None:
    """The parameters of clauses that must all hold; None if nothing can satisfy them.

    Raises:
        UnsupportedError: if a test cannot be expressed, or one parameter would be needed twice.
    """
    tests = _merged([_single(clause) for clause in where])
    found: Parameters = []
    for test in tests:
        if test.op is Op.IN and not test.value and not test.negated:
            return None
        plan = _plan(spec, test)
        if not plan.parts:
            raise UnsupportedError(f"this system cannot be asked for rows by {test.path}.")
        sent = _written(spec, test, plan)
        if {name for name, _ in sent} & {name for name, _ in found}:
            raise UnsupportedError(f"{test.path} can be filtered in one way at a time, not two.")
        found.extend(sent)
    return found


def operators(spec: Spec, path: str, kind: str) -> Mapping[OperatorName, Operator]:
    """The comparisons that work on a field."""
    own = spec.fields.get(path)
    allowed = own.operators if own is not None else None
    if allowed is None and spec.filters.fields is not None and path not in spec.filters.fields:
        return {}
    if allowed is None:
        allowed = next((names for k, names in spec.filters.by_kind.items() if k == kind), None)
    known = spec.filters.operators
    return known if allowed is None else {n: o for n, o in known.items() if n in allowed}


def field_name(spec: Spec, path: str) -> str:
    """A field as queries spell it."""
    own = spec.fields.get(path)
    if own is not None and own.name is not None:
        return own.name
    for old, new in spec.filters.replace.items():
        path = path.replace(old, new)
    return joined(path, spec.filters.join)


def joined(path: str, style: str) -> str:
    """A dotted path in one of the declared styles."""
    first, *rest = path.split(".")
    if style == "brackets":
        return first + "".join(f"[{name}]" for name in rest)
    return {"dots": ".", "double_underscore": "__", "underscore": "_"}[style].join([first, *rest])


def value_texts(spec: Spec, path: str, values: Sequence[Any]) -> Sequence[str]:
    """Values of a field as queries write them."""
    if set(map(type, values)) == {str}:
        return values
    return [value_text(spec, path, value) for value in values]


def any_splits(spec: Spec, texts: Iterable[str]) -> bool:
    """Whether one of some texts holds what stands between the values of a list."""
    separator, held = spec.filters.separator, list(texts)
    return separator in "\0".join(held) and any(separator in text for text in held)


def value_text(spec: Spec, path: str, value: Any) -> str:
    """A value of a field as queries write it."""
    own = spec.fields.get(path)
    formats: Formats = spec.formats
    if own is not None and (own.date or own.datetime):
        changed = {"date": own.date, "datetime": own.datetime}
        formats = formats.model_copy(update={k: v for k, v in changed.items() if v is not None})
    return written(value, formats)


def encoded_bytes(sent: Parameters) -> int:
    """Length of parameters in an address."""
    return sum(encoded_length(n) + encoded_length(v) + 2 for n, v in sent)


def encoded_length(text: str) -> int:
    """Length of a text when it is percent-encoded, each byte but letters, digits and `-._~`."""
    written = text.encode()
    return len(written) + 2 * len(written.translate(None, _UNRESERVED))


_UNRESERVED: Final = string.ascii_letters.encode() + string.digits.encode() + b"-._~"


_WIDER: Final[Mapping[str, str]] = {"gt": "gte", "lt": "lte"}
"""What to use for a bound that the system does not know: it lets the bound itself through."""


def _plan(spec: Spec, test: Test) -> _Plan:
    known = operators(spec, test.path, test.kind)
    match test.op:
        case Op.IN:
            return _choice(spec, test, known)
        case Op.IS_NULL:
            if "null" not in known:
                return _NOTHING
            wants_null = bool(test.value) is not test.negated
            text = known["null"].null_is[0 if wants_null else 1]
            return _Plan((_Part(known["null"], (text,)),))
        case Op.RANGE if not test.negated:
            return _range(spec, test, known)
        case Op.CONTAINS | Op.STARTS_WITH if not test.negated:
            return _text(spec, test, known)
        case _:
            return _NOTHING


def _choice(spec: Spec, test: Test, known: Mapping[OperatorName, Operator]) -> _Plan:
    if not test.value or None in test.value or "" in test.value:
        return _NOTHING
    texts = tuple(value_texts(spec, test.path, test.value))
    one = known.get("not_eq" if test.negated else "eq")
    many = known.get("not_in" if test.negated else "in")
    if len(texts) == 1 and one is not None:
        return _Plan((_Part(one, texts),))
    if many is None or len(texts) > spec.max_keys:
        return _NOTHING
    if many.joins and any_splits(spec, texts):
        return _NOTHING
    return _Plan((_Part(many, texts),))


def _range(spec: Spec, test: Test, known: Mapping[OperatorName, Operator]) -> _Plan:
    bounds: Bounds = Bounds(*test.value)
    parts: list[_Part] = []
    whole = True
    for name, value in bounds._asdict().items():
        if value is None:
            continue
        wanted = (name, _WIDER.get(name))
        operator = next((o for n in wanted for k, o in known.items() if k == n), None)
        if operator is not None:
            parts.append(_Part(operator, (value_text(spec, test.path, value),)))
        whole = whole and name in known
    return _Plan(tuple(parts), whole)


def _text(spec: Spec, test: Test, known: Mapping[OperatorName, Operator]) -> _Plan:
    if not test.value:
        return _NOTHING
    exact = known.get("contains" if test.op is Op.CONTAINS else "starts_with")
    operator = exact or known.get("contains")
    if operator is None:
        return _NOTHING
    part = _Part(operator, (value_text(spec, test.path, test.value),))
    return _Plan((part,), whole=exact is not None)


def _written(spec: Spec, test: Test, plan: _Plan) -> Parameters:
    name = field_name(spec, test.path)
    sent: Parameters = []
    for operator, values in plan.parts:
        parameter, _, template = operator.send.partition("=")
        key = parameter.format(name=name)
        if operator.joins:
            sent.append((key, template.format(values=spec.filters.separator.join(values))))
        else:
            sent.extend((key, template.format(name=name, value=value)) for value in values)
    return sent


def _single(clause: Clause) -> Test:
    """A clause as one test: several values of one field are a choice."""
    if len(clause) == 1:
        return clause[0]
    if not _is_choice(clause):
        paths = " or ".join(dict.fromkeys(t.path for t in clause))
        raise UnsupportedError(f"this system cannot be asked for rows by a choice of {paths}.")
    return _choice_of(clause)


def _is_choice(clause: Clause) -> bool:
    return all(t.op is Op.IN and not t.negated and t.path == clause[0].path for t in clause)


def _choice_of(clause: Clause) -> Test:
    values = dict.fromkeys(value for t in clause for value in t.value)
    return replace(clause[0], value=tuple(values))


def _merged(tests: Sequence[Test]) -> list[Test]:
    """Choices and ranges of one field become one each, so that no parameter is sent twice."""
    found: dict[tuple[str, Op, bool], Test] = {}
    rest: list[Test] = []
    for test in tests:
        if test.op not in {Op.IN, Op.RANGE} or (test.negated and test.op is Op.RANGE):
            rest.append(test)
            continue
        key = (test.path, test.op, test.negated)
        found[key] = _both(found[key], test) if key in found else test
    return [*found.values(), *rest]


def _both(a: Test, b: Test) -> Test:
    if a.op is Op.IN and a.negated:
        return replace(a, value=tuple(dict.fromkeys((*a.value, *b.value))))
    if a.op is Op.IN:
        return replace(a, value=tuple(v for v in a.value if v in b.value))
    pairs = zip(Bounds(*a.value), Bounds(*b.value), strict=True)
    given = [[x for x in pair if x is not None] for pair in pairs]
    tighter = (max, min, max, min)  # in the order of Bounds
    ends = [pick(x, default=None) for pick, x in zip(tighter, given, strict=True)]
    return replace(a, value=Bounds(*ends))
