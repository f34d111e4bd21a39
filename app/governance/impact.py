"""Whom a change breaks: the clients and operations that have asked for what it touches."""

from collections.abc import Iterator, Sequence
from datetime import date

from graphql import (
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_input_object_type,
)
from msgspec import Struct

from app.governance.changes import Change, Level
from canonical.usage import CoordinateUse, OperationUse, by_coordinate
from schema.deprecations import deprecations


class Impact(Struct, frozen=True):
    """A change, and whom it touches.

    Attributes:
        change: The change.
        uses: How what it touches was used; None where use is not known, or does not matter.
        early: The day until which it was promised to stay, if that has not come.
    """

    change: Change
    uses: CoordinateUse | None = None
    early: date | None = None

    @property
    def breaks(self) -> bool:
        """Whether it breaks somebody, as far as is known."""
        return self.change.level is Level.BREAKING and (self.uses is None or self.uses.count > 0)


def impacts(
    changes: Sequence[Change],
    before: GraphQLSchema,
    today: date,
    uses: Sequence[OperationUse] | None = None,
) -> list[Impact]:
    """Whom changes touch.

    Args:
        changes: From the version before.
        before: That version.
        today: The day.
        uses: What was asked; None where that is not known.
    """
    ends = {d.coordinate: d.ends for d in deprecations(before) if d.ends is not None}
    found: list[Impact] = []
    for change in changes:
        if change.level is Level.SAFE:
            found.append(Impact(change))
            continue
        used = None if uses is None else _used(change, before, uses)
        end = ends.get(change.coordinate) if change.level is Level.BREAKING else None
        found.append(Impact(change, used, end if end is not None and end > today else None))
    return found


def _used(change: Change, before: GraphQLSchema, uses: Sequence[OperationUse]) -> CoordinateUse:
    """Uses of whatever a change touches, each operation once."""
    touched = frozenset(_touched(change, before))
    mine = [use for use in uses if not use.operation or not touched.isdisjoint(use.coordinates)]
    merged = [
        OperationUse(
            operation=use.operation,
            name=use.name,
            kind=use.kind,
            coordinates=(change.coordinate,),
            client=use.client,
            version=use.version,
            count=use.count,
            last_day=use.last_day,
        )
        for use in mine
    ]
    found = by_coordinate(merged).get(change.coordinate)
    return found or CoordinateUse(change.coordinate, 0)


def _touched(change: Change, before: GraphQLSchema) -> Iterator[str]:
    """Coordinates by which operations ask for what a change touches."""
    coordinate = change.coordinate
    type_name, _, rest = coordinate.partition(".")
    named = before.type_map.get(type_name)
    if isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
        yield from _of_object(named, rest, before, whole=change.kind == "REQUIRED_ARG_ADDED")
    elif named is not None:
        yield from _leading_to(named, before)


def _of_object(
    named: GraphQLObjectType | GraphQLInterfaceType,
    rest: str,
    before: GraphQLSchema,
    *,
    whole: bool,
) -> Iterator[str]:
    """Coordinates of a type, or of one of its fields, or of one of its arguments."""
    names = [named.name]
    if isinstance(named, GraphQLInterfaceType):
        names += (o.name for o in before.get_implementations(named).objects)
    else:
        names += (interface.name for interface in named.interfaces)
    if not rest:
        for name in (named.name, *names):
            fields = before.type_map[name].fields  # type: ignore[attr-defined]  # each has some
            yield from (f"{name}.{field}" for field in fields)
        return
    field = rest.partition("(")[0] if whole else rest
    yield from (f"{name}.{field}" for name in names)


def _leading_to(named: GraphQLNamedType, before: GraphQLSchema) -> Iterator[str]:
    """Fields that return a type, and arguments that hold it at any depth."""
    for owner in before.type_map.values():
        if not isinstance(owner, GraphQLObjectType | GraphQLInterfaceType):
            continue
        for name, field in owner.fields.items():
            if get_named_type(field.type) is named:
                yield f"{owner.name}.{name}"
            for argument, details in field.args.items():
                if _holds(details.type, named, set()):
                    yield f"{owner.name}.{name}({argument}:)"


def _holds(kind: GraphQLInputType, named: GraphQLNamedType, seen: set[str]) -> bool:
    found = get_named_type(kind)
    if found is named:
        return True
    if not is_input_object_type(found) or found.name in seen:
        return False
    seen.add(found.name)
    return any(_holds(field.type, named, seen) for field in found.fields.values())
