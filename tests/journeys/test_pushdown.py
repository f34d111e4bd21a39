"""What is asked of GraphQL is asked of each system in its own language, as its log tells."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from graphql import InputObjectTypeDefinitionNode, parse

from runtime.embedded.valkey import EmbeddedValkey
from sandbox.launch import Sandbox
from tests.journeys.conditions import CASES, FILTERS, Case
from tests.journeys.house import House, Reply, Simulators, open_house
from tests.journeys.troubles import NOTHING_OLD, SYSTEMS

pytestmark = pytest.mark.asyncio(loop_scope="module")

LINES = "to_PurchaseOrderItem"
CONTRACT = (Path(__file__).parents[1] / "schema" / "contract.graphql").read_text()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def open_one(
    sandbox: Sandbox, valkey_server: EmbeddedValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("pushdown")
    async with open_house(sandbox, folder, valkey_server.url) as house:
        yield house


def requests(systems: Simulators, system: str, reply: Reply) -> list[tuple[str, dict[str, str]]]:
    """What a system was asked for an answer: collections with their parameters."""
    return [
        (re.sub(r".*/(?=[^/]+/?$)", "", entry["path"]), entry["query"])
        for entry in systems.log(system)
        if entry["headers"].get("x-correlation-id") == reply.headers["x-correlation-id"]
    ]


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_filter_is_said_in_the_systems_own_language(
    open_one: House, systems: Simulators, case: Case
) -> None:
    reply = await open_one.ask(
        f"query($filter: {FILTERS[case.root]}) {{ {case.root}(first: 7, filter: $filter) "
        "{ nodes { id } } }",
        headers=NOTHING_OLD,
        filter=case.filter,
    )
    assert reply.errors == ()
    for system, (collection, sent) in case.expected.items():
        asked = [query for name, query in requests(systems, system, reply) if name == collection]
        assert any(all(p in q.get(n, "") for n, p in sent.items()) for q in asked), asked
    for system in set(SYSTEMS) - case.expected.keys():
        assert len(requests(systems, system, reply)) < 8


async def test_every_condition_of_the_contract_has_a_case() -> None:
    inputs = {
        d.name.value: [f.name.value for f in d.fields or ()]
        for d in parse(CONTRACT).definitions
        if isinstance(d, InputObjectTypeDefinitionNode)
    }
    wanted = {(root, field) for root, name in FILTERS.items() for field in inputs[name]}
    assert wanted == {(c.root, field) for c in CASES for field in c.filter}
    operators = {op for c in CASES for f in c.filter.values() if isinstance(f, dict) for op in f}
    kinds = ("StringFilter", "DateFilter", "DateTimeFilter", "DecimalFilter")
    assert operators == {op for kind in kinds for op in inputs[kind]}


@pytest.mark.parametrize(
    "field, way, in_erp, in_procurement",
    [
        ("ORDERED_ON", "ASC", "PurchaseOrderDate,PurchaseOrder", ("created_at", "asc")),
        ("ORDERED_ON", "DESC", "PurchaseOrderDate desc,PurchaseOrder", ("created_at", "desc")),
        ("UPDATED_AT", "ASC", "LastChangeDateTime,PurchaseOrder", ("updated_at", "asc")),
        ("UPDATED_AT", "DESC", "LastChangeDateTime desc,PurchaseOrder", ("updated_at", "desc")),
        # Coupa sorts text by a collation of its own: its orders are sorted here.
        ("NUMBER", "DESC", "PurchaseOrder desc", (None, None)),
    ],
)
async def test_an_order_is_the_systems_own_where_it_means_the_same(
    open_one: House,
    systems: Simulators,
    field: str,
    way: str,
    in_erp: str,
    in_procurement: tuple[str | None, str | None],
) -> None:
    reply = await open_one.ask(
        f"{{ purchaseOrders(first: 7, orderBy: [{{field: {field}, direction: {way}}}]) "
        "{ nodes { number } } }",
        headers=NOTHING_OLD,
    )
    [(_, query)] = requests(systems, "erp", reply)
    assert query["$orderby"] == in_erp
    (_, query), *_ = requests(systems, "procurement", reply)
    assert (query.get("order_by"), query.get("dir")) == in_procurement


async def test_a_page_is_read_as_a_page_and_the_next_one_from_where_it_ended(
    open_one: House, systems: Simulators
) -> None:
    question = """query($after: String) { purchaseOrders(
        first: 7, after: $after, orderBy: [{field: ORDERED_ON, direction: DESC}]
    ) { nodes { orderedOn provenance { system } } pageInfo { endCursor } } }"""
    reply = await open_one.ask(question, headers=NOTHING_OLD)
    [(_, in_erp)] = requests(systems, "erp", reply)
    assert 7 < int(in_erp["$top"]) <= 20
    [(_, in_procurement)] = requests(systems, "procurement", reply)
    assert 7 < int(in_procurement["limit"]) <= 20
    page = reply.data["purchaseOrders"]
    last = [n["orderedOn"] for n in page["nodes"] if n["provenance"]["system"] == "erp"][-1]
    following = await open_one.ask(
        question, headers=NOTHING_OLD, after=page["pageInfo"]["endCursor"]
    )
    [(_, in_erp)] = requests(systems, "erp", following)
    bound = re.search(r"PurchaseOrderDate l[te] datetime'(\d{4}-\d\d-\d\d)", in_erp["$filter"])
    assert bound is not None
    assert bound[1] >= last
    assert 7 < int(in_erp["$top"]) <= 20


@pytest.mark.parametrize(
    "selection, select, fields",
    [
        ("number", "", '["id","created-at","po-number"]'),
        (
            "buyer currency",
            "DocumentCurrency PurchasingGroup",
            '["id","created-at",{"currency":["code"]},{"requester":["login"]}]',
        ),
        (
            "lines { quantity }",
            f"{LINES}/Material {LINES}/OrderQuantity {LINES}/PurchaseOrderItem",
            '["id","created-at",{"order-lines":["line-num","quantity","type"]}]',
        ),
    ],
)
async def test_the_columns_asked_for_are_the_columns_fetched(
    open_one: House,
    systems: Simulators,
    selection: str,
    select: str,
    fields: str,
) -> None:
    reply = await open_one.ask(
        f"{{ purchaseOrders(first: 7) {{ nodes {{ {selection} }} }} }}", headers=NOTHING_OLD
    )
    assert reply.errors == ()
    [(_, in_erp)] = requests(systems, "erp", reply)
    [(_, in_procurement)] = requests(systems, "procurement", reply)
    always = {"PurchaseOrder", "PurchaseOrderDate", "Supplier", "CorrespncExternalReference"}
    assert set(in_erp["$select"].split(",")) == always | set(select.split())
    assert ("$expand" in in_erp) is ("/" in select)
    assert in_procurement["fields"] == fields


async def test_a_total_is_counted_by_the_system_and_only_where_it_is_wanted(
    open_one: House, systems: Simulators
) -> None:
    plain = await open_one.ask("{ items(first: 3) { nodes { sku } } }", headers=NOTHING_OLD)
    assert not [q for _, q in requests(systems, "erp", plain) if "$inlinecount" in q]
    counted = await open_one.ask("{ items(first: 3) { totalCount } }", headers=NOTHING_OLD)
    assert [q for _, q in requests(systems, "erp", counted) if q.get("$inlinecount") == "allpages"]
    assert counted.data["items"]["totalCount"] == len(open_one.sandbox.world.items)
