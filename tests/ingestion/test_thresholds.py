"""Thresholds over a real log: each crossing is told once, whichever process hears of it."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace
from structlog.testing import capture_logs

from app.threshold_figures import ThresholdFigures
from canonical.absent import ABSENT
from canonical.entities import EntityName
from canonical.errors import Reason, UnavailableError
from canonical.events import Event
from canonical.inventory import InventoryPosition
from canonical.observations import Observation
from canonical.values import UnitConversion
from resolvers.events import Shown
from runtime.events.ledger import Ledger
from tests.fakes.desk import NOW, Desk
from tests.fakes.distributor import Distributor, item, position
from workflows.ingestion.intake import Delivery, Intake
from workflows.ingestion.thresholds import Level, Rule, Thresholds

SAFETY = Rule(name="safety_stock")
STOCK = EntityName.INVENTORY


def report(available: int | str, minute: int, *, unit: str = "PC", **more: Any) -> Observation:
    """Stock of item 1 at location 0, of which 5 are to be kept at least."""
    told = replace(position(1, 0, 0, unit), available=Decimal(available), provenance=ABSENT)
    given: dict[str, Any] = {
        "system": "erp",
        "entity": STOCK,
        "key": "I1|L0",
        "record": told,
        "occurred_at": NOW + timedelta(minutes=minute - 60),
        "source_event_id": f"m{minute}",
    }
    return Observation(**{**given, **more})


def process(ledger: Ledger, desk: Desk, *rules: Rule) -> Intake:
    """Takes reports in as one process does."""
    figures = ThresholdFigures(desk.keyed, desk.units)
    return Intake(ledger, Thresholds(rules or [SAFETY], figures, ledger))


async def take(intake: Intake, *reports: Observation) -> None:
    await intake.take(
        [Delivery(system="erp", observations=(o,), delivery_id=o.source_event_id) for o in reports]
    )


async def crossings(ledger: Ledger) -> list[tuple[str, str, int]]:
    events = await ledger.read(STOCK, 0, 1_000)
    told = [e for e in events if e.kind.name != "changed"]
    return [(e.kind.name, str(e.data.available), e.position) for e in told]


async def test_each_crossing_is_told_once_by_all_processes_together(ledger: Ledger) -> None:
    desk = Desk(*Distributor().sources)
    second = Ledger(ledger.store, now=ledger.now)
    one, other = process(ledger, desk), process(second, desk)
    stock = [9, 4, 3, 5, 4, 6, 5, 2]
    for minute, available in enumerate(stock):  # both are told of all of it
        same = report(available, minute)
        await asyncio.gather(take(one, same), take(other, replace(same, source_event_id="again")))
    assert await crossings(ledger) == [
        ("threshold_breached", "4", 3),
        ("threshold_recovered", "6", 8),
        ("threshold_breached", "2", 11),
    ]
    [told] = await ledger.read(STOCK, 2, 1)
    [cause] = await ledger.read(STOCK, 1, 1)
    assert told.correlation_id == cause.correlation_id
    assert told.source_event_id == f"{cause.source_event_id}/safety_stock"


async def test_a_delivery_of_many_changes_is_decided_in_their_order(ledger: Ledger) -> None:
    intake = process(ledger, Desk(*Distributor().sources))
    reports = tuple(report(available, m) for m, available in enumerate([9, 4, 6]))
    await intake.take([Delivery(system="erp", observations=reports)])
    assert [name for name, _, _ in await crossings(ledger)] == [
        "threshold_breached",
        "threshold_recovered",
    ]


async def test_what_was_short_in_a_baseline_is_not_told_until_it_changes_sides(
    ledger: Ledger,
) -> None:
    intake = process(ledger, Desk(*Distributor().sources))
    await take(intake, report(3, 0, baseline=True))
    await take(intake, report(2, 1, baseline=True))
    assert await crossings(ledger) == []
    await take(intake, report(7, 2))
    assert [name for name, _, _ in await crossings(ledger)] == ["threshold_recovered"]


async def test_a_position_that_is_no_longer_there_is_short(ledger: Ledger) -> None:
    intake = process(ledger, Desk(*Distributor().sources))
    await take(intake, report(9, 0, baseline=True), report(9, 0, key="other", baseline=True))
    await take(intake, report(0, 1, record=None))
    assert await crossings(ledger) == [("threshold_breached", "0", 2)]


async def test_a_report_of_quantities_alone_is_of_the_position_that_is_known(
    ledger: Ledger,
) -> None:
    intake = process(ledger, Desk(*Distributor().sources))
    await take(intake, report(9, 0, baseline=True))
    await take(intake, report(0, 1, record=InventoryPosition(available=Decimal(2))))
    assert await crossings(ledger) == [("threshold_breached", "2", 2)]


async def test_late_stock_decides_nothing(ledger: Ledger) -> None:
    intake = process(ledger, Desk(*Distributor().sources))
    for late in (report(9, 5), report(1, 3), report(8, 6)):
        await take(intake, late)
    assert [e.applied for e in await ledger.read(STOCK, 0, 10)] == [True, False, True]


async def test_stock_is_taken_in_while_items_cannot_be_read_and_decided_afterwards(
    ledger: Ledger,
) -> None:
    world = Distributor()
    intake = process(ledger, Desk(*world.sources, fresh_s=0))
    world.items.error = UnavailableError("erp", Reason.TIMEOUT, "slow")
    with capture_logs() as logs:
        await take(intake, report(4, 0))
    assert [(line["count"], line["keys"]) for line in logs if "keys" in line] == [(1, ["I1"])]
    assert await crossings(ledger) == []
    world.items.error = None
    await take(intake, report(3, 1))
    assert await crossings(ledger) == [("threshold_breached", "3", 3)]


async def test_masters_of_many_positions_are_asked_for_once_and_kept(ledger: Ledger) -> None:
    world = Distributor()
    intake = process(ledger, Desk(*world.sources), Rule(name="r", regions=frozenset({"EU"})))
    told = [
        report(1, 0, key=f"I{i}|L{x}", record=replace(position(i, x, 1), provenance=ABSENT))
        for i in range(5)
        for x in range(2)
    ]
    for reports in (told, [replace(o, source_event_id=f"{o.key}@2") for o in told]):
        named = tuple(replace(o, source_event_id=f"{o.source_event_id}{o.key}") for o in reports)
        await intake.take([Delivery(system="erp", observations=named)])
    assert len(await crossings(ledger)) == 10
    assert [len(s.asked) for s in (world.items, world.locations)] == [1, 1]


async def test_conversions_of_the_item_and_of_the_manifest_count(ledger: Ledger) -> None:
    world = Distributor()
    world.items.records[1] = item(1, safety_stock=Decimal(24))
    desk = Desk(*world.sources)
    desk.units = {("", "PC"): (UnitConversion("PAL", Decimal(48)),)}
    intake = process(ledger, desk)
    await take(intake, report("1", 0, unit="BOX"))
    await take(intake, report("0.5", 1, unit="PAL"))  # 24: recovered at 26.4 only
    await take(intake, report("0.75", 2, unit="PAL"))
    assert await crossings(ledger) == [
        ("threshold_breached", "1", 2),
        ("threshold_recovered", "0.75", 5),
    ]
    [event] = await ledger.read(STOCK, 1, 1)
    assert (event.data.threshold, event.data.unit) == (2, "BOX")


async def test_subscribers_are_told_with_the_position_that_is_short(ledger: Ledger) -> None:
    desk = Desk(*Distributor().sources)
    intake = process(ledger, desk, SAFETY, Rule(name="reorder", below=Level.REORDER_POINT))
    await take(intake, report(7, 0), report(3, 1))
    events: list[Event] = [
        e for e in await ledger.read(STOCK, 0, 10) if e.kind.name == "threshold_breached"
    ]
    question = """subscription { inventoryThresholdBreached { rule threshold available recovered
        position { onHand item { sku safetyStock } } } }"""
    answers = await desk.hear(question, [Shown(e, "c") for e in events])
    assert [a.data["inventoryThresholdBreached"] for a in answers] == [
        {
            "rule": rule,
            "threshold": threshold,
            "available": available,
            "recovered": False,
            "position": {"onHand": "10", "item": {"sku": "I1", "safetyStock": "5"}},
        }
        for rule, threshold, available in (("reorder", "8", "7"), ("safety_stock", "5", "3"))
    ]
