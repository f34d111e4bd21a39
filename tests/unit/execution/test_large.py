"""Large answers keep nobody from their turn, and count what they were made of."""

import asyncio
import threading
from collections.abc import Iterable, Iterator
from itertools import accumulate

import pytest
from msgspec import json

from execution import cells
from execution.cells import Rows
from execution.writing import Writer
from tests.unit.execution.toy import Book, Library, Shelf, run

BOOKS = {f"b{n}": Book(f"b{n}", f"Title {n}", author="Ann") for n in range(300)}
QUESTION = "{ shelves { books { title author { name } } } }"


def a_library(shelves: int) -> Library:
    return Library([Shelf(f"s{n}", tuple(BOOKS), "b0") for n in range(shelves)], BOOKS)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Answers that are not written before it is set."""
    monkeypatch.setattr("execution.aside.LARGE", 1_000)
    event, data = threading.Event(), Writer.data

    def waiting(self: Writer, roots: Rows) -> list[bytes]:
        if threading.current_thread() is not threading.main_thread():
            assert event.wait(20)
        return data(self, roots)

    monkeypatch.setattr(Writer, "data", waiting)
    yield event
    event.set()


async def test_a_small_question_is_answered_while_a_large_answer_is_written(
    written: threading.Event,
) -> None:
    large = asyncio.ensure_future(run(QUESTION, a_library(4)))
    small = [await run("{ shelves { name } }", a_library(2)) for _ in range(3)]
    assert [errors for _, errors in small] == [[], [], []]
    assert not large.done()
    written.set()
    data, errors = await large
    assert errors == []
    assert len(json.decode(data)["shelves"][3]["books"]) == 300


async def test_large_answers_are_the_same_as_small_ones(
    written: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    written.set()
    beside = await run(QUESTION, a_library(4))
    monkeypatch.setattr("execution.aside.LARGE", 10**9)
    assert await run(QUESTION, a_library(4)) == beside


async def test_what_was_worked_on_is_counted_by_the_field_that_led_there() -> None:
    library = a_library(2)
    await run(QUESTION, library)
    assert library.operation.objects == [
        ("Query", "shelves", 2),
        ("Shelf", "books", 600),
        ("Book", "author", 600),
    ]


async def test_the_lists_around_many_errors_are_added_up_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = 0

    def counted(lengths: Iterable[int]) -> Iterator[int]:
        nonlocal steps
        for length in accumulate(lengths):
            steps += 1
            yield length

    monkeypatch.setattr(cells, "accumulate", counted)
    library = Library([Shelf("s", tuple(f"lost{n}" for n in range(500)), "b0")] * 20, {})
    _, errors = await run("{ shelves { books { title } } }", library)
    assert len(errors) == 10_000
    assert steps <= 100
