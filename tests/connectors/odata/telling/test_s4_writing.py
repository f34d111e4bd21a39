"""Orders are told to the pretend S/4HANA by the real transport."""

from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from canonical.errors import ConflictError, NotFoundError, RejectedError, UnavailableError
from connectors.kit.auth_kinds import BasicAuth, make_authenticator
from connectors.kit.policy import CallPolicy
from connectors.kit.rows import Dataset, Row, RowQuery
from connectors.kit.services import Services
from connectors.kit.transport_open import open_transport
from connectors.odata import ODataReader, ODataWriter, Settings
from sandbox.launch import Simulator
from sandbox.world import World
from tests.connectors.odata.backends import ROOT, Control, Opened, ask

SERVICE = "API_PURCHASEORDER_PROCESS_SRV"
ORDERS = Dataset(
    f"{SERVICE}/A_PurchaseOrder",
    ("PurchaseOrder",),
    {
        "etag": "etag",
        "pad": {"to_PurchaseOrderItem.PurchaseOrderItem": 5},
        "types": {"to_PurchaseOrderItem.to_ScheduleLine.PurchasingDocumentItem": "Edm.String"},
        "nested": {
            "to_PurchaseOrderItem": {
                "set": "A_PurchaseOrderItem",
                "key": {
                    "PurchaseOrder": "PurchaseOrder",
                    "PurchaseOrderItem": "PurchaseOrderItem",
                },
            },
            "to_PurchaseOrderItem.to_ScheduleLine": {
                "set": "A_PurchaseOrderScheduleLine",
                "key": {
                    "PurchasingDocument": "PurchaseOrder",
                    "PurchasingDocumentItem": "PurchaseOrderItem",
                    "ScheduleLine": "ScheduleLine",
                },
            },
        },
    },
)
COLUMNS = (
    "PurchaseOrder",
    "etag",
    "CorrespncInternalReference",
    "PurchasingDocumentDeletionCode",
    "to_PurchaseOrderItem.OrderQuantity",
    "to_PurchaseOrderItem.PurchaseOrderItem",
    "to_PurchaseOrderItem.to_ScheduleLine.ScheduleLineDeliveryDate",
    "to_PurchaseOrderItem.to_ScheduleLine.ScheduleLineCommittedQuantity",
)
Writers = Callable[..., ODataWriter]


@pytest.fixture
async def writers(s4: Simulator, control: Control) -> AsyncIterator[Writers]:
    """Opens writers; closes their connections in the end."""
    policy = CallPolicy(retries=0)
    services = Services(environ={"PASSWORD": s4.password}, base_dir=Path())
    transport = open_transport("erp-eu", s4.url, policy, services)
    auth = BasicAuth.model_validate(
        {"kind": "basic", "username": s4.user, "password": {"env": "PASSWORD"}}
    )
    transport.authenticator = make_authenticator(
        auth, caller=transport, vault=services.vault, clock=services.clock
    )

    def opened(**settings: Any) -> ODataWriter:
        return ODataWriter(Settings(root=ROOT, csrf=True, **settings), transport)

    yield opened
    control.put("locks", [])
    await transport.aclose()


def order(world: World, key: str, *, lines: int = 1, **changes: Any) -> Row:
    item, at, source = next(
        (item, at, source)
        for item in world.items
        if item.status == "active"
        for at in item.plants
        if world.plants_by_code[at.plant].region == "EU"
        for source in item.sources
        if world.suppliers_by_number[source.supplier].status == "approved"
    )
    line = {
        "Material": item.number,
        "Plant": at.plant,
        "OrderQuantity": Decimal("12.5"),
        "NetPriceAmount": Decimal("3.5"),
        "to_ScheduleLine": [{"ScheduleLineDeliveryDate": world.today + timedelta(days=30)}],
    }
    return {
        "PurchaseOrderType": "NB",
        "PurchasingOrganization": "1010",
        "PurchasingGroup": "001",
        "Supplier": source.supplier,
        "CorrespncInternalReference": key,
        "to_PurchaseOrderItem": [line | {"PurchaseOrderItem": n + 1} for n in range(lines)],
        **changes,
    }


async def read(reader: ODataReader, number: str) -> Row:
    found = await reader.by_values(ORDERS, "PurchaseOrder", (number,), COLUMNS, ask())
    (row,) = found.rows
    return row


