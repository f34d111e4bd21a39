"""Purchase orders that are made, changed and called off over the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sandbox.changes import first_moment
from sandbox.s4.bodies import filled, read_body
from sandbox.s4.errors import bad_request, refused
from sandbox.s4.model import milliseconds
from sandbox.s4.order_checks import Message, OrderChecks, check_change
from sandbox.s4.store import Row, Store, Table
from sandbox.world import World

SERVICE = "API_PURCHASEORDER_PROCESS_SRV"
_ORDER, _ITEM, _SCHEDULE = "A_PurchaseOrder", "A_PurchaseOrderItem", "A_PurchaseOrderScheduleLine"
_FIRST_NUMBER = 4_600_000_001
_CHANGEABLE = {
    _ORDER: frozenset(
        {
            "PurchasingDocumentDeletionCode", "PaymentTerms", "IncotermsClassification",
            "PurchasingGroup", "CorrespncExternalReference", "CorrespncInternalReference",
        }
    ),
    _ITEM: frozenset(
        {
            "PurchasingDocumentDeletionCode", "PurchaseOrderItemText", "OrderQuantity",
            "NetPriceAmount", "StorageLocation", "IsCompletelyDelivered",
            "SupplierMaterialNumber", "SupplierConfirmationControlKey",
        }
    ),
    _SCHEDULE: frozenset(
        {
            "ScheduleLineDeliveryDate", "ScheduleLineOrderQuantity",
            "ScheduleLineCommittedQuantity", "ScheduleLineDeliveryTime",
        }
    ),
}  # fmt: skip


class OrderWrites:
    """Makes and changes rows of the order service. Numbers go on apart from the world's."""

    def __init__(self, world: World, stores: Mapping[str, Store]) -> None:
        self._world = world
        self._tables = stores[SERVICE].tables
        self._movements = stores["API_MATERIAL_DOCUMENT_SRV"].tables["A_MaterialDocumentItem"]
        self._checks = OrderChecks(world, stores)
        self._numbers = count(_FIRST_NUMBER)
        self._at = first_moment(world.today)
        self.locked: set[str] = set()

    def seen(self, at: datetime) -> None:
        """Learn how late it is in the distributor's time."""
        self._at = max(self._at, at)

    def create(self, body: Mapping[str, Any], user: str) -> tuple[Row, list[Message]]:
        """Make an order with its items and schedule lines; with what is to be warned of.

        Raises:
            ODataError: 400 for what cannot be read, or what the business does not allow.
        """
        header, nested = read_body(self._tables[_ORDER], body, "to_PurchaseOrderItem")
        items = [self._item(n, item) for n, item in enumerate(nested, start=1)]
        header = self._completed(header, items, user)
        wrong = self._checks.of_order(header, items)
        if wrong:
            raise refused(wrong)
        return self._written_down(header, items), self._warnings(items)

    def change(self, table: Table, row: Row, body: Mapping[str, Any]) -> None:
        """Change a row of an order.

        Raises:
            ODataError: 400 as above, also while somebody else works on the order.
        """
        name = table.entity_set.name
        values, nested = read_body(table, body)
        fixed = sorted(values.keys() - _CHANGEABLE[name] - set(table.entity_set.key))
        if nested or fixed:
            raise bad_request(f"Property '{(fixed or ['to_'])[0]}' cannot be changed")
        values = {n: v for n, v in values.items() if n in _CHANGEABLE[name]}
        header = self._header(table, row)
        self.check_lock(header)
        number = header["PurchaseOrder"]
        came = any(m["GoodsMovementType"] == "101" for m in self._moves(number))
        try:
            check_change(header, row, values, delivered=came)
        except ValueError as error:
            raise refused([error.args]) from error
        table.change(row, values)
        if name == _ITEM and "OrderQuantity" in values:
            self._reschedule(row)
        if name == _ORDER and values.get("PurchasingDocumentDeletionCode") == "L":
            for item in self._tables[_ITEM].group(("PurchaseOrder",)).get((number,), []):
                self._tables[_ITEM].change(item, {"PurchasingDocumentDeletionCode": "L"})
        self._tables[_ORDER].change(header, {"LastChangeDateTime": self._now()})

    def document(self, table: Table, row: Row) -> list[tuple[Table, Row]]:
        """All rows of the order that a row belongs to."""
        number = self._header(table, row)["PurchaseOrder"]
        names = {_ORDER: "PurchaseOrder", _ITEM: "PurchaseOrder", _SCHEDULE: "PurchasingDocument"}
        return [
            (self._tables[name], found)
            for name, column in names.items()
            for found in self._tables[name].group((column,)).get((number,), [])
        ]

    def check_lock(self, header: Row) -> None:
        """Nobody else may be working on an order.

        Raises:
            ODataError: 400 if somebody is.
        """
        number = header["PurchaseOrder"]
        if number in self.locked:
            text = f"Purchase order {number} is currently being processed by user WEBER"
            raise refused([("ME/006", text)])

    def _header(self, table: Table, row: Row) -> Row:
        shares = table.entity_set.shares
        return self._tables[_ORDER].group(("PurchaseOrder",))[row[shares[1]],][0] if shares else row

    def _item(self, place: int, body: Any) -> tuple[Row, list[Row]]:
        values, nested = read_body(self._tables[_ITEM], body, "to_ScheduleLine")
        item = filled(self._tables[_ITEM], values)
        item["PurchaseOrderItem"] = values.get("PurchaseOrderItem") or str(place * 10)
        known = self._world.items_by_number.get(item["Material"])
        if known is not None:
            unit = item["PurchaseOrderQuantityUnit"] or known.base_unit
            item |= {
                "PurchaseOrderQuantityUnit": unit,
                "OrderPriceUnit": item["OrderPriceUnit"] or unit,
                "PurchaseOrderItemText": item["PurchaseOrderItemText"] or known.name[:40],
                "MaterialGroup": known.group,
            }
        item |= {
            "NetPriceQuantity": item["NetPriceQuantity"] if values.get("NetPriceQuantity") else "1",
            "OrderPriceUnitToOrderUnitNmrtr": "1",
            "OrdPriceUnitToOrderUnitDnmntr": "1",
            "GoodsReceiptIsExpected": True,
            "InvoiceIsExpected": True,
            "SupplierConfirmationControlKey": "0001",
        }
        lines = self._tables[_SCHEDULE]
        schedule = [filled(lines, read_body(lines, each)[0]) for each in nested]
        for n, line in enumerate(schedule, start=1):
            line |= {
                "PurchasingDocumentItem": item["PurchaseOrderItem"],
                "ScheduleLine": str(n),
                "DelivDateCategory": "1",
                "PurchaseOrderQuantityUnit": item["PurchaseOrderQuantityUnit"],
                "SchedLineStscDeliveryDate": line["ScheduleLineDeliveryDate"],
            }
            if len(schedule) == 1:
                line["ScheduleLineOrderQuantity"] = item["OrderQuantity"]
        return item, schedule

    def _completed(self, values: Row, items: Sequence[tuple[Row, Any]], user: str) -> Row:
        header = filled(self._tables[_ORDER], values)
        plants = [self._world.plants_by_code.get(item["Plant"]) for item, _ in items]
        if not header["PurchasingOrganization"] and plants and plants[0] is not None:
            # The standard one of the first item's plant.
            header["PurchasingOrganization"] = plants[0].organization
        supplier = self._world.suppliers_by_number.get(header["Supplier"])
        day = f"/Date({milliseconds(self._at.date())})/"
        header |= {
            "CompanyCode": header["CompanyCode"] or header["PurchasingOrganization"],
            "PurchasingProcessingStatus": "02",
            "CreatedByUser": user[:12],
            "CreationDate": day,
            "PurchaseOrderDate": header["PurchaseOrderDate"] or day,
            "ExchangeRate": "1.00000",
            "Language": header["Language"] or "EN",
        }
        if supplier is not None:
            header |= {
                "DocumentCurrency": header["DocumentCurrency"] or supplier.currency,
                "PaymentTerms": header["PaymentTerms"] or supplier.terms,
                "AddressName": supplier.name[:40],
                "AddressCityName": supplier.city,
                "AddressPostalCode": supplier.postal_code,
                "AddressCountry": supplier.country,
            }
        for (item, _), plant in zip(items, plants, strict=True):
            item["DocumentCurrency"] = header["DocumentCurrency"]
            item["StorageLocation"] = item["StorageLocation"] or (
                plant.storage_locations[0] if plant else ""
            )
        return header

    def _written_down(self, header: Row, items: Sequence[tuple[Row, list[Row]]]) -> Row:
        number = str(next(self._numbers))
        header |= {"PurchaseOrder": number, "LastChangeDateTime": self._now()}
        self._tables[_ORDER].insert(header)
        for item, schedule in items:
            self._tables[_ITEM].insert(item | {"PurchaseOrder": number})
            for line in schedule:
                self._tables[_SCHEDULE].insert(line | {"PurchasingDocument": number})
        return header

    def _warnings(self, items: Sequence[tuple[Row, list[Row]]]) -> list[Message]:
        today = milliseconds(self._at.date())
        late = [
            item["PurchaseOrderItem"]
            for item, schedule in items
            if any(int(line["ScheduleLineDeliveryDate"][6:-2]) < today for line in schedule)
        ]
        return [("06/039", f"Item {n}: delivery date is in the past") for n in late]

    def _moves(self, number: str) -> list[Row]:
        return self._movements.group(("PurchaseOrder",)).get((number,), [])

    def _reschedule(self, item: Row) -> None:
        """A quantity that is due on one day is due on that day, however much it is."""
        names = ("PurchasingDocument", "PurchasingDocumentItem")
        place = (item["PurchaseOrder"], item["PurchaseOrderItem"])
        lines = self._tables[_SCHEDULE].group(names).get(place, [])
        if len(lines) == 1:
            quantity = {"ScheduleLineOrderQuantity": item["OrderQuantity"]}
            self._tables[_SCHEDULE].change(lines[0], quantity)

    def _now(self) -> str:
        """A moment later than any before, so that every change shows."""
        self._at += timedelta(milliseconds=1)
        return f"/Date({milliseconds(self._at.astimezone(UTC))}+0000)/"
