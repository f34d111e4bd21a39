"""What fields cost and how long their lists are: one table, which the SDL follows.

IBM's cost specification (`@cost`, `@listSize`) as Apollo Router reads it: an object costs 1, a
scalar or an enum 0, an input object 1, a change 10 more; a list costs its elements as often as it
is long. It is as long as its slicing argument says, else as `assumedSize` says. One thing goes
further: a slicing argument that is a list counts by its length (`nodes(ids:)`).

Connections follow from their form, and need no line here: `first` says how long `edges` and `nodes`
are.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import strawberry
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
)
from msgspec import Struct
from strawberry.schema_directive import Location

from resolvers.context import Limits

CHANGE: Final = 10
"""What each field of a mutation costs besides."""

OBJECT: Final = 1
ASSUMED: Final = 10
"""Length of a list of which nothing is said."""

_PAGE: Final = Limits().default_page_size

WEIGHTS: Final[Mapping[str, int]] = {
    "Query._service": 2_000,  # its SDL is as long as all that introspection can tell
    "Item.preferredSupplier": 2,  # may look through the item's sources
    "Item.projectedInventory": 2,  # a week is worked out of stock, orders and forecasts
    "Item.openOrderLines": 2,  # found through the orders that have them
    "Supplier.performance": 100,  # reads the orders and receipts of a year
}
"""By coordinate of a field, in place of the weight of its type."""

ARGUMENT_WEIGHTS: Final[Mapping[str, int]] = {
    "Query._service": 2_000,  # its SDL is as long as all that introspection can tell
    "maxStaleness": 5,  # goes past the caches, to the systems
    "preview": 5,
}
"""By name of an argument, wherever it is given."""


class ListSize(Struct, frozen=True):
    """How long a list is; attributes as those of `@listSize`."""

    assumed_size: int
    slicing_arguments: tuple[str, ...] = ()
    sized_fields: tuple[str, ...] = ()


LISTS: Final[Mapping[str, ListSize]] = {
    "Acknowledgement.lines": ListSize(5),
    "Completeness.systems": ListSize(3),
    "Item.forecasts": ListSize(26),
    "Item.inventory": ListSize(5),
    "Item.projectedInventory": ListSize(13, ("weeks",)),
    "Item.sources": ListSize(3),
    "Item.unitConversions": ListSize(3),
    "PurchaseOrder.history": ListSize(5),
    "PurchaseOrder.lines": ListSize(5),
    "PurchaseOrder.receipts": ListSize(3),
    "Query._entities": ListSize(_PAGE, ("representations",)),
    "Query.nodes": ListSize(_PAGE, ("ids",)),
    "Receipt.lines": ListSize(5),
}
"""By coordinate of a field; other lists are assumed to be `ASSUMED` long."""

_CONNECTION: Final = ListSize(_PAGE, ("first",), ("edges", "nodes"))


@strawberry.schema_directive(
    locations=[
        Location.ARGUMENT_DEFINITION,
        Location.ENUM,
        Location.FIELD_DEFINITION,
        Location.INPUT_FIELD_DEFINITION,
        Location.OBJECT,
        Location.SCALAR,
    ],
    name="cost",
    description="What it costs to answer, in units of one object.",
)
class CostDirective:
    """As Apollo Router's `@cost`."""

    weight: int = strawberry.directive_field(name="weight")


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="listSize",
    description="How long a list is, or the lists in what is returned.",
)
class ListSizeDirective:
    """As Apollo Router's `@listSize`."""

    assumed_size: int | None = strawberry.directive_field(
        name="assumedSize", default=strawberry.UNSET
    )
    slicing_arguments: list[str] | None = strawberry.directive_field(
        name="slicingArguments", default=strawberry.UNSET
    )
    sized_fields: list[str] | None = strawberry.directive_field(
        name="sizedFields", default=strawberry.UNSET
    )
    require_one_slicing_argument: bool | None = strawberry.directive_field(
        name="requireOneSlicingArgument", default=True
    )


class FieldCost(Struct, frozen=True):
    """What one field costs.

    Attributes:
        weight: Of each object, or of the value.
        size: How long its list is, or the lists in what it returns; None if nothing is said.
        arguments: Weights of arguments that have one.
        given: Whether the weight is the field's own, not its type's.
    """

    weight: int
    size: ListSize | None
    arguments: Mapping[str, int]
    given: bool = False


def cost_of(owner: str, name: str, field: GraphQLField) -> FieldCost:
    """What a field of the published schema costs."""
    coordinate = f"{owner}.{name}"
    composite = is_composite_type(get_named_type(field.type))
    size = LISTS.get(coordinate)
    if size is None and "first" in field.args and _is_connection(field):
        size = _CONNECTION
    own = WEIGHTS.get(coordinate)
    weight = (OBJECT if composite else 0) if own is None else own
    arguments = {a: ARGUMENT_WEIGHTS[a] for a in field.args if a in ARGUMENT_WEIGHTS}
    return FieldCost(weight, size, arguments, own is not None)


def show_costs(schema: GraphQLSchema) -> None:
    """Put the directives that the table stands for on the fields of a schema."""
    for owner, name, field in _fields(schema):
        cost = cost_of(owner, name, field)
        definition: Any = field.extensions.get("strawberry-definition")
        if definition is None or not (cost.given or cost.size or cost.arguments):
            continue
        shown: list[object] = [
            d for d in definition.directives if not isinstance(d, CostDirective | ListSizeDirective)
        ]
        if cost.given:
            shown.append(CostDirective(weight=cost.weight))
        if cost.size is not None:
            shown.append(_shown(cost.size, field))
        definition.directives = shown
        for argument in definition.arguments:
            weight = cost.arguments.get(argument.graphql_name or _camel(argument.python_name))
            if weight is not None:
                argument.directives = [CostDirective(weight=weight)]


def _shown(size: ListSize, field: GraphQLField) -> ListSizeDirective:
    """A size as a directive, whose slicing arguments must be numbers."""
    slicing = [
        a for a in size.slicing_arguments if not is_list_type(get_nullable_type(field.args[a].type))
    ]
    return ListSizeDirective(
        assumed_size=size.assumed_size,
        slicing_arguments=slicing or strawberry.UNSET,
        sized_fields=list(size.sized_fields) or strawberry.UNSET,
        require_one_slicing_argument=False,
    )


def _fields(schema: GraphQLSchema) -> Iterator[tuple[str, str, GraphQLField]]:
    for owner, kind in schema.type_map.items():
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and owner[:2] != "__":
            for name, field in kind.fields.items():
                yield owner, name, field


def _is_connection(field: GraphQLField) -> bool:
    returns = get_nullable_type(field.type)
    if not isinstance(returns, GraphQLObjectType) or "nodes" not in returns.fields:
        return False
    return isinstance(get_nullable_type(returns.fields["nodes"].type), GraphQLList)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))
