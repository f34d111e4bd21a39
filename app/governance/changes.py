"""Differences between two versions of a schema: what breaks clients, what may, and what does not.

graphql-core finds changes of the schema itself; deprecations, and directives that are put on types
and fields, are found here.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

from graphql import (
    BreakingChangeType,
    DangerousChangeType,
    GraphQLError,
    GraphQLSchema,
    build_schema,
    find_schema_changes,
    print_ast,
)
from msgspec import Struct

from canonical.errors import InvalidInputError
from schema.deprecations import deprecated
from schema.ownership import BUILT_IN, own_types


class Level(StrEnum):
    """What a change does to clients."""

    BREAKING = "breaking"
    DANGEROUS = "dangerous"
    SAFE = "safe"


class Change(Struct, frozen=True):
    """One difference.

    Attributes:
        level: What it does to clients.
        kind: Which kind of difference it is, as FIELD_REMOVED.
        coordinate: What has changed: `Item.sku`, `Query.items(first:)`, `@cost`.
        message: The same in words.
    """

    level: Level
    kind: str
    coordinate: str
    message: str


_COORDINATE: Final = r"(@?\w+(?:\.\w+)?(?:\(\w+:?\))?)"
_NAMED: Final = tuple(
    re.compile(form)
    for form in (
        rf"Description of (?:argument |field |enum value |input-field )?{_COORDINATE} has",
        rf"\w+ was (?:added to|removed from) (?:union type )?{_COORDINATE}\.",
        rf"Repeatable flag was (?:added to|removed from) {_COORDINATE}\.",
        rf"\w+ added to interfaces implemented by {_COORDINATE}\.",
        rf"(?:Field|Argument|Enum value|Directive|Standard scalar) {_COORDINATE}",
        rf"An? (?:required|optional) (?:field|argument) {_COORDINATE}",
        _COORDINATE,
    )
)
_LONGEST: Final = 300
_DECIDING: Final = frozenset(
    {"access", "authenticated", "cost", "inaccessible", "key", "listSize", "policy"}
    | {"requiresScopes", "shareable"}
)
"""Directives whose change changes what clients get, or what a supergraph is made of."""


def schema_of(sdl: str) -> GraphQLSchema:
    """The schema of an SDL.

    Raises:
        InvalidInputError: if it is none.
    """
    try:
        return build_schema(sdl, assume_valid=True)
    except (GraphQLError, TypeError) as exc:
        raise InvalidInputError(f"this is no SDL of a schema: {exc}") from exc


def changes(before: GraphQLSchema, after: GraphQLSchema) -> list[Change]:
    """All differences, the worst first, then by coordinate."""
    were, are = _applied(before), _applied(after)
    both = were.keys() & are.keys()
    found = [
        *map(_told, find_schema_changes(before, after)),
        *_deprecations(both, deprecated(before), deprecated(after)),
        *_directives(both, were, are),
    ]
    order = list(Level)
    own = (change for change in set(found) if change.coordinate not in BUILT_IN)
    return sorted(own, key=lambda c: (order.index(c.level), c.coordinate, c.kind, c.message))


def _told(change: Any) -> Change:
    level = Level.SAFE
    if isinstance(change.type, BreakingChangeType):
        level = Level.BREAKING
    elif isinstance(change.type, DangerousChangeType):
        level = Level.DANGEROUS
    message = change.description
    if len(message) > _LONGEST:
        message = f"{message[: _LONGEST - 3]}..."
    return Change(level, change.type.name, _coordinate(change.description), message)


def _coordinate(description: str) -> str:
    for form in _NAMED:
        found = form.match(description)
        if found is not None:
            return re.sub(r"\((\w+)\)", r"(\1:)", found[1])
    return ""


def _deprecations(
    both: Collection[str], before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[Change]:
    """Changes of deprecations of what is in both versions."""
    for coordinate in both:
        old, new = before.get(coordinate), after.get(coordinate)
        if old == new:
            continue
        if old is None:
            yield _safe("DEPRECATION_ADDED", coordinate, f"{coordinate} is deprecated: {new}")
        elif new is None:
            yield _safe("DEPRECATION_REMOVED", coordinate, f"{coordinate} is no longer deprecated")
        else:
            message = f"{coordinate} is deprecated for another reason: {new}"
            yield _safe("DEPRECATION_CHANGED", coordinate, message)


def _safe(kind: str, coordinate: str, message: str) -> Change:
    return Change(Level.SAFE, kind, coordinate, message)


_Applied = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Directives that are put on something: by coordinate, by name of the directive, as written."""


def _directives(both: Collection[str], before: _Applied, after: _Applied) -> Iterator[Change]:
    """Changes of directives on what is in both versions."""
    for coordinate in both:
        old, new = before[coordinate], after[coordinate]
        for name in old.keys() | new.keys():
            was, now = old.get(name, ()), new.get(name, ())
            if was != now:
                level = Level.DANGEROUS if name in _DECIDING else Level.SAFE
                message = f"{coordinate}: {_shown(name, was)} became {_shown(name, now)}"
                yield Change(level, "APPLIED_DIRECTIVE_CHANGED", coordinate, message)


def _shown(name: str, written: tuple[str, ...]) -> str:
    return " ".join(written) or f"no @{name}"


def _applied(schema: GraphQLSchema) -> _Applied:
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for named in own_types(schema):
        found[named.name] = _on(named.ast_node)
        parts: Mapping[str, Any] = getattr(named, "fields", None) or getattr(named, "values", {})
        for name, part in parts.items():
            found[f"{named.name}.{name}"] = _on(part.ast_node)
            for argument, details in getattr(part, "args", {}).items():
                found[f"{named.name}.{name}({argument}:)"] = _on(details.ast_node)
    return found


def _on(node: Any) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for directive in getattr(node, "directives", None) or ():
        name = directive.name.value
        if name != "deprecated":
            found[name] = (*found.get(name, ()), print_ast(directive))
    return found
