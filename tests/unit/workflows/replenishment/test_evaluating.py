"""Evaluations of many items at once: as many questions as for one, and nothing is guessed."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs
from typing_extensions import override

from bench.replenishment.comparing import Found, differences
from bench.replenishment.world import HOUSE, TODAY, MemoryRecords, World
from canonical.entities import EntityName
from canonical.errors import BadAnswerError, NotFoundError, Reason, UnavailableError
from canonical.exceptions import ExceptionCategory
from canonical.forecasts import Forecast
from canonical.inventory import InventoryPosition
from canonical.items import Item, ItemStatus
from canonical.ports import Batch
from canonical.purchase_orders import PurchaseOrder, PurchaseOrderLine, PurchaseOrderStatus
from canonical.records import Provenance, Record
from canonical.suppliers import Supplier, SupplierStatus
from canonical.values import Money
from workflows.replenishment.assembling import House
from workflows.replenishment.evaluating import Evaluator, Wanted
from workflows.replenishment.policy import Policies, Policy, Stock

WORLD = World(items=20, locations=6)
"""All of it is evaluated in one go, and worked out by hand besides."""


def today() -> date:
    return TODAY


async def test_all_of_a_world_is_what_another_calculation_says() -> None:
    records = MemoryRecords(WORLD)
    wanted = [Wanted(sku, None, "c-1") for sku in WORLD.skus]
    findings = await Evaluator(records, HOUSE, today=today).evaluate(wanted, correlation_id="c-1")
    found = Found()
    found.take(findings.evaluated)
    found.warn(findings.risks)
    assert len(found.answers) == 120
    assert list(differences(WORLD, found, WORLD.skus)) == []
    assert records.calls == 7
    counts = {
        "bought": sum(a.buy is not None for a in found.answers.values()),
        "lacking": len(findings.risks),
        "problems": sum(a.problem for a in found.answers.values()),
    }
    # Made-up figures that lead to all kinds of answers; they change with the world alone.
    assert counts == {"bought": 41, "lacking": 13, "problems": 4}


class Shelf:
    """Records that a test lays out; some of them cannot be read."""

    def __init__(self, *records: Record) -> None:
        self.records: list[Record] = list(records)
        self.failures: dict[tuple[str, str], Any] = {}
        self.asked: list[tuple[EntityName, bool]] = []

    async def by_keys(  # as the port has it
        self,
        entity: EntityName,
        column: str,
        keys: Sequence[str],
        columns: frozenset[str],
        *,
        correlation_id: str,
        criteria: Any = (),
        fresh: bool = False,
    ) -> Batch:
        del columns, correlation_id, criteria
        self.asked.append((entity, fresh))
        kind = _KINDS.get(entity)
        failures = {k: self.failures[entity, k] for k in keys if (entity, k) in self.failures}
        return Batch([r for r in self.records if type(r) is kind], failures)

    def all(self, *_: Any, **__: Any) -> Any:
        raise AssertionError


_KINDS: Mapping[EntityName, type[Record]] = {
    EntityName.ITEM: Item,
    EntityName.SUPPLIER: Supplier,
    EntityName.INVENTORY: InventoryPosition,
    EntityName.FORECAST: Forecast,
    EntityName.PURCHASE_ORDER: PurchaseOrder,
}
ITEM = Item(
    provenance=Provenance("erp", "I-1", None),  # type: ignore[arg-type]  # no matter when
    sku="I-1",
    unit="PC",
    category="Tools",
    status=ItemStatus.ACTIVE,
    lead_time_days=10,
    safety_stock=Decimal(20),
    preferred_supplier="ACME",
    standard_cost=Money(Decimal("2.5"), "EUR"),
)
ACME = Supplier(provenance=ITEM.provenance, code="ACME", status=SupplierStatus.APPROVED)


def position(location: str, available: int, **more: Any) -> InventoryPosition:
    return InventoryPosition(
        provenance=Provenance("erp", location, None),  # type: ignore[arg-type]  # as above
        item="I-1",
        location=location,
        on_hand=Decimal(available + 5),
        reserved=Decimal(5),
        available=Decimal(available),
        unit="PC",
        **more,
    )


def forecast(location: str | None, quantity: int) -> Forecast:
    """For the next hundred days."""
    return Forecast(
        provenance=Provenance("plan", f"{location}", None),  # type: ignore[arg-type]  # as above
        item="I-1",
        location=location,
        period_start=TODAY,
        period_end=date(2027, 3, 5),
        quantity=Decimal(quantity),
        unit="PC",
    )


def order(number: str, ship_to: str | None, quantity: int) -> PurchaseOrder:
    line = PurchaseOrderLine(
        line_number=1,
        item="I-1",
        ship_to=ship_to,
        quantity=Decimal(quantity),
        received=(),
        unit="PC",
        due_on=TODAY,
        confirmed_on=None,
        cancelled=False,
        completed=False,
    )
    return PurchaseOrder(
        provenance=Provenance("erp", number, None),  # type: ignore[arg-type]  # as above
        number=number,
        status=PurchaseOrderStatus.SENT,
        lines=(line, replace(line, line_number=2, cancelled=True)),
    )


def evaluator(shelf: Shelf, policy: Policy | None = None) -> Evaluator:
    return Evaluator(shelf, House(policies=Policies(policy or Policy())), today=today)


async def quantities(shelf: Shelf, policy: Policy | None = None) -> dict[str, Any]:
    """What is proposed for item I-1, or why it cannot be said, by location."""
    found = await evaluator(shelf, policy).evaluate([Wanted("I-1", None, "c")], correlation_id="c")
    return {
        e.location: e.problem or (e.proposal and int(e.proposal.quantity)) for e in found.evaluated
    }


async def test_an_order_counts_once_and_where_it_is_sent_to() -> None:
    shelf = Shelf(ITEM, ACME, position("A", 0), position("B", 0), order("1", "A", 30))
    shelf.records.append(shelf.records[-1])  # answered for two of its keys
    assert await quantities(shelf) == {"A": None, "B": 20}
    # What is sent nowhere in particular counts nowhere, unless there is one place alone.
    shelf = Shelf(ITEM, ACME, position("A", 0), position("B", 0), order("1", None, 30))
    assert await quantities(shelf) == {"A": 20, "B": 20}
    assert await quantities(Shelf(ITEM, ACME, position("A", 0), order("1", None, 30))) == {
        "A": None
    }


async def test_forecasts_of_no_location_are_for_the_only_one() -> None:
    alone = Shelf(ITEM, ACME, position("A", 20), forecast(None, 100))
    assert await quantities(alone) == {"A": 38}
    several = Shelf(ITEM, ACME, position("A", 20), position("B", 20), forecast(None, 100))
    problems = await quantities(several)
    assert "say with `unlocated_share` in the policy what share is that of A" in problems["A"]
    assert await quantities(several, Policy(unlocated_share=Decimal("0.5"))) == {"A": 19, "B": 19}


async def test_stock_that_is_promised_counts_by_policy() -> None:
    shelf = Shelf(ITEM, ACME, position("A", 16))
    assert await quantities(shelf) == {"A": 4}
    assert await quantities(shelf, Policy(stock=Stock.ON_HAND)) == {"A": None}


async def test_what_no_system_knows_is_a_problem() -> None:
    found = await evaluator(Shelf(ACME)).evaluate([Wanted("I-1", "A", "c")], correlation_id="c")
    assert [e.problem for e in found.evaluated] == ["item 'I-1' is not known in any system"]
    assert found.calm == []
    [trouble] = found.problems
    assert (trouble.category, trouble.message) == (
        ExceptionCategory.MAPPING_MISSING,
        (
            "Item I-1 cannot be evaluated at A: item 'I-1' is not known in any system. Nothing is "
            "recommended to be bought there until then."
        ),
    )
    nobody = await quantities(Shelf(ITEM, position("A", 0)))
    assert nobody["A"].startswith("item 'I-1' can be bought from nobody: ACME is not known.")


@pytest.mark.parametrize(
    "where",
    [
        (EntityName.INVENTORY, "I-1"),
        (EntityName.SUPPLIER, "ACME"),
        (EntityName.LOCATION, "A"),
    ],
    ids=str,
)
async def test_nothing_is_decided_on_what_could_not_be_read(where: tuple[str, str]) -> None:
    shelf = Shelf(ITEM, ACME, position("A", 0))
    away = UnavailableError("erp", Reason.TIMEOUT, "no answer")
    shelf.failures[where] = away
    found = await evaluator(shelf).evaluate([Wanted("I-1", None, "c")], correlation_id="c")
    assert (found.evaluated, found.calm, found.unread) == ([], [], {"I-1": away})
    with pytest.raises(UnavailableError):
        await evaluator(shelf).recalculated("I-1", "A", correlation_id="c")


async def test_what_will_never_be_read_is_a_problem() -> None:
    shelf = Shelf(ITEM, ACME, position("A", 0))
    shelf.failures[EntityName.INVENTORY, "I-1"] = NotFoundError("stock has no item any more")
    assert await quantities(shelf) == {"A": "stock has no item any more"}
    bad = BadAnswerError("erp", "not a number")
    shelf.failures[EntityName.INVENTORY, "I-1"] = bad
    found = await evaluator(shelf).evaluate([Wanted("I-1", None, "c")], correlation_id="c")
    assert found.unread == {"I-1": bad}


async def test_people_are_told_once_of_an_item_that_cannot_be_evaluated() -> None:
    shelf = Shelf(ITEM, *(position(x, 0) for x in "ABC"), position("D", 99))
    found = await evaluator(shelf).evaluate([Wanted("I-1", None, "c-7")], correlation_id="c")
    [trouble] = found.problems
    assert trouble.category is ExceptionCategory.VALIDATION_REFUSED
    assert trouble.message == (
        "Item I-1 cannot be evaluated at A and 2 more: item 'I-1' can be bought from nobody: ACME "
        "is not known. Approve a supplier, or give the item another supply source. Nothing is "
        "recommended to be bought there until then."
    )
    assert trouble.subjects == ("item:I-1", "location:A", "location:B", "location:C")
    assert (trouble.cause, trouble.correlation_id) == ("replenishment:I-1/problem", "c-7")
    assert found.calm == ["replenishment:I-1@D/stockout"]
    shelf.records.append(ACME)
    found = await evaluator(shelf).evaluate([Wanted("I-1", None, "c")], correlation_id="c")
    assert found.calm[-1] == "replenishment:I-1/problem"


async def test_todays_figures_are_asked_for_afresh_and_explained() -> None:
    shelf = Shelf(ITEM, ACME, position("A", 500))
    found = await evaluator(shelf).recalculated("I-1", "A", correlation_id="c")
    assert found.proposal is None
    assert found.lines[-1].value == "nothing has to be ordered now"
    assert {fresh for _, fresh in shelf.asked} == {True}


async def test_people_are_told_what_runs_out_whatever_is_done() -> None:
    shelf = Shelf(ITEM, ACME, position("A", 4), forecast("A", 100))
    found = await evaluator(shelf).evaluate([Wanted("I-1", "A", "c-7")], correlation_id="c")
    [risk] = found.risks
    assert risk.category is ExceptionCategory.STOCKOUT_RISK
    assert risk.message == (
        "Stock of I-1 at A runs out on 29 November and 6 PC are missing until 5 December, 6 days "
        "later; an order of today from ACME comes too late. Have an open order brought forward, "
        "or move stock from elsewhere."
    )
    assert (risk.cause, risk.correlation_id) == ("replenishment:I-1@A/stockout", "c-7")
    assert risk.subjects == ("item:I-1", "location:A", "supplier:ACME", "category:Tools")
    assert (risk.days_of_cover_lost, risk.value_at_risk) == (
        Decimal(6),
        Money(Decimal("15.00"), "EUR"),
    )


async def test_one_item_that_we_stumble_over_does_not_hold_up_the_others() -> None:
    class Odd(Decimal):
        @override
        def __lt__(self, other: object) -> bool:
            raise ZeroDivisionError

    shelf = Shelf(replace(ITEM, safety_stock=Odd(3)), ACME, position("A", 0))
    with capture_logs() as logs:
        assert await quantities(shelf) == {
            "A": "it could not be calculated: a mistake of ours, which the log shows"
        }
    assert [(x["event"], x["item"], x["location"]) for x in logs] == [
        ("an item could not be evaluated", "I-1", "A")
    ]
