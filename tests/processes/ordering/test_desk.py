"""Callers order once for each key, wait a while, and are told what has become of it."""

import asyncio
from decimal import Decimal

import pytest
from msgspec.structs import replace

from canonical.entities import EntityName
from canonical.errors import ConflictError
from canonical.ordering import FindingCode, Ordered, OrderReference, WantedOrder
from tests.fakes.sinks import refused
from tests.processes.ordering.house import House
from tests.unit.workflows.ordering.house import line, supplier, wanted
from workflows.ordering.handing import CANCELLING, ORDERING, named_id
from workflows.ordering.rules import Timing

LEAD = OrderReference("procurement", "procurement-45", "45")
ABOUT = ("supplier:S1", "item:I1", "location:L1", "region:EU", "category:odd")


async def create(house: House, order: WantedOrder | None = None, key: str = "k1") -> Ordered:
    return await house.desk.create(order or wanted(), key=key, actor="bea", correlation_id="c-1")


async def test_an_order_is_answered_with_what_the_leading_system_has() -> None:
    house = House()
    ordered = await create(house)
    assert ordered == Ordered(order=LEAD, process_id=named_id(ORDERING, "bea", "k1"))
    starting = house.engine.starts[0]
    assert (starting.started_by, starting.correlation_id) == ("bea", "c-1")
    assert starting.subjects[1:] == ABOUT


async def test_two_hundred_callers_with_one_key_make_one_order() -> None:
    house = House()
    answers = await asyncio.gather(*(create(house) for _ in range(200)))
    assert {a.order for a in answers} == {LEAD}
    assert (len(house.procurement.orders), len(house.erp.orders)) == (1, 1)
    assert house.records.reads.count((EntityName.SUPPLIER, "code")) == 2  # the desk, the process


