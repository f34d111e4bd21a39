"""Purchase orders and material documents.

What the order service can say of a confirmation: items that need one carry a confirmation control
key; once confirmed, the schedule line's committed quantity is filled and its delivery date is the
confirmed one, while the statistical date keeps the day that was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import time
from typing import Any

from sandbox.world import World
from sandbox.world.records import Line, Movement, Order

_Row = Mapping[str, Any]
_BUYER_GROUPS = {"BAKER": "001", "OKAFOR": "002", "RIVERA": "003", "SATO": "004", "WEBER": "005"}
_NO_PROCESSING = {"draft": "01", "pending_approval": "03", "rejected": "08"}


def orders(world: World) -> dict[str, Iterable[_Row]]:
    """Rows of API_PURCHASEORDER_PROCESS_SRV."""
    own = [order for order in world.orders if order.system == "erp"]
    return order_rows(world, own)


def order_rows(world: World, own: list[Order]) -> dict[str, Iterable[_Row]]:
    """Rows of some orders, by entity set."""
    lines = [(order, line) for order in own for line in order.lines]
    return {
        "A_PurchaseOrder": (_order(world, order) for order in own),
        "A_PurchaseOrderItem": (_item(world, order, line) for order, line in lines),
        "A_PurchaseOrderScheduleLine": (row for _, line in lines for row in _schedule(line)),
    }


def _order(world: World, order: Order) -> _Row:
    supplier = world.suppliers_by_number[order.supplier]
    organization = world.regions_by_code[order.region].organization
    return {
        "PurchaseOrder": order.number,
        "CompanyCode": organization,
        "PurchaseOrderType": "NB",
        "PurchasingDocumentDeletionCode": _deletion_code(order),
        "PurchasingProcessingStatus": _processing_status(order),
        "CreatedByUser": order.buyer,
        "CreationDate": order.created_at.date(),
        "LastChangeDateTime": order.changed_at,
        "Supplier": order.supplier,
        "Language": "EN",
        "PaymentTerms": order.terms,
        "PurchasingOrganization": organization,
        "PurchasingGroup": _BUYER_GROUPS[order.buyer],
        "PurchaseOrderDate": order.ordered_on,
        "DocumentCurrency": order.currency,
        "ExchangeRate": "1.00000",
        "IncotermsClassification": order.incoterms,
        "ReleaseIsNotCompleted": order.state == "pending_approval",
        "PurchasingCompletenessStatus": order.state == "draft",
        "AddressName": supplier.name[:40],
        "AddressCityName": supplier.city,
        "AddressPostalCode": supplier.postal_code,
        "AddressCountry": supplier.country,
    }


def _deletion_code(order: Order) -> str:
    """L for most cancelled orders; some have only their items deleted. S is a block."""
    number = int(order.number)
    if order.state == "cancelled":
        return "" if number % 5 in {1, 2} else "L"
    return "S" if order.state == "approved" and number % 11 == 0 else ""


def _processing_status(order: Order) -> str:
    """05 for orders that went through a release, 02 for those that needed none."""
    return _NO_PROCESSING.get(order.state) or ("05" if int(order.number) % 2 else "02")


def _item(world: World, order: Order, line: Line) -> _Row:
    item = world.items_by_number[line.item]
    numerator, denominator = line.price_factor
    return {
        "PurchaseOrder": order.number,
        "PurchaseOrderItem": str(line.number),
        "PurchasingDocumentDeletionCode": "L" if line.deleted else "",
        "PurchaseOrderItemText": item.name[:40],
        "Plant": line.plant,
        "StorageLocation": world.plants_by_code[line.plant].storage_locations[0],
        "MaterialGroup": item.group,
        "PurchasingInfoRecord": next(
            (s.info_record for s in item.sources if s.supplier == order.supplier), ""
        ),
        "SupplierMaterialNumber": line.part_number,
        "OrderQuantity": line.quantity,
        "PurchaseOrderQuantityUnit": line.unit,
        "OrderPriceUnit": line.price_unit,
        "OrderPriceUnitToOrderUnitNmrtr": numerator,
        "OrdPriceUnitToOrderUnitDnmntr": denominator,
        "DocumentCurrency": order.currency,
        "NetPriceAmount": line.price,
        "NetPriceQuantity": line.price_quantity,
        "OverdelivTolrtdLmtRatioInPct": 10,
        "UnderdelivTolrtdLmtRatioInPct": 10,
        "IsCompletelyDelivered": line.completed,
        "IsFinallyInvoiced": line.invoiced,
        "PurchaseOrderItemCategory": "0",
        "GoodsReceiptIsExpected": True,
        "InvoiceIsExpected": True,
        "PurchaseContractItem": "0",
        "SupplierConfirmationControlKey": "0001",
        "PurchaseRequisitionItem": "0",
        "Material": line.item,
    }


def _schedule(line: Line) -> Iterator[_Row]:
    for n, part in enumerate(line.schedule, start=1):
        yield {
            "PurchasingDocument": line.order,
            "PurchasingDocumentItem": str(line.number),
            "ScheduleLine": str(n),
            "DelivDateCategory": "1",
            "ScheduleLineDeliveryDate": part.confirmed_on or part.due_on,
            "PurchaseOrderQuantityUnit": line.unit,
            "ScheduleLineOrderQuantity": part.quantity,
            "ScheduleLineDeliveryTime": time(),
            "SchedLineStscDeliveryDate": part.due_on,
            "PurchaseRequisitionItem": "0",
            "ScheduleLineCommittedQuantity": part.confirmed_quantity,
        }


def documents(world: World) -> dict[str, Iterable[_Row]]:
    """Rows of API_MATERIAL_DOCUMENT_SRV: receipts for orders, and some that are for none."""
    own = {order.number for order in world.orders if order.system == "erp"}
    booked = [*world.openings, *(move for move in world.movements if move.order in own)]
    completed = {
        (line.order, line.number)
        for order in world.orders
        for line in order.lines
        if line.completed
    }
    return document_rows(booked, completed)


def document_rows(
    booked: list[Movement], completed: set[tuple[str, int]]
) -> dict[str, Iterable[_Row]]:
    """Rows of some movements, by entity set; `completed` are order lines that are done."""
    years = {move.document: str(move.posted_on.year) for move in booked}
    headers = {move.document: move for move in reversed(booked)}
    return {
        "A_MaterialDocumentHeader": map(_header, headers.values()),
        "A_MaterialDocumentItem": (
            _movement(move, years, completed=(move.order, move.line) in completed)
            for move in booked
        ),
    }


def _header(move: Movement) -> _Row:
    for_order = bool(move.order)
    return {
        "MaterialDocumentYear": str(move.posted_on.year),
        "MaterialDocument": move.document,
        "InventoryTransactionType": "WE" if for_order else "WA",
        "DocumentDate": move.posted_on,
        "PostingDate": move.posted_on,
        "CreationDate": move.created_at.date(),
        "CreationTime": move.created_at.time(),
        "CreatedByUser": "MIGRATION" if move.kind == "561" else "GATE01",
        "ReferenceDocument": f"DN{move.document[-7:]}" if for_order else "",
        "GoodsMovementCode": "01" if for_order else "03" if move.kind == "601" else "05",
    }


def _movement(move: Movement, years: Mapping[str, str], *, completed: bool) -> _Row:
    document, number = move.reverses or ("", 0)
    return {
        "MaterialDocumentYear": str(move.posted_on.year),
        "MaterialDocument": move.document,
        "MaterialDocumentItem": str(move.number),
        "Material": move.item,
        "Plant": move.plant,
        "StorageLocation": move.storage_location,
        "GoodsMovementType": move.kind,
        "InventoryStockType": "01",
        "Supplier": move.supplier,
        "PurchaseOrder": move.order,
        "PurchaseOrderItem": str(move.line),
        "GoodsMovementRefDocType": "B" if move.order else "",
        "GoodsMovementReasonCode": "0000",
        "DeliveryItem": "0",
        "MaterialBaseUnit": move.base_unit,
        "QuantityInBaseUnit": move.base_quantity,
        "EntryUnit": move.entry_unit,
        "QuantityInEntryUnit": move.entry_quantity,
        "IsCompletelyDelivered": completed and move.kind == "101",
        "GoodsMovementIsCancelled": move.cancelled,
        "ReversedMaterialDocumentYear": years.get(document, ""),
        "ReversedMaterialDocument": document,
        "ReversedMaterialDocumentItem": str(number),
    }
