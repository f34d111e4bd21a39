"""Goods receipts for purchase orders that are booked over the service.

The clock knows nothing of them: stocks are its own, and stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import count
from typing import Any

from sandbox.s4.bodies import filled, read_body
from sandbox.s4.errors import refused
from sandbox.s4.order_checks import Message
from sandbox.s4.store import Row, Store
from sandbox.world import World

SERVICE = "API_MATERIAL_DOCUMENT_SRV"
_FIRST_NUMBER = 5_300_000_001
_SIGNS = {"101": 1, "102": -1, "122": -1, "123": 1}


class ReceiptWrites:
    """Makes material documents. Numbers go on apart from the world's."""

    def __init__(self, world: World, stores: Mapping[str, Store]) -> None:
        self._world = world
        self._headers = stores[SERVICE].tables["A_MaterialDocumentHeader"]
        self._moves = stores[SERVICE].tables["A_MaterialDocumentItem"]
        orders = stores["API_PURCHASEORDER_PROCESS_SRV"].tables
        self._orders, self._lines = orders["A_PurchaseOrder"], orders["A_PurchaseOrderItem"]
        self._numbers = count(_FIRST_NUMBER)

    def create(self, body: Mapping[str, Any], user: str) -> tuple[Row, list[Message]]:
        """Book a receipt for items of orders.

        Raises:
            ODataError: 400 for what cannot be read, or what the business does not allow.
        """
        values, nested = read_body(self._headers, body, "to_MaterialDocumentItem")
        header = filled(self._headers, values) | {"CreatedByUser": user[:12]}
        moves = [filled(self._moves, read_body(self._moves, each)[0]) for each in nested]
        wrong = list(self._wrong(header, moves))
        if wrong:
            raise refused(wrong)
        year = "2026" if header["PostingDate"] is None else _year(header["PostingDate"])
        header |= {"MaterialDocument": str(next(self._numbers)), "MaterialDocumentYear": year}
        header |= {"InventoryTransactionType": "WE", "CreationDate": header["PostingDate"]}
        self._headers.insert(header)
        for number, move in enumerate(moves, start=1):
            self._book(header, move, number)
        return header, []

    def _wrong(self, header: Row, moves: list[Row]) -> Iterator[Message]:
        if header["GoodsMovementCode"] != "01":
            yield "M7/001", "Goods movement code 01 is needed for a receipt for an order"
        if header["PostingDate"] is None:
            yield "M7/018", "Enter Posting Date"
        if not moves:
            yield "M7/095", "Document does not contain any items"
        for move in moves:
            yield from self._wrong_with(move)

    def _wrong_with(self, move: Row) -> Iterator[Message]:
        place = (move["PurchaseOrder"], move["PurchaseOrderItem"])
        line, quantity = self._lines.find(place), Decimal(move["QuantityInEntryUnit"])
        if move["GoodsMovementType"] != "101":
            yield "M7/070", f"Movement type {move['GoodsMovementType']} is not allowed here"
        if quantity <= 0:
            yield "M7/018", "Enter Quantity"
        if line is None or line["PurchasingDocumentDeletionCode"]:
            yield "06/023", f"Item {place[1]} of order {place[0]} does not exist, or is deleted"
            return
        if move["EntryUnit"] not in {"", line["PurchaseOrderQuantityUnit"]}:
            yield "M7/042", f"Goods of this item are entered in {line['PurchaseOrderQuantityUnit']}"
        most = Decimal(line["OrderQuantity"]) * (
            1 + Decimal(line["OverdelivTolrtdLmtRatioInPct"]) / 100
        )
        over = self._received(line) + quantity - most
        if over > 0:
            unit = line["PurchaseOrderQuantityUnit"]
            yield "M7/021", f"Ordered quantity exceeded by {over:f} {unit}"

    def _book(self, header: Row, move: Row, number: int) -> None:
        line = self._lines.group(("PurchaseOrder", "PurchaseOrderItem"))[
            move["PurchaseOrder"], move["PurchaseOrderItem"]
        ][0]
        order = self._orders.group(("PurchaseOrder",))[line["PurchaseOrder"],][0]
        item = self._world.items_by_number[line["Material"]]
        unit = line["PurchaseOrderQuantityUnit"]
        base = Decimal(move["QuantityInEntryUnit"])
        if item.alternative is not None and unit == item.alternative.code:
            base = base * item.alternative.numerator / item.alternative.denominator
        move |= {
            "MaterialDocumentYear": header["MaterialDocumentYear"],
            "MaterialDocument": header["MaterialDocument"],
            "MaterialDocumentItem": str(number),
            "Material": line["Material"],
            "Plant": line["Plant"],
            "StorageLocation": line["StorageLocation"],
            "Supplier": order["Supplier"],
            "InventoryStockType": "01",
            "GoodsMovementRefDocType": "B",
            "EntryUnit": unit,
            "MaterialBaseUnit": item.base_unit,
            "QuantityInBaseUnit": f"{base:.3f}",
        }
        self._moves.insert(move)
        if self._received(line) >= Decimal(line["OrderQuantity"]):
            self._lines.change(line, {"IsCompletelyDelivered": True})

    def _received(self, line: Row) -> Decimal:
        """What came of a line so far, less what went back, in its own unit."""
        names = ("PurchaseOrder", "PurchaseOrderItem")
        place = (line["PurchaseOrder"], line["PurchaseOrderItem"])
        moves = self._moves.group(names).get(place, [])
        return sum(
            (Decimal(m["QuantityInEntryUnit"]) * _SIGNS[m["GoodsMovementType"]] for m in moves),
            Decimal(0),
        )


def _year(day: str) -> str:
    """The year of a day as it stands in a row."""
    return str(1970 + int(int(day[6:-2]) / 86_400_000 / 365.2425))
