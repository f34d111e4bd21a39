"""Whose the types are, and where their objects come from: one table, which the SDL follows.

    @owner(team: "purchasing")                   who decides about the type
    @source(kind: RECORD, entity: "item")        what its objects are; which systems supply the
                                                 entity is in the manifest, and in `catalogue`

A type that no line covers has no owner, and a test says so.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import strawberry
from graphql import GraphQLInterfaceType, GraphQLNamedType, GraphQLObjectType, GraphQLSchema
from msgspec import Struct
from strawberry.schema_directive import Location

from canonical.catalogue import SourceKind
from canonical.entities import EntityName
from execution.fields import DEFINITION
from schema.publishing import published_enum

_PURCHASING: Final = "purchasing"
_PLANNING: Final = "planning"
_WAREHOUSING: Final = "warehousing"
_MASTER_DATA: Final = "master data"
_PLATFORM: Final = "platform"
_OPERATIONS: Final = "operations"

OWNERS: Final[Mapping[str, str]] = {
    "Acknowledge": _PURCHASING,
    "AssignException": _OPERATIONS,
    "Audit": _PLATFORM,
    "CancelPurchaseOrder": _PURCHASING,
    "CancelException": _OPERATIONS,
    "Catalog": _PLATFORM,
    "ClientUse": _PLATFORM,
    "CommentException": _OPERATIONS,
    "Completeness": _PLATFORM,
    "CoordinateUse": _PLATFORM,
    "CreatePurchaseOrder": _PURCHASING,
    "Date": _PLATFORM,
    "DeadLetter": _PLATFORM,
    "Decimal": _PLATFORM,
    "DecideAcknowledgement": _PURCHASING,
    "DecideRecommendation": _PLANNING,
    "Event": _PLATFORM,
    "Explained": _PLANNING,
    "Exception": _OPERATIONS,
    "Forecast": _PLANNING,
    "Inventory": _WAREHOUSING,
    "InventoryEventFilter": _PLANNING,
    "InventoryThreshold": _PLANNING,
    "Item": _MASTER_DATA,
    "JSON": _PLATFORM,
    "LetterStatus": _PLATFORM,
    "Location": _MASTER_DATA,
    "Money": _PLATFORM,
    "Mutation": _PLATFORM,
    "Node": _PLATFORM,
    "OperationCount": _PLATFORM,
    "PageInfo": _PLATFORM,
    "ProcessInstance": _PLATFORM,
    "ProcessState": _PLATFORM,
    "ProcessStep": _PLATFORM,
    "ProcessTime": _PLATFORM,
    "ProjectedBucket": _PLANNING,
    "Provenance": _PLATFORM,
    "PublishForecasts": _PLANNING,
    "PurchaseOrder": _PURCHASING,
    "Quantity": _PLATFORM,
    "Query": _PLATFORM,
    "Receipt": _WAREHOUSING,
    "Recalculat": _PLANNING,
    "Recommendation": _PLANNING,
    "ReplayEvents": _PLATFORM,
    "ReplenishmentRecommendation": _PLANNING,
    "ResolveException": _OPERATIONS,
    "RetryException": _OPERATIONS,
    "SchemaUsage": _PLATFORM,
    "SortDirection": _PLATFORM,
    "SourceKind": _PLATFORM,
    "State": _PLATFORM,
    "StatusChange": _PURCHASING,
    "StringFilter": _PLATFORM,
    "Subscription": _PLATFORM,
    "StepState": _PLATFORM,
    "Supplier": _MASTER_DATA,
    "SupplierPerformance": _PURCHASING,
    "SupplyException": _OPERATIONS,
    "SupplySource": _MASTER_DATA,
    "System": _PLATFORM,
    "Timeline": _PLATFORM,
    "UnitConversion": _MASTER_DATA,
    "TimesBy": _PLATFORM,
    "UserError": _PLATFORM,
    "ValidatePurchaseOrder": _PURCHASING,
    "Viewer": _PLATFORM,
    "_": _PLATFORM,
}
"""Teams by the beginnings of types' names; the longest that fits holds. Its own page, edge, filter,
order, event, input and payload belong to whom the type does."""


class Source(Struct, frozen=True):
    """Where the objects of a type come from.

    Attributes:
        kind: What they are.
        entity: The entity that they are of, or made of.
    """

    kind: SourceKind
    entity: EntityName | None = None


_RECORDS: Final[Mapping[str, EntityName]] = {
    "Acknowledge": EntityName.PURCHASE_ORDER,
    "CancelPurchaseOrder": EntityName.PURCHASE_ORDER,
    "CreatePurchaseOrder": EntityName.PURCHASE_ORDER,
    "DecideRecommendation": EntityName.RECOMMENDATION,
    "Forecast": EntityName.FORECAST,
    "InventoryPosition": EntityName.INVENTORY,
    "Item": EntityName.ITEM,
    "Location": EntityName.LOCATION,
    "PublishForecasts": EntityName.FORECAST,
    "PurchaseOrder": EntityName.PURCHASE_ORDER,
    "Receipt": EntityName.RECEIPT,
    "Explained": EntityName.RECOMMENDATION,
    "Recalculat": EntityName.RECOMMENDATION,
    "Recommendation": EntityName.RECOMMENDATION,
    "ReplenishmentRecommendation": EntityName.RECOMMENDATION,
    "Supplier": EntityName.SUPPLIER,
    "SupplySource": EntityName.SUPPLY_SOURCE,
    "ValidatePurchaseOrder": EntityName.PURCHASE_ORDER,
}
"""Entities by the beginnings of the names of types whose objects are records, or hold some."""

_OTHERS: Final[Mapping[str, Source]] = {
    "Event": Source(SourceKind.EVENT),
    "ForecastEvent": Source(SourceKind.EVENT, EntityName.FORECAST),
    "InventoryThresholdEvent": Source(SourceKind.EVENT, EntityName.INVENTORY),
    "Money": Source(SourceKind.VALUE),
    "Node": Source(SourceKind.RECORD),
    "ProjectedBucket": Source(SourceKind.COMPUTED, EntityName.INVENTORY),
    "Provenance": Source(SourceKind.VALUE),
    "PurchaseOrderEvent": Source(SourceKind.EVENT, EntityName.PURCHASE_ORDER),
    "PurchaseOrderPreview": Source(SourceKind.COMPUTED, EntityName.PURCHASE_ORDER),
    "PurchaseOrderPreviewLine": Source(SourceKind.COMPUTED, EntityName.PURCHASE_ORDER),
    "Quantity": Source(SourceKind.VALUE),
    "ReceiptEvent": Source(SourceKind.EVENT, EntityName.RECEIPT),
    "RecommendationEvent": Source(SourceKind.EVENT, EntityName.RECOMMENDATION),
    "StatusChange": Source(SourceKind.EVENT, EntityName.PURCHASE_ORDER),
    "SupplyExceptionEvent": Source(SourceKind.EVENT),
    "SupplierPerformance": Source(SourceKind.COMPUTED, EntityName.PURCHASE_ORDER),
    "TimelineConnection": Source(SourceKind.EVENT),
    "TimelineEdge": Source(SourceKind.EVENT),
    "TimelineEntry": Source(SourceKind.EVENT),
    "UnitConversion": Source(SourceKind.VALUE),
}
_SERVICE: Final = Source(SourceKind.SERVICE)
BUILT_IN: Final = frozenset({"Boolean", "Float", "ID", "Int", "String"})
"""GraphQL's own scalars."""


