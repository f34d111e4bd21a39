"""Four defaults that others have and we do not.

1. Cached entries that live for ever.        3. Batches of any size.
2. A cache that hands one caller's data      4. Silence about what was left out.
   to another.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import redis
from graphql import GraphQLSchema, ObjectTypeDefinitionNode, parse, print_schema

from app.installation import open_installation
from app.manifest.problems import ManifestError
from canonical.entities import EntityName
from canonical.ports import Ask
from loaders.context import ReadContext
from loaders.journal import Journal
from loaders.keyed import KeyQuestion
from runtime.security.principal import Role
from sandbox.launch import Sandbox
from schema.api import build_schema
from tests.journeys.house import JOINED, MANIFEST, House, Reply, Simulators, declare
from tests.journeys.troubles import NOTHING_OLD, SYSTEMS, ask, check_that_nothing_leaks, manifest

DAY_S = 86_400
LONGEST_S = 8 * DAY_S
"""The longest freshness and the longest grace that a manifest may declare."""

# ---------------------------------------------------------------- 1. an infinite time to live


async def test_everything_in_redis_has_an_end(
    house: House, systems: Simulators, valkey_url: str
) -> None:
    lists = " ".join(f"{root}(first: 20) {{ nodes {{ id }} }}" for root in ROOTS)
    await house.ask(JOINED, first=30)
    await house.ask(f'{{ {lists} item(sku: "nobody\'s") {{ name }} }}')
    await house.ask("{ suppliers { nodes { performance { onTimeRate } } } }")
    await house.ask("{ items(first: 5) { nodes { projectedInventory { closing } } } }")
    systems.faults("procurement", {"status": 429, "retry_after": "1"})
    await asyncio.gather(*(ask(house, **NOTHING_OLD) for _ in range(3)))
    with redis.Redis.from_url(valkey_url) as client:
        lives = {key: client.pttl(key) for key in client.scan_iter(count=1_000)}
    assert len(lives) > 500
    ended = -2  # meanwhile
    for_ever = [k for k, ms in lives.items() if ms != ended and not 0 < ms <= LONGEST_S * 1_000]
    assert for_ever == []


@pytest.mark.parametrize(
    "said", ["freshness_s: .inf", "grace_s: .inf", "freshness_s: -1", "grace_s: 1e9", "grace_s: no"]
)
def test_a_manifest_cannot_make_it_endless(sandbox: Sandbox, tmp_path: Path, said: str) -> None:
    written = MANIFEST.replace("item: {sources: [erp]}", f"item: {{sources: [erp], {said}}}", 1)
    assert written != MANIFEST
    with pytest.raises(ManifestError, match=said.partition(":")[0]):
        declare(sandbox, tmp_path, "redis://127.0.0.1:1", written)


@pytest.mark.parametrize("said", ["", ", freshness_s: null, grace_s: null"])
def test_a_manifest_that_says_nothing_gets_an_end(
    sandbox: Sandbox, tmp_path: Path, said: str
) -> None:
    written = MANIFEST.replace("item: {sources: [erp]}", f"item: {{sources: [erp]{said}}}", 1)
    declared = declare(sandbox, tmp_path, "redis://127.0.0.1:1", written)
    for name, entity in declared.manifest.entities.items():
        freshness = entity.freshness(name)
        assert 0 < freshness.fresh_s + freshness.grace_s <= LONGEST_S
        assert 0 < freshness.absent_s <= DAY_S


# ---------------------------------------------------- 2. another caller's data from a shared cache

SEEN = """
query Seen($mine: String!, $order: String!) {
  purchaseOrders(first: 200) {
    nodes {
      number
      supplier { code name }
      lines { item { sku leadTimeDays sources { supplier { code } } } }
      receipts { number }
    }
  }
  suppliers(first: 100) { nodes { code email } }
  receipts(first: 200) { nodes { number purchaseOrder { number } } }
  supplier(code: $mine) { code purchaseOrders(first: 200) { nodes { number } } }
  purchaseOrder(number: $order) { number supplier { code } }
  viewer { subject suppliers }
}
"""


def owned(sandbox: Sandbox) -> list[str]:
    """The two suppliers with the most orders."""
    orders = sandbox.world.orders
    return [code for code, _ in Counter(o.supplier for o in orders).most_common(2)]


def check_what_is_seen(reply: Reply, sandbox: Sandbox, codes: Sequence[str]) -> None:
    """A supplier's answer has all of its own, and nothing else."""
    mine = {o.number for o in sandbox.world.orders if o.supplier in codes}
    data = reply.data
    assert {n["number"] for n in data["purchaseOrders"]["nodes"]} == mine
    assert {n["supplier"]["code"] for n in data["purchaseOrders"]["nodes"]} == set(codes)
    assert {n["code"] for n in data["suppliers"]["nodes"]} == set(codes)
    received = {n["purchaseOrder"]["number"] for n in data["receipts"]["nodes"]}
    assert received
    assert received <= mine
    lines = [line for n in data["purchaseOrders"]["nodes"] for line in n["lines"]]
    assert {s["supplier"]["code"] for x in lines for s in x["item"]["sources"]} <= set(codes)
    assert {line["item"]["leadTimeDays"] for line in lines} == {None}
    assert data["viewer"]["suppliers"] == list(codes)