async def test_a_caller_who_goes_takes_nobody_with_it() -> None:
    house = House()
    first, second = (asyncio.create_task(create(house)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).order == LEAD


async def test_two_desks_with_one_engine_make_one_order() -> None:
    house = House()
    other = house.ordering.desk(house.engine)
    there = other.create(wanted(), key="k1", actor="bea", correlation_id="c-2")
    one, two = await asyncio.gather(create(house), there)
    assert one.order == two.order == LEAD
    assert len(house.procurement.orders) == 1


async def test_the_same_key_gives_the_same_answer_later_whatever_is_so_by_then() -> None:
    house = House()
    first = await create(house)
    house.records.records = [supplier(status="BLOCKED")]
    again = await create(house, wanted(line(quantity=Decimal("20.00"))))
    assert again == first
    assert len(house.procurement.orders) == 1


async def test_another_actor_or_key_makes_another_order() -> None:
    house = House()
    await create(house)
    await create(house, key="k2")
    await house.desk.create(wanted(), key="k1", actor="ben", correlation_id="c-3")
    assert len(house.procurement.orders) == 3


@pytest.mark.parametrize("at_once", [True, False])
async def test_another_order_under_the_same_key_is_a_conflict(at_once: bool) -> None:
    house = House()
    other = wanted(line(quantity=Decimal(21)))
    if at_once:
        made = await asyncio.gather(create(house), create(house, other), return_exceptions=True)
        [conflict] = [m for m in made if isinstance(m, ConflictError)]
    else:
        await create(house)
        with pytest.raises(ConflictError) as found:
            await create(house, other)
        conflict = found.value
    assert conflict.message == (
        "this idempotency key was used before, for something else: use another key, or send "
        "exactly what was sent then"
    )
    assert len(house.procurement.orders) == 1


async def test_what_is_refused_begins_nothing_and_leaves_its_key_free() -> None:
    house = House()
    ordered = await create(house, wanted(supplier="S9"))
    assert [f.code for f in ordered.findings] == [FindingCode.SUPPLIER_UNKNOWN]
    assert (ordered.process_id, house.engine.starts) == (None, [])
    assert (await create(house)).order == LEAD


async def test_what_the_leading_system_says_against_it_is_a_finding() -> None:
    house = House()
    house.procurement.next["create"] = [refused("procurement", "no approver for S1")]
    ordered = await create(house)
    assert [f.message for f in ordered.findings] == ["procurement refuses: no approver for S1"]
    assert (ordered.order, ordered.pending) == (None, False)
    assert await create(house) == ordered


async def test_warnings_are_told_with_the_order() -> None:
    house = House()
    soon = wanted(line(due_on=line().due_on.replace(month=11, day=24)))
    ordered = await create(house, soon)
    assert ([f.code.value for f in ordered.warnings], ordered.order) == (
        ["LEAD_TIME_TOO_SHORT"],
        LEAD,
    )
    assert [f.code for f in (await house.desk.validate(soon, correlation_id="c")).warnings] == [
        FindingCode.LEAD_TIME_TOO_SHORT
    ]


class Held:
    """Keeps a system from answering until it is let go."""

    def __init__(self, sink: object, method: str) -> None:
        self.gate = asyncio.Event()
        self._work = getattr(sink, method)
        setattr(sink, method, self.call)

    async def call(self, *args: object, **more: object) -> object:
        await self.gate.wait()
        return await self._work(*args, **more)


async def ends(house: House) -> None:
    """The fake engine waits for what runs; here somebody holds it up."""

    async def ended(process_id: str, within_s: float) -> object:
        for _ in range(50):
            await asyncio.sleep(0)
        return house.engine.processes[process_id].ended

    house.engine.ended = ended  # type: ignore[method-assign,assignment]


async def test_who_cannot_wait_longer_is_told_that_it_is_being_made() -> None:
    house = House(timing=Timing(answer_s=0.0))
    await ends(house)
    held = Held(house.procurement, "create")
    ordered = await create(house)
    assert ordered == Ordered(process_id=named_id(ORDERING, "bea", "k1"), pending=True)
    held.gate.set()
    assert (await create(house)).order == LEAD


async def test_the_order_is_told_as_soon_as_the_leading_system_has_it() -> None:
    house = House(timing=Timing(answer_s=3_600.0))
    await ends(house)
    held = Held(house.erp, "create")
    ordered = await create(house)
    assert (ordered.order, ordered.pending) == (
        OrderReference("procurement", "procurement-45"),
        True,
    )
    held.gate.set()
    assert not (await create(house)).pending


async def cancel(house: House, order: OrderReference = LEAD, key: str = "k1") -> Ordered:
    return await house.desk.cancel(order, "not needed", key=key, actor="bea", correlation_id="c-9")


@pytest.mark.parametrize("order", [LEAD, OrderReference("erp", "erp-7000", "7000")])
async def test_an_order_is_called_off_in_every_system_the_leading_one_first(
    order: OrderReference,
) -> None:
    house = House()
    await create(house)
    called_off = await cancel(house, order)
    assert called_off == Ordered(order=order, process_id=named_id(CANCELLING, "bea", "k1"))
    assert [o.cancelled for o in house.procurement.orders.values()] == [True]
    assert [o.cancelled for o in house.erp.orders.values()] == [True]
    told = [o.source_event_id.split("/")[1:] for o in house.ears.heard[2:]]
    assert told == [["procurement", "called off"], ["erp", "called off"]]


async def test_what_the_leading_system_does_not_call_off_stays_everywhere() -> None:
    house = House()
    await create(house)
    house.procurement.next["cancel"] = [refused("procurement", "goods are on their way")]
    called_off = await cancel(house)
    assert [f.message for f in called_off.findings] == [
        "procurement refuses: goods are on their way"
    ]
    assert [o.cancelled for o in house.erp.orders.values()] == [False]
    assert await cancel(house) == called_off
    assert (await cancel(house, key="k2")).findings == ()


async def test_what_a_follower_does_not_call_off_is_for_people_to_look_at() -> None:
    house = House()
    await create(house)
    house.erp.next["cancel"] = [refused("erp", "it is invoiced")]
    called_off = await cancel(house)
    assert called_off.findings == ()
    process = house.engine.processes[called_off.process_id or ""]
    assert "erp refuses: it is invoiced" in process.troubles[0].message
    assert process.ended is not None
    assert str(process.ended.outcome) == "called off: 45 in procurement; left in erp"


async def test_an_order_of_nobody_here_is_called_off_where_it_is() -> None:
    house = House()
    await create(house)
    house.engine.processes.clear()
    await cancel(house)
    assert [o.cancelled for o in house.procurement.orders.values()] == [True]
    assert [o.cancelled for o in house.erp.orders.values()] == [False]


async def test_an_order_that_is_being_made_is_given_up() -> None:
    house = House(timing=Timing(answer_s=0.0))
    await ends(house)
    held = Held(house.erp, "create")
    await create(house)
    assert (await cancel(house)).pending
    assert house.engine.told == [("cancel", named_id(ORDERING, "bea", "k1"), "not needed", "bea")]
    held.gate.set()
    await cancel(house)
    await cancel(house)
    assert not (await cancel(house)).pending
    assert all(o.cancelled for s in (house.procurement, house.erp) for o in s.orders.values())


async def test_an_order_in_a_system_that_takes_none_is_not_called_off_from_here() -> None:
    house = House()
    called_off = await cancel(house, OrderReference("wms", "9"))
    assert [f.message for f in called_off.findings] == [
        "orders in wms cannot be called off from here: do it there"
    ]
    assert house.engine.starts == []


async def test_a_key_calls_one_order_off() -> None:
    house = House()
    await create(house)
    await cancel(house)
    with pytest.raises(ConflictError):
        await cancel(house, replace(LEAD, key="another"))
