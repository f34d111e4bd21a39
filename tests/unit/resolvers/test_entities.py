"""Entities: what another subgraph points at, found by its key alone, together, and if it may be."""

from collections.abc import Sequence
from typing import Any

import pytest

from canonical.errors import Reason, SupplygraphError, UnavailableError
from canonical.ids import GlobalId
from execution.engine import Engine
from resolvers.context import Limits
from schema.scalars import COLUMN_WRITERS
from tests.fakes.desk import SCHEMA, Answer, Desk, supplier_principal
from tests.fakes.distributor import Distributor

QUESTION = """query ($keys: [_Any!]!) {
  _entities(representations: $keys) {
    __typename
    ... on Item { sku name safetyStock }
    ... on Supplier { code name }
    ... on Location { code kind }
    ... on PurchaseOrder { number supplier { code } }
  }
}"""
SAM = supplier_principal("S1")
WALKING = Engine(SCHEMA._schema, writers=COLUMN_WRITERS, planned=False)


def order_id(number: int, system: str = "erp") -> str:
    return GlobalId("PurchaseOrder", (system, f"K{number}")).encode()


def item(sku: Any, **more: Any) -> dict[str, Any]:
    return {"__typename": "Item", "sku": sku, **more}


def order(number: int, system: str = "erp") -> dict[str, Any]:
    return {"__typename": "PurchaseOrder", "id": order_id(number, system)}


def a_desk(world: Distributor, *, planned: bool = True) -> Desk:
    desk = Desk(*world.sources)
    if not planned:
        desk.engine = WALKING
    return desk


def entities(answer: Answer) -> Sequence[Any]:
    found: Sequence[Any] = answer.data["_entities"]
    return found


def told(answer: Answer) -> list[tuple[list[str | int], str, str]]:
    """Path, code and message of each error that is in our own words."""
    found = []
    for error in answer.errors:
        cause = error.original_error
        assert isinstance(cause, SupplygraphError)
        found.append((list(error.path), cause.code, cause.message))
    return found


NO_ENTITY = (
    "`__typename` of a representation must be one of Item, Location, PurchaseOrder, Supplier"
)
both = pytest.mark.parametrize("planned", [True, False])


@both
async def test_order_and_repetitions_are_kept_and_each_type_is_read_once(planned: bool) -> None:
    world = Distributor()
    keys = [
        item("I3"),
        order(4),
        {"__typename": "Supplier", "code": "S2"},
        item("I1", name="what others call it", unknown={"a": [1]}),
        {"__typename": "Location", "code": "L0"},
        item("I3"),
        item("no such item"),
        order(5),
        order(99),
    ]
    answer = await a_desk(world, planned=planned).ask(QUESTION, keys=keys)
    assert (answer.errors, answer.problems) == ((), [])
    assert [None if e is None else list(e.values())[1] for e in entities(answer)] == [
        *("I3", "PO4", "S2", "I1", "L0", "I3"),
        None,
        "PO5",
        None,
    ]
    assert entities(answer)[3]["name"] == "Item 1"
    asked = {s.entity.value: s.asked for s in world.sources if s.asked}
    assert {name: [a[:3] for a in calls] for name, calls in asked.items()} == {
        "item": [("by_keys", "sku", ("I1", "I3", "no such item"))],
        "supplier": [("by_keys", "code", ("S2",))],
        "location": [("by_keys", "code", ("L0",))],
        "purchase_order": [("by_keys", "key", ("K4", "K5", "K99"))],
    }


async def test_what_hangs_below_entities_is_read_for_all_of_them_at_once() -> None:
    world = Distributor()
    question = """query ($keys: [_Any!]!) { _entities(representations: $keys) {
        ... on Item { inventory { onHand } } } }"""
    answer = await a_desk(world).ask(question, keys=[item(f"I{n}") for n in (5, 2, 5, 77)])
    assert [e and len(e["inventory"]) for e in entities(answer)] == [2, 2, 2, None]
    assert [(a[0], a[2]) for a in world.inventory.asked] == [("by_keys", ("I2", "I5"))]
    assert len(world.items.asked) == 1


async def test_orders_of_several_systems_are_read_at_the_same_time() -> None:
    world = Distributor()
    desk = a_desk(world)
    answer = await desk.ask(QUESTION, keys=[order(4), order(20, "procurement"), item("I1")])
    assert [e["__typename"] for e in entities(answer)] == ["PurchaseOrder"] * 2 + ["Item"]
    assert answer.levels == 1


@both
async def test_a_key_alone_is_looked_up_all_the_same(planned: bool) -> None:
    question = """query ($keys: [_Any!]!) { _entities(representations: $keys) {
        ... on Supplier { code } } }"""
    keys = [{"__typename": "Supplier", "code": code} for code in ("S0", "S9")]
    answer = await a_desk(Distributor(), planned=planned).ask(question, keys=keys)
    assert entities(answer) == [{"code": "S0"}, None]