async def see(house: House, codes: Sequence[str] | None, mine: str, order: str) -> Reply:
    role = Role.PLANNER if codes is None else Role.SUPPLIER
    reply = await house.ask(SEEN, role, suppliers=codes, mine=mine, order=order)
    hidden = [e["extensions"]["coordinate"] for e in reply.errors]
    assert hidden == ([] if codes is None else ["Item.leadTimeDays"])
    return reply


@pytest.mark.parametrize("turns", ["p12", "12p", "1p2", "2p1", "p21p12", "together"])
async def test_nobody_gets_what_was_read_for_another(
    house: House, sandbox: Sandbox, turns: str
) -> None:
    one, two = owned(sandbox)
    order = next(o.number for o in sandbox.world.orders if o.supplier == one)
    who: Mapping[str, Sequence[str] | None] = {"p": None, "1": [one], "2": [two]}
    if turns == "together":
        callers = [who[c] for c in "p1212p21p1"]
        replies = await asyncio.gather(*(see(house, codes, one, order) for codes in callers))
    else:
        callers = [who[c] for c in turns]
        replies = [await see(house, codes, one, order) for codes in callers]
    for codes, reply in zip(callers, replies, strict=True):
        if codes is None:
            numbers = {n["number"] for n in reply.data["purchaseOrders"]["nodes"]}
            assert numbers == {o.number for o in sandbox.world.orders}
        else:
            check_what_is_seen(reply, sandbox, codes)
        may = codes is None or codes == [one]
        assert (reply.data["purchaseOrder"] is not None) is may
        assert (reply.data["supplier"] is not None) is may


@pytest.mark.parametrize("field", ["inventory", "forecasts", "recommendations"])
async def test_what_planners_read_is_not_lying_about_for_suppliers(
    house: House, sandbox: Sandbox, field: str
) -> None:
    one, _ = owned(sandbox)
    question = f"{{ {field}(first: 5) {{ nodes {{ id item {{ sku }} }} }} }}"
    known = await house.ask(question)
    [first, *_] = known.data[field]["nodes"]
    refused = await house.ask(question, Role.SUPPLIER, suppliers=[one])
    assert refused.data is None
    assert refused.errors[0]["extensions"]["code"] == "FORBIDDEN"
    by_id = await house.ask(
        "query($id: ID!) { node(id: $id) { id } }", Role.SUPPLIER, suppliers=[one], id=first["id"]
    )
    assert by_id.data == {"node": None}
    assert (await house.ask(question, None)).status == 401


# ------------------------------------------------------------------ 3. batches of any size

BOUNDS = {"erp": (100, 7_500), "procurement": (50, 6_000), "planning": (100, 7_500)}
"""By preset: keys of one request, bytes of its address."""


def keys_in(query: Mapping[str, Any]) -> int:
    """How many keys a request asks for."""
    condition = query.get("$filter", "")
    lists = [v for n, v in query.items() if n.endswith(("[in]", "__in"))]
    return max(len(re.findall(r" eq '[^']*K-", condition)), *(len(v.split(",")) for v in lists), 0)


@pytest.mark.parametrize("length", [8, 60], ids=["short", "long"])
@pytest.mark.parametrize(
    "entity, column, wanted",
    [
        (EntityName.ITEM, "sku", "name"),
        (EntityName.SUPPLIER, "code", "name"),
        (EntityName.INVENTORY, "item", "on_hand"),
        (EntityName.PURCHASE_ORDER, "number", "status"),
        (EntityName.PURCHASE_ORDER, "lines.item", "status"),
        (EntityName.FORECAST, "item", "quantity"),
    ],
)
async def test_two_and_a_half_thousand_keys_are_split(  # noqa: PLR0917 fixtures
    sandbox: Sandbox,
    systems: Simulators,
    tmp_path: Path,
    valkey_url: str,
    entity: EntityName,
    column: str,
    wanted: str,
    length: int,
) -> None:
    keys = [f"K-{n:05}".ljust(length, "x") for n in range(2_500)]
    fast = {name: {"rate_per_s": 10_000, "burst": 10_000} for name in SYSTEMS}
    for name in SYSTEMS:
        systems.limits(name, rate_per_s=0)
    declared = declare(sandbox, tmp_path, valkey_url, manifest(policies=fast))
    journal = Journal()
    async with open_installation(declared) as installation:
        deadline = asyncio.get_running_loop().time() + 60
        terms = ReadContext(Ask(deadline, "many", journal), journal)
        question = KeyQuestion(entity, column, frozenset({wanted}))
        found = await installation.keyed.read(question, keys, terms)
    assert set(found) == set(keys)
    assert {p for f in found.values() for p in f.problems} == set()
    asked = 0
    for name, (most, longest) in BOUNDS.items():
        log = [e for e in systems.log(name) if keys_in(e["query"])]
        assert all(keys_in(e["query"]) <= most for e in log)
        assert all(e["url_bytes"] <= longest for e in log)
        asked += sum(keys_in(e["query"]) for e in log)
    supplies = declared.manifest.entities[entity].sources
    assert asked == 2_500 * len(supplies)


