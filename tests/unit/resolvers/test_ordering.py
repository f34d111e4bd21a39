"""Orders are tried, made and called off by those who may, and told in the words of the schema."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from typing_extensions import override

from canonical.criteria import Criteria
from canonical.entities import EntityName
from canonical.errors import Reason, RefusedError, UnauthenticatedError, UnavailableError
from canonical.ids import GlobalId
from canonical.ports import Ask, Batch
from resolvers.context import Processing
from runtime.security.principal import Principal, Role
from tests.fakes.desk import NOW, PLANNER, Answer, Desk, supplier_principal
from tests.fakes.distributor import location
from tests.fakes.sources import FakeSource
from tests.processes.ordering.house import House, read_back
from tests.unit.workflows.ordering import house as there

LATER = NOW + timedelta(hours=1)
BEA = Principal("bea", frozenset({Role.BUYER}), None, LATER)
OTHER_BEA = Principal("bea", frozenset({Role.BUYER}), None, LATER, issuer="https://other")
REGIONAL = Principal("rita", frozenset({Role.BUYER}), None, LATER, regions=("US",))
COMPANIES = Principal("cora", frozenset({Role.BUYER}), None, LATER, companies=("1010",))
SAID = "userErrors { code message field } warnings { code field }"
CREATE = f"""mutation ($input: CreatePurchaseOrderInput!) {{
  done: createPurchaseOrder(input: $input) {{
    purchaseOrder {{ number status }} process pending {SAID} }} }}"""
VALIDATE = f"""mutation ($input: ValidatePurchaseOrderInput!) {{
  done: validatePurchaseOrder(input: $input) {{ {SAID}
    order {{ supplier currency systems total {{ amount currency }}
      lines {{ lineNumber item quantity unit dueOn shipTo unitPrice {{ amount }} net {{ amount }} }}
    }} }} }}"""
CANCEL = """mutation ($input: CancelPurchaseOrderInput!) {
  done: cancelPurchaseOrder(input: $input) {
    purchaseOrder { number status } process pending userErrors { code message field } } }"""
ORDER: dict[str, Any] = {
    "supplier": "S1",
    "lines": [{"item": "I1", "quantity": "20", "dueOn": "2026-12-07", "shipTo": "L1"}],
}


class Live(FakeSource):
    """The orders that a system has now."""

    def __init__(self, house: House, system: str) -> None:
        super().__init__(system, EntityName.PURCHASE_ORDER, [])
        self._sink = house.procurement if system == "procurement" else house.erp

    @override
    async def by_keys(
        self,
        column: str,
        keys: Sequence[str],
        columns: frozenset[str],
        ask: Ask,
        criteria: Criteria = (),
    ) -> Batch:
        self.records = [read_back(self._sink, key) for key in self._sink.orders]
        return await super().by_keys(column, keys, columns, ask, criteria)


class Site:
    """Callers in front of a desk, and the systems behind it."""

    def __init__(self, *more: Any) -> None:
        self.house = House(*more)
        places = FakeSource("erp", EntityName.LOCATION, [location(1), there.location("US1", "US")])
        orders = [Live(self.house, system) for system in ("procurement", "erp")]
        ticks = count(NOW.timestamp(), 0.001)
        self.desk = Desk(*orders, places, clock=lambda: next(ticks))
        self.desk.processing = Processing(orders=self.house.desk)

    async def create(self, who: Principal | None = BEA, key: str = "k1", **more: Any) -> Answer:
        given = {**ORDER, "idempotencyKey": key, **more}
        return await self.desk.ask(CREATE, who, input=given)

    async def cancel(self, who: Principal = BEA, **more: Any) -> Answer:
        name = GlobalId("PurchaseOrder", ("procurement", "procurement-45")).encode()
        given = {"id": name, "reason": "not needed", "idempotencyKey": "c1", **more}
        return await self.desk.ask(CANCEL, who, input=given)


def codes(answer: Answer) -> list[tuple[str, list[str] | None]]:
    assert answer.errors == ()
    return [(e["code"], e["field"]) for e in answer.data["done"]["userErrors"]]


async def test_an_order_is_made_and_read_back_from_its_leading_system() -> None:
    site = Site()
    answer = await site.create()
    done = answer.data["done"]
    assert done["purchaseOrder"] == {"number": "45", "status": "SENT"}
    assert (done["userErrors"], done["warnings"], done["pending"]) == ([], [], False)
    [process] = [p for p in site.house.engine.processes if p.startswith("ordering-")]
    assert done["process"] == process
    assert site.house.engine.starts[0].correlation_id == "test"


async def test_the_same_key_is_one_order_for_each_caller_of_each_issuer() -> None:
    site = Site()
    first = (await site.create()).data
    assert (await site.create()).data == first
    await site.create(OTHER_BEA)
    await site.create(PLANNER)
    assert len(site.house.procurement.orders) == 3


async def test_another_order_under_the_same_key_is_told_so() -> None:
    site = Site()
    await site.create()
    again = await site.create(note="and quickly")
    assert codes(again) == [("IDEMPOTENCY_CONFLICT", ["input", "idempotencyKey"])]


async def test_everything_wrong_is_told_with_its_place_in_the_input() -> None:
    site = Site()
    line = {"item": "I9", "quantity": "0", "dueOn": "2026-12-07", "shipTo": "L1"}
    answer = await site.create(supplier="S9", lines=[line])
    assert codes(answer) == [
        ("SUPPLIER_UNKNOWN", ["input", "supplier"]),
        ("ITEM_UNKNOWN", ["input", "lines", "0", "item"]),
        ("QUANTITY_INVALID", ["input", "lines", "0", "quantity"]),
    ]
    assert answer.data["done"]["purchaseOrder"] is None
    assert answer.data["done"]["process"] is None
    assert site.house.procurement.told == []


async def test_a_warning_does_not_keep_it_from_being_made() -> None:
    soon = {**ORDER["lines"][0], "dueOn": "2026-11-24"}
    done = (await Site().create(lines=[soon])).data["done"]
    assert done["warnings"] == [
        {"code": "LEAD_TIME_TOO_SHORT", "field": ["input", "lines", "0", "dueOn"]}
    ]
    assert done["purchaseOrder"]["number"] == "45"


async def test_a_dry_run_shows_the_order_and_makes_nothing() -> None:
    site = Site()
    answer = await site.desk.ask(VALIDATE, BEA, input=ORDER)
    assert answer.data["done"] == {
        "userErrors": [],
        "warnings": [],
        "order": {
            "supplier": "S1",
            "currency": "EUR",
            "systems": ["procurement", "erp"],
            "total": {"amount": "200.00", "currency": "EUR"},
            "lines": [
                {
                    "lineNumber": 10,
                    "item": "I1",
                    "quantity": "20",
                    "unit": "PC",
                    "dueOn": "2026-12-07",
                    "shipTo": "L1",
                    "unitPrice": {"amount": "10.00"},
                    "net": {"amount": "200.00"},
                }
            ],
        },
    }
    assert (site.house.engine.starts, site.house.procurement.told) == ([], [])
    refused = await site.desk.ask(VALIDATE, BEA, input={**ORDER, "supplier": "HELD"})
    assert codes(refused)[0] == ("SUPPLIER_NOT_APPROVED", ["input", "supplier"])
    assert refused.data["done"]["order"] is None


@pytest.mark.parametrize("key", ["", " ", "k" * 201])
async def test_a_key_that_is_none_is_refused(key: str) -> None:
    site = Site()
    assert codes(await site.create(key=key)) == [("BAD_USER_INPUT", ["input", "idempotencyKey"])]
    assert site.house.records.reads == []


@pytest.mark.parametrize("who", [supplier_principal("S1"), COMPANIES])
async def test_who_sees_a_part_of_the_orders_may_not_order(who: Principal) -> None:
    site = Site()
    for answer in (
        await site.create(who),
        await site.desk.ask(VALIDATE, who, input=ORDER),
        await site.cancel(who),
    ):
        [problem] = answer.errors
        assert isinstance(problem.original_error, RefusedError)
        assert "may not order" in problem.message
    assert site.house.records.reads == []


async def test_who_said_nothing_of_themselves_may_not_order() -> None:
    [problem] = (await Site().create(None)).errors
    assert isinstance(problem.original_error, UnauthenticatedError)


async def test_who_is_bound_to_regions_orders_to_their_locations_alone() -> None:
    site = Site()
    assert codes(await site.create(REGIONAL)) == [
        ("LOCATION_UNKNOWN", ["input", "lines", "0", "shipTo"])
    ]
    american = {**ORDER["lines"][0], "shipTo": "US1"}
    done = await site.create(REGIONAL, lines=[american])
    assert done.data["done"]["purchaseOrder"] == {"number": "45", "status": "SENT"}


async def test_what_cannot_be_begun_now_is_no_refusal() -> None:
    site = Site()

    async def start(starting: object) -> object:
        raise UnavailableError("store", Reason.CONNECTION, "it cannot be written to")

    site.house.engine.start = start  # type: ignore[method-assign,assignment]
    [problem] = (await site.create()).errors
    assert isinstance(problem.original_error, UnavailableError)


async def test_an_order_is_called_off_and_shown_as_it_is_then() -> None:
    site = Site()
    await site.create()
    answer = await site.cancel()
    assert codes(answer) == []
    assert answer.data["done"]["purchaseOrder"] == {"number": "45", "status": "CANCELLED"}
    assert [o.cancelled for o in site.house.erp.orders.values()] == [True]
    assert (await site.cancel()).data == answer.data


@pytest.mark.parametrize(
    "given, expected",
    [
        ({"id": GlobalId("PurchaseOrder", ("procurement", "x")).encode()}, ("NOT_FOUND", "id")),
        ({"id": GlobalId("Item", ("I1",)).encode()}, ("NOT_FOUND", "id")),
        ({"id": "nonsense"}, ("NOT_FOUND", "id")),
        ({"reason": " "}, ("BAD_USER_INPUT", "reason")),
        ({"idempotencyKey": ""}, ("BAD_USER_INPUT", "idempotencyKey")),
    ],
)
async def test_what_cannot_be_called_off_is_told_so(
    given: dict[str, Any], expected: tuple[str, str]
) -> None:
    site = Site()
    await site.create()
    assert codes(await site.cancel(**given)) == [(expected[0], ["input", expected[1]])]
    assert [o.cancelled for o in site.house.procurement.orders.values()] == [False]


async def test_a_key_that_called_another_order_off_is_told_so() -> None:
    site = Site()
    await site.create()
    await site.create(key="k2")
    await site.cancel()
    other = GlobalId("PurchaseOrder", ("procurement", "procurement-46")).encode()
    assert codes(await site.cancel(id=other)) == [
        ("IDEMPOTENCY_CONFLICT", ["input", "idempotencyKey"])
    ]


async def test_an_installation_without_ordering_says_so() -> None:
    site = Site()
    site.desk.processing = Processing()
    for answer in (
        await site.create(),
        await site.desk.ask(VALIDATE, BEA, input=ORDER),
        await site.cancel(),
    ):
        assert codes(answer) == [("UNSUPPORTED", None)]
