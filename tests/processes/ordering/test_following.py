"""What the leading system does to an order later is done in the others too."""

from typing import Any

import pytest
from msgspec.structs import replace

from canonical.events import ACKNOWLEDGED, Event, PurchaseOrderAcknowledged
from canonical.purchase_orders import PurchaseOrderStatus
from tests.fakes.happenings import status_changed
from tests.fakes.sinks import refused
from tests.processes.ordering.house import House
from tests.unit.workflows.ordering.house import wanted
from workflows.ordering.following import following
from workflows.ordering.handing import FOLLOWING, OrderChanged, OrderFollowed

LEADS = frozenset({"procurement"})
CANCELLED = PurchaseOrderStatus.CANCELLED


def event(status: PurchaseOrderStatus = CANCELLED, **changes: Any) -> Event:
    given: dict[str, Any] = {
        "system": "procurement",
        "key": "procurement-45",
        "source_event_id": "e1",
    }
    return replace(status_changed(45, status), **{**given, **changes})


async def ordered(house: House) -> None:
    await house.desk.create(wanted(), key="k1", actor="bea", correlation_id="c-1")


async def followed(house: House, happened: Event) -> OrderFollowed:
    starting = following(happened, LEADS)
    assert starting is not None
    await house.engine.start([starting])
    ended = await house.engine.ended(starting.process_id, 1)
    assert ended is not None
    assert isinstance(ended.outcome, OrderFollowed)
    return ended.outcome


@pytest.mark.parametrize("status", [CANCELLED, PurchaseOrderStatus.REJECTED])
async def test_an_order_that_the_leading_system_gives_up_is_called_off_in_the_others(
    status: PurchaseOrderStatus,
) -> None:
    house = House()
    await ordered(house)
    house.procurement.change_to("procurement-45", cancelled=True)
    outcome = await followed(house, event(status))
    assert str(outcome) == "called off: 7000 in erp"
    assert [o.cancelled for o in house.erp.orders.values()] == [True]
    assert [m for m, _ in house.procurement.told] == ["create", "release"]
    assert house.ears.heard[-1].system == "erp"


async def test_the_same_event_heard_twice_is_followed_once() -> None:
    house = House()
    await ordered(house)
    await followed(house, event())
    await followed(house, event())
    assert [m for m, _ in house.erp.told].count("cancel") == 1
    assert following(event(), LEADS) == following(event(), LEADS)


async def test_two_events_of_one_order_call_it_off_once() -> None:
    house = House()
    await ordered(house)
    await followed(house, event())
    await followed(house, event(source_event_id="e2"))
    assert [m for m, _ in house.erp.told].count("cancel") == 1


async def test_what_a_follower_says_against_it_is_for_people_to_look_at() -> None:
    house = House()
    await ordered(house)
    house.erp.next["cancel"] = [refused("erp", "it is invoiced")]
    outcome = await followed(house, event())
    assert (outcome.orders, outcome.left) == ((), ("erp",))
    [process] = [p for p in house.engine.processes.values() if p.kind.kind == FOLLOWING]
    assert "region:EU" in process.troubles[0].subjects
    assert process.troubles[0].message == (
        "order erp-7000 in erp is to be called off (cancelled in procurement, as PO45), and is "
        "not: erp refuses: it is invoiced. Call it off there by hand, or agree with the supplier"
    )


async def test_an_order_that_was_not_made_here_is_nobodys_business() -> None:
    house = House()
    assert str(await followed(house, event())) == "nothing to call off"


async def test_an_order_that_is_being_made_is_waited_for() -> None:
    house = House()
    create = house.erp.create

    async def called_off_behind_our_back(*args: Any) -> Any:
        made = await create(*args)
        house.procurement.change_to("procurement-45", cancelled=True)
        starting = following(event(), LEADS)
        assert starting is not None
        await house.engine.start([starting])
        return made

    house.erp.create = called_off_behind_our_back  # type: ignore[assignment,method-assign]
    await ordered(house)
    await followed(house, event())
    assert [o.cancelled for o in house.erp.orders.values()] == [True]


def test_what_an_event_calls_for() -> None:
    starting = following(event(), LEADS)
    assert starting is not None
    assert starting.asked == OrderChanged(
        system="procurement", key="procurement-45", number="PO45", status=CANCELLED
    )
    assert starting.correlation_id == event().correlation_id
    assert "order:procurement:procurement-45" in starting.subjects


@pytest.mark.parametrize(
    "happened",
    [
        event(system="erp"),
        event(PurchaseOrderStatus.SENT),
        event(applied=False),
        replace(
            event(),
            type=ACKNOWLEDGED.type,
            data=PurchaseOrderAcknowledged(number="45", supplier="S1", lines=()),
        ),
    ],
)
def test_other_events_call_for_nothing(happened: Event) -> None:
    assert following(happened, LEADS) is None
