"""Being a subgraph of an Apollo federation: what a gateway asks, and the SDL that it composes.

    { _service { sdl } }                 the SDL with keys, for composition
    { _entities(representations: ...) }  records by the keys that other subgraphs know

The SDL is the published one, without these two fields, and with what composition has to know.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final, NewType

import strawberry
from graphql import (
    ConstDirectiveNode,
    DefinitionNode,
    DirectiveDefinitionNode,
    DirectiveNode,
    ObjectTypeDefinitionNode,
    Visitor,
    parse,
    print_ast,
    visit,
)
from msgspec import Struct
from strawberry.types import get_object_definition
from strawberry.types.scalar import ScalarDefinition

from execution.links import REQUIRED, Argument, column, computed, link
from resolvers.entities import KEYS, entities
from schema.items import Item
from schema.locations import Location
from schema.purchase_orders import PurchaseOrder
from schema.suppliers import Supplier

SERVICE: Final = "_service"
ENTITIES: Final = "_entities"

_VALUES: Final = ("Money", "PageInfo", "UnitConversion")
"""Types whose objects are no more than what they hold: other subgraphs may make such, too."""

_OWN: Final = frozenset({"_Any", "_Entity", "_Service"})
_SINCE: Final[Mapping[str, tuple[int, int]]] = {
    "key": (2, 0),
    "shareable": (2, 0),
    "tag": (2, 0),
    "inaccessible": (2, 0),
    "authenticated": (2, 5),
    "requiresScopes": (2, 5),
    "policy": (2, 6),
    "cost": (2, 9),
    "listSize": (2, 9),
}
"""Directives that federation defines, so that we must not, and the version that it does so from."""

Representation = NewType("Representation", object)

REPRESENTATION: Final[Mapping[object, ScalarDefinition]] = {
    Representation: strawberry.scalar(
        name="_Any",
        description="An entity as other subgraphs know it: its `__typename` and its key.",
        serialize=lambda value: value,
        parse_value=lambda value: value,
    )
}

Entity = Annotated[
    Item | Location | PurchaseOrder | Supplier,
    strawberry.union(
        "_Entity", description="A record that other subgraphs may point at, by its key."
    ),
]


class _SDL(Struct, frozen=True):
    sdl: str


@strawberry.type(name="_Service", description="This service as a subgraph.")
class Service:
    """This service as a subgraph."""

    sdl: str = column("Its schema, to be composed with those of other subgraphs.")


def federated(query: type, sdl: Callable[[], str]) -> type:
    """A query type with what a gateway asks.

    Args:
        query: The query type.
        sdl: The SDL of this service as a subgraph.
    """
    service = computed(
        lambda roots: [_SDL(sdl()) for _ in roots], Service, "This service as a subgraph."
    )
    found = link(
        entities,
        list[Entity | None],
        "Records by their keys, in the order of these; null for those that are not there or may "
        "not be seen.",
        arguments={
            "representations": Argument(
                list[Representation], "The keys, with the names of their types.", REQUIRED
            )
        },
    )
    service.graphql_name, found.graphql_name = SERVICE, ENTITIES
    parts: dict[str, Any] = {"federation_entities": found, "federation_service": service}
    made = type(query.__name__, (query,), {**parts, "__module__": __name__})
    known = get_object_definition(query, strict=True)
    return strawberry.type(made, name=known.name, description=known.description)


def subgraph_sdl(published: str) -> str:
    """The SDL of this service as a subgraph.

    Args:
        published: The SDL that it publishes.
    """
    tree = parse(published, no_location=True)
    definitions = [_composed(d) for d in tree.definitions if not _is_federations(d)]
    used = sorted(_used(definitions))
    version = max(_SINCE[name] for name in used)
    url = f"https://specs.apollo.dev/federation/v{version[0]}.{version[1]}"
    names = ", ".join(f'"@{name}"' for name in used)
    link_to_it = f'extend schema @link(url: "{url}", import: [{names}])'
    return "\n\n".join((link_to_it, *map(print_ast, definitions))) + "\n"


def _is_federations(definition: DefinitionNode) -> bool:
    """Whether it is the gateway's or federation's, and not to be defined by a subgraph."""
    name = getattr(definition, "name", None)
    if name is None:
        return False
    known = _SINCE if isinstance(definition, DirectiveDefinitionNode) else _OWN
    return name.value in known


def _composed(definition: DefinitionNode) -> DefinitionNode:
    """A definition with what composition has to know of it."""
    if not isinstance(definition, ObjectTypeDefinitionNode):
        return definition
    name, fields = definition.name.value, definition.fields or ()
    told = [
        *(definition.directives or ()),
        *([_directive(f'@key(fields: "{KEYS[name]}")')] if name in KEYS else ()),
        *([_directive("@shareable")] if name in _VALUES else ()),
    ]
    ours = tuple(f for f in fields if f.name.value not in {SERVICE, ENTITIES})
    return replace(definition, directives=tuple(told), fields=ours)


def _directive(text: str) -> ConstDirectiveNode:
    [definition] = parse(f"type T {text} {{ f: ID }}", no_location=True).definitions
    assert isinstance(definition, ObjectTypeDefinitionNode)  # noqa: S101  # as written
    [directive] = definition.directives or ()
    return directive


def _used(definitions: Sequence[DefinitionNode]) -> set[str]:
    """Directives of federation that are used."""
    found: set[str] = set()

    class Directives(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
            found.add(node.name.value)

    for definition in definitions:
        visit(definition, Directives())
    return found & _SINCE.keys()
