"""Whatever is heard, in whatever order and how often: each event is handed out once, in order."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from canonical.events import Event
from runtime.events.inbox import Inbox
from tests.events.making import order_event


def event(position: int) -> Event:
    return msgspec.structs.replace(order_event(position), position=position)


def positions(events: list[Event]) -> list[int]:
    return [each.position for each in events]


def test_what_comes_out_of_order_waits_for_its_turn() -> None:
    inbox = Inbox(4)
    inbox.hear_all(map(event, (7, 6, 3, 6)))
    assert inbox.take(10) == []
    assert inbox.missing() == 1
    inbox.hear(event(5))
    assert inbox.missing() == 0
    assert positions(inbox.take(2)) == [5, 6]
    assert positions(inbox.take(2)) == [7]
    inbox.hear(event(7))
    assert (inbox.take(2), inbox.position, inbox.head) == ([], 7, 7)


def test_a_head_that_was_not_heard_is_missing() -> None:
    inbox = Inbox(0)
    inbox.head = 3
    assert inbox.missing() == 3
    inbox.hear(event(3))
    assert inbox.missing() == 2


def test_what_is_gone_from_the_log_is_passed_over() -> None:
    inbox = Inbox(0)
    inbox.hear_all(map(event, (2, 9, 10)))
    inbox.skip_to(8)
    assert positions(inbox.take(5)) == [9, 10]


def test_what_was_looked_for_and_does_not_concern_us_is_passed_over() -> None:
    inbox = Inbox(0)
    inbox.hear(event(5))
    inbox.settle([event(2)], 4)
    assert inbox.missing() == 0
    assert positions(inbox.take(5)) == [2, 5]
    inbox.head = 7
    inbox.settle([], 7)
    assert (inbox.missing(), inbox.take(5), inbox.position) == (0, [], 7)


@given(st.lists(st.integers(1, 30), max_size=60), st.integers(0, 5), st.integers(1, 7))
def test_each_once_and_in_order(heard: list[int], start: int, limit: int) -> None:
    inbox = Inbox(start)
    handed: list[int] = []
    for number in heard:
        inbox.hear(event(number))
        handed += positions(inbox.take(limit))
    while missing := inbox.missing():
        first = inbox.position + 1
        inbox.hear_all(event(n) for n in range(first, first + missing))
        handed += positions(inbox.take(limit))
    while taken := inbox.take(limit):
        handed += positions(taken)
        while missing := inbox.missing():
            first = inbox.position + 1
            inbox.hear_all(event(n) for n in range(first, first + missing))
    assert handed == list(range(start + 1, max([start, *heard]) + 1))
