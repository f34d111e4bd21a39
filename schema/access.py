"""The access table held against the schema: what it leaves out or misspells; shown in the SDL."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import strawberry
import yaml
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
)
from msgspec import Struct
from strawberry.schema_directive import Location

from execution.fields import DEFINITION
from runtime.security.access import ROOTS, Access, Grant, Requirement, input_target
from runtime.security.access_table import ANYONE, AccessTable, Rule
from runtime.security.principal import Role
from runtime.security.scopes import KNOWN_SCOPES

_FILE: Final = Path(__file__).with_name("access.yaml")
_FILTER: Final = "filter"
_ORDER: Final = "orderBy"
_SECTIONS: Final = ("query", "mutation", "subscription")


@strawberry.schema_directive(
    name="access",
    locations=[Location.OBJECT, Location.FIELD_DEFINITION],
    description="Who may see this, or do it: whoever has one of the roles, or all scopes of one of "
    "the lists. Without roles and scopes, whoever has a token. A field is seen by who may see its "
    "object, what the field leads to, and this.",
)
class AccessDirective:
    """What the table says of an object or a field."""

    roles: list[str] | None = strawberry.directive_field(name="roles", default=strawberry.UNSET)
    scopes: list[list[str]] | None = strawberry.directive_field(
        name="scopes", default=strawberry.UNSET
    )


class Mistake(Struct, frozen=True):
    """Something in a table that is not of the schema.

    Attributes:
        path: Keys that lead there.
        wrong: What is written.
        what: What it should be.
        known: What there is.
    """

    path: tuple[str | int, ...]
    wrong: str
    what: str
    known: tuple[str, ...]


@cache
def shipped_table() -> AccessTable:
    """The table as it is shipped."""
    return AccessTable.model_validate(yaml.safe_load(_FILE.read_text(encoding="utf-8")))


def access_over(schema: GraphQLSchema, table: AccessTable | None = None) -> Access:
    """The decisions of the shipped table, with another one over it if there is one."""
    whole = shipped_table() if table is None else table.over(shipped_table())
    return Access(whole, _returns(schema))


def declare_access(schema: GraphQLSchema, access: Access) -> None:
    """Write what the table says onto the objects and fields of a schema, for its SDL."""
    for named in _objects(schema):
        if named.name not in ROOTS:
            required = access.requirement(named.name)
            _mark(named.extensions.get(DEFINITION), required or frozenset())
        for name, field in named.fields.items():
            _mark(field.extensions.get(DEFINITION), access.own(f"{named.name}.{name}"))


def unruled(schema: GraphQLSchema, access: Access) -> list[str]:
    """Coordinates of the schema that no rule covers, neither their own nor their object's."""
    found = [
        coordinate
        for named in _objects(schema)
        for name in named.fields
        if access.requirement(coordinate := f"{named.name}.{name}") is None
    ]
    return found + [c for c in _inputs(schema) if _looks_nowhere(schema, access.table, c)]


def mistakes(table: AccessTable, schema: GraphQLSchema) -> Iterator[Mistake]:
    """What a table names that there is not: objects, fields, roles, groups, scopes."""
    whole = table.over(shipped_table())
    types, fields = _names(schema)
    for path, rule in _rules(table):
        yield from _words(whole, path, rule)
        for i, coordinate in enumerate(rule.follows):
            yield from _unknown((*path, "follows", i), coordinate, "coordinate", (*types, *fields))
    for name, rule_of in table.objects.items():
        yield from _unknown(("objects", name), name, "object", types)
        for i, part in enumerate(rule_of.parts):
            yield from _unknown(("objects", name, "parts", i), part, "object", types)
    arguments = tuple(_arguments(schema))
    for name in table.fields:
        yield from _unknown(("fields", name), name, "field", (*fields, *arguments))
    for section, root in zip(_SECTIONS, ROOTS, strict=True):
        known = tuple(f.partition(".")[2] for f in fields if f.startswith(f"{root}."))
        for name in getattr(table, section):
            yield from _unknown((section, name), name, f"field of {root}", known)
    yield from _input_mistakes(table, schema, types, fields)
    yield from _role_mistakes(table, whole)


def _role_mistakes(table: AccessTable, whole: AccessTable) -> Iterator[Mistake]:
    roles = tuple(Role)
    for name, group in table.groups.items():
        for i, word in enumerate(group):
            yield from _unknown(("groups", name, i), word, "role", roles)
    for word in table.forecast_weeks:
        yield from _unknown(("forecast_weeks", word), word, "role", (*roles, *whole.groups))
    for i, word in enumerate(table.introspection.roles):
        path = ("introspection", "roles", i)
        yield from _unknown(path, word, "role", (*roles, *whole.groups))


