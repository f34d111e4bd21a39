"""Metadata of both versions is understood, also that of real services."""

import gzip
from pathlib import Path

import pytest

from connectors.odata.metadata import Field, Property, Service, parse
from tests.unit.connectors.odata.documents import V2, V4

EDMX = Path(__file__).parents[5] / "shared" / "data" / "edmx"


def real(name: str) -> Service:
    path = EDMX / name
    content = path.read_bytes()
    return parse(gzip.decompress(content) if path.suffix == ".gz" else content)


def test_v2_sets_keys_types_and_annotations() -> None:
    service = parse(V2)
    assert set(service.sets) == {"Orders", "Items"}
    order = service.entity("Orders")
    assert order is not None
    assert order.key == ("Order",)
    assert order.properties["Rate"] == Property("Edm.String", filterable=False, sortable=False)
    assert order.properties["OrderedOn"] == Property("Edm.DateTime")


def test_v2_paths_go_through_associations() -> None:
    service = parse(V2)
    quantity = Property("Edm.Decimal")
    assert service.field("Orders", "to_Item.Quantity") == Field(quantity, ("to_Item",))
    found = service.field("Items", "to_Order.to_Item.Quantity")
    assert found == Field(quantity, ("to_Item",))
    assert service.field("Orders", "to_Lost.Quantity") is None
    assert service.field("Orders", "Quantity") is None
    assert service.field("Nothing", "Quantity") is None


def test_structures_are_no_links() -> None:
    service = parse(V2)
    assert service.field("Orders", "Address.City") == Field(Property("Edm.String"), ())
    assert service.is_link("Orders", "Address") is False
    assert service.is_link("Orders", "to_Item") is True
    assert service.is_link("Items", "to_Order.to_Item") is True
    assert service.is_link("Orders", "other") is None


def test_paths_are_listed_with_those_behind_links() -> None:
    paths = parse(V2).paths("Orders", {"to_Item", "to_Item.to_Order", "Address", "missing"})
    assert paths["to_Item.Quantity"] == "Edm.Decimal"
    assert paths["to_Item.to_Order.Rate"] == "Edm.String"
    assert paths["Address.City"] == "Edm.String"
    assert "to_Item" not in paths
    assert parse(V2).paths("Nothing") == {}


def test_v4_bases_aliases_links_and_capabilities() -> None:
    service = parse(V4)
    order = service.entity("Orders")
    assert order is not None
    assert order.key == ("Number",)
    assert order.properties["State"].type == "com.example.v0001.Status"
    assert order.properties["Tags"].type == "Collection(Edm.String)"
    assert service.field("Orders", "_Item.Number") == Field(Property("Edm.Int64"), ("_Item",))
    assert service.field("Items", "_Order.State") == Field(Property("com.example.v0001.Status"), ())
    assert service.sets["Orders"].unfilterable == {"Note", "_Item.Number"}
    assert service.sets["Orders"].unsortable == {"Note"}
    assert service.sets["Items"].unfilterable == frozenset()


@pytest.mark.parametrize(
    "document,message",
    [
        (b"", "not well-formed"),
        (b"<html><body></html>", "not well-formed"),
        (b"<html/>", r"no OData metadata \(html\)"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "DTD"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "DTD"),
    ],
)
def test_other_documents_are_refused(document: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(document)


@pytest.mark.skipif(not EDMX.exists(), reason="the public metadata files are not beside this clone")
class TestPublicFiles:
    """What SAP publishes for testing, and the reduced metadata of the services we map."""

    @pytest.mark.parametrize("version", ["v2", "v4"])
    def test_the_services_that_sap_tests_its_clients_with(self, version: str) -> None:
        service = real(f"sap_cloud_sdk_API_TEST_SRV_{version}.edmx.gz")
        entity = service.entity("A_TestEntity")
        assert entity is not None
        assert entity.key[:2] == ("KeyPropertyGuid", "KeyPropertyString")
        assert entity.properties["DecimalProperty"].type == "Edm.Decimal"
        found = service.field("A_TestEntity", "to_MultiLink.to_SingleLink.Int16Property")
        assert found == Field(Property("Edm.Int16"), ("to_MultiLink",))
        nested = "ComplexTypeProperty.ComplexTypeProperty.StringProperty"
        assert service.field("A_TestEntity", nested) == Field(Property("Edm.String"), ())

    def test_the_services_of_an_erp(self) -> None:
        orders = real("API_PURCHASEORDER_PROCESS_SRV.subset.edmx")
        due = "to_PurchaseOrderItem.to_ScheduleLine.ScheduleLineDeliveryDate"
        assert orders.field("A_PurchaseOrder", due) == Field(
            Property("Edm.DateTime"), ("to_PurchaseOrderItem", "to_ScheduleLine")
        )
        v4 = real("CE_PURCHASEORDER_0001.subset.edmx")
        assert v4.field("PurchaseOrderItem", "_PurchaseOrder.Supplier") is not None
        scm = real("D365_SCM.subset.edmx").entity("PurchaseOrderHeadersV2")
        assert scm is not None
        status = scm.properties["PurchaseOrderStatus"].type
        assert status == "Microsoft.Dynamics.DataEntities.PurchStatus"
