"""Reports become events once, whichever way and however often they come."""

from datetime import UTC, datetime, timedelta
from typing import Any

from canonical.dead_letters import DeadLetter
from canonical.entities import EntityName
from canonical.observations import Observation
from canonical.purchase_orders import PurchaseOrder, PurchaseOrderStatus
from runtime.events.ledger import Ledger
from runtime.events.letters import Letters
from workflows.ingestion.intake import Delivery, Intake, Verdict

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
ORDERS = EntityName.PURCHASE_ORDER


def report(status: str, *, minutes: int = 0, name: str = "d1", **more: Any) -> Observation:
    given: dict[str, Any] = {
        "system": "erp",
        "entity": ORDERS,
        "key": "K1",
        "record": PurchaseOrder(number="PO1", supplier="S1", status=PurchaseOrderStatus(status)),
        "occurred_at": NOW + timedelta(minutes=minutes),
        "source_event_id": name,
    }
    return Observation(**{**given, **more})


def delivery(*observations: Observation, name: str | None = "d1") -> Delivery:
    return Delivery(system="erp", observations=observations, delivery_id=name)


async def test_a_delivery_that_comes_again_counts_once(ledger: Ledger) -> None:
    intake = Intake(ledger)
    first = await intake.take([delivery(report("SENT"))])
    again = await intake.take([delivery(report("ACKNOWLEDGED", minutes=5))])
    assert [t.verdict for t in first + again] == [Verdict.TAKEN, Verdict.KNOWN]
    assert [e.data.status for e in await ledger.read(ORDERS, 0, 10)] == ["SENT"]


async def test_the_same_change_by_two_ways_is_one_event(ledger: Ledger) -> None:
    intake = Intake(ledger)
    await intake.take([delivery(report("SENT"))])
    await intake.take([delivery(report("SENT", name="w:K1@7"), name=None)])
    assert len(await ledger.read(ORDERS, 0, 10)) == 1


async def test_what_comes_late_is_kept_and_moves_nothing_back(ledger: Ledger) -> None:
    intake = Intake(ledger)
    await intake.take([delivery(report("ACKNOWLEDGED", minutes=10))])
    await intake.take([delivery(report("SENT", name="d2"), name="d2")])
    await intake.take([delivery(report("RECEIVED", minutes=20, name="d3"), name="d3")])
    events = await ledger.read(ORDERS, 0, 10)
    assert [(e.data.status, e.applied) for e in events] == [
        ("ACKNOWLEDGED", True),
        ("SENT", False),
        ("RECEIVED", True),
    ]
    assert events[2].data.previous_status == "ACKNOWLEDGED"


async def test_one_delivery_that_cannot_be_told_of_leaves_the_others_alone(
    ledger: Ledger,
) -> None:
    untold = report("SENT", entity=EntityName.LOCATION, key="L1", name="d2")
    taken = await Intake(ledger).take(
        [delivery(untold, name="d2"), delivery(report("SENT"))],
        letters=[DeadLetter(system="erp", way="webhook", reason="x", message="y", body=b"\x00")],
    )
    assert [t.verdict for t in taken] == [Verdict.REFUSED, Verdict.TAKEN]
    assert "location" in str(taken[0].problem)
    letters = Letters(ledger.store)
    [listed] = await letters.newest()
    letter = await letters.get(listed.letter_id)
    assert letter is not None
    assert letter.body == b"\x00"
