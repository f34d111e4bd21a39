"""Stock that crosses thresholds is told of at the crossings, alternately, and never twice."""

from collections.abc import Coroutine, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from canonical.entities import EntityName
from canonical.events import (
    INVENTORY_CHANGED,
    THRESHOLD_BREACHED,
    THRESHOLD_RECOVERED,
    Event,
    InventoryChanged,
)
from canonical.inventory import InventoryPosition
from canonical.items import Item
from canonical.observations import Observation
from canonical.values import UnitConversion
from runtime.events.writing import Key, Known, Writing
from workflows.ingestion.intake import Delivery
from workflows.ingestion.thresholds import Level, Prepared, Rule, Thresholds

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SAFETY = Rule(name="safety_stock")
T = TypeVar("T")


def done(work: Coroutine[Any, Any, T]) -> T:
    """What work returns that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    raise AssertionError("it waits")


class Kept:
    """The states of a transaction: what `Thresholds` asks of a `Writing`."""

    def __init__(self) -> None:
        self.states: dict[Key, Known | None] = {}

    async def known(self, _entity: EntityName, keys: Iterable[Key]) -> Mapping[Key, Known]:
        return {k: s for k in keys if (s := self.states.get(k)) is not None}

    async def remember(self, _entity: EntityName, states: Mapping[Key, Known | None]) -> None:
        self.states.update(states)


class Masters:
    """Items and regions in memory."""

    def __init__(self, *items: Item, **regions: str | None) -> None:
        self.known = {item.sku: item for item in items}
        self.of_regions = regions
        self.asked: list[list[str]] = []

    async def items(self, skus: Iterable[str]) -> Mapping[str, Item]:
        self.asked.append(list(skus))
        return {s: self.known[s] for s in self.asked[-1] if s in self.known}

    async def regions(self, codes: Iterable[str]) -> Mapping[str, str | None]:
        self.asked.append(list(codes))
        return {c: self.of_regions[c] for c in self.asked[-1] if c in self.of_regions}


def item(safety: int | str | None = 10, **more: Any) -> Item:
    given: dict[str, Any] = {
        "sku": "A",
        "unit": "PC",
        "category": "bolts",
        "safety_stock": None if safety is None else Decimal(safety),
        "reorder_point": Decimal(20),
        "unit_conversions": (),
    }
    return Item(**{**given, **more})


def moved(
    available: int | str, previous: int | str | None = None, number: int = 0, **more: Any
) -> Event:
    data = InventoryChanged(
        item="A",
        location=more.pop("location", "L1"),
        available=Decimal(available),
        previous_available=None if previous is None else Decimal(previous),
        unit=more.pop("unit", "PC"),
    )
    return Event(
        type=INVENTORY_CHANGED.type,
        system="erp",
        source_event_id=f"e{number}",
        key=f"A-{data.location}",
        subjects=(f"inventory:A|{data.location}", "item:A"),
        occurred_at=NOW + timedelta(minutes=number),
        data=data,
        correlation_id=f"c{number}",
        traceparent=f"t{number}",
        **more,
    )


def walk(*stock: int | str, begin: int | str | None = None) -> list[Event]:
    before = [begin, *stock[:-1]]
    return [moved(a, b, n) for n, (a, b) in enumerate(zip(stock, before, strict=True))]


def told(
    events: Sequence[Event],
    *rules: Rule,
    known: Item | None = item(),  # noqa: B008  # frozen
    kept: Kept | None = None,
    regions: Mapping[str, str | None] | None = None,
) -> list[Event]:
    items = {} if known is None else {"A": known}
    thresholds = Thresholds(rules or [SAFETY], Masters(), Kept())
    prepared = Prepared(items, regions or {})
    return done(thresholds.find(cast("Writing", kept or Kept()), events, prepared))


def short(events: Iterable[Event]) -> list[tuple[str, str, str]]:
    return [(e.kind.name, e.data.rule, str(e.data.available)) for e in events]


def test_a_breach_and_its_end_are_told_once_each() -> None:
    found = told(walk(12, 9, 8, 10, 9, 11, 10))
    assert short(found) == [
        ("threshold_breached", "safety_stock", "9"),
        ("threshold_recovered", "safety_stock", "11"),
    ]


def test_a_crossing_is_tied_to_the_change_of_stock_that_it_comes_of() -> None:
    [stock, fall] = walk(12, 9)
    [event] = told([stock, fall])
    assert (event.type, event.source_event_id) == (THRESHOLD_BREACHED.type, "e1/safety_stock")
    assert (event.correlation_id, event.traceparent) == ("c1", "t1")
    assert (event.occurred_at, event.subjects, event.key) == (
        fall.occurred_at,
        fall.subjects,
        fall.key,
    )
    assert (event.data.threshold, event.data.unit, event.data.location) == (10, "PC", "L1")


def test_the_threshold_itself_is_enough_and_its_margin_is_what_recovers() -> None:
    assert told(walk(10)) == []
    exact = Rule(name="s", recover_at=Decimal(1))
    assert len(told(walk(9, 10), exact)) == 2
    assert len(told(walk(9, "10.999"))) == 1


def test_what_is_first_heard_of_and_short_is_told_of_but_not_what_was_so_in_a_baseline() -> None:
    assert short(told([moved(3)])) == [("threshold_breached", "safety_stock", "3")]
    assert told(walk(3, 2, begin=4)) == []
    assert short(told(walk(3, 15, begin=4))) == [("threshold_recovered", "safety_stock", "15")]


def test_what_comes_late_decides_nothing() -> None:
    assert told([moved(12), moved(3, 12, 1, applied=False)]) == []


def test_an_item_that_cannot_be_read_is_decided_by_the_next_change() -> None:
    kept = Kept()
    assert told([moved(3, 12)], known=None, kept=kept) == []
    assert short(told([moved(2, 3, 1)], kept=kept)) == [("threshold_breached", "safety_stock", "2")]
    assert told([moved(12, 2, 2)], known=None, kept=kept) == []
    assert short(told([moved(13, 12, 3)], kept=kept)) == [
        ("threshold_recovered", "safety_stock", "13")
    ]


def test_a_threshold_that_was_changed_counts_from_the_next_change_on() -> None:
    kept = Kept()
    assert told([moved(12)], kept=kept) == []
    [raised] = told([moved(11, 12, 1)], known=item(50), kept=kept)
    assert (raised.type, raised.data.threshold) == (THRESHOLD_BREACHED.type, 50)
    [lowered] = told([moved(10, 11, 2)], known=item(5), kept=kept)
    assert (lowered.type, lowered.data.threshold) == (THRESHOLD_RECOVERED.type, 5)


def test_a_position_without_a_threshold_stays_as_it_was() -> None:
    kept = Kept()
    assert told([moved(3)], known=item(None), kept=kept) == []
    assert kept.states == {}
    assert len(told([moved(2)], kept=kept)) == 1
    assert told([moved(100, 2, 1)], known=item(None), kept=kept) == []
    assert len(told([moved(99, 100, 2)], kept=kept)) == 1


def test_several_thresholds_of_a_position_are_decided_each_by_itself() -> None:
    order = Rule(name="reorder", below=Level.REORDER_POINT)
    found = told(walk(25, 15, 5, 15, 30), SAFETY, order)
    assert short(found) == [
        ("threshold_breached", "reorder", "15"),
        ("threshold_breached", "safety_stock", "5"),
        ("threshold_recovered", "safety_stock", "15"),
        ("threshold_recovered", "reorder", "30"),
    ]


@pytest.mark.parametrize(
    "conditions, threshold",
    [
        ({"items": {"A"}}, 100),
        ({"items": {"B"}}, 10),
        ({"categories": {"bolts", "nuts"}}, 100),
        ({"categories": {"nuts"}}, 10),
        ({"locations": {"L1"}}, 100),
        ({"locations": {"L2"}}, 10),
        ({"regions": {"EU"}}, 100),
        ({"regions": {"US"}}, 10),
        ({"regions": {"EU"}, "items": {"B"}}, 10),
    ],
)
def test_the_first_rule_of_a_name_that_is_for_a_position_counts(
    conditions: Mapping[str, set[str]], threshold: int
) -> None:
    own: dict[str, Any] = {name: frozenset(values) for name, values in conditions.items()}
    special = Rule(name="safety_stock", below=Decimal(100), **own)
    [event] = told([moved(3)], special, SAFETY, regions={"L1": "EU"})
    assert event.data.threshold == threshold


def test_a_region_that_cannot_be_read_leaves_its_rules_undecided_and_others_not() -> None:
    regional = Rule(name="regional", regions=frozenset({"EU"}))
    assert short(told([moved(3)], regional, SAFETY)) == [
        ("threshold_breached", "safety_stock", "3")
    ]
    assert told([moved(3)], regional, regions={"L1": None}) == []


def test_stock_in_another_unit_is_compared_by_declared_conversions_only() -> None:
    boxes = item(24, unit_conversions=(UnitConversion("BOX", Decimal(12)),))
    events = [moved(3, unit="BOX"), moved("1.5", 3, 1, unit="BOX"), moved("2.2", "1.5", 2)]
    [event] = told(events[:2], known=boxes)
    assert (event.data.threshold, event.data.available, event.data.unit) == (
        2,
        Decimal("1.5"),
        "BOX",
    )
    with capture_logs() as logs:
        thresholds = Thresholds([SAFETY], Masters(), Kept())
        prepared = Prepared({"A": item(24)}, {})
        writing = cast("Writing", Kept())
        assert done(thresholds.find(writing, events[:2], prepared)) == []
    [line] = logs
    assert (line["item"], line["unit"], line["base"]) == ("A", "BOX", "PC")


def test_masters_are_read_once_for_all_reports_and_regions_only_where_they_count() -> None:
    reports = [
        Observation(
            system="erp",
            entity=EntityName.INVENTORY,
            key=f"{sku}{n}",
            record=InventoryPosition(item=sku, location=f"L{n}"),
            occurred_at=NOW,
            source_event_id="x",
        )
        for n, sku in enumerate("ABA")
    ]
    deliveries = [Delivery(system="erp", observations=(o,)) for o in reports]
    masters = Masters(item(), L1="EU")
    prepared = done(Thresholds([SAFETY], masters, Kept()).prepare(deliveries))
    assert (masters.asked, list(prepared.items)) == ([["A", "B"]], ["A"])
    regional = Rule(name="r", regions=frozenset({"EU"}))
    prepared = done(Thresholds([regional], masters, Kept()).prepare(deliveries))
    assert (masters.asked[1:], prepared.regions) == ([["A", "B"], ["L0", "L1", "L2"]], {"L1": "EU"})


amounts = st.integers(0, 30)
thresholds_or_none = st.one_of(st.none(), st.integers(1, 25))


@given(st.lists(st.tuples(amounts, thresholds_or_none), max_size=30))
@settings(max_examples=150, deadline=None)
def test_any_walk_is_told_alternately_exactly_where_it_crosses(
    steps: list[tuple[int, int | None]],
) -> None:
    kept, open_breach, previous = Kept(), False, None
    for number, (stock, threshold) in enumerate(steps):
        known = None if threshold is None else item(threshold)
        found = told([moved(stock, previous, number)], known=known, kept=kept)
        previous = stock
        if threshold is None:
            assert found == []
            continue
        crosses = stock * 10 >= threshold * 11 if open_breach else stock < threshold
        kinds = [e.kind for e in found]
        expected = THRESHOLD_RECOVERED if open_breach else THRESHOLD_BREACHED
        assert kinds == ([expected] if crosses else [])
        open_breach ^= crosses


@given(st.lists(amounts, min_size=1, max_size=30), st.data())
@settings(max_examples=80, deadline=None)
def test_how_changes_are_put_into_transactions_makes_no_difference(
    stock: list[int], data: st.DataObject
) -> None:
    events = walk(*stock)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=5)))
    kept = Kept()
    parts = zip([0, *cuts], [*cuts, len(events)], strict=True)
    found = [e for start, end in parts for e in told(events[start:end], kept=kept)]
    assert found == told(events)
