"""Links run once for all parents, ask for the columns selected, and keep errors apart."""

from decimal import Decimal

import pytest

from canonical.errors import Reason, UnavailableError
from tests.fakes.desk import Desk
from tests.fakes.distributor import Distributor

JOINED = """
query Joined($first: Int) {
  purchaseOrders(first: $first) {
    nodes {
      number
      supplier { name }
      lines { quantity item { name inventory { onHand location { name } } forecasts { quantity } } }
    }
  }
}
"""


@pytest.mark.parametrize("first", [1, 5, 30])
async def test_calls_do_not_grow_with_rows(first: int) -> None:
    world = Distributor()
    answer = await Desk(*world.sources).ask(JOINED, first=first)
    assert answer.errors == ()
    assert {s.system + "." + s.entity: len(s.asked) for s in world.sources if s.asked} == {
        "erp.purchase_order": 1,
        "procurement.purchase_order": 1,
        "erp.supplier": 1,
        "erp.item": 1,
        "erp.inventory": 1,
        "erp.location": 1,
        "planning.forecast": 1,
    }


async def test_only_the_columns_selected_are_fetched() -> None:
    world = Distributor()
    await Desk(*world.sources).ask("{ purchaseOrders { nodes { number lines { quantity } } } }")
    [(_, query)] = world.orders.asked
    assert query.columns == {"number", "ordered_on", "lines", "lines.line_number", "lines.quantity"}


async def test_columns_follow_fragments_aliases_and_directives() -> None:
    world = Distributor()
    question = """
    query ($no: Boolean!) {
      items {
        edges { node { ...Short alias: category standardCost @include(if: $no) { amount } } }
      }
    }
    fragment Short on Item { label: name ... on Node { id } }
    """
    answer = await Desk(*world.sources).ask(question, no=False)
    assert answer.errors == ()
    [(_, query)] = world.items.asked
    assert query.columns == {"sku", "name", "category"}


async def test_a_reference_of_which_only_the_key_is_wanted_is_not_read() -> None:
    world = Distributor()
    answer = await Desk(*world.sources).ask(
        "{ purchaseOrders(first: 2) { nodes { supplier { code } lines { item { sku } } } } }"
    )
    assert answer.data["purchaseOrders"]["nodes"][0]["supplier"]["code"].startswith("S")
    assert world.suppliers.asked == []
    assert world.items.asked == []


async def test_aliases_with_other_arguments_are_other_batches() -> None:
    world = Distributor()
    answer = await Desk(*world.sources).ask(
        """{ item(sku: "I3") {
            all: forecasts { quantity } some: forecasts(to: "2026-12-01") { quantity } } }"""
    )
    assert len(answer.data["item"]["all"]) == 4
    assert len(answer.data["item"]["some"]) == 2


async def test_a_missing_system_costs_its_fields_and_says_so_with_the_path() -> None:
    world = Distributor()
    world.forecasts.error = UnavailableError("planning", Reason.CONNECTION, "is not there")
    answer = await Desk(*world.sources).ask(JOINED, first=1)
    [node] = answer.data["purchaseOrders"]["nodes"]
    assert all(x["item"]["forecasts"] == [] for x in node["lines"])
    assert all(x["item"]["inventory"] for x in node["lines"])
    problem, path = answer.problems[0]
    assert problem.details() == {"system": "planning", "reason": "connection"}
    assert path == ("purchaseOrders", "nodes", 0, "lines", 0, "item", "forecasts")


async def test_a_required_record_that_cannot_be_read_is_null_up_to_what_may_be_null() -> None:
    world = Distributor()
    world.suppliers.error = UnavailableError("erp", Reason.TIMEOUT, "did not answer")
    answer = await Desk(*world.sources).ask(
        """{ viewer { subject } item(sku: "I1") { name preferredSupplier { name } } }"""
    )
    assert answer.data["viewer"] == {"subject": "pia"}
    assert answer.data["item"] == {"name": "Item 1", "preferredSupplier": None}
    assert answer.errors[0].path == ["item", "preferredSupplier"]


async def test_computed_quantities_are_exact() -> None:
    world = Distributor()
    answer = await Desk(*world.sources).ask(
        "{ purchaseOrders(first: 1) { nodes { lines { receivedQuantity openQuantity } } } }"
    )
    [node] = answer.data["purchaseOrders"]["nodes"]
    assert {
        (Decimal(x["receivedQuantity"]), Decimal(x["openQuantity"])) for x in node["lines"]
    } == {(Decimal(12), Decimal(12))}


async def test_structured_arguments_tell_batches_apart() -> None:
    answer = await Desk(*Distributor().sources).ask(
        """mutation { createPurchaseOrder(input: {supplier: "S1", idempotencyKey: "k",
            lines: [{item: "I1", quantity: "1", dueOn: "2026-12-01", shipTo: "L0"}]}) {
            purchaseOrder { number } userErrors { code } } }"""
    )
    assert answer.errors == ()
    assert answer.data["createPurchaseOrder"]["userErrors"] == [{"code": "UNSUPPORTED"}]