@both
async def test_what_a_supplier_may_not_see_is_as_what_is_not_there(planned: bool) -> None:
    there = [
        *(order(4), order(5), order(20, "procurement")),
        *(item("I1"), item("I2")),
        *({"__typename": "Supplier", "code": f"S{n}"} for n in (1, 2)),
        {"__typename": "Location", "code": "L1"},
    ]
    answer = await a_desk(Distributor(), planned=planned).ask(QUESTION, SAM, keys=there)
    assert (answer.errors, answer.problems) == ((), [])
    assert entities(answer) == [
        {"__typename": "PurchaseOrder", "number": "PO4", "supplier": {"code": "S1"}},
        None,
        None,
        {"__typename": "Item", "sku": "I1", "name": "Item 1", "safetyStock": None},
        None,
        {"__typename": "Supplier", "code": "S1", "name": "Supplier 1"},
        None,
        {"__typename": "Location", "code": "L1", "kind": "PLANT"},
    ]


@both
@pytest.mark.parametrize(
    "representation, message",
    [
        ("I1", 'a representation is an object like {"__typename": "Item", ...}'),
        (
            {"sku": "I1"},
            NO_ENTITY,
        ),
        (
            {"__typename": "Receipt", "id": "x"},
            NO_ENTITY,
        ),
        (
            {"__typename": ["Item"], "sku": "I1"},
            NO_ENTITY,
        ),
        (item(7), "a representation of Item needs its key `sku`, which is a string"),
        (item(None), "a representation of Item needs its key `sku`, which is a string"),
        (
            {"__typename": "PurchaseOrder", "number": "PO1"},
            "a representation of PurchaseOrder needs its key `id`, which is a string",
        ),
        (
            {"__typename": "PurchaseOrder", "id": "PO1"},
            "'PO1' is not an id of this service: pass an `id` exactly as it was read.",
        ),
        (
            {"__typename": "PurchaseOrder", "id": GlobalId("Item", ("I1",)).encode()},
            "'kwGkSXRlbaJJMQ' is not the id of a PurchaseOrder",
        ),
    ],
)
async def test_a_representation_that_cannot_be_read_costs_itself_alone(
    representation: Any, message: str, planned: bool
) -> None:
    desk = a_desk(Distributor(), planned=planned)
    answer = await desk.ask(QUESTION, keys=[item("I1"), representation, item("I2")])
    assert [e and e["sku"] for e in entities(answer)] == ["I1", None, "I2"]
    assert told(answer) == [(["_entities", 1], "BAD_USER_INPUT", message)]


@both
async def test_no_more_representations_than_the_limit(planned: bool) -> None:
    desk = a_desk(Distributor(), planned=planned)
    limits = Limits(max_representations=2)
    keys = [item("I1"), item("I2")]
    assert len(entities(await desk.ask(QUESTION, limits=limits, keys=keys))) == 2
    answer = await desk.ask(QUESTION, limits=limits, keys=[*keys, item("I1")])
    assert answer.data is None
    message = "3 representations at once; at most 2 are read. Ask in parts"
    assert told(answer) == [(["_entities"], "BAD_USER_INPUT", message)]


@both
async def test_a_system_that_is_down_costs_its_own_entities(planned: bool) -> None:
    world = Distributor()
    world.orders.error = UnavailableError("erp", Reason.TIMEOUT, "did not answer")
    desk = a_desk(world, planned=planned)
    answer = await desk.ask(QUESTION, keys=[order(4), item("I1"), order(20, "procurement")])
    assert [e and e["__typename"] for e in entities(answer)] == [None, "Item", "PurchaseOrder"]
    assert told(answer) == [(["_entities", 0], "UNAVAILABLE", "erp: did not answer")]


@both
async def test_where_a_suppliers_items_cannot_be_told_other_types_are_answered(
    planned: bool,
) -> None:
    world = Distributor()
    world.offers.error = UnavailableError("erp", Reason.TIMEOUT, "did not answer")
    desk = a_desk(world, planned=planned)
    answer = await desk.ask(QUESTION, SAM, keys=[item("I1"), order(4)])
    assert [e and e["__typename"] for e in entities(answer)] == [None, "PurchaseOrder"]
    assert [(path, code) for path, code, _ in told(answer)] == [(["_entities", 0], "UNAVAILABLE")]


async def test_who_has_not_said_who_they_are_gets_nothing() -> None:
    answer = await a_desk(Distributor()).ask(QUESTION, None, keys=[item("I1")])
    assert [code for _, code, _ in told(answer)] == ["UNAUTHENTICATED"]
