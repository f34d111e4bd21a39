"""Products, business partners, plants and purchasing info records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sandbox.world import World
from sandbox.world.records import Item, ItemPlant, Plant, Source, Supplier

_Row = Mapping[str, Any]
_CROSS_PLANT_STATUS = {"active": "", "blocked": "01", "phased_out": ""}
_PLANT_CATEGORY = {"distribution_center": "B", "store": "A", "plant": ""}
_FIRST_ADDRESS = 20_000


def products(world: World) -> dict[str, Iterable[_Row]]:
    """Rows of API_PRODUCT_SRV."""
    items = world.items
    planned = [(item, at) for item in items for at in item.plants]
    return {
        **item_rows(items),
        "A_ProductPlant": (_product_plant(item, at) for item, at in planned),
        "A_ProductSupplyPlanning": (_supply_planning(item, at) for item, at in planned),
        "A_ProductUnitsOfMeasure": (row for item in items for row in _units(item)),
        "A_ProductValuation": (_valuation(world, item, at) for item, at in planned),
    }


def item_rows(items: Sequence[Item]) -> dict[str, Iterable[_Row]]:
    """What some items are called and may be used for, by entity set."""
    return {
        "A_Product": map(_product, items),
        "A_ProductDescription": (row for item in items for row in _descriptions(item)),
        "A_ProductBasicText": (
            {"Product": item.number, "Language": "EN", "LongText": item.text} for item in items
        ),
    }


def _product(item: Item) -> _Row:
    packing = item.alternative
    return {
        "Product": item.number,
        "ProductType": "HAWA",
        "CrossPlantStatus": _CROSS_PLANT_STATUS[item.status],
        "CreationDate": item.created_on,
        "CreatedByUser": "MIGRATION",
        "LastChangeDate": item.changed_at.date(),
        "LastChangeDateTime": item.changed_at,
        "IsMarkedForDeletion": item.status == "phased_out",
        "GrossWeight": item.weight,
        "NetWeight": item.weight * Decimal("0.9"),
        "WeightUnit": "KG",
        "PurchaseOrderQuantityUnit": packing.code if packing else "",
        "ProductGroup": item.group,
        "BaseUnit": item.base_unit,
        "ProductHierarchy": item.category.upper(),
        "Division": "00",
        "ProductStandardID": item.gtin,
        "IsBatchManagementRequired": item.batch_managed,
    }


def _descriptions(item: Item) -> Iterator[_Row]:
    yield {"Product": item.number, "Language": "EN", "ProductDescription": item.name[:40]}
    if item.batch_managed:
        german = f"{item.name} (Charge)"[:40]
        yield {"Product": item.number, "Language": "DE", "ProductDescription": german}


def _product_plant(item: Item, at: ItemPlant) -> _Row:
    return {
        "Product": item.number,
        "Plant": at.plant,
        "PurchasingGroup": "001",
        "IsMarkedForDeletion": item.status == "phased_out",
        "MRPType": "PD",
        "MRPResponsible": "001",
        "ABCIndicator": at.abc,
        "ProcurementType": "F",
        "GoodsReceiptDuration": 1,
        "BaseUnit": item.base_unit,
    }


def _supply_planning(item: Item, at: ItemPlant) -> _Row:
    return {
        "Product": item.number,
        "Plant": at.plant,
        "SafetyStockQuantity": at.safety_stock,
        "ReorderThresholdQuantity": at.reorder_point,
        "MinimumLotSizeQuantity": at.minimum_lot,
        "LotSizeRoundingQuantity": at.rounding,
        "PlannedDeliveryDurationInDays": at.lead_days,
        "GoodsReceiptDuration": 1,
        "MRPType": "PD",
        "MRPResponsible": "001",
        "TotalReplenishmentLeadTime": at.lead_days + 1,
        "ProcurementType": "F",
        "BaseUnit": item.base_unit,
    }


def _units(item: Item) -> Iterator[_Row]:
    """The base unit itself stands in the table too, one to one."""
    packing = item.alternative
    units = [(item.base_unit, 1, 1)]
    if packing is not None:
        units.append((packing.code, packing.numerator, packing.denominator))
    for code, numerator, denominator in units:
        yield {
            "Product": item.number,
            "AlternativeUnit": code,
            "QuantityNumerator": numerator,
            "QuantityDenominator": denominator,
            "GlobalTradeItemNumber": item.gtin if code == item.base_unit else "",
            "BaseUnit": item.base_unit,
        }


def _valuation(world: World, item: Item, at: ItemPlant) -> _Row:
    region = world.regions_by_code[world.plants_by_code[at.plant].region]
    price_quantity = 100 if item.cost < 5 else 1
    return {
        "Product": item.number,
        "ValuationArea": at.plant,
        "InventoryValuationProcedure": "S",
        "StandardPrice": item.cost * price_quantity,
        "MovingAveragePrice": item.cost * price_quantity,
        "PriceUnitQty": price_quantity,
        "Currency": region.currency,
        "BaseUnit": item.base_unit,
    }


def partners(world: World) -> dict[str, Iterable[_Row]]:
    """Rows of API_BUSINESS_PARTNER."""
    numbered = list(enumerate(world.suppliers, start=_FIRST_ADDRESS))
    return {
        **supplier_rows(world, world.suppliers),
        "A_BusinessPartnerAddress": (_address(supplier, n) for n, supplier in numbered),
        "A_AddressEmailAddress": (
            {
                "AddressID": str(n),
                "OrdinalNumber": "1",
                "IsDefaultEmailAddress": True,
                "EmailAddress": supplier.email,
                "SearchEmailAddress": supplier.email.upper()[:20],
            }
            for n, supplier in numbered
        ),
    }


def supplier_rows(world: World, suppliers: Sequence[Supplier]) -> dict[str, Iterable[_Row]]:
    """What some suppliers are called and how one buys from them, by entity set."""
    return {
        "A_BusinessPartner": map(_partner, suppliers),
        "A_Supplier": map(_supplier, suppliers),
        "A_SupplierPurchasingOrg": (
            _terms(supplier, region.organization)
            for supplier in suppliers
            for region in world.regions
        ),
    }


def _partner(supplier: Supplier) -> _Row:
    return {
        "BusinessPartner": supplier.number,
        "Supplier": supplier.number,
        "BusinessPartnerCategory": "2",
        "BusinessPartnerFullName": f"{supplier.name} {supplier.legal_form}",
        "BusinessPartnerGrouping": "BP02",
        "BusinessPartnerName": supplier.name,
        "CreationDate": supplier.created_on,
        "LastChangeDate": supplier.changed_at.date(),
        "LastChangeTime": supplier.changed_at.time(),
        "BusinessPartnerIsBlocked": supplier.status == "blocked",
        "OrganizationBPName1": supplier.name[:40],
        "SearchTerm1": supplier.name.upper()[:20],
        "ETag": f"{supplier.number}{supplier.changed_at:%Y%m%d%H%M%S}",
    }


def _supplier(supplier: Supplier) -> _Row:
    return {
        "Supplier": supplier.number,
        "SupplierName": supplier.name,
        "SupplierFullName": (
            f"{supplier.name} {supplier.legal_form}/{supplier.postal_code} {supplier.city}"
        ),
        "SupplierAccountGroup": "SUPL",
        "CreatedByUser": "MIGRATION",
        "CreationDate": supplier.created_on,
        "PostingIsBlocked": supplier.status == "blocked",
        "PurchasingIsBlocked": supplier.status != "approved",
        "TaxNumber1": f"TX{supplier.number}",
        "VATRegistration": f"{supplier.country}{supplier.number}",
    }


def _terms(supplier: Supplier, organization: str) -> _Row:
    return {
        "Supplier": supplier.number,
        "PurchasingOrganization": organization,
        "PurchaseOrderCurrency": supplier.currency,
        "PaymentTerms": supplier.terms,
        "IncotermsClassification": supplier.incoterms,
        "PurchasingIsBlockedForSupplier": supplier.status != "approved",
        "MaterialPlannedDeliveryDurn": supplier.lead_days,
        "MinimumOrderAmount": supplier.minimum_order,
        "PurchasingGroup": "001",
    }


def _address(supplier: Supplier, number: int) -> _Row:
    street, _, house = supplier.street.rpartition(" ")
    return {
        "BusinessPartner": supplier.number,
        "AddressID": str(number),
        "CityName": supplier.city,
        "Country": supplier.country,
        "PostalCode": supplier.postal_code,
        "StreetName": street,
        "HouseNumber": house,
        "Language": "EN",
        "FullName": supplier.name,
    }


def plant(at: Plant) -> _Row:
    """A row of A_Plant; the region is a custom field."""
    return {
        "Plant": at.code,
        "PlantName": at.name,
        "ValuationArea": at.code,
        "FactoryCalendar": at.country,
        "DefaultPurchasingOrganization": at.organization,
        "SalesOrganization": at.organization,
        "PlantCategory": _PLANT_CATEGORY[at.kind],
        "AddressID": f"1{at.code}",
        "Language": "EN",
        "Country": at.country,
        "CityName": at.city,
        "PostalCode": at.postal_code,
        "StreetName": at.street,
        "AddressTimeZone": at.sap_time_zone,
        "YY1_SupplyRegion_PLT": at.region,
    }


def info_records(world: World) -> dict[str, Iterable[_Row]]:
    """Rows of API_INFORECORD_PROCESS_SRV: who delivers what, and on which terms."""
    offers = [(item, source) for item in world.items for source in item.sources]
    return {
        "A_PurchasingInfoRecord": (_info_record(item, source) for item, source in offers),
        "A_PurgInfoRecdOrgPlantData": (
            _info_terms(item, source, organization)
            for item, source in offers
            for organization in sorted(
                {world.plants_by_code[at.plant].organization for at in item.plants}
            )
        ),
    }


def _info_record(item: Item, source: Source) -> _Row:
    return {
        "PurchasingInfoRecord": source.info_record,
        "Supplier": source.supplier,
        "Material": item.number,
        "MaterialGroup": item.group,
        "SupplierMaterialNumber": source.part_number,
        "BaseUnit": item.base_unit,
        "CreationDate": item.created_on,
        "IsDeleted": source.deleted,
    }


def _info_terms(item: Item, source: Source, organization: str) -> _Row:
    return {
        "PurchasingInfoRecord": source.info_record,
        "PurchasingInfoRecordCategory": "0",
        "PurchasingOrganization": organization,
        "Supplier": source.supplier,
        "Material": item.number,
        "IsMarkedForDeletion": source.deleted,
        "IsRelevantForAutomSrcg": "X" if source.preferred else "",
        "MaterialPlannedDeliveryDurn": source.lead_days,
        "MinimumPurchaseOrderQuantity": source.minimum,
        "StandardPurchaseOrderQuantity": source.minimum,
        "NetPriceAmount": source.price,
        "MaterialPriceUnitQty": source.price_quantity,
        "PurchaseOrderPriceUnit": item.base_unit,
        "Currency": source.currency,
    }
