"""Two ways of hearing of the same changes, however they interleave, repeat and arrive late."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from canonical.entities import EntityName
from canonical.events import Event
from canonical.observations import Observation
from canonical.purchase_orders import PurchaseOrder, PurchaseOrderLine, PurchaseOrderStatus
from workflows.ingestion.changes import find
from workflows.ingestion.states import State, decode_state, encode_state

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_WAY = [
    PurchaseOrderStatus.APPROVED,
    PurchaseOrderStatus.SENT,
    PurchaseOrderStatus.ACKNOWLEDGED,
    PurchaseOrderStatus.PARTIALLY_RECEIVED,
    PurchaseOrderStatus.RECEIVED,
    PurchaseOrderStatus.CLOSED,
]

Steps = list[tuple[int, int, int]]

versions = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(1, 3)), min_size=1, max_size=8
)
"""Of each version how far the status comes, by how many days the line moves, and its quantity."""


def history(steps: Steps) -> list[PurchaseOrder]:
    status, day, found = 0, date(2026, 4, 1), [_order(0, date(2026, 4, 1), 1)]
    for further, days, quantity in steps:
        status = min(status + further, len(_WAY) - 1)
        day += timedelta(days=days)
        found.append(_order(status, day, quantity))
    return found


def _order(status: int, day: date, quantity: int) -> PurchaseOrder:
    line = PurchaseOrderLine(
        line_number=10, item="I", due_on=day, quantity=Decimal(quantity).quantize(Decimal("1.00"))
    )
    return PurchaseOrder(number="4500001", supplier="S", status=_WAY[status], lines=(line,))


def run(
    orders: list[PurchaseOrder], arrivals: list[tuple[str, int]]
) -> tuple[State[Any], list[Event]]:
    state: State[Any] | None = None
    events: list[Event] = []
    for i, (way, version) in enumerate([("baseline", 0), *arrivals]):
        observation = Observation(
            system="erp",
            entity=EntityName.PURCHASE_ORDER,
            key="77",
            record=orders[version],
            occurred_at=NOW + timedelta(seconds=version - 1_000),
            source_event_id=f"{way}-{i}",
            baseline=way == "baseline",
        )
        found = find(state, observation, NOW)
        events += found.events
        assert found.state is not None
        state = decode_state(EntityName.PURCHASE_ORDER, encode_state(found.state))
    assert state is not None
    return state, events


def said(events: list[Event]) -> list[tuple[str, datetime, Any]]:
    return [(e.type, e.occurred_at, e.data) for e in events]


@given(versions, st.data())
@settings(max_examples=50, deadline=None)
def test_two_ways_that_follow_each_other_tell_the_same_events_once(
    steps: Steps, data: st.DataObject
) -> None:
    orders = history(steps)
    everything = list(range(1, len(orders)))
    plainly = run(orders, [("hook", v) for v in everything])
    arrivals: list[tuple[str, int]] = []
    for version in everything:  # whoever is first, the other one follows, once or several times
        first, second = data.draw(st.permutations(["hook", "watch"]))
        arrivals.append((first, version))
        behind = data.draw(st.lists(st.integers(1, version), max_size=3))
        arrivals += [(second, v) for v in behind]
    state, events = run(orders, arrivals)
    assert said(events) == said(plainly[1])
    assert state.record == orders[-1]


@given(versions, st.data())
@settings(max_examples=80, deadline=None)
def test_however_reports_arrive_the_newest_stays_and_nothing_is_told_twice(
    steps: Steps, data: st.DataObject
) -> None:
    orders = history(steps)
    numbers = st.integers(1, len(orders) - 1)
    heard = data.draw(st.permutations(range(1, len(orders))))
    again = data.draw(st.lists(numbers, max_size=6))
    watched = sorted(data.draw(st.lists(numbers, max_size=5)))
    arrivals = [("hook", v) for v in (*heard, *again)]
    for version in watched:
        arrivals.insert(data.draw(st.integers(0, len(arrivals))), ("watch", version))
    state, events = run(orders, arrivals)
    assert state.record == orders[-1]
    names = [(e.type, e.occurred_at) for e in events]
    assert len(names) == len(set(names))
    _assert_statuses_move_on(events, orders)


def _assert_statuses_move_on(events: list[Event], orders: list[PurchaseOrder]) -> None:
    """What is applied is a chain from the first status to the last, without a step back."""
    chain = [e for e in events if e.applied and hasattr(e.data, "previous_status")]
    now = orders[0].status
    for event in chain:
        assert event.data.previous_status is now
        assert _WAY.index(event.data.status) > _WAY.index(now)
        now = event.data.status
    assert now is orders[-1].status
    late = [e for e in events if not e.applied]
    assert all(e.occurred_at <= chain[-1].occurred_at for e in late) if chain else not late


@given(versions, st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_all_of_it_once_more_tells_nothing(steps: Steps, random: Any) -> None:
    orders = history(steps)
    arrivals = [("hook", v) for v in range(1, len(orders))]
    random.shuffle(arrivals)
    state, events = run(orders, arrivals)
    again = [*arrivals, *arrivals]
    random.shuffle(again)
    assert run(orders, [*arrivals, *again]) == (state, events)
