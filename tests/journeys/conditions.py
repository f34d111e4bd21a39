"""Every condition of the contract, and what each system is asked for it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from typing_extensions import override

FILTERS = {
    "items": "ItemFilter",
    "suppliers": "SupplierFilter",
    "locations": "LocationFilter",
    "inventory": "InventoryFilter",
    "purchaseOrders": "PurchaseOrderFilter",
    "receipts": "ReceiptFilter",
    "forecasts": "ForecastFilter",
    "recommendations": "RecommendationFilter",
}
Sent = Mapping[str, str]
"""Pieces of a request's parameters."""


class Case(NamedTuple):
    """A filter, and by system the collection that is asked with pieces of its parameters."""

    root: str
    filter: Mapping[str, Any]
    expected: Mapping[str, tuple[str, Sent]]

    @override
    def __str__(self) -> str:
        return f"{self.root} {self.filter}"


def erp(collection: str, condition: str) -> dict[str, tuple[str, Sent]]:
    return {"erp": (collection, {"$filter": condition})}


def planning(collection: str, **sent: str) -> dict[str, tuple[str, Sent]]:
    return {"planning": (f"{collection}/", sent)}


def orders(condition: str, sent: Sent) -> dict[str, tuple[str, Sent]]:
    return {
        "erp": ("A_PurchaseOrder", {"$filter": condition}),
        "procurement": ("purchase_orders", sent),
    }


def receipts(condition: str, sent: Sent) -> dict[str, tuple[str, Sent]]:
    return {
        "erp": ("A_MaterialDocumentItem", {"$filter": condition}),
        "procurement": ("receiving_transactions", sent),
    }