@pytest.mark.parametrize("updates", ["patch", "merge"])
async def test_an_order_is_made_and_changed_line_by_line_at_once(
    writers: Writers, opened: Opened, world: World, updates: str
) -> None:
    writer, reader = writers(updates=updates), opened()
    made = await writer.create(ORDERS, order(world, "K-1", lines=2), ask())
    assert [line["PurchaseOrderItem"] for line in made["to_PurchaseOrderItem"]] == ["1", "2"]
    assert writer.version_of(ORDERS, made) == writer.version_of(
        ORDERS, await read(reader, made["PurchaseOrder"])
    )
    on = date(2027, 1, 31)
    promised = {"ScheduleLineDeliveryDate": on, "ScheduleLineCommittedQuantity": Decimal(7)}
    lines = [
        {"PurchaseOrderItem": n, "to_ScheduleLine": [{"ScheduleLine": "1", **promised}]}
        for n in (1, 2)
    ]
    key = {"PurchaseOrder": made["PurchaseOrder"]}
    version = writer.version_of(ORDERS, made)
    change: Row = {"to_PurchaseOrderItem": lines}
    await writer.change(ORDERS, key, change, ask(), version=version)
    after = await read(reader, made["PurchaseOrder"])
    for line in after["to_PurchaseOrderItem"]:
        (part,) = line["to_ScheduleLine"]
        assert part["ScheduleLineDeliveryDate"] == "2027-01-31T00:00:00"
        assert Decimal(part["ScheduleLineCommittedQuantity"]) == 7
    with pytest.raises(ConflictError):
        await writer.change(ORDERS, key, change, ask(), version=version)
    cancelled = {"PurchasingDocumentDeletionCode": "L"}
    with pytest.raises(ConflictError):
        await writer.change(ORDERS, key, cancelled, ask(), version=version)
    await writer.change(ORDERS, key, cancelled, ask(), version=writer.version_of(ORDERS, after))
    assert (await read(reader, key["PurchaseOrder"]))["PurchasingDocumentDeletionCode"] == "L"


async def test_an_order_is_found_by_our_key(writers: Writers, opened: Opened, world: World) -> None:
    made = await writers().create(ORDERS, order(world, "K-FIND"), ask())
    found = await opened().by_values(
        ORDERS, "CorrespncInternalReference", ("K-FIND",), COLUMNS, ask()
    )
    assert [row["PurchaseOrder"] for row in found.rows] == [made["PurchaseOrder"]]


async def test_what_sap_says_is_told(writers: Writers, world: World) -> None:
    wrong = order(world, "K-2", Supplier="99999999", PurchasingGroup="")
    with pytest.raises(RejectedError) as caught:
        await writers().create(ORDERS, wrong, ask())
    assert caught.value.said == (
        "Enter Purchasing Group (ME/083); Supplier 99999999 does not exist (06/321)"
    )


async def test_a_token_that_has_expired_is_no_doubt(
    writers: Writers, world: World, control: Control
) -> None:
    writer = writers()
    await writer.create(ORDERS, order(world, "K-3"), ask())
    control.fault(expire_tokens=True)
    await writer.create(ORDERS, order(world, "K-4"), ask())
    posts = [e["status"] for e in control.log() if e["method"] == "POST"]
    assert posts == [201, 403, 201]


async def test_locks_and_hidden_errors(
    writers: Writers, opened: Opened, world: World, control: Control
) -> None:
    writer = writers()
    made = await writer.create(ORDERS, order(world, "K-5"), ask())
    key, version = {"PurchaseOrder": made["PurchaseOrder"]}, made["etag"]
    change = {"CorrespncExternalReference": "X"}
    control.put("locks", [key["PurchaseOrder"]])
    with pytest.raises(UnavailableError, match="currently being processed"):
        await writer.change(ORDERS, key, change, ask(), version=version)
    control.put("locks", [])
    for tell in (
        lambda: writer.change(ORDERS, key, change, ask(), version=version),
        lambda: writer.create(ORDERS, order(world, "K-6"), ask()),
    ):
        control.put("sap-message", {})
        with pytest.raises(RejectedError, match="could not be saved"):
            await tell()
    await writer.change(ORDERS, key, change, ask(), version=version)
    with pytest.raises(NotFoundError):
        await writer.change(ORDERS, {"PurchaseOrder": "1"}, change, ask(), version="*")


async def test_etags_are_read_where_they_are_wanted(opened: Opened) -> None:
    plain = Dataset(ORDERS.name, ORDERS.key)
    for dataset, columns in ((ORDERS, ("PurchaseOrder", "etag")), (plain, ("PurchaseOrder",))):
        page = await opened().page(RowQuery(dataset, columns=columns, limit=1), None, ask())
        assert tuple(page.rows[0]) == columns
