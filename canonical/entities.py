"""The entities: which record each one is, how it is known, and which columns point at others.

This table is what loaders, mappings and the manifest agree on; nothing else lists the entities.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from msgspec import Struct

from canonical.forecasts import Forecast
from canonical.inventory import InventoryPosition
from canonical.items import Item
from canonical.locations import Location
from canonical.purchase_orders import PurchaseOrder
from canonical.receipts import Receipt
from canonical.recommendations import ReplenishmentRecommendation
from canonical.records import Part, Record
from canonical.suppliers import Supplier
from canonical.supply_sources import SupplySource


class EntityName(StrEnum):
    """Names of the entities, as manifests and presets spell them."""

    ITEM = "item"
    SUPPLY_SOURCE = "supply_source"
    SUPPLIER = "supplier"
    LOCATION = "location"
    INVENTORY = "inventory"
    PURCHASE_ORDER = "purchase_order"
    RECEIPT = "receipt"
    FORECAST = "forecast"
    RECOMMENDATION = "recommendation"


class Entity(Struct, frozen=True):
    """What is known of an entity.

    Attributes:
        name: Its name in manifests.
        record: The record type.
        natural: Columns that name one thing across systems. Empty where a record belongs to its
            system alone and is known by (system, key).
        references: Columns that hold the natural key of another entity (or its own), hence what
            crosswalks translate.
        internal: References that hold a key within the same system and are never translated.
        lookups: Columns that links read many records by. Every source should answer them in
            batches.
    """

    name: EntityName
    record: type[Record]
    natural: tuple[str, ...]
    references: Mapping[str, EntityName]
    lookups: tuple[str, ...]
    internal: Mapping[str, EntityName] = MappingProxyType({})


_ITEM, _SUPPLIER, _LOCATION = EntityName.ITEM, EntityName.SUPPLIER, EntityName.LOCATION

ENTITIES: Final[Mapping[EntityName, Entity]] = MappingProxyType(
    {
        e.name: e
        for e in (
            Entity(
                _ITEM, Item, ("sku",), {"sku": _ITEM, "preferred_supplier": _SUPPLIER}, ("sku",)
            ),
            Entity(
                EntityName.SUPPLY_SOURCE,
                SupplySource,
                ("item", "supplier"),
                {"item": _ITEM, "supplier": _SUPPLIER},
                ("item", "supplier"),
            ),
            Entity(_SUPPLIER, Supplier, ("code",), {"code": _SUPPLIER}, ("code",)),
            Entity(_LOCATION, Location, ("code",), {"code": _LOCATION}, ("code",)),
            Entity(
                EntityName.INVENTORY,
                InventoryPosition,
                ("item", "location"),
                {"item": _ITEM, "location": _LOCATION},
                ("item", "location"),
            ),
            Entity(
                EntityName.PURCHASE_ORDER,
                PurchaseOrder,
                (),
                {"supplier": _SUPPLIER, "lines.item": _ITEM, "lines.ship_to": _LOCATION},
                ("key", "number", "supplier", "lines.item"),
            ),
            Entity(
                EntityName.RECEIPT,
                Receipt,
                (),
                {"supplier": _SUPPLIER, "location": _LOCATION, "lines.item": _ITEM},
                ("key", "purchase_order"),
                internal={"purchase_order": EntityName.PURCHASE_ORDER},
            ),
            Entity(
                EntityName.FORECAST,
                Forecast,
                (),
                {"item": _ITEM, "location": _LOCATION},
                ("key", "item"),
            ),
            Entity(
                EntityName.RECOMMENDATION,
                ReplenishmentRecommendation,
                (),
                {"item": _ITEM, "location": _LOCATION, "supplier": _SUPPLIER},
                ("key",),
                internal={"purchase_order": EntityName.PURCHASE_ORDER},
            ),
        )
    }
)

KEY: Final = "key"
"""Pseudo-column: the record's own key in its system (`provenance.key`)."""


def columns_of(record: type[Struct]) -> Mapping[str, type[Struct] | None]:
    """All columns of a record type, dotted where structured, with the type that each opens.

    Money, quantities and unit conversions count as single values.
    """
    found: dict[str, type[Struct] | None] = {}
    for name, hint in get_type_hints(record, include_extras=True).items():
        if name == "provenance" or name.startswith("__"):
            continue
        part = _part(hint)
        found[name] = part
        if part is not None:
            found.update({f"{name}.{inner}": t for inner, t in columns_of(part).items()})
    return found


def _part(hint: Any) -> type[Struct] | None:
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    for inner in get_args(hint) if get_origin(hint) in (Union, UnionType, tuple) else (hint,):
        if isinstance(inner, type) and issubclass(inner, Part):
            return inner
        if get_origin(inner) is tuple:
            return _part(inner)
    return None
