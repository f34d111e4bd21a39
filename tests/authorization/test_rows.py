"""Whoever is bound to regions or companies sees what is there, and is not told of the rest."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from app.governance.catalogue import InstallationCatalogue
from app.manifest.regions import RegionConfig
from app.residency import Residence, territory_of
from canonical.entities import EntityName
from canonical.errors import Reason, UnavailableError
from canonical.events import InventoryThreshold
from canonical.ids import GlobalId
from canonical.purchase_orders import PurchaseOrderStatus
from loaders.catalog import EVERYWHERE, Territory
from loaders.journal import Journal
from resolvers.context import Governing
from resolvers.events import told_of
from runtime.security.access_table import AccessTable
from runtime.security.principal import Principal, Role
from schema.access import access_over
from tests.fakes.desk import NOW, PLANNER, SCHEMA, Answer, Desk
from tests.fakes.distributor import (
    MONDAY,
    Distributor,
    forecast,
    location,
    order,
    origin,
    position,
    receipt,
)
from tests.fakes.happenings import FakeHistory, forecast_revised, status_changed, threshold_crossed
from tests.fakes.sources import FakeSource
from tests.unit.app.manifest.sound import SOUND, load

INNER = SCHEMA._schema
PLACES = {"L0": "EU", "L1": "US", "L2": None}


ORDERS = """\
  purchase_order: {sources: [{backend: erp-eu, region: EU}, {backend: erp-us, region: US}]}
