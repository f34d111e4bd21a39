"""The habits of the pretend S/4HANA around its data: formats, access, limits."""

from __future__ import annotations

import asyncio
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from sandbox.launch import Sandbox
from sandbox.s4.services import SERVICES
from sandbox.world import World

_ORDERS = "API_PURCHASEORDER_PROCESS_SRV/A_PurchaseOrder"
_PRODUCTS = "API_PRODUCT_SRV/A_Product"
_EDM = "{http://schemas.microsoft.com/ado/2008/09/edm}"
_SAP = "{http://www.sap.com/Protocols/SAPData}"
_ATOM = "{http://www.w3.org/2005/Atom}"
_DATA = "{http://schemas.microsoft.com/ado/2007/08/dataservices}"
_META = "{http://schemas.microsoft.com/ado/2007/08/dataservices/metadata}"


def _parse(content: bytes) -> ET.Element:
    return ET.fromstring(content)  # noqa: S314  -- the sandbox's own answers


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_metadata_declares_what_is_served(s4: httpx.Client, name: str) -> None:
    response = s4.get(f"{name}/$metadata")
    assert response.headers["content-type"].startswith("application/xml")
    document = _parse(response.content)
    for entity_type in document.iter(f"{_EDM}EntityType"):
        set_name = entity_type.attrib["Name"].removesuffix("Type")
        declared = {p.attrib["Name"] for p in entity_type.findall(f"{_EDM}Property")}
        links = {p.attrib["Name"] for p in entity_type.findall(f"{_EDM}NavigationProperty")}
        (row,) = s4.get(f"{name}/{set_name}", params={"$top": "1"}).json()["d"]["results"]
        assert set(row) == declared | links | {"__metadata"}
    associations = {a.attrib["Name"] for a in document.iter(f"{_EDM}Association")}
    for link in document.iter(f"{_EDM}NavigationProperty"):
        assert link.attrib["Relationship"].removeprefix(f"{name}.") in associations


def test_metadata_has_sap_annotations(s4: httpx.Client) -> None:
    document = _parse(s4.get("API_MATERIAL_STOCK_SRV/$metadata").content)
    quantity = next(
        p for p in document.iter() if p.get("Name") == "MatlWrhsStkQtyInMatlBaseUnit"
    ).attrib
    assert (quantity["Type"], quantity["Precision"], quantity["Scale"]) == (
        "Edm.Decimal",
        "31",
        "14",
    )
    assert quantity[f"{_SAP}filterable"] == "false"
    assert quantity[f"{_SAP}unit"] == "MaterialBaseUnit"


def test_metadata_tells_what_can_be_written(s4: httpx.Client) -> None:
    document = _parse(s4.get("API_PURCHASEORDER_PROCESS_SRV/$metadata").content)
    creatable = {
        e.attrib["Name"]: e.get(f"{_SAP}creatable") != "false"
        for e in document.iter(f"{_EDM}EntitySet")
    }
    assert [name for name, is_creatable in creatable.items() if is_creatable] == ["A_PurchaseOrder"]


def test_service_document_lists_the_sets(s4: httpx.Client) -> None:
    assert s4.get("API_PLANT_SRV/").json() == {"d": {"EntitySets": ["A_Plant"]}}
    xml = s4.get("API_PLANT_SRV/", headers={"accept": "*/*"})
    assert xml.headers["content-type"].startswith("application/atomsvc+xml")
    _parse(xml.content)


@pytest.mark.parametrize("accept", ["*/*", "application/xml", "application/atom+xml"])
def test_atom_is_what_one_gets_without_asking_for_json(s4: httpx.Client, accept: str) -> None:
    params = {"$top": "2", "$filter": "startswith(Product,'ADH')"}
    response = s4.get(_PRODUCTS, params=params, headers={"accept": accept})
    assert response.headers["content-type"].startswith("application/atom+xml")
    feed = _parse(response.content)
    entries = feed.findall(f"{_ATOM}entry")
    assert len(entries) == 2
    properties = entries[0].find(f"{_ATOM}content/{_META}properties")
    assert properties is not None
    assert properties.findtext(f"{_DATA}BaseUnit") == "KG"


def test_format_option_asks_for_json_too(s4: httpx.Client) -> None:
    response = s4.get(f"{_PRODUCTS}?$top=1&$format=json", headers={"accept": "*/*"})
    assert len(response.json()["d"]["results"]) == 1


