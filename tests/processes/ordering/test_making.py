"""An order is made in the system that leads and in those that follow, and handed on."""

from decimal import Decimal

from msgspec.structs import replace

from canonical.entities import EntityName
from canonical.errors import Reason, UnavailableError
from canonical.ordering import FindingCode, OrderReference
from canonical.suppliers import SupplierStatus
from canonical.values import Money
from tests.fakes.processes import FakeProcess
from tests.processes.ordering.house import House
from tests.unit.workflows.ordering.house import supplier
from workflows.ordering.handing import (
    CONFIRMATION,
    OrderHanded,
    OrderState,
    confirmation_id,
    order_key,
)
from workflows.process import CancelledByOperatorError, SettledByOperatorError

LEAD = OrderReference("procurement", "procurement-45", "45")
FOLLOWER = OrderReference("erp", "erp-7000", "7000")
DOWN = UnavailableError("erp", Reason.CONNECTION, "no connection")


def key_of(process: FakeProcess) -> str:
    return order_key(process.id)


async def test_an_order_is_made_in_the_system_that_leads_and_then_in_the_one_that_follows() -> None:
    house, process = House(), FakeProcess()
    made = await house.make(process)
    assert made.state is OrderState.MADE
    assert made.orders == (LEAD, FOLLOWER)
    assert str(made) == "made: 45 in procurement, 7000 in erp"
    assert process.steps == [
        "validate",
        "create in procurement",
        "release in procurement",
        "tell of the order in procurement",
        "create in erp",
        "release in erp",
        "tell of the order in erp",
    ]
    first, second = house.procurement.made[LEAD.key], house.erp.made[FOLLOWER.key]
    assert first.key == second.key == key_of(process)
    assert (first.number, second.number) == (None, "45")
    assert replace(first, number="45") == second
    assert [(x.unit, x.unit_price) for x in first.lines] == [("PC", Money(Decimal(10), "EUR"))]
    assert all(order.released for order in house.erp.orders.values())
    assert process.troubles == []


async def test_the_correlation_id_goes_with_every_call() -> None:
    house = House()
    await house.make(FakeProcess(correlation_id="c-77"))
    asks = house.procurement.asks + house.erp.asks
    assert len(asks) == 5
    assert {ask.correlation_id for ask in asks} == {"c-77"}
    assert not any(ask.interactive for ask in asks)


async def test_the_process_is_found_by_what_it_is_about() -> None:
    process = FakeProcess()
    await House().make(process)
    assert process.subjects == [
        "supplier:S1",
        "item:I1",
        "location:L1",
        "region:EU",
        "category:odd",
        "order:procurement:procurement-45",
        "purchase_order:45",
        "order:erp:erp-7000",
        "purchase_order:7000",
    ]


async def test_the_log_hears_of_the_orders_as_their_systems_tell_them() -> None:
    house, process = House(), FakeProcess()
    await house.make(process)
    assert [(o.system, o.key, o.record.number) for o in house.ears.heard] == [  # type: ignore[union-attr]
        ("procurement", "procurement-45", "45"),
        ("erp", "erp-7000", "7000"),
    ]
    assert {o.correlation_id for o in house.ears.heard} == {process.correlation_id}
    assert len({o.source_event_id for o in house.ears.heard}) == 2


async def test_an_order_that_cannot_be_read_back_is_made_all_the_same() -> None:
    house = House()
    house.records.failures[EntityName.PURCHASE_ORDER] = DOWN
    assert (await house.make(FakeProcess())).state is OrderState.MADE
    assert house.ears.heard == []


async def test_confirmation_is_handed_the_order() -> None:
    process = FakeProcess()
    await House().make(process)
    [handed] = process.started
    assert (handed.kind, handed.process_id) == (
        CONFIRMATION,
        confirmation_id("procurement", "procurement-45"),
    )
    assert handed.asked == OrderHanded(
        system="procurement", key=LEAD.key, number="45", supplier="S1", follow=(FOLLOWER,)
    )


async def test_no_confirmation_is_begun_where_there_is_none() -> None:
    process = FakeProcess()
    await House(confirms=False).make(process)
    assert process.started == []


async def test_no_confirmation_is_begun_for_what_has_not_been_sent() -> None:
    house = House(follow=())
    process = FakeProcess(operator=[SettledByOperatorError("olga", "later")])
    house.procurement.next["release"] = [RuntimeError("what is this")]
    made = await house.make(process)
    assert (made.state, made.orders) == (OrderState.SETTLED, (LEAD,))
    assert process.started == []


async def test_one_system_is_enough() -> None:
    house, process = House(follow=()), FakeProcess()
    made = await house.make(process)
    assert made.orders == (LEAD,)
    assert house.erp.told == []


async def test_a_number_that_comes_with_the_release_goes_to_the_follower() -> None:
    house, process = House(), FakeProcess()
    house.procurement._numbered = False
    made = await house.make(process)
    assert made.orders[0] == LEAD
    assert house.erp.made[FOLLOWER.key].number == "45"
    assert "purchase_order:45" in process.subjects


async def test_what_is_wrong_by_now_is_refused_and_told_nowhere() -> None:
    house = House(supplier(status=SupplierStatus.BLOCKED))
    made = await house.make(FakeProcess())
    assert (made.state, [f.code for f in made.findings]) == (
        OrderState.REFUSED,
        [FindingCode.SUPPLIER_NOT_APPROVED],
    )
    assert (house.procurement.told, house.erp.told) == ([], [])


async def test_what_cannot_be_checked_now_is_waited_for() -> None:
    house = House()
    house.records.failures[EntityName.ITEM] = DOWN
    process = FakeProcess(operator=[CancelledByOperatorError("olga", "not needed")])
    made = await house.make(process)
    assert process.pauses == 3
    assert made.state is OrderState.CALLED_OFF
    assert [f.message for f in made.findings] == ["olga has called it off: not needed"]
