"""Reports become events once, whichever way and however often they come."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from canonical.dead_letters import DeadLetter
from canonical.entities import EntityName
from canonical.events import Event
from canonical.observations import Observation
from canonical.purchase_orders import PurchaseOrder, PurchaseOrderStatus
from runtime.events.ledger import Ledger
from runtime.events.letters import Letters
from runtime.events.writing import Writing
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


class _FailsOn:
    """Thresholds that cannot be told of one order; counts transactions."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.transactions = 0

    async def prepare(self, deliveries: Sequence[Delivery]) -> int:
        return len(deliveries)

    def joined(self, prepared: Sequence[int]) -> int:
        return sum(prepared)

    async def find(self, writing: Writing, events: Sequence[Event], prepared: int) -> list[Event]:
        self.transactions += 1
        assert prepared >= len(events)
        if any(event.key == self.key for event in events):
            raise RuntimeError(self.key)
        return []


def named(key: str, status: str = "SENT", name: str | None = None) -> Delivery:
    return delivery(report(status, key=key, name=name or key), name=name or key)


async def test_deliveries_that_come_together_are_one_transaction_and_each_is_told_its_own(
    ledger: Ledger,
) -> None:
    crossings = _FailsOn("nobody")
    intake = Intake(ledger, crossings)
    untold = delivery(report("SENT", entity=EntityName.LOCATION, key="L1"), name="L1")
    sent = [*(named(f"K{n}") for n in range(30)), untold, named("K7"), named("K30")]
    taken = await asyncio.gather(*(intake.take([one]) for one in sent))
    verdicts = [one.verdict for [one] in taken]
    assert verdicts == [Verdict.TAKEN] * 30 + [Verdict.REFUSED, Verdict.KNOWN, Verdict.TAKEN]
    assert [[e.key for e in one.events] for [one] in taken[:2]] == [["K0"], ["K1"]]
    assert len(await ledger.read(ORDERS, 0, 50)) == 31
    assert crossings.transactions <= 2


async def test_one_that_fails_takes_nothing_of_those_that_came_with_it(ledger: Ledger) -> None:
    intake = Intake(ledger, _FailsOn("K3"))
    came = await asyncio.gather(
        *(intake.take([named(f"K{n}")]) for n in range(6)), return_exceptions=True
    )
    assert [isinstance(one, RuntimeError) for one in came] == [n == 3 for n in range(6)]
    keys = [e.key for e in await ledger.read(ORDERS, 0, 10)]
    assert sorted(keys) == ["K0", "K1", "K2", "K4", "K5"]