@strawberry.schema_directive(
    name="owner",
    locations=[
        Location.OBJECT,
        Location.INTERFACE,
        Location.INPUT_OBJECT,
        Location.ENUM,
        Location.SCALAR,
        Location.UNION,
    ],
    description="The team that decides about the type.",
)
class OwnerDirective:
    """Whose a type is."""

    team: str = strawberry.directive_field(name="team")


@strawberry.schema_directive(
    name="source",
    locations=[Location.OBJECT, Location.INTERFACE],
    description="What the objects of the type are, and of which entity; `catalog` tells which "
    "systems supply it.",
)
class SourceDirective:
    """Where a type's objects come from."""

    kind: published_enum(SourceKind) = strawberry.directive_field(name="kind")  # type: ignore[valid-type]  # an enum made at run time
    entity: str | None = strawberry.directive_field(name="entity", default=strawberry.UNSET)


def owner_of(type_name: str) -> str | None:
    """The team that a type belongs to; None if no line covers it."""
    found = _longest(type_name, OWNERS)
    return None if found is None else OWNERS[found]


def source_of(type_name: str) -> Source:
    """Where the objects of a type come from."""
    if type_name in _OTHERS:
        return _OTHERS[type_name]
    found = _longest(type_name, _RECORDS)
    return _SERVICE if found is None else Source(SourceKind.RECORD, _RECORDS[found])


def declare_owners(schema: GraphQLSchema) -> None:
    """Write owners and sources onto the types of a schema, for its SDL."""
    for named in own_types(schema):
        definition: Any = named.extensions.get(DEFINITION)
        if definition is None:
            continue
        others = [
            d
            for d in definition.directives or ()
            if not isinstance(d, OwnerDirective | SourceDirective)
        ]
        definition.directives = [*_directives(named), *others]


def own_types(schema: GraphQLSchema) -> Iterator[GraphQLNamedType]:
    """The types of a schema but GraphQL's own, by name."""
    for name, named in sorted(schema.type_map.items()):
        if not name.startswith("__") and name not in BUILT_IN:
            yield named


def _directives(named: GraphQLNamedType) -> Iterator[object]:
    owner = owner_of(named.name)
    if owner is not None:
        yield OwnerDirective(team=owner)
    if isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
        source = source_of(named.name)
        entity = strawberry.UNSET if source.entity is None else source.entity.value
        yield SourceDirective(kind=source.kind, entity=entity)


def _longest(name: str, beginnings: Iterable[str]) -> str | None:
    fitting = [beginning for beginning in beginnings if name.startswith(beginning)]
    return max(fitting, key=len) if fitting else None