def test_errors_are_xml_without_accept(s4: httpx.Client) -> None:
    response = s4.get(f"{_PRODUCTS}('NIX')", headers={"accept": "*/*"})
    assert response.status_code == 404
    assert _parse(response.content).tag == f"{_META}error"


@pytest.mark.parametrize("auth", [None, ("SUPPLYGRAPH", "wrong"), ("nobody", "sandbox-s4")])
def test_a_user_must_log_on(sandbox: Sandbox, s4: httpx.Client, auth: Any) -> None:
    response = httpx.get(
        f"{s4.base_url}{_PRODUCTS}", auth=auth, headers={"accept": "application/json"}
    )
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Basic")
    assert response.json()["error"]["message"]["value"] == "Logon failed"


def test_a_user_without_authorisation_is_refused(sandbox: Sandbox, s4: httpx.Client) -> None:
    response = s4.get(_PRODUCTS, auth=("RESTRICTED", sandbox.s4.password))
    assert response.status_code == 403


def test_writes_need_the_token_of_their_session(s4: httpx.Client) -> None:
    refused = s4.post(_ORDERS, json={})
    assert (refused.status_code, refused.headers["x-csrf-token"]) == (403, "Required")
    fetched = s4.get("API_PURCHASEORDER_PROCESS_SRV/", headers={"x-csrf-token": "Fetch"})
    token = {"x-csrf-token": fetched.headers["x-csrf-token"]}
    assert fetched.cookies
    written = s4.post(_ORDERS, json={}, headers=token)
    assert written.status_code == 400
    assert written.json()["error"]["message"]["value"] == "Enter Document Type"
    s4.cookies.clear()
    assert s4.post(_ORDERS, json={}, headers=token).status_code == 403


def test_expired_sessions_need_a_new_token(sandbox: Sandbox, s4: httpx.Client) -> None:
    fetched = s4.get("API_PURCHASEORDER_PROCESS_SRV/", headers={"x-csrf-token": "Fetch"})
    token = {"x-csrf-token": fetched.headers["x-csrf-token"]}
    httpx.put(f"{sandbox.s4.control_url}faults", json=[{"expire_tokens": True}])
    assert s4.post(_ORDERS, json={}, headers=token).headers["x-csrf-token"] == "Required"


def test_addresses_beyond_8_kb_are_too_long(s4: httpx.Client) -> None:
    keys = " or ".join(f"Product eq 'ITEM-{n:08d}'" for n in range(400))
    response = s4.get(_PRODUCTS, params={"$filter": keys})
    assert response.status_code == 414
    assert response.json()["error"]["code"] == "/IWFND/CM_COS/414"


async def test_too_many_requests_at_once_get_503(sandbox: Sandbox, s4: httpx.Client) -> None:
    auth = (sandbox.s4.user, sandbox.s4.password)
    limits = {"max_concurrent": 3, "service_ms": 100}
    async with httpx.AsyncClient(auth=auth, headers={"accept": "application/json"}) as client:
        await client.put(f"{sandbox.s4.control_url}limits", json=limits)
        url = f"{s4.base_url}{_PRODUCTS}?$top=1"
        responses = await asyncio.gather(*(client.get(url) for _ in range(9)))
    refused = [response for response in responses if response.status_code == 503]
    assert [r.status_code for r in responses].count(200) == 3
    assert len(refused) == 6
    assert sum("retry-after" in response.headers for response in refused) == 3
    assert refused[0].json()["error"]["code"].endswith("503")


def test_orders_can_appear_between_pages(sandbox: Sandbox, s4: httpx.Client, world: World) -> None:
    before = int(s4.get(f"{_ORDERS}/$count").text)
    item = world.items[5].number
    added = httpx.post(f"{sandbox.s4.control_url}orders", json={"item": item}).json()
    assert int(s4.get(f"{_ORDERS}/$count").text) == before + 1
    params = {"$expand": "to_PurchaseOrderItem/to_ScheduleLine"}
    order = s4.get(f"{_ORDERS}('{added['number']}')", params=params).json()["d"]
    (line,) = order["to_PurchaseOrderItem"]["results"]
    assert line["Material"] == item
    assert len(line["to_ScheduleLine"]["results"]) == 1
    refused = httpx.post(f"{sandbox.s4.control_url}orders", json={"item": "NIX"})
    assert (refused.status_code, refused.json()) == (400, {"error": "no item NIX"})