"""


def bound(
    *regions: str, companies: tuple[str, ...] | None = None, role: Role = Role.PLANNER
) -> Principal:
    return Principal(
        "rita",
        frozenset({role}),
        None,
        NOW + timedelta(hours=1),
        regions=tuple(sorted(regions)) or None,
        companies=companies,
    )


EU = bound("EU")


def in_one_system() -> Distributor:
    """One ERP for all regions: what is where is told by the locations alone."""
    world = Distributor()
    world.locations.records = [
        replace(location(int(code[1])), region=region) for code, region in PLACES.items()
    ]
    world.inventory.records = [position(i, x, 10) for i in range(3) for x in range(3)]
    world.receipts.records = [
        replace(receipt(n, "K1", MONDAY), location=f"L{n}" if n < 3 else None) for n in range(4)
    ]
    world.forecasts.records = [replace(forecast(i, 0), location=f"L{i}") for i in range(3)]
    return world


def in_two_systems() -> tuple[Desk, FakeSource, FakeSource]:
    """An ERP for each of two regions; neither knows what a region is."""
    name = EntityName.PURCHASE_ORDER
    eu = FakeSource("erp-eu", name, [order(n, "erp-eu") for n in range(4)])
    us = FakeSource("erp-us", name, [order(n, "erp-us") for n in range(3, 9)])
    places = [
        FakeSource(
            system,
            EntityName.LOCATION,
            [replace(location(n), provenance=origin(f"L{n}", system))],
            columns=frozenset({"code", "name"}),
        )
        for n, system in enumerate(("erp-eu", "erp-us"))
    ]
    return Desk(eu, us, *places, regions={"erp-eu": "EU", "erp-us": "US"}), eu, us


async def numbers(desk: Desk, principal: Principal) -> Answer:
    text = """{ purchaseOrders(first: 50) { totalCount nodes { number provenance { system } }
      completeness { complete systems { system } } } }"""
    return await desk.ask(text, principal)


async def test_a_system_of_another_region_is_not_asked_and_not_named() -> None:
    desk, _, us = in_two_systems()
    answer = (await numbers(desk, EU)).data["purchaseOrders"]
    assert {n["number"] for n in answer["nodes"]} == {"PO0", "PO1", "PO2", "PO3"}
    assert answer["totalCount"] == 4
    assert answer["completeness"] == {"complete": True, "systems": [{"system": "erp-eu"}]}
    assert us.asked == []
    whole = (await numbers(desk, PLANNER)).data["purchaseOrders"]
    assert (len(whole["nodes"]), whole["totalCount"]) == (10, 10)
    # What is cached now for others is not there for who is bound, either.
    again = (await numbers(desk, EU)).data["purchaseOrders"]
    assert again["totalCount"] == 4


async def test_the_catalogue_names_no_system_of_another_region(tmp_path: Path) -> None:
    desk, _, _ = in_two_systems()
    erp = SOUND[SOUND.index("  erp:") : SOUND.index("  planning:")]
    erps = erp.replace("erp:", "erp-eu:", 1) + erp.replace("erp:", "erp-us:", 1)
    text = SOUND.replace("backends:\n", f"backends:\n{erps}")
    text = text.replace("entities:\n  item:", f"entities:\n{ORDERS}  item:")
    desk.governing = Governing(catalogue=InstallationCatalogue(load(tmp_path, text).manifest))
    question = "{ catalog { types { name source { systems { system } } } } }"
    for principal, systems in ((EU, {"erp-eu"}), (PLANNER, {"erp-eu", "erp-us"})):
        types = (await desk.ask(question, principal)).data["catalog"]["types"]
        [orders] = [t["source"]["systems"] for t in types if t["name"] == "PurchaseOrder"]
        assert {s["system"] for s in orders} == systems


async def test_what_is_elsewhere_looks_as_if_it_were_not_there() -> None:
    desk, _, us = in_two_systems()
    lost = GlobalId("PurchaseOrder", ("erp-us", "K7")).encode()
    nowhere = GlobalId("PurchaseOrder", ("nowhere", "K7")).encode()
    for text in (lost, nowhere):
        answer = await desk.ask("query ($id: ID!) { node(id: $id) { id } }", EU, id=text)
        assert (answer.data, answer.errors, answer.problems) == ({"node": None}, (), [])
    told = [
        await desk.ask(f'{{ purchaseOrder(number: "PO7", system: "{s}") {{ number }} }}', EU)
        for s in ("erp-us", "nowhere")
    ]
    assert [str(t.errors[0].message) for t in told] == [
        "no system 'erp-us' supplies purchase orders; there is erp-eu",
        "no system 'nowhere' supplies purchase orders; there is erp-eu",
    ]
    # PO3 is in both: for who sees one of them it is no riddle which one is meant.
    one = await desk.ask('{ purchaseOrder(number: "PO3") { provenance { system } } }', EU)
    assert one.data == {"purchaseOrder": {"provenance": {"system": "erp-eu"}}}
    assert us.asked == []


async def test_a_location_has_the_region_of_a_system_that_does_not_tell() -> None:
    desk, _, _ = in_two_systems()
    text = "{ locations { nodes { code region } } }"
    assert (await desk.ask(text, EU)).data["locations"]["nodes"] == [{"code": "L0", "region": "EU"}]
    american = '{ locations(filter: {region: ["US"]}) { nodes { code } } }'
    assert (await desk.ask(american, EU)).data["locations"]["nodes"] == []
    assert (await desk.ask(american, PLANNER)).data["locations"]["nodes"] == [{"code": "L1"}]


HERE = """{ locations { nodes { code } }
  inventory { totalCount nodes { location { code } } }
  receipts { nodes { number } }
  forecasts { nodes { location { code region } } }
  item(sku: "I1") { inventory { location { code } } forecasts { quantity } } }"""


async def test_within_one_system_the_location_tells() -> None:
    world = in_one_system()
    data = (await Desk(*world.sources).ask(HERE, EU)).data
    assert data["locations"]["nodes"] == [{"code": "L0"}]
    assert data["inventory"]["totalCount"] == 3
    assert {n["location"]["code"] for n in data["inventory"]["nodes"]} == {"L0"}
    assert data["receipts"]["nodes"] == [{"number": "R0"}]
    assert data["forecasts"]["nodes"] == [{"location": {"code": "L0", "region": "EU"}}]
    assert data["item"] == {"inventory": [{"location": {"code": "L0"}}], "forecasts": []}
    [pushed] = {asked[1].criteria for asked in world.inventory.asked if asked[0] == "page"}
    assert [(c.column, c.value) for c in pushed] == [("location", ("L0",))]
    # The locations were asked for once, whatever hangs on them, and for the answer itself.
    criteria = [asked[1].criteria[0] for asked in world.locations.asked if asked[0] == "page"]
    assert {(c.column, c.value) for c in criteria} == {("region", ("EU",))}
    assert len(criteria) == 2


@pytest.mark.parametrize(
    "type_name, system, key",
    [
        ("InventoryPosition", "erp", "I1|L1"),
        ("Receipt", "erp", "R1"),
        ("Receipt", "erp", "R3"),
        ("Forecast", "planning", "F1-0"),
    ],
)
async def test_an_id_leads_to_no_other_region(type_name: str, system: str, key: str) -> None:
    text = "query ($id: ID!) { node(id: $id) { __typename } }"
    given = GlobalId(type_name, (system, key)).encode()
    desk = Desk(*in_one_system().sources)
    assert (await desk.ask(text, EU, id=given)).data == {"node": None}
    assert (await desk.ask(text, PLANNER, id=given)).data == {"node": {"__typename": type_name}}


async def test_where_it_cannot_be_told_what_is_where_nothing_is_shown() -> None:
    world = in_one_system()
    world.locations.error = UnavailableError("erp", Reason.TIMEOUT, "no answer")
    answer = await Desk(*world.sources).ask("{ inventory { nodes { onHand } } }", EU)
    assert answer.data is None
    assert [e.original_error.code for e in answer.errors if e.original_error] == ["UNAVAILABLE"]
    assert world.inventory.asked == []


async def test_who_is_bound_to_no_region_sees_what_is_in_none() -> None:
    world = in_one_system()
    nowhere = replace(PLANNER, regions=())
    text = "{ locations { totalCount } inventory { totalCount } items { totalCount } }"
    data = (await Desk(*world.sources).ask(text, nowhere)).data
    assert [data[k]["totalCount"] for k in ("locations", "inventory", "items")] == [0, 0, 10]
    assert world.inventory.asked == world.locations.asked == []


async def test_orders_of_another_company_are_not_there() -> None:
    companies = ("1010", "1710", None)
    world = Distributor([replace(order(n), company=companies[n % 3]) for n in range(9)])
    desk, clerk = Desk(*world.sources), bound(companies=("1010",))
    text = "{ purchaseOrders { totalCount nodes { number company } } }"
    data = (await desk.ask(text, clerk)).data["purchaseOrders"]
    assert data["totalCount"] == 3
    assert {n["company"] for n in data["nodes"]} == {"1010"}
    for number, found in (("PO0", True), ("PO1", False), ("PO2", False)):
        one = await desk.ask(f'{{ purchaseOrder(number: "{number}") {{ number }} }}', clerk)
        assert (one.data["purchaseOrder"] is not None) is found
    lines = '{ item(sku: "I2") { openOrderLines { purchaseOrder { company } } } }'
    owners = (await desk.ask(lines, clerk)).data["item"]["openOrderLines"]
    assert owners
    assert {x["purchaseOrder"]["company"] for x in owners} == {"1010"}


async def test_forecasts_are_seen_so_far_ahead_as_the_role_may() -> None:
    world = Distributor()
    desk = Desk(*world.sources)
    table = AccessTable.model_validate({"forecast_weeks": {"planner": 2, "buyer": "all"}})
    desk.access = access_over(INNER, table)
    text = """{ forecasts(filter: {item: ["I1"]}) { totalCount nodes { periodStart } }
      item(sku: "I1") { forecasts { periodStart } projectedInventory(weeks: 6) { periodEnd } } }"""
    data = (await desk.ask(text, PLANNER)).data
    near = ["2026-11-23", "2026-11-30"]
    assert [n["periodStart"] for n in data["forecasts"]["nodes"]] == near
    assert data["forecasts"]["totalCount"] == 2
    assert [f["periodStart"] for f in data["item"]["forecasts"]] == near
    buckets = [b["periodEnd"] for b in data["item"]["projectedInventory"]]
    assert buckets == ["2026-11-30", "2026-12-07"]
    far = GlobalId("Forecast", ("planning", "F1-3")).encode()
    node = "query ($id: ID!) { node(id: $id) { id } }"
    assert (await desk.ask(node, PLANNER, id=far)).data == {"node": None}
    both = Principal("x", frozenset({Role.PLANNER, Role.BUYER}), None, PLANNER.expires_at)
    assert (await desk.ask(text, both)).data["forecasts"]["totalCount"] == 4


def breach(location: str) -> InventoryThreshold:
    five = Decimal(5)
    return InventoryThreshold(
        item="I1", location=location, threshold=five, available=five, rule="safety_stock"
    )


async def test_an_event_is_told_of_what_may_be_seen() -> None:
    desk = Desk(*in_one_system().sources)
    events = [
        threshold_crossed("I1|L0", breach("L0")),
        threshold_crossed("I1|L1", breach("L1"), after_s=1),
        forecast_revised("F1-0", "I1", system="planning", after_s=2),
    ]
    for principal, keys in ((EU, ["I1|L0"]), (PLANNER, ["I1|L0", "I1|L1", "F1-0"])):
        context = desk.context(Journal(), principal)
        told = await told_of(context, events)
        context.operation.scheduler.end()
        assert [e.key for e in told] == keys


async def test_a_timeline_has_nothing_of_a_system_elsewhere() -> None:
    desk, _, _ = in_two_systems()
    sent = PurchaseOrderStatus.SENT
    desk.history = FakeHistory(
        *(status_changed(3, sent, system=s, after_s=i) for i, s in enumerate(("erp-eu", "erp-us")))
    )
    text = '{ timeline(purchaseOrder: "PO3") { totalCount nodes { system } } }'
    for principal, systems in ((EU, ["erp-eu"]), (PLANNER, ["erp-eu", "erp-us"])):
        data = (await desk.ask(text, principal)).data["timeline"]
        assert [n["system"] for n in data["nodes"]] == systems
        assert data["totalCount"] == len(systems)


async def test_a_timeline_tells_nothing_of_objects_that_may_not_be_seen() -> None:
    desk = Desk(*Distributor().sources)
    desk.history = FakeHistory(forecast_revised("F1-0", "I1", system="planning"))
    desk.access = access_over(INNER)
    text = '{ timeline(item: "I1") { nodes { summary } } }'
    scopes = frozenset({"events:read"})
    machine = Principal("m", frozenset({Role.MACHINE}), None, PLANNER.expires_at, scopes=scopes)
    assert (await desk.ask(text, machine)).data["timeline"]["nodes"] == []
    reader = replace(machine, scopes=scopes | {"forecasts:read"})
    assert len((await desk.ask(text, reader)).data["timeline"]["nodes"]) == 1


@pytest.mark.parametrize(
    "claims, policy, regions",
    [
        (None, {}, None),
        (("EU",), {}, {"EU"}),
        (("EU", "US"), {}, {"EU", "US"}),
        (("EU",), {"US": ("US", "HQ")}, {"EU"}),
        (("HQ",), {"US": ("US", "HQ")}, {"HQ", "US"}),
        (("EU",), {"EU": ("HQ",)}, set()),
        (None, {"EU": ("EU",)}, {"US"}),
        (None, {"EU": None}, None),
    ],
)
def test_a_callers_regions_by_its_token_and_the_policy(
    claims: tuple[str, ...] | None, policy: dict[str, Any], regions: set[str] | None
) -> None:
    said = {r: RegionConfig(principals=p) for r, p in policy.items()}
    principal = replace(PLANNER, regions=claims)
    found = territory_of(principal, said, frozenset({"EU", "US"}))
    assert found == Territory(None if regions is None else frozenset(regions))
    assert (found == EVERYWHERE) is (regions is None)


def test_a_process_with_a_part_of_the_sources_tells_nothing_of_the_rest() -> None:
    here = Residence({}, frozenset({"EU"}), {"erp-eu": "EU"}, narrow=True)
    assert here.territory(PLANNER) == Territory(narrow=True)