DAY, NEXT = "2026-10-01", "2026-10-15"
MOMENT, LATER = f"{DAY}T00:00:00+00:00", f"{NEXT}T00:00:00+00:00"
CASES = [
    Case("items", {"sku": {"eq": "CBL-00052"}}, erp("A_Product", "Product eq 'CBL-00052'")),
    Case(
        "items",
        {"sku": {"in": ["CBL-00052", "PMP-00024"]}},
        erp("A_Product", "(Product eq 'CBL-00052' or Product eq 'PMP-00024')"),
    ),
    Case("items", {"sku": {"contains": "-0"}}, erp("A_Product", "substringof('-0',Product)")),
    Case("items", {"sku": {"startsWith": "C'"}}, erp("A_Product", "startswith(Product,'C''')")),
    # A product has its names in many languages: OData V2 does not filter by what is in such a list.
    Case("items", {"name": {"contains": "able"}}, {"erp": ("A_Product", {"$top": "4"})}),
    Case("items", {"category": {"eq": "C"}}, erp("A_Product", "ProductGroup eq 'C'")),
    Case(
        "items",
        {"status": ["ACTIVE"]},
        erp("A_Product", "IsMarkedForDeletion ne true and CrossPlantStatus eq ''"),
    ),
    Case(
        "items",
        {"supplier": ["17300001"]},
        erp("A_PurchasingInfoRecord", "Supplier eq '17300001'"),
    ),
    Case("suppliers", {"code": {"eq": "1"}}, erp("A_Supplier", "Supplier eq '1'")),
    Case(
        "suppliers",
        {"name": {"contains": "O'N"}},
        erp("A_Supplier", "substringof('O''N',SupplierName)"),
    ),
    # The country is the business partner's; it is joined and compared here.
    Case("suppliers", {"country": ["DE"]}, {"erp": ("A_BusinessPartner", {})}),
    Case(
        "suppliers",
        {"status": ["APPROVED"]},
        erp("A_Supplier", "DeletionIndicator ne true and PostingIsBlocked ne true"),
    ),
    Case("locations", {"code": {"in": ["1050"]}}, erp("A_Plant", "Plant eq '1050'")),
    Case(
        "locations",
        {"region": ["EU"]},
        erp("A_Plant", "DefaultPurchasingOrganization eq '1010'"),
    ),
    Case("locations", {"country": ["DE"]}, erp("A_Plant", "Country eq 'DE'")),
    Case("locations", {"kind": ["STORE"]}, erp("A_Plant", "PlantCategory eq 'A'")),
    Case("inventory", {"item": ["C-1"]}, erp("A_MatlStkInAcctMod", "Material eq 'C-1'")),
    Case("inventory", {"location": ["1050"]}, erp("A_MatlStkInAcctMod", "Plant eq '1050'")),
    # A sum over storage locations: nothing that a filter of rows could say.
    Case(
        "inventory",
        {"item": ["C-1"], "onHand": {"gte": "10", "lt": "20"}},
        erp("A_MatlStkInAcctMod", "Material eq 'C-1'"),
    ),
    Case(
        "purchaseOrders",
        {"number": {"eq": "45"}},
        orders("PurchaseOrder eq '45'", {"po_number": "45"}),
    ),
    Case(
        "purchaseOrders",
        {"number": {"in": ["45", "46"]}},
        orders(
            "(PurchaseOrder eq '45' or PurchaseOrder eq '46')",
            {"po_number[in]": "45,46"},
        ),
    ),
    Case(
        "purchaseOrders",
        {"number": {"startsWith": "45"}},
        orders("startswith(PurchaseOrder,'45')", {"po_number[starts_with]": "45"}),
    ),
    Case(
        "purchaseOrders",
        {"number": {"contains": "45"}},
        orders("substringof('45',PurchaseOrder)", {"po_number[contains]": "45"}),
    ),
    Case(
        "purchaseOrders",
        {"status": ["SENT"]},
        {"procurement": ("purchase_orders", {"status": "issued"})},
    ),
    # Coupa rejects no orders: it is not asked for any.
    Case(
        "purchaseOrders",
        {"status": ["REJECTED"], "supplier": ["17300001"]},
        erp("A_PurchaseOrder", "Supplier eq '17300001'"),
    ),
    Case(
        "purchaseOrders",
        {"supplier": ["17300001"]},
        orders("Supplier eq '17300001'", {"supplier[number]": "C-10001"}),
    ),
    Case(
        "purchaseOrders",
        {"item": ["CBL-00052"]},
        {
            "erp": ("A_PurchaseOrderItem", {"$filter": "Material eq 'CBL-00052'"}),
            "procurement": ("purchase_order_lines", {"item[item_number]": "CBL-00052"}),
        },
    ),
    Case(
        "purchaseOrders",
        {"orderedOn": {"gte": DAY, "lt": NEXT}},
        orders(
            f"PurchaseOrderDate ge datetime'{DAY}T00:00:00' and "
            f"PurchaseOrderDate lt datetime'{NEXT}T00:00:00'",
            {
                "created_at[gt_or_eq]": f"{DAY}T00:00:00Z",
                "created_at[lt]": f"{NEXT}T00:00:00Z",
            },
        ),
    ),
    # An order's lines are a list within it: see the names of a product.
    Case(
        "purchaseOrders",
        {"dueOn": {"gte": DAY, "lt": NEXT}},
        {
            "procurement": (
                "purchase_orders",
                {
                    "order_lines[need_by_date][gt_or_eq]": DAY,
                    "order_lines[need_by_date][lt]": NEXT,
                },
            )
        },
    ),
    Case(
        "purchaseOrders",
        {"updatedAt": {"gte": MOMENT, "lt": LATER}},
        orders(
            f"LastChangeDateTime ge datetimeoffset'{DAY}T00:00:00Z' and "
            f"LastChangeDateTime lt datetimeoffset'{NEXT}T00:00:00Z'",
            {
                "updated_at[gt_or_eq]": f"{DAY}T00:00:00Z",
                "updated_at[lt]": f"{NEXT}T00:00:00Z",
            },
        ),
    ),
    Case(
        "receipts",
        {"number": {"eq": "50"}},
        receipts("MaterialDocument eq '50'", {"id": "50"}),
    ),
    Case(
        "receipts",
        {"purchaseOrder": ["4500000001"]},
        receipts("PurchaseOrder eq '4500000001'", {})
        | {"procurement": ("purchase_orders", {"po_number": "4500000001"})},
    ),
    Case(
        "receipts",
        {"item": ["CBL-00052"]},
        receipts("Material eq 'CBL-00052'", {"item[item_number]": "CBL-00052"}),
    ),
    Case(
        "receipts",
        {"location": ["1050"]},
        {"procurement": ("receiving_transactions", {"ship_to_address[location_code]": "1050"})},
    ),
    Case(
        "receipts",
        {"receivedAt": {"gte": MOMENT}},
        receipts(
            f"to_MaterialDocumentHeader/PostingDate ge datetime'{DAY}T00:00:00'",
            {"transaction_date[gt_or_eq]": f"{DAY}T00:00:00Z"},
        ),
    ),
    Case("forecasts", {"item": ["C-1", "C-2"]}, planning("forecastplan", item__in="C-1,C-2")),
    Case("forecasts", {"location": ["1050"]}, planning("forecastplan", location="Plant Poznan")),
    Case(
        "forecasts",
        {"from": DAY, "to": NEXT},
        planning(
            "forecastplan",
            startdate__lt=f"{NEXT}T00:00:00",
            enddate__gte="2026-10-02T00:00:00",
        ),
    ),
    Case(
        "recommendations",
        {"status": ["PROPOSED"]},
        planning("purchaseorder", status="proposed"),
    ),
    Case("recommendations", {"item": ["C-1"]}, planning("purchaseorder", item="C-1")),
    Case("recommendations", {"supplier": ["S-1"]}, planning("purchaseorder", supplier="S-1")),
]
