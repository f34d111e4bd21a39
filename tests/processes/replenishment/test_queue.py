"""What bears on stock is evaluated once it has been left alone, and is never lost."""

from datetime import UTC, datetime, timedelta

import pytest

from runtime.replenishment.evaluations import Due, Evaluations, Touch, Waiting
from runtime.store.store import Store

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def touch(item: str = "I-1", location: str | None = "A", correlation_id: str = "c-1") -> Touch:
    return Touch(item=item, location=location, cause="test", correlation_id=correlation_id)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.fixture
def queue(store: Store) -> Evaluations:
    """Left alone for ten seconds, and for a minute at most."""
    return Evaluations(store, debounce=timedelta(seconds=10), longest=timedelta(seconds=60))


async def places(queue: Evaluations, seconds: float) -> list[tuple[str, str | None, str]]:
    """What is due after some seconds."""
    due = await queue.due(at=after(seconds), items=100)
    return [(d.item, d.location, d.correlation_id) for d in due]


async def test_it_is_due_when_it_has_been_left_alone(queue: Evaluations) -> None:
    assert await queue.touch([touch(), touch(), touch("I-0", None)], at=NOON) == 2
    assert await places(queue, 9) == []
    await queue.touch([touch(correlation_id="c-2")], at=after(9))
    assert await places(queue, 18) == [("I-0", None, "c-1")]
    assert await places(queue, 19) == [("I-0", None, "c-1"), ("I-1", "A", "c-2")]
    assert await queue.waiting() == Waiting(2, after(10))


async def test_it_does_not_wait_for_ever(queue: Evaluations) -> None:
    for seconds in range(0, 90, 9):
        await queue.touch([touch()], at=after(seconds))
    assert await places(queue, 53) == []
    # The touch at 45 put it off to 55; later ones would have put it off for too long.
    assert await places(queue, 55) == [("I-1", "A", "c-1")]


async def test_what_is_demanded_is_due_at_once(queue: Evaluations) -> None:
    await queue.touch([touch()], at=NOON)
    await queue.demand([touch(correlation_id="c-2")], at=after(3))
    assert await places(queue, 3) == [("I-1", "A", "c-2")]


async def test_only_what_was_not_touched_meanwhile_is_taken_out(queue: Evaluations) -> None:
    await queue.demand([touch(), touch("I-2"), touch("I-2", None)], at=NOON)
    due = await queue.due(at=NOON, items=100)
    await queue.demand([touch("I-2")], at=NOON)
    await queue.done(due)
    await queue.done(due)
    assert await places(queue, 0) == [("I-2", "A", "c-1")]
    await queue.done(await queue.due(at=NOON, items=100))
    await queue.demand([touch()], at=after(1))
    await queue.done(due)  # by one that was believed dead
    assert await places(queue, 1) == [("I-1", "A", "c-1")]
    assert await queue.waiting() == Waiting(1, after(1))


async def test_a_batch_is_some_items_with_all_their_places(queue: Evaluations) -> None:
    await queue.demand([touch(f"I-{n}", place) for n in range(4) for place in "BA"], at=after(1))
    await queue.demand([touch("I-3", "C")], at=NOON)
    found = await queue.due(at=after(2), items=2)
    assert [(d.item, d.location) for d in found] == [
        ("I-0", "A"),
        ("I-0", "B"),
        ("I-3", "A"),
        ("I-3", "B"),
        ("I-3", "C"),
    ]


async def test_what_cannot_be_read_now_is_due_later(queue: Evaluations) -> None:
    await queue.demand([touch(), touch("I-2")], at=NOON)
    due: list[Due] = list(await queue.due(at=NOON, items=100))
    await queue.demand([touch("I-2")], at=NOON)
    await queue.postpone(due, until=after(300))
    assert await places(queue, 299) == [("I-2", "A", "c-1")]
    assert len(await places(queue, 300)) == 2


async def test_a_bulk_is_put_in_in_one_go(queue: Evaluations) -> None:
    touches = [touch(f"I-{n % 1_499}", f"L-{n % 4}") for n in range(9_000)]
    assert await queue.touch(touches, at=NOON) == 5_996
    assert (await queue.waiting()).count == 5_996