@pytest.mark.parametrize(
    "question, said",
    [
        ("{ items(filter: {sku: {in: KEYS}}) { nodes { sku } } }", "1001 values"),
        ("{ items(first: 2001) { nodes { sku } } }", "from 1 to 2000"),
        ("{ items(first: 0) { nodes { sku } } }", "from 1 to 2000"),
        ("{ nodes(ids: KEYS) { id } }", "1001"),
    ],
    ids=["in", "first", "nothing", "nodes"],
)
async def test_more_than_the_bounds_is_refused_in_words(
    house: House, systems: Simulators, question: str, said: str
) -> None:
    reply = await house.ask(question.replace("KEYS", json.dumps(["k"] * 1_001)))
    assert reply.data is None
    [error] = reply.errors
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert said in error["message"]
    assert reply.calls() == 0


# ------------------------------------------------------- 4. silence about what was left out

SCHEMA: GraphQLSchema = build_schema()._schema
ROOTS = {
    "items": {"erp"},
    "suppliers": {"erp"},
    "locations": {"erp"},
    "inventory": {"erp"},
    "purchaseOrders": {"erp", "procurement"},
    "receipts": {"erp", "procurement"},
    "forecasts": {"planning"},
    "recommendations": {"planning"},
}


OURS = {
    *("TimelineConnection", "DeadLetterConnection", "AuditEntryConnection"),
    *("ProcessInstanceConnection", "SupplyExceptionConnection"),
}
"""Lists of what this service keeps itself: no system could be missing in them."""


def test_every_list_can_tell_how_complete_it_is() -> None:
    types = {
        d.name.value: {f.name.value for f in d.fields or ()}
        for d in parse(print_schema(SCHEMA)).definitions
        if isinstance(d, ObjectTypeDefinitionNode)
    }
    connections = {name for name in types if name.endswith("Connection")} - OURS
    assert len(connections) == len(ROOTS)
    assert {name for name in connections if "completeness" not in types[name]} == set()
    assert {f for f in types["Query"] if f in ROOTS} == set(ROOTS)


@pytest.mark.parametrize("root", ROOTS)
async def test_every_list_tells_which_systems_it_is_of_and_which_are_missing(
    house: House, systems: Simulators, root: str
) -> None:
    question = f"""{{ {root}(first: 5) {{ nodes {{ id }}
        completeness {{ complete systems {{ system state }} }} }} }}"""
    whole = await house.ask(question)
    assert whole.errors == ()
    told = whole.data[root]["completeness"]
    assert told["complete"] is True
    assert {s["system"]: s["state"] for s in told["systems"]} == dict.fromkeys(ROOTS[root], "LIVE")
    [gone, *_] = sorted(ROOTS[root])
    systems.faults(gone, {"drop": True})
    reply = await house.ask(question, headers=NOTHING_OLD)
    [error] = reply.errors
    assert error["path"] == [root]
    assert error["extensions"]["system"] == gone
    check_that_nothing_leaks(reply, house)
    if len(ROOTS[root]) > 1:
        told = reply.data[root]["completeness"]
        assert told["complete"] is False
        assert {s["system"]: s["state"] for s in told["systems"]}[gone] == "MISSING"


RETYPED = {"field": "OrderQuantity", "as": "object"}


async def test_errors_that_are_not_shown_one_by_one_are_counted(
    house: House, systems: Simulators
) -> None:
    systems.faults("planning", {"drop": True})
    alike = await house.ask("{ items(first: 80) { nodes { forecasts { quantity } } } }")
    [error] = alike.errors
    assert error["extensions"]["positions"] == 80
    systems.faults("erp", {"match": "PURCHASEORDER", "retype": RETYPED})
    many = await house.ask("{ purchaseOrders(first: 200) { nodes { lines { quantity } } } }")
    lost = [o for o in house.sandbox.world.orders if o.system == "erp"]
    *shown, last = many.errors
    assert len(shown) == 100
    assert last["message"] == f"{len(lost) - 100} further errors are not shown"
    assert len({e["message"].split("'")[1] for e in shown}) == 100


async def test_a_system_of_which_nothing_can_be_read_is_missing_and_told(
    house: House, systems: Simulators
) -> None:
    systems.faults("planning", {"retype": {"field": "forecasttotal", "as": "object"}})
    reply = await house.ask("{ forecasts(first: 20) { nodes { quantity } } }")
    [error] = reply.errors
    assert error["extensions"]["code"] == "BAD_ANSWER"
    assert error["extensions"]["system"] == "planning"
    assert "quantity" in error["message"]
    assert len(systems.log("planning")) < 8
