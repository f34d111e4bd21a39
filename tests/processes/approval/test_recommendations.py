"""What is proposed stands once, is superseded by what is newer, and is decided once."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from canonical.audit import AuditEntry, AuditKind
from canonical.criteria import Condition, Op, Range, Sort
from canonical.errors import ConflictError, NotFoundError, RefusedError, SupplygraphError
from canonical.ordering import OrderReference
from canonical.ports import ListQuery
from canonical.recommendations import RecommendationStatus as Status
from canonical.recommendations import order_of
from canonical.replenishment import Decision, Recommended
from canonical.values import Money
from runtime.events.writing import Writing
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from tests.conformance.promises import Promises
from tests.fakes.asks import ASK
from tests.fakes.proposals import LINES, MORNING, evaluated, needs, nothing, proposal
from tests.processes.approval.house import House, approvals, says

BEGUN = AuditKind.CHANGE_BEGUN


async def test_a_proposal_is_a_recommendation_and_an_event(house: House) -> None:
    key = await house.one()

    record = (await house.kept.get(key)).record
    assert record.provenance.key == key
    assert (record.status, record.quantity, record.unit) == (Status.PROPOSED, Decimal(240), "EA")
    assert record.estimated_cost == Money(Decimal(1200), "EUR")
    assert record.created_at == MORNING
    assert record.expires_at == MORNING + timedelta(days=14)
    assert await house.kept.explain([key, "?"]) == {key: LINES}
    assert (await house.kept.frozen(key)).inputs == b'{"on_hand":"40"}'
    [event] = await house.told()
    assert (event.system, event.key, event.correlation_id) == ("supplygraph", key, "c-SKU-1")
    assert event.subjects == (
        f"recommendation:{key}",
        "item:SKU-1",
        "supplier:S-1",
        "location:L-1",
    )
    assert (event.data.status, event.data.previous_status) == (Status.PROPOSED, None)


async def test_the_same_again_changes_nothing(house: House) -> None:
    key = await house.one()
    house.later(hours=1)
    same = evaluated(quantity=Decimal("240.0"), cost=Money(Decimal(1200), "EUR"), reason="x")

    assert await house.take(same, same) == []
    assert (await house.kept.get(key)).record.created_at == MORNING
    assert len(await house.told()) == 1


@pytest.mark.parametrize(
    "other",
    [{"quantity": Decimal(250)}, {"supplier": "S-2"}, {"cost": Money(Decimal(1300), "EUR")}],
    ids=["quantity", "supplier", "cost"],
)
async def test_another_proposal_supersedes_the_open_one(
    house: House, other: dict[str, Any]
) -> None:
    key = await house.one()
    gone, here, there = await house.take(evaluated(**other), evaluated("SKU-1", "L-2"))

    assert gone == ("SUPERSEDED", key)
    made = [(await house.kept.get(found)).record for _, found in (here, there)]
    assert [(r.status.value, r.location) for r in made] == [
        ("PROPOSED", "L-1"),
        ("PROPOSED", "L-2"),
    ]
    old = (await house.kept.get(key)).record
    assert (old.status, old.decision_note) == (
        Status.SUPERSEDED,
        "a newer evaluation proposes otherwise",
    )
    told = [(e.data.previous_status, e.data.status) for e in await house.told()]
    assert told == [
        (None, Status.PROPOSED),
        (Status.PROPOSED, Status.SUPERSEDED),
        (None, Status.PROPOSED),
        (None, Status.PROPOSED),
    ]


async def test_what_is_no_longer_needed_is_taken_back(house: House) -> None:
    key = await house.one()
    assert await house.take(nothing(problem="no price")) == []
    assert (await house.kept.get(key)).record.status is Status.PROPOSED

    assert await house.take(nothing(), nothing("SKU-9")) == [("SUPERSEDED", key)]
    assert await house.take(nothing()) == []
    assert (await house.kept.get(key)).record.decision_note == (
        "a newer evaluation finds that nothing is needed any more"
    )


async def test_what_is_being_ordered_is_not_proposed_again(house: House) -> None:
    key = await house.one()
    more = evaluated(quantity=Decimal(500))
    await house.kept.decide(key, says(), approvals(1))

    house.later(days=3)
    assert await house.take(more, nothing()) == []
    assert await house.take(more) == []
    await house.kept.ordered(key, OrderReference("erp-eu", "45/7", "PO-45"))
    house.later(seconds=119)
    assert await house.take(more) == []
    house.later(seconds=1)
    assert [status for status, _ in await house.take(more)] == ["PROPOSED"]
    assert order_of((await house.kept.get(key)).record) == ("erp-eu", "45/7")


async def test_what_was_rejected_is_not_proposed_again_for_a_while(house: House) -> None:
    key = await house.one()
    await house.kept.decide(key, says(decision=Decision.REJECT, note="sold out"), approvals(1))
    house.later(days=6)
    assert await house.take(evaluated()) == []
    [(_, other)] = await house.take(evaluated(quantity=Decimal(10)))
    assert await house.take(evaluated()) == [("SUPERSEDED", other)]

    house.later(days=2)
    assert [status for status, _ in await house.take(evaluated())] == ["PROPOSED"]


async def test_it_is_decided_once_by_whoever_is_first(house: House, address: str) -> None:
    other = Store(StoreSettings(url=address))  # another server's
    servers = (house, House(other))
    key = await house.one()

    async def approve(number: int) -> str:
        kept = servers[number % 2].kept
        try:
            found = await kept.decide(key, says(f"user-{number}"), approvals(1))
        except SupplygraphError as error:
            return f"{error.code}: {error.message}"
        return f"approved by {found.record.decided_by}"

    answers = await asyncio.gather(*(approve(n) for n in range(50)))
    await other.aclose()

    [won] = [a for a in answers if a.startswith("approved")]
    who = won.rsplit(" ", 1)[-1]
    told = f"CONFLICT: the recommendation was approved by {who} at 2026-11-23 08:00:00+00:00"
    assert answers.count(told) == 49
    assert len(await house.told()) == 2


async def test_the_same_approver_may_say_it_again(house: House) -> None:
    key, other = await house.one(), await house.one("SKU-2")
    await house.kept.decide(key, says(note="fine", once="k-1"), approvals(1))
    await house.kept.failed(key, "the supplier is blocked")
    again = await house.kept.decide(key, says(note="fine"), approvals(1))
    assert (again.record.status, again.record.decided_by) == (Status.FAILED, "pia")
    assert (await house.kept.decide(key, says(once="k-1"), approvals(1))) == again

    with pytest.raises(ConflictError, match="this idempotency key was used for another decision"):
        await house.kept.decide(other, says(once="k-1"), approvals(1))
    with pytest.raises(ConflictError, match="was approved by pia"):
        await house.kept.decide(key, says(decision=Decision.REJECT), approvals(1))
    with pytest.raises(NotFoundError, match="there is no recommendation '\\?'"):
        await house.kept.decide("?", says(), approvals(1))


async def test_two_people_approve_where_two_have_to(house: House) -> None:
    key = await house.one()
    first = await house.kept.decide(key, says("ann"), approvals(2))
    assert (first.record.status, first.record.first_approved_by) == (Status.PROPOSED, "ann")
    assert (await house.kept.decide(key, says("ann"), approvals(2))) == first

    second = await house.kept.decide(key, says("ben"), approvals(2))
    assert (second.record.status, second.record.decided_by) == (Status.APPROVED, "ben")
    assert [e.source_event_id.split("/")[1] for e in await house.told()] == [
        "PROPOSED",
        "first",
        "APPROVED",
    ]


async def test_whose_change_led_to_it_has_asked_for_it(house: House) -> None:
    async def begin(writing: Writing) -> None:
        for actor, kind in (("x", AuditKind.REFUSAL), ("y", BEGUN), ("ben", BEGUN)):
            entry = AuditEntry(
                kind=kind, actor=actor, action="publish", correlation_id="c-SKU-1", decision="ok"
            )
            await writing.audit(entry)

    await house.ledger.write(begin)
    said = needs(proposal("SKU-3"), requested_by="ann", correlation_id="c-SKU-1")
    taken = await house.take(evaluated(), evaluated("SKU-2"), said)
    found = [(await house.kept.get(key)).requested_by for _, key in taken]
    assert found == ["ben", None, "ann"]


async def test_who_may_not_decide_changes_nothing(house: House) -> None:
    def refuse(_: Recommended) -> int:
        raise RefusedError("above your limit")

    key = await house.one()
    with pytest.raises(RefusedError, match="above your limit"):
        await house.kept.decide(key, says(once="k-1"), refuse)
    assert (await house.kept.decide(key, says(once="k-1"), approvals(1))).record.decided_by == "pia"


async def test_nobody_decides_after_it_has_expired(house: House) -> None:
    key = await house.one()
    house.later(days=14)
    with pytest.raises(ConflictError, match="has expired at 2026-12-07 08:00:00"):
        await house.kept.decide(key, says(), approvals(1))
    closed = await house.kept.close(key, Status.EXPIRED, by=None, note="nobody decided in time")
    assert closed.record.status is Status.EXPIRED
    assert (await house.kept.close(key, Status.APPROVED, by="x", note="y")) == closed
    with pytest.raises(ConflictError, match="not decided in time: it has expired"):
        await house.kept.decide(key, says(), approvals(1))


async def test_who_has_approved_first_hears_that_it_has_expired(house: House) -> None:
    key = await house.one()
    await house.kept.decide(key, says("ann"), approvals(2))
    await house.kept.close(key, Status.EXPIRED, by=None, note="nobody decided in time")
    with pytest.raises(ConflictError, match="it has expired"):
        await house.kept.decide(key, says("ann"), approvals(2))


async def test_escalating_is_heard_of_each_time(house: House) -> None:
    key = await house.one()
    await house.kept.escalate(key, "leads", number=1)
    await house.kept.escalate(key, "leads", number=1)
    found = await house.kept.escalate(key, "directors", number=2)
    assert found.record.escalated_to == "directors"
    assert len(await house.told()) == 3


async def test_ours_are_a_source_like_any_other(house: House) -> None:
    random = Random(3)
    amounts = ("5", "5.5", "12", "9.25", "120", "1000", "19.5", "0.75")
    found = [
        needs(
            proposal(
                f"SKU-{n}",
                random.choice(("L-1", "l-1", "L_1", "M%2")),
                supplier=random.choice(("S-1", "s-1", "Ä-1", "Z")),
                quantity=Decimal(random.choice(amounts)),
                need_by=MORNING.date() + timedelta(days=random.randrange(9)),
                reason=random.choice(("low", "Low 100%", "a_b")),
                cost=None if n % 3 else Money(Decimal(n), "EUR"),
            )
        )
        for n in range(40)
    ]
    taken = await house.take(*found)
    for n, (_, key) in enumerate(taken[:12]):
        house.later(minutes=n % 4)
        kind = Decision.APPROVE if n % 2 else Decision.REJECT
        await house.kept.decide(key, says(f"u{n % 3}", kind, note="ok"), approvals(1))

    promises = await Promises.of(house.source, ASK)
    assert len(promises.records) == 40
    await promises.provenance_is_told()
    await promises.pages_follow_each_other()
    await promises.keys_are_found("key")
    await promises.keys_obey_criteria()
    for condition in promises.conditions():
        await promises.criteria_hold((condition,))
    for column in ("need_by", "quantity", "decided_at", "decided_by", "supplier", "status"):
        await promises.order_holds(Sort(column))
        await promises.order_holds(Sort(column, descending=True))


async def test_how_many_there_are_is_counted_where_they_are(house: House) -> None:
    await house.take(*(evaluated(f"SKU-{n}", quantity=Decimal(n + 1)) for n in range(9)))
    few = (Condition("quantity", Op.RANGE, Range(gte=Decimal(-1), lt=Decimal("4.5"))),)
    query = ListQuery(few, (Sort("quantity", descending=True),), 2, frozenset(), None, count=True)
    page = await house.source.page(query, ASK)
    assert [r.quantity for r in page.records] == [4, 3]  # type: ignore[attr-defined]
    assert (page.more, page.total) == (True, 4)
