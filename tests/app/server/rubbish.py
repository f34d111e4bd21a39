"""Makes arguments for a schema's fields: right in type, odd in value; ids and cursors too."""

import base64
from typing import Any

import msgspec
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    is_leaf_type,
)
from hypothesis import strategies as st

TYPES = ["Item", "Supplier", "PurchaseOrder", "PurchaseOrderLine", "Forecast", "Receipt", "X"]
SYSTEMS = ["erp", "procurement", "planning", "x"]

texts = st.text(max_size=30) | st.sampled_from(["I1", "S1", "L0", "K1", "PO1", "", "%", "'", "\0"])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
jsons = st.recursive(
    scalars, lambda x: st.lists(x, max_size=4) | st.dictionaries(texts, x, max_size=4)
)


def packed(value: Any) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(value)).rstrip(b"=").decode()


def unpacked(text: str) -> Any:
    return msgspec.msgpack.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


_parts = st.lists(st.sampled_from([*SYSTEMS, "I1", "K1", "10"]) | texts, max_size=4)
ids = st.one_of(
    texts,
    st.builds(lambda kind, parts: packed([1, kind, *parts]), st.sampled_from(TYPES), _parts),
    st.builds(packed, st.lists(st.sampled_from([1, "Item"]) | st.integers(0, 9) | texts)),
)
positions = st.lists(
    st.tuples(
        st.sampled_from("nstdmix"),
        texts
        | st.sampled_from(["NaN", "-Infinity", "1E+400", "1", "2026-11-23", "K3"])
        | st.sampled_from(["2026-11-23T08:00:00+00:00", "9" * 200]),
    ),
    max_size=4,
)
cursors = texts | st.builds(
    lambda question, places: packed([question, places]),
    texts,
    st.dictionaries(st.sampled_from(SYSTEMS), positions, max_size=3),
)
_digits = st.decimals(allow_nan=True, allow_infinity=True).map(str)
_BY_NAME: dict[str, st.SearchStrategy[Any]] = {
    "String": texts,
    "ID": ids,
    "Int": st.integers(-3, 3_000) | st.integers(-(2**31), 2**31 - 1),
    "Boolean": st.booleans(),
    "Decimal": _digits | st.integers() | st.floats() | st.just("1E+59"),
    "Date": st.dates().map(str) | texts,
    "DateTime": st.datetimes().map(lambda x: f"{x.isoformat()}Z") | texts,
    "JSON": jsons,
    "_Any": jsons
    | st.fixed_dictionaries(
        {"__typename": st.sampled_from(TYPES) | texts},
        optional=dict.fromkeys(("id", "sku", "code", "number"), ids | scalars),
    ),
}


def arguments_of(field: GraphQLField) -> st.SearchStrategy[dict[str, Any]]:
    """Values for a field's arguments."""
    needed = {n: _value(a.type) for n, a in field.args.items() if _needed(a.type)}
    more = {n: _value(a.type) for n, a in field.args.items() if not _needed(a.type)}
    if "after" in more:
        more["after"] = cursors
    return st.fixed_dictionaries(needed, optional=more)


def question(kind: str, name: str, field: GraphQLField, given: dict[str, Any]) -> str:
    """An operation that asks for one root field with some arguments as variables."""
    used = {n: a for n, a in field.args.items() if n in given}
    declared = ", ".join(f"${n}: {a.type}" for n, a in used.items())
    handed = ", ".join(f"{n}: ${n}" for n in used)
    return (
        f"{kind} Q{f'({declared})' if declared else ''} "
        f"{{ {name}{f'({handed})' if handed else ''} {_selection(field)} }}"
    )


def _selection(field: GraphQLField) -> str:
    named: Any = get_named_type(field.type)
    if is_leaf_type(named):
        return ""
    leaves = [
        n
        for n, f in getattr(named, "fields", {}).items()
        if is_leaf_type(get_named_type(f.type))
        and not any(_needed(a.type) for a in f.args.values())
    ]
    nodes = ""
    if "nodes" in getattr(named, "fields", {}):
        of: Any = get_named_type(named.fields["nodes"].type)
        nodes = f"nodes {{ id {'provenance { key }' if 'provenance' in of.fields else ''} }}"
    return "{ " + " ".join(["__typename", nodes, *leaves]) + " }"


def _needed(kind: Any) -> bool:
    return isinstance(kind, GraphQLNonNull)


def _value(kind: Any) -> st.SearchStrategy[Any]:
    if isinstance(kind, GraphQLNonNull):
        return _value(kind.of_type)
    if isinstance(kind, GraphQLList):
        return st.lists(_value(kind.of_type), max_size=3)
    if isinstance(kind, GraphQLEnumType):
        return st.sampled_from(sorted(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        return st.deferred(lambda: _fields(kind))
    return _BY_NAME[kind.name]


def _fields(kind: GraphQLInputObjectType) -> st.SearchStrategy[dict[str, Any]]:
    needed = {n: _value(f.type) for n, f in kind.fields.items() if _needed(f.type)}
    more = {n: _value(f.type) for n, f in kind.fields.items() if not _needed(f.type)}
    return st.fixed_dictionaries(needed, optional=more)
