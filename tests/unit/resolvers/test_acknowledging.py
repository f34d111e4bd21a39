"""Orders are confirmed, and answers decided on, by those who see them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from typing_extensions import override

from canonical.criteria import Criteria
from canonical.entities import EntityName
from canonical.errors import Reason, UnavailableError
from canonical.ports import Ask, Batch
from resolvers.context import Processing
from runtime.security.principal import Principal, Role
from tests.fakes.desk import NOW, PLANNER, Answer, Desk, supplier_principal
from tests.fakes.sources import FakeSource
from tests.unit.workflows.confirmation.house import House, System
from tests.unit.workflows.confirmation.scene import Scene

OWN, OTHERS = supplier_principal("S-1"), supplier_principal("S-2")
BOUND = Principal(
    "rita", frozenset({Role.BUYER}), None, NOW + timedelta(hours=1), regions=("east",)
)
SHOWN = "purchaseOrder { number lines { lineNumber confirmedQuantity confirmedOn } }"
SAID = "pending userErrors { code message field }"
ACKNOWLEDGE = f"""
    mutation ($lines: [AcknowledgeLineInput!]!, $number: String!, $system: String, $key: String) {{
      answer: acknowledgePurchaseOrder(
        input: {{number: $number, system: $system, lines: $lines, idempotencyKey: $key}}
      ) {{ {SHOWN} {SAID} }}
    }}"""
DECIDE = f"""
    mutation ($decision: AcknowledgementChoice!, $restOn: Date) {{
      answer: decideAcknowledgement(
        input: {{number: "PO-7", decision: $decision, restOn: $restOn, note: "so be it"}}
      ) {{ {SHOWN} {SAID} }}
    }}"""


class Live(FakeSource):
    """The orders that a system has now."""

    def __init__(self, system: System) -> None:
        super().__init__(system.system, EntityName.PURCHASE_ORDER, [])
        self._orders = system.orders

    @override
    async def by_keys(
        self,
        column: str,
        keys: Sequence[str],
        columns: frozenset[str],
        ask: Ask,
        criteria: Criteria = (),
    ) -> Batch:
        self.records = list(self._orders.values())
        return await super().by_keys(column, keys, columns, ask, criteria)


class Site:
    """Callers in front of a desk, and an order behind it."""

    def __init__(self) -> None:
        self.scene = Scene(House())
        house = self.scene.house
        self.procurement, erp = Live(house.procurement), Live(house.erp)
        regions = {"procurement": "west", "erp": "east"}
        self.desk = Desk(self.procurement, erp, regions=regions)
        self.desk.processing = Processing(acknowledgements=self.scene.desk)

    async def acknowledge(
        self, principal: Principal = OWN, quantity: str = "100", **more: Any
    ) -> Answer:
        lines = [
            {"lineNumber": n, "confirmedQuantity": q, "confirmedOn": "2026-12-23"}
            for n, q in ((10, "100"), (20, quantity))
        ]
        given = {"number": "PO-7", "lines": lines, **more}
        return await self.desk.ask(ACKNOWLEDGE, principal, **given)

    async def decide(self, decision: str, principal: Principal = PLANNER, **more: Any) -> Answer:
        return await self.desk.ask(DECIDE, principal, decision=decision, **more)


def shown(answer: Answer) -> list[tuple[str | None, str | None]]:
    assert answer.errors == ()
    lines = answer.data["answer"]["purchaseOrder"]["lines"]
    return [(x["confirmedQuantity"], x["confirmedOn"]) for x in lines]


def errors(answer: Answer) -> list[tuple[str, list[str] | None]]:
    return [(e["code"], e["field"]) for e in answer.data["answer"]["userErrors"]]


DAY = "2026-12-23"


async def test_the_order_is_told_as_it_is_after_the_answer() -> None:
    site = Site()
    answer = await site.acknowledge()
    assert shown(answer) == [("100", DAY), ("100", DAY)]
    assert (errors(answer), answer.data["answer"]["pending"]) == ([], False)


async def test_what_is_off_is_pending_and_a_buyer_decides() -> None:
    site = Site()
    answer = await site.acknowledge(quantity="60")
    assert shown(answer) == [("100", DAY), (None, None)]
    assert (errors(answer), answer.data["answer"]["pending"]) == ([], True)
    answer = await site.decide("SPLIT")
    assert errors(answer) == [("REST_ON_MISSING", ["input", "restOn"])]
    site.desk.now_s += 1
    answer = await site.decide("ACCEPT")
    assert shown(answer) == [("100", DAY), ("60", DAY)]
    assert (errors(answer), answer.data["answer"]["pending"]) == ([], False)


async def test_what_is_wrong_is_said_with_its_place() -> None:
    site = Site()
    assert errors(await site.acknowledge(quantity="-1")) == [
        ("QUANTITY_INVALID", ["input", "lines", "1", "confirmedQuantity"])
    ]
    await site.acknowledge(key="k")
    assert errors(await site.acknowledge(quantity="60", key="k")) == [
        ("CONFLICT", ["input", "idempotencyKey"])
    ]


async def test_an_order_of_others_is_as_one_that_is_not_there() -> None:
    site = Site()
    of_others = await site.acknowledge(OTHERS)
    nobodys = await site.acknowledge(OTHERS, number="PO-8")
    assert errors(of_others) == errors(nobodys) == [("NOT_FOUND", ["input", "number"])]
    [said], [other] = of_others.data["answer"]["userErrors"], nobodys.data["answer"]["userErrors"]
    assert said["message"].replace("PO-7", "PO-8") == other["message"]
    assert of_others.data["answer"]["purchaseOrder"] is None
    assert errors(await site.decide("ACCEPT", OTHERS)) == [("NOT_FOUND", ["input", "number"])]
    assert site.scene.house.procurement.told == []


async def test_who_is_bound_to_a_region_speaks_for_orders_of_its_systems_alone() -> None:
    site = Site()
    answer = await site.acknowledge(BOUND, system="procurement")
    assert errors(answer) == [("NOT_FOUND", ["input", "number"])]
    assert site.scene.engine.processes == {}
    answer = await site.acknowledge(BOUND)
    assert shown(answer) == [("100", DAY), ("100", DAY)]
    assert site.scene.house.erp.told != []


async def test_an_order_that_cannot_be_read_after_it_was_told_is_left_out_and_said() -> None:
    site = Site()
    site.procurement.error = UnavailableError("procurement", Reason.TIMEOUT, "slow")
    answer = await site.acknowledge()
    assert (errors(answer), answer.data["answer"]["purchaseOrder"]) == ([], None)
    assert [type(p).__name__ for p, _ in answer.problems] == ["UnavailableError"]
    assert site.scene.house.procurement.told != []


@pytest.mark.parametrize("question", ["acknowledge", "decide"])
async def test_an_installation_without_processes_takes_no_answers(question: str) -> None:
    site = Site()
    site.desk.processing = Processing()
    answer = await (site.acknowledge() if question == "acknowledge" else site.decide("ACCEPT"))
    assert errors(answer) == [("UNSUPPORTED", None)]
