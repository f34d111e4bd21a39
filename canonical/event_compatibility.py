"""Whether readers of published events can read what is to be published next.

Events are read live and out of the log, where those of years ago stand: one schema must hold for
both, and so it may only gain optional fields, and change in its words and rules (`x-`). Anything
else is a new version beside the old.

An enum that gains a value breaks too: readers generated from the schema know the values one by one
and refuse the whole event over an unknown one. One that loses a value no longer describes the
events in the log that have it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

_WORDS: Final = frozenset({"title", "description", "examples", "$comment"})
_WALKED: Final = frozenset({"properties", "required", "items", "anyOf", "enum"})

Schema = Mapping[str, Any]


def breaking_changes(before: Mapping[str, Schema], after: Mapping[str, Schema]) -> list[str]:
    """What readers of the schemas `before` could not read any more; empty if nothing.

    Args:
        before: The published schemas, by type.
        after: Those that are to be published, by type.

    Returns:
        A sentence for each change, in order of type and then of place in the schema.
    """
    found: list[str] = []
    for name in sorted(before):
        if name not in after:
            found.append(f"{name}: the type was removed; keep it beside its next version")
            continue
        found += [
            f"{name}: {change}; make it a new version beside this one"
            for change in _changes("", before[name], after[name])
        ]
    return found


def _changes(where: str, before: Schema, after: Schema) -> Iterator[str]:
    if ("anyOf" in before) is not ("anyOf" in after):
        yield from _choices(where, before.get("anyOf", [before]), after.get("anyOf", [after]))
        return
    for keyword in sorted((before.keys() | after.keys()) - _WORDS - _WALKED):
        old, new = before.get(keyword), after.get(keyword)
        if not keyword.startswith("x-") and _differ(old, new):
            yield f"{_at(where)} changed its `{keyword}` from {_said(old)} to {_said(new)}"
    yield from _enum(where, before.get("enum"), after.get("enum"))
    yield from _fields(where, before, after)
    yield from _items(where, before.get("items"), after.get("items"))
    yield from _choices(where, before.get("anyOf", []), after.get("anyOf", []))


def _enum(where: str, before: list[str] | None, after: list[str] | None) -> Iterator[str]:
    if before is None or after is None:
        if before is not after:
            yield f"{_at(where)} {'is no longer' if after is None else 'became'} a list of values"
        return
    if gained := [v for v in after if v not in before]:
        yield f"{_at(where)} gained {_listed(gained)}, which readers do not know"
    if lost := [v for v in before if v not in after]:
        yield f"{_at(where)} lost {_listed(lost)}, which events in the log have"


def _fields(where: str, before: Schema, after: Schema) -> Iterator[str]:
    olds, news = before.get("properties", {}), after.get("properties", {})
    was, now = set(before.get("required", ())), set(after.get("required", ()))
    for name in sorted(olds.keys() | news.keys()):
        path = f"{where}.{name}" if where else name
        if name not in news:
            yield f"{_at(path)} was removed"
            continue
        if name in now - was:
            yield f"{_at(path)} became required, and events in the log do not have it"
        if name in was - now:
            yield f"{_at(path)} is no longer required, and readers rely on it"
        if name in olds:
            yield from _changes(path, olds[name], news[name])


def _items(where: str, before: Schema | None, after: Schema | None) -> Iterator[str]:
    if before is not None and after is not None:
        yield from _changes(f"{where}[]", before, after)
    elif before is not after:
        yield f"{_at(where)} changed what it is a list of"


def _choices(where: str, before: list[Schema], after: list[Schema]) -> Iterator[str]:
    """What may stand in one place, null among it, whatever order it is written in."""
    olds, news = sorted(before, key=_kind), sorted(after, key=_kind)
    if [_kind(s) for s in olds] != [_kind(s) for s in news]:
        old, new = _listed(map(_kind, olds)), _listed(map(_kind, news))
        yield f"{_at(where)} changed what it may be from {old} to {new}"
        return
    for old_one, new_one in zip(olds, news, strict=True):
        yield from _changes(where, old_one, new_one)


def _differ(old: object, new: object) -> bool:
    """Of 1, 1.0 and true only the first two are the same to JSON."""
    return old != new or isinstance(old, bool) is not isinstance(new, bool)


def _kind(schema: Schema) -> str:
    return str(schema.get("type", "anything"))


def _listed(values: Any) -> str:
    return ", ".join(f"`{v}`" for v in values)


def _said(value: object) -> str:
    return "nothing" if value is None else f"`{value}`"


def _at(where: str) -> str:
    return f"`{where}`" if where else "the event"
