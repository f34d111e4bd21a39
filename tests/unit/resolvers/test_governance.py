"""Who sees the catalogue and the usage of the schema, and what is in them."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from app.governance.catalogue import InstallationCatalogue
from canonical.usage import OperationUse
from resolvers.context import Governing
from runtime.security.principal import Principal, Role
from tests.fakes.desk import NOW, PLANNER, SCHEMA, Desk, supplier_principal
from tests.unit.app.manifest.sound import SOUND, load

TODAY = NOW.date()
OWNERS = "governance: {owners: {Money: finance}}\nevents: {retention_days: {%s: 7}}\n"
CHANGED = "supplygraph.item.changed.v1"


def of_role(role: Role) -> Principal:
    return replace(PLANNER, roles=frozenset({role}))


class Uses:
    def __init__(self) -> None:
        self.since: list[date] = []

    async def uses(self, since: date) -> Sequence[OperationUse]:
        self.since.append(since)
        return [
            use("o1", "Items", ("Item.sku", "Query.items"), "portal", 3),
            use("o2", "", ("Item.sku", "Query.item"), "planner", 5),
            use("", "", (), "other", 2**31),
        ]


def use(
    operation: str, name: str, coordinates: tuple[str, ...], client: str, count: int
) -> OperationUse:
    return OperationUse(
        operation=operation,
        name=name,
        kind="query",
        coordinates=coordinates,
        client=client,
        version="1",
        count=count,
        last_day=TODAY,
    )


@pytest.fixture
def desk(tmp_path: Any) -> Desk:
    manifest = load(tmp_path, SOUND + OWNERS % CHANGED).manifest
    catalogue = InstallationCatalogue(manifest)
    desk = Desk()
    desk.governing = Governing(usage=Uses(), catalogue=catalogue)
    return desk


CATALOG = """{ catalog {
  types { name kind owner description roles source { kind entity freshSeconds graceSeconds
    systems { system preset protocol region leading } } fields { name type roles } }
  events { type stream owner retentionDays dataSchema }
  deprecations { coordinate } } }"""


async def test_the_catalogue_tells_owners_sources_freshness_and_events(desk: Desk) -> None:
    found = (await desk.ask(CATALOG)).data["catalog"]
    types = {kind["name"]: kind for kind in found["types"]}
    assert len(types) == len([n for n in SCHEMA._schema.type_map if not n.startswith("__")]) - 5
    item = types["Item"]
    assert (item["kind"], item["owner"]) == ("OBJECT", "master data")
    assert item["source"] == {
        "kind": "RECORD",
        "entity": "item",
        "freshSeconds": 900.0,
        "graceSeconds": 604800.0,
        "systems": [
            {
                "system": "erp",
                "preset": "sap_s4hana",
                "protocol": "odata",
                "region": None,
                "leading": True,
            },
            {
                "system": "planning",
                "preset": "frepple",
                "protocol": "rest",
                "region": "EU",
                "leading": False,
            },
        ],
    }
    sku = next(field for field in item["fields"] if field["name"] == "sku")
    roles = ["PLANNER", "BUYER", "OPERATOR", "SUPPLIER"]
    assert (sku["name"], sku["type"]) == ("sku", "String!")
    assert sorted(sku["roles"]) == sorted(roles)
    cost = next(field for field in item["fields"] if field["name"] == "standardCost")
    assert sorted(cost["roles"]) == ["BUYER", "OPERATOR", "PLANNER"]
    assert types["Viewer"]["roles"] == [role.value.upper() for role in Role]
    assert types["ItemFilter"]["roles"] is None
    assert types["Money"]["owner"] == "finance"
    assert types["Receipt"]["source"]["systems"] == []
    assert types["ItemFilter"]["source"] is None
    events = {event["type"]: event for event in found["events"]}
    assert events[CHANGED] == {
        "type": CHANGED,
        "stream": "item",
        "owner": "master data",
        "retentionDays": 7,
        "dataSchema": f"/schemas/events/{CHANGED}/data",
    }
    assert found["deprecations"] == []


@pytest.mark.parametrize("role", list(Role))
async def test_who_works_here_sees_the_catalogue(desk: Desk, role: Role) -> None:
    answer = await desk.ask("{ catalog { events { type } } }", of_role(role))
    seen = role in {Role.OPERATOR, Role.AUDITOR, Role.PLANNER, Role.BUYER}
    assert (answer.data is not None) is seen
    assert answer.personal or not seen
    bound = replace(supplier_principal("S1"), roles=frozenset({role}))
    assert (await desk.ask("{ catalog { events { type } } }", bound)).data is None


USAGE = """query ($filter: SchemaUsageFilter) { schemaUsage(filter: $filter) { since operations
  notToldApart coordinates { coordinate count lastDay clients { name version count }
    operations { operation name count } } } }"""


async def test_usage_is_summed_by_coordinate(desk: Desk) -> None:
    found = (await desk.ask(USAGE, of_role(Role.OPERATOR))).data["schemaUsage"]
    assert found["since"] == (TODAY - timedelta(days=29)).isoformat()
    assert found["operations"] == found["notToldApart"] == 2**31 - 1
    names = [one["coordinate"] for one in found["coordinates"]]
    assert names == ["Item.sku", "Query.item", "Query.items"]
    assert found["coordinates"][0] == {
        "coordinate": "Item.sku",
        "count": 8,
        "lastDay": TODAY.isoformat(),
        "clients": [
            {"name": "planner", "version": "1", "count": 5},
            {"name": "portal", "version": "1", "count": 3},
        ],
        "operations": [
            {"operation": "o2", "name": "", "count": 5},
            {"operation": "o1", "name": "Items", "count": 3},
        ],
    }


async def test_usage_can_be_narrowed_and_turned_round(desk: Desk) -> None:
    operator = of_role(Role.OPERATOR)
    mine = {"client": "portal", "coordinate": ["Item.sku"], "days": 1}
    found = (await desk.ask(USAGE, operator, filter=mine)).data["schemaUsage"]
    assert [(one["coordinate"], one["count"]) for one in found["coordinates"]] == [("Item.sku", 3)]
    unused = (await desk.ask(USAGE, operator, filter={"unused": True})).data["schemaUsage"]
    names = {one["coordinate"] for one in unused["coordinates"]}
    assert "Item.name" in names
    assert "Item.sku" not in names
    wrong = await desk.ask(USAGE, operator, filter={"days": 0})
    assert [e.original_error.code for e in wrong.errors] == ["BAD_USER_INPUT"]
    for role in (Role.AUDITOR, Role.PLANNER, Role.SUPPLIER):
        refused = await desk.ask(USAGE, of_role(role))
        assert [e.original_error.code for e in refused.errors] == ["FORBIDDEN"]
