"""What SAP says to an order that it is told to make: all that is wrong with it, by message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from sandbox.s4.store import Row, Store
from sandbox.world import World
from sandbox.world.records import Item

Message = tuple[str, str]
"""Code and text."""

_HEADER = {
    "PurchaseOrderType": "Document Type",
    "Supplier": "Supplier",
    "PurchasingOrganization": "Purchasing Organization",
    "PurchasingGroup": "Purchasing Group",
}
_ITEM = {"Material": "Material", "Plant": "Plant"}
_ENTER = "ME/083"
_DELETED = frozenset({"L", "X"})


class OrderChecks:
    """Checks against master data, as they are now."""

    def __init__(self, world: World, stores: Mapping[str, Store]) -> None:
        self._world = world
        self._suppliers = stores["API_BUSINESS_PARTNER"].tables["A_Supplier"]
        self._products = stores["API_PRODUCT_SRV"].tables["A_Product"]

    def of_order(self, header: Row, items: list[tuple[Row, list[Row]]]) -> list[Message]:
        """What is wrong with a new order; its values stand as in rows."""
        found = [(_ENTER, f"Enter {label}") for name, label in _HEADER.items() if not header[name]]
        found += self._of_supplier(header["Supplier"])
        organizations = {region.organization for region in self._world.regions}
        organization = header["PurchasingOrganization"]
        if organization and organization not in organizations:
            found.append(("06/051", f"Purchasing organization {organization} does not exist"))
        if not items:
            found.append(("ME/065", "Purchase order does not contain any items"))
        numbers = [item["PurchaseOrderItem"] for item, _ in items]
        if len(set(numbers)) < len(numbers):
            found.append(("06/090", "Item numbers occur more than once"))
        for item, schedule in items:
            for code, text in self._of_item(header, item, schedule):
                found.append((code, f"Item {item['PurchaseOrderItem']}: {text}"))
        return found

    def _of_supplier(self, number: str) -> Iterator[Message]:
        if not number:
            return
        supplier = self._suppliers.find((number,))
        if supplier is None:
            yield "06/321", f"Supplier {number} does not exist"
        elif supplier["DeletionIndicator"] or supplier["PurchasingIsBlocked"]:
            yield "06/026", f"Supplier {number} is blocked for purchasing"

    def _of_item(self, header: Row, item: Row, schedule: list[Row]) -> Iterator[Message]:
        for name, label in _ITEM.items():
            if not item[name]:
                yield _ENTER, f"Enter {label}"
        if Decimal(item["OrderQuantity"]) <= 0:
            yield _ENTER, "Enter PO Quantity"
        if Decimal(item["NetPriceAmount"]) <= 0:
            yield _ENTER, "Enter Net Price"
        if not any(line["ScheduleLineDeliveryDate"] for line in schedule):
            yield _ENTER, "Enter Delivery Date"
        plant = self._world.plants_by_code.get(item["Plant"])
        if plant is None and item["Plant"]:
            yield "M3/890", f"Plant {item['Plant']} does not exist"
        elif plant and plant.organization != header["PurchasingOrganization"]:
            organization = header["PurchasingOrganization"]
            text = f"Plant {plant.code} is not assigned to purchasing organization {organization}"
            yield "06/294", text
        yield from self._of_material(item)

    def _of_material(self, row: Row) -> Iterator[Message]:
        number = row["Material"]
        if not number:
            return
        item, product = self._world.items_by_number.get(number), self._products.find((number,))
        if item is None or product is None or product["IsMarkedForDeletion"]:
            yield "M3/305", f"Material {number} does not exist or is not activated"
            return
        if product["CrossPlantStatus"]:
            status = product["CrossPlantStatus"]
            yield "ME/303", f"Material {number} has status {status}: blocked for procurement"
        if row["Plant"] and row["Plant"] not in {at.plant for at in item.plants}:
            yield "M3/351", f"Material {number} not maintained in plant {row['Plant']}"
        unit = row["PurchaseOrderQuantityUnit"]
        if unit not in units_of(item):
            yield "M3/096", f"Unit {unit} is not defined for material {number}"


def units_of(item: Item) -> set[str]:
    """Units that an item may be ordered in."""
    return {item.base_unit} | ({item.alternative.code} if item.alternative else set())


def check_change(header: Row, row: Row, values: Mapping[str, Any], *, delivered: bool) -> None:
    """Nothing is changed of an order that was called off, nor is one called off that came.

    Raises:
        ValueError: with code and text.
    """
    number = header["PurchaseOrder"]
    if header["PurchasingDocumentDeletionCode"] in _DELETED and values:
        raise ValueError("06/017", f"Purchasing document {number} is marked for deletion")
    if values.get("PurchasingDocumentDeletionCode") in _DELETED and delivered:
        raise ValueError("06/115", f"Goods were received for {number}: it cannot be deleted")
    if "OrderQuantity" in values and Decimal(values["OrderQuantity"]) <= 0:
        raise ValueError(_ENTER, f"Item {row['PurchaseOrderItem']}: Enter PO Quantity")
