"""A supplier sees what is its own, and is never told of the rest."""

from typing import Any

import pytest

from canonical.ids import GlobalId
from tests.fakes.desk import PLANNER, Desk, supplier_principal
from tests.fakes.distributor import MONDAY, Distributor, receipt

SAM = supplier_principal("S1")

EVERYTHING = """{
  items(first: 50) { nodes { sku standardCost { amount } safetyStock reorderPoint leadTimeDays
    minimumOrderQuantity preferredSupplier { code } sources { supplier { code } }
    inventory { onHand } forecasts { quantity } projectedInventory { closing }
    openOrderLines { purchaseOrder { supplier { code } } } } }
  suppliers(first: 50) { nodes { code purchaseOrders { nodes { number } } } }
  purchaseOrders(first: 50) { nodes { number supplier { code } lines { item { sku name } } } }
  receipts(first: 50) { nodes { number purchaseOrder { supplier { code } } } }
  locations { nodes { code inventory { nodes { onHand } } } }
}"""


def a_desk() -> Desk:
    world = Distributor()
    world.receipts.records = [
        receipt(1, "K1", MONDAY),
    ]
    return Desk(*world.sources)


async def test_a_supplier_sees_its_own_records_and_no_internal_figures() -> None:
    answer = await a_desk().ask(EVERYTHING, SAM)
    assert answer.errors == ()
    data = answer.data
    assert [i["sku"] for i in data["items"]["nodes"]] == ["I1", "I4", "I7"]
    for item in data["items"]["nodes"]:
        hidden = ("standardCost", "safetyStock", "reorderPoint", "leadTimeDays")
        assert {item[k] for k in hidden} == {None}
        assert item["sources"] == [{"supplier": {"code": "S1"}}]
        assert (item["inventory"], item["forecasts"], item["projectedInventory"]) == ([], [], [])
        owners = {x["purchaseOrder"]["supplier"]["code"] for x in item["openOrderLines"]}
        assert owners <= {"S1"}
    assert [s["code"] for s in data["suppliers"]["nodes"]] == ["S1"]
    assert {o["supplier"]["code"] for o in data["purchaseOrders"]["nodes"]} == {"S1"}
    assert data["receipts"]["nodes"] == []
    assert all(x["inventory"]["nodes"] == [] for x in data["locations"]["nodes"])
    assert {p.code for p, _ in answer.problems} == {"FORBIDDEN"}


async def test_the_rule_is_pushed_into_what_the_systems_are_asked() -> None:
    world = Distributor()
    await Desk(*world.sources).ask("{ purchaseOrders { nodes { number } } }", SAM)
    [(_, query)] = world.orders.asked
    assert [(c.column, c.value) for c in query.criteria] == [("supplier", ("S1",))]


@pytest.mark.parametrize(
    "question",
    [
        '{ answer: purchaseOrder(number: "PO2") { number } }',
        '{ answer: supplier(code: "S2") { name } }',
        '{ answer: item(sku: "I2") { name } }',
        '{ answer: purchaseOrders(filter: {supplier: ["S2"]}) { nodes { number } } }',
        '{ answer: suppliers(filter: {code: {eq: "S2"}}) { nodes { code } } }',
        '{ answer: items(filter: {supplier: ["S2"]}) { nodes { sku } } }',
        '{ answer: items(filter: {sku: {in: ["I2"]}}) { nodes { sku } } }',
    ],
)
async def test_what_is_anothers_looks_as_if_it_were_not_there(question: str) -> None:
    answer = await a_desk().ask(question, SAM)
    assert answer.errors == ()
    assert answer.problems == []
    found = answer.data["answer"]
    assert found is None or found["nodes"] == []


@pytest.mark.parametrize(
    "type_name, parts",
    [
        ("PurchaseOrder", ("erp", "K2")),
        ("PurchaseOrderLine", ("erp", "K2", "10")),
        ("Supplier", ("S2",)),
        ("Item", ("I2",)),
        ("InventoryPosition", ("erp", "I1|L0")),
        ("Forecast", ("planning", "F1-0")),
        ("Receipt", ("erp", "R1")),
    ],
)
async def test_an_id_opens_no_door(type_name: str, parts: tuple[str, ...]) -> None:
    question = "query ($id: ID!) { node(id: $id) { id __typename } }"
    text = GlobalId(type_name, parts).encode()
    desk = a_desk()
    assert (await desk.ask(question, PLANNER, id=text)).data["node"]["__typename"] == type_name
    assert (await desk.ask(question, SAM, id=text)).data == {"node": None}


async def test_one_callers_answer_never_comes_from_anothers_question() -> None:
    desk = a_desk()
    question = "{ purchaseOrders(first: 50) { nodes { number supplier { code } } } }"

    async def codes(principal: Any) -> set[str]:
        nodes = (await desk.ask(question, principal)).data["purchaseOrders"]["nodes"]
        return {n["supplier"]["code"] for n in nodes}

    assert await codes(PLANNER) == {"S0", "S1", "S2"}
    assert await codes(supplier_principal("S0")) == {"S0"}
    assert await codes(SAM) == {"S1"}
    assert await codes(supplier_principal("S0", "S2")) == {"S0", "S2"}
    assert await codes(supplier_principal()) == set()


@pytest.mark.parametrize(
    "question", ["{ forecasts { nodes { id } } }", "{ inventory { nodes { id } } }"]
)
async def test_lists_that_are_not_a_suppliers_business_are_refused(question: str) -> None:
    answer = await a_desk().ask(question, SAM)
    assert "suppliers may not see" in answer.errors[0].message


async def test_no_token_means_no_data() -> None:
    for field in ("viewer { subject }", "items { nodes { sku } }", 'node(id: "x") { id }'):
        answer = await a_desk().ask(f"{{ {field} }}", None)
        assert answer.data is None or set(answer.data.values()) == {None}
        assert "no token" in answer.errors[0].message


async def test_the_viewer_is_told_who_it_is() -> None:
    answer = await a_desk().ask("{ viewer { subject roles suppliers } }", SAM)
    assert answer.data["viewer"] == {"subject": "sam", "roles": ["SUPPLIER"], "suppliers": ["S1"]}