def _words(whole: AccessTable, path: tuple[str | int, ...], rule: Rule) -> Iterator[Mistake]:
    # A machine has only what its scopes grant: as a role it is named in no rule.
    roles = (*(r for r in Role if r is not Role.MACHINE), *whole.groups, ANYONE)
    for i, word in enumerate(rule.roles):
        yield from _unknown((*path, "roles", i), word, "role", roles)
    for i, word in enumerate(rule.scopes):
        yield from _unknown((*path, "scopes", i), word, "scope", tuple(KNOWN_SCOPES))


def _input_mistakes(
    table: AccessTable, schema: GraphQLSchema, types: tuple[str, ...], fields: tuple[str, ...]
) -> Iterator[Mistake]:
    known = {c.partition(".")[0] for c in _inputs(schema)}
    for name, rule in table.inputs.items():
        yield from _unknown(("inputs", name), name, "input", tuple(known))
        if rule.of is not None:
            yield from _unknown(("inputs", name, "of"), rule.of, "object", types)
        own = tuple(c.partition(".")[2] for c in _inputs(schema) if c.startswith(f"{name}."))
        for key, coordinate in rule.fields.items():
            path = ("inputs", name, "fields", key)
            yield from _unknown(path, key, "field of the input", own)
            yield from _unknown(path, coordinate, "field", fields)


def _unknown(
    path: tuple[str | int, ...], wrong: str, what: str, known: tuple[str, ...]
) -> Iterator[Mistake]:
    if wrong not in known:
        yield Mistake(path, wrong, what, tuple(map(str, known)))


def _rules(table: AccessTable) -> Iterator[tuple[tuple[str | int, ...], Rule]]:
    for section in ("objects", "fields", *_SECTIONS):
        for name, rule in getattr(table, section).items():
            yield (section, name), rule


def _objects(schema: GraphQLSchema) -> list[GraphQLObjectType | GraphQLInterfaceType]:
    return [
        t
        for name, t in schema.type_map.items()
        if isinstance(t, GraphQLObjectType | GraphQLInterfaceType) and not name.startswith("__")
    ]


def _names(schema: GraphQLSchema) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """All objects, and all their fields as coordinates."""
    objects = _objects(schema)
    unions = [t.name for t in schema.type_map.values() if isinstance(t, GraphQLUnionType)]
    fields = tuple(f"{t.name}.{name}" for t in objects for name in t.fields)
    return (*(t.name for t in objects), *unions), fields


def _arguments(schema: GraphQLSchema) -> Iterator[str]:
    for t in _objects(schema):
        for name, field in t.fields.items():
            yield from (f"{t.name}.{name}({argument}:)" for argument in field.args)


def _returns(schema: GraphQLSchema) -> Mapping[str, str]:
    composite = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType
    return {
        f"{t.name}.{name}": named.name
        for t in _objects(schema)
        for name, field in t.fields.items()
        if isinstance(named := get_named_type(field.type), composite)
    }


def _inputs(schema: GraphQLSchema) -> list[str]:
    """Fields of filters and values of orders, as coordinates: what can be asked by."""
    found: dict[str, GraphQLNamedType] = {}
    for t in _objects(schema):
        for field in t.fields.values():
            found.update(_asked_by(field))
    coordinates: list[str] = []
    for named in found.values():
        if isinstance(named, GraphQLInputObjectType):
            coordinates += [f"{named.name}.{name}" for name in named.fields]
        elif isinstance(named, GraphQLEnumType):
            coordinates += [f"{named.name}.{value}" for value in named.values]
    return coordinates


def _asked_by(field: GraphQLField) -> Iterator[tuple[str, GraphQLNamedType]]:
    for name, argument in field.args.items():
        named = get_named_type(argument.type)
        if name == _FILTER:
            yield named.name, named
        elif name == _ORDER and isinstance(named, GraphQLInputObjectType):
            by = get_named_type(named.fields["field"].type)
            yield by.name, by


def _looks_nowhere(schema: GraphQLSchema, table: AccessTable, coordinate: str) -> bool:
    name, _, field = coordinate.partition(".")
    target = input_target(table, name, field)
    return target is None or target not in _names(schema)[1]


def _mark(definition: Any, required: Requirement) -> None:
    """Put the directive in place of the one that is there; none where nothing is demanded."""
    if definition is None:
        return
    others = [d for d in definition.directives or () if not isinstance(d, AccessDirective)]
    own = [] if not required else [_directive(required)]
    definition.directives = [*others, *own]


def _directive(required: Requirement) -> AccessDirective:
    grants = [g for g in required if not g.anyone]
    if not grants:
        return AccessDirective()
    roles = frozenset.intersection(*(g.roles for g in grants))
    return AccessDirective(
        roles=[r.value.upper() for r in Role if r in roles],
        scopes=_alternatives(grants) or strawberry.UNSET,
    )


def _alternatives(grants: list[Grant]) -> list[list[str]]:
    """Each list of scopes that meets all conditions, without those that hold another one."""
    found: set[frozenset[str]] = {frozenset()}
    for grant in grants:
        found = {has | {scope} for has in found for scope in grant.scopes}
    least = [f for f in found if not any(other < f for other in found)]
    return sorted(sorted(f) for f in least)
