"""Who asks the same is answered together; who may not see the same is not."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from graphql import parse
from msgspec.structs import replace

from canonical.purchase_orders import PurchaseOrderStatus
from runtime.telemetry.metrics import REGISTRY
from subscriptions.sharing import Questions
from tests.unit.subscriptions.house import (
    FORECASTS,
    NOW,
    House,
    Tap,
    forecast,
    order,
    planner,
    settled,
    supplier,
)


async def test_alike_subscribers_cost_one_execution_and_get_the_same_bytes() -> None:
    house = House()
    taps = [house.begin(planner(f"p{n}")) for n in range(5)]
    await house.happen(order(1))
    assert house.answerer.executed == [("p0", (1,))]
    assert len({id(t.raw[0]) for t in taps}) == 1


async def test_events_that_come_together_are_executed_together() -> None:
    house = House()
    tap = house.begin(planner())
    await house.happen(order(1), order(2), order(3))
    assert [e for _, e in house.answerer.executed] == [(1, 2, 3)]
    assert tap.positions() == [1, 2, 3]


async def test_where_each_begins_does_not_part_them() -> None:
    house = House(shown=2)
    taps = [
        house.begin(planner()),
        house.begin(planner(), after=1),
        house.begin(planner(), after=2),
    ]
    await settled()
    house.answerer.executed.clear()
    await house.happen(order(3))
    assert [e for _, e in house.answerer.executed] == [(3,)]
    assert [t.positions() for t in taps] == [[3], [2, 3], [3]]


async def test_filters_find_exactly_what_they_ask_for() -> None:
    house = House()
    sent, one = [PurchaseOrderStatus.SENT], ["1"]
    filters: list[Any] = [{"status": sent, "number": one}, {"number": ["2"]}, {"supplier": []}]
    taps = [house.begin(planner(), filter=f) for f in filters]
    await house.happen(order(1), order(2, "2"), order(3, status=PurchaseOrderStatus.CLOSED))
    assert [t.positions() for t in taps] == [[1], [2], []]


async def test_a_supplier_hears_its_own_orders_and_nothing_else() -> None:
    house = House()
    mine, both = house.begin(supplier("S1")), house.begin(supplier("S1", "S2"), filter={})
    prying = house.begin(supplier("S1"), filter={"supplier": ["S2"]})
    no_one = house.begin(supplier())
    await house.happen(order(1, code="S1"), order(2, code="S2"), order(3, code="S3"))
    assert (mine.positions(), both.positions()) == ([1], [1, 2])
    assert (prying.raw, no_one.raw) == ([], [])


async def test_suppliers_with_other_rights_never_share_an_execution() -> None:
    house = House()
    for subject, codes in (("a", ("S1",)), ("b", ("S1", "S2"))):
        house.begin(supplier(*codes, subject=subject))
    await house.happen(order(1, code="S1"))
    assert sorted(house.answerer.executed) == [("a", (1,)), ("b", (1,))]


@pytest.mark.parametrize("query", [FORECASTS, "subscription { recommendationChanged { cursor } }"])
async def test_what_suppliers_may_not_see_they_cannot_hear(query: str) -> None:
    assert House().begin(supplier("S1"), query).code == "FORBIDDEN"


async def test_nobody_hears_nothing() -> None:
    house = House()
    assert house.begin(None).code == "UNAUTHENTICATED"
    assert house.begin(planner(), "nonsense").failed == [{"message": "nonsense"}]
    assert house.streams.size == 0


async def test_a_personal_answer_goes_to_its_own_caller_alone() -> None:
    house = House()
    house.answerer.personal = True
    taps = {s: house.begin(planner(s)) for s in ("a", "b", "c")}
    await house.happen(order(1))
    await house.happen(order(2))
    for subject, tap in taps.items():
        assert [t["data"]["for"] for t in tap.told] == [subject, subject]
    assert len(house.answerer.executed) == 6


async def test_a_name_that_two_issuers_use_is_two_callers() -> None:
    house = House()
    house.answerer.personal = True
    one = planner("123")
    taps = [house.begin(replace(one, issuer=issuer)) for issuer in ("staff", "partners")]
    await house.happen(order(1))
    assert [len(tap.told) for tap in taps] == [1, 1]
    assert len(house.answerer.executed) == 2


async def test_events_that_move_nothing_are_not_told() -> None:
    house = House()
    tap = house.begin(planner())
    await house.happen(order(1, applied=False), order(2))
    assert tap.positions() == [2]


async def test_an_event_carries_its_trace() -> None:
    house = House()
    tap = house.begin(planner())
    await house.happen(order(1, traceparent="00-ab-cd-01"))
    assert tap.told[0]["extensions"] == {
        "correlationId": "c1",
        "recordedAt": "2026-11-23T09:00:00Z",
        "traceparent": "00-ab-cd-01",
    }


async def test_a_slow_backend_delays_its_own_group_alone() -> None:
    house = House()
    slow, gate = house.begin(planner(), filter={"number": ["1"]}), asyncio.Event()
    quick = house.begin(planner(), filter={"number": ["2"]})
    house.answerer.gate = gate.wait
    await house.happen(order(1))
    house.answerer.gate = None
    await house.happen(order(2, "2"), order(3))
    assert (slow.positions(), quick.positions()) == ([], [2])
    gate.set()
    await settled()
    assert slow.positions() == [1, 3]


async def test_subscriptions_outlive_the_answerer() -> None:
    house = House()
    tap = house.begin(planner())
    await house.happen(order(1))
    second = type(house.answerer)()
    second.name = "second"
    house.streams.replace(second)
    await house.happen(order(2))
    assert [t["data"]["by"] for t in tap.told] == ["first", "second"]
    assert second.opened == 1


async def test_limits_hold_and_are_given_back() -> None:
    house = House(per_principal=1)
    first = house.begin(planner())
    assert house.begin(planner()).code == "TOO_MANY_SUBSCRIPTIONS"
    assert first.subscription is not None
    first.subscription.end()
    first.subscription.end()
    assert house.streams.size == 0
    assert house.begin(planner()).failed is None


async def test_who_has_ended_gets_nothing_more_and_costs_nothing() -> None:
    house = House()
    tap = house.begin(planner())
    assert tap.subscription is not None
    tap.subscription.end()
    await house.happen(order(1))
    assert (tap.raw, house.answerer.executed) == ([], [])


async def test_streams_do_not_mix() -> None:
    house = House()
    orders, forecasts = house.begin(planner()), house.begin(planner(), FORECASTS, tap=Tap())
    await house.happen(forecast(1), order(1))
    assert (len(orders.raw), len(forecasts.raw)) == (1, 1)


def test_questions_differ_by_all_but_where_they_begin() -> None:
    questions = Questions()

    def digest(text: str, **variables: object) -> bytes:
        return questions.digest(text, parse(text), None, variables)

    plain = "subscription S($a: String, $n: [String!]) { f(after: $a, filter: $n) { x } }"
    assert digest(plain, a="1", n=["7"]) == digest(plain, a="2", n=["7"], unknown=1)
    assert digest(plain, n=["7"]) != digest(plain, n=["8"])
    assert digest('subscription { f(after: "1") { x } }') == digest("subscription { f { x } }")
    twice = "subscription S($a: String) { f(after: $a) { x(y: $a) } }"
    assert digest(twice, a="1") != digest(twice, a="2")


async def test_how_old_news_is_counts_from_when_it_happened_in_its_system() -> None:
    def counted(up_to: str) -> float:
        labels = {"topic": "purchaseOrderChanged", "le": up_to}
        return REGISTRY.get_sample_value("supplygraph_stream_age_seconds_bucket", labels) or 0

    house = House()
    house.begin(planner())
    house.begin(planner("quin"))
    old = replace(order(1), occurred_at=NOW - timedelta(seconds=40))
    late = replace(order(2), occurred_at=NOW - timedelta(seconds=40), applied=False)
    before = (counted("30.0"), counted("60.0"))
    await house.happen(old, late)
    assert (counted("30.0") - before[0], counted("60.0") - before[1]) == (0, 2)


@pytest.mark.parametrize("personal", [False, True])
async def test_an_event_that_they_may_not_see_is_passed_over(personal: bool) -> None:
    house = House(shown=2)
    house.answerer.hidden, house.answerer.personal = {2, 3, 5}, personal
    live, late = house.begin(planner()), house.begin(planner(), after=0)
    await settled()
    await house.happen(order(3), order(4), order(5))
    assert (live.positions(), late.positions()) == ([4], [1, 4])
    await house.happen(order(6))
    resumed = house.begin(planner(), after=4)
    await settled()
    assert [t.positions() for t in (live, late, resumed)] == [[4, 6], [1, 4, 6], [6]]
