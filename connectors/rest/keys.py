"""Which requests ask for many values of one field at once."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from msgspec import Struct

from canonical.criteria import Op
from canonical.errors import UnsupportedError
from connectors.kit.chunks import Bounds, chunks
from connectors.kit.rows import Clause, Dataset, Test
from connectors.rest.columns import column_parameters
from connectors.rest.exchange import Call, fixed, path_of
from connectors.rest.filters import (
    any_splits,
    encoded_bytes,
    encoded_length,
    field_name,
    operators,
    parameters,
    value_text,
    value_texts,
)
from connectors.rest.settings import Spec
from connectors.rest.styles import BodySearch, Operator, Singles, WholePages


class KeyCall(Struct, frozen=True):
    """One request, and the values that it answers for; no request where they cannot be written."""

    values: tuple[Any, ...]
    call: Call | None
    single: bool = False


class KeyQuery(Struct, frozen=True):
    """Rows wanted by many values of a field."""

    dataset: Dataset
    path: str
    kind: str
    columns: tuple[str, ...]
    where: tuple[Clause, ...]


def key_calls(spec: Spec, query: KeyQuery, values: Sequence[Any], base_bytes: int) -> list[KeyCall]:
    """The requests for all values, split by count, by page size and by length of the address.

    Args:
        spec: The dataset's settings.
        query: What is wanted.
        values: The values, each once.
        base_bytes: Length of the backend's address.

    Raises:
        UnsupportedError: if the settings know no way to ask for values of this field.
    """
    where = parameters(spec, query.where)
    if where is None:
        return []
    rest = [*_always(spec, query), *where]
    used = base_bytes + len(query.dataset.name) + encoded_bytes(rest) + _PAGING_BYTES
    match spec.many.get(query.path):
        case Singles() as singles:
            return [_single(spec, query, singles, rest, value) for value in values]
        case BodySearch() as search:
            return [
                _posted(spec, query, search, rest, tuple(run))
                for run in chunks(values, _bounds(spec, used), lambda _: 0)
            ]
        case _:
            return list(_filtered(spec, query, values, used))


_PAGING_BYTES: Final = 60


def _bounds(spec: Spec, base_bytes: int) -> Bounds:
    size = None if isinstance(spec.pages, WholePages) else spec.pages.size
    return Bounds(spec.max_keys, spec.max_url_bytes, base_bytes, size)


def _single(
    spec: Spec, query: KeyQuery, singles: Singles, rest: Sequence[tuple[str, str]], value: Any
) -> KeyCall:
    encoded = quote(value_text(spec, query.path, value), safe="")
    path = path_of(singles.path, {**spec.variables, "key": "{key}"}).replace("%7Bkey%7D", encoded)
    call = Call(path, query.dataset.name, rest, None, singles.rows, singles.missing)
    return KeyCall((value,), call, single=True)


def _posted(
    spec: Spec,
    query: KeyQuery,
    search: BodySearch,
    rest: Sequence[tuple[str, str]],
    values: tuple[Any, ...],
) -> KeyCall:
    path = path_of(search.path or query.dataset.name, spec.variables)
    held = [v if isinstance(v, str | int) else value_text(spec, query.path, v) for v in values]
    return KeyCall(values, Call(path, query.dataset.name, rest, _filled(search.body, held)))


def _filled(template: Any, values: list[Any]) -> Any:
    if template == "{values}":
        return values
    if isinstance(template, Mapping):
        return {name: _filled(inner, values) for name, inner in template.items()}
    if isinstance(template, list | tuple):
        return [_filled(inner, values) for inner in template]
    return template


def _filtered(spec: Spec, query: KeyQuery, values: Sequence[Any], used: int) -> Iterator[KeyCall]:
    known = operators(spec, query.path, query.kind)
    many, one = known.get("in"), known.get("eq")
    if many is None and one is None:
        raise UnsupportedError(f"this system cannot be asked for rows by {query.path}.")
    texts = dict(zip(values, value_texts(spec, query.path, values), strict=True))
    joins = many is not None and many.joins
    alone, together, refused = _sorted_out(spec, texts, many, one)
    runs = _runs(spec, query, together, texts, used, joins=joins)
    path = path_of(query.dataset.name, spec.variables)
    rest = _always(spec, query)
    for run in (*runs, *((value,) for value in alone)):
        test = Test(query.path, Op.IN, tuple(run), query.kind)
        sent = parameters(spec, (*query.where, (test,)))
        if sent is not None:
            yield KeyCall(tuple(run), Call(path, query.dataset.name, [*rest, *sent]))
    if refused:
        yield KeyCall(tuple(refused), None)


def _sorted_out(
    spec: Spec, texts: Mapping[Any, str], many: Operator | None, one: Operator | None
) -> tuple[list[Any], list[Any], list[Any]]:
    """Values that are asked for alone, those that are asked for together, and the impossible."""
    none: frozenset[Any] = frozenset()
    splits = empty = none
    if many is not None and many.joins and any_splits(spec, texts.values()):
        splits = frozenset(v for v, text in texts.items() if spec.filters.separator in text)
    if "" in texts.values():
        empty = frozenset(v for v, text in texts.items() if not text)
    refused = empty if one is not None else empty | splits
    alone = (splits if many is not None else frozenset(texts)) - refused
    if not refused and not alone:
        return [], list(texts), []
    together = [v for v in texts if v not in alone and v not in refused]
    return [v for v in texts if v in alone], together, [v for v in texts if v in refused]


def _runs(
    spec: Spec,
    query: KeyQuery,
    values: Sequence[Any],
    texts: Mapping[Any, str],
    used: int,
    *,
    joins: bool,
) -> Iterator[Sequence[Any]]:
    """Values in as few runs as addresses allow."""
    bounds = _bounds(spec, used)
    separator = spec.filters.separator if joins else ""
    joint = encoded_length(separator)
    whole = separator.join(map(texts.__getitem__, values))
    if joins and bounds.hold(len(values), encoded_length(whole)):
        return iter([values] if values else ())
    name = 0 if joins else encoded_length(field_name(spec, query.path)) + len("[]=&")
    sizes = {v: name + encoded_length(texts[v]) for v in values}
    return chunks(values, bounds, sizes.__getitem__, joint_bytes=joint)


def _always(spec: Spec, query: KeyQuery) -> list[tuple[str, str]]:
    chosen = column_parameters(spec, (query.path, *query.columns), query.dataset.key)
    return [*fixed(spec, count=False), *chosen]
