"""What the unit tests of OData know of a service."""

from typing import Any

from connectors.kit.rows import Dataset
from connectors.odata.metadata import EntitySet, EntityType, Link, Property, Service
from connectors.odata.settings import Settings
from connectors.odata.shape import Shape

ITEM = EntityType(
    "NS.Item",
    ("Order", "Number"),
    {
        "Order": Property("Edm.String"),
        "Number": Property("Edm.String"),
        "Material": Property("Edm.String"),
        "Quantity": Property("Edm.Decimal"),
    },
    {"Head": Link("NS.Order", many=False)},
)
ORDER = EntityType(
    "NS.Order",
    ("Order",),
    {
        "Order": Property("Edm.String"),
        "Supplier": Property("Edm.String"),
        "Rate": Property("Edm.String", filterable=False, sortable=False),
        "OrderedOn": Property("Edm.DateTime"),
        "ChangedAt": Property("Edm.DateTimeOffset"),
        "Id": Property("Edm.Guid"),
        "Status": Property("NS.Status"),
        "Blocked": Property("Edm.Boolean"),
        "Total": Property("Edm.Decimal"),
        "Address": Property("NS.Address"),
    },
    {"Items": Link("NS.Item", many=True), "Buyer": Link("NS.Buyer", many=False)},
)
ADDRESS = EntityType("NS.Address", (), {"City": Property("Edm.String")}, {})
BUYER = EntityType("NS.Buyer", ("Name",), {"Name": Property("Edm.String")}, {})
SERVICE = Service(
    {
        "Orders": EntitySet("NS.Order", unfilterable=frozenset({"Blocked"})),
        "Items": EntitySet("NS.Item"),
    },
    {t.name: t for t in (ORDER, ITEM, ADDRESS, BUYER)},
)


def dataset(
    name: str = "SRV/Orders", *, key: tuple[str, ...] = ("Order",), **options: Any
) -> Dataset:
    return Dataset(name, key, options)


def shape(
    settings: Settings | None = None, of: Dataset | None = None, *, known: bool = True
) -> Shape:
    service = SERVICE if known else None
    return Shape("erp", settings or Settings(), of or dataset(), service)
