"""How long fields took: one node for each that was run, at the first place where it was."""

from itertools import count
from typing import Any

from graphql import parse

from execution.engine import Engine
from execution.timings import Timing
from tests.unit.execution.toy import SCHEMA, Book, Library, Shelf

BOOKS = {n: Book(n, n.upper(), author="Ann") for n in "abc"}
QUESTION = """{
  shelves { name books { title author { name } } }
  best: shelf(name: "high") { favourite { tags readers } }
  things { label ... on Book { isbn } ... on Shelf { name } }
}"""


async def timed(question: str, *shelves: Shelf, planned: bool = True) -> Timing | None:
    """Timings by a clock that ticks at each look."""
    library = Library(list(shelves), BOOKS)
    library.operation.timer = count(1).__next__
    engine = Engine(SCHEMA, planned=planned)
    outcome = await engine.run(question, parse(question), None, {}, library)
    assert outcome.errors in ([], ())
    return outcome.timings


def shown(node: Timing) -> Any:
    """A tree by steps; what is not an element with the name of its field."""
    return {
        (step if n.field is None else f"{step}={n.field.name}"): shown(n) or None
        for step, n in node.below.items()
    }


def every(node: Timing) -> list[Timing]:
    return [node, *(n for below in node.below.values() for n in every(below))]


async def test_lists_show_the_first_elements_that_led_to_a_field() -> None:
    low, empty = Shelf("low", ("b", "a")), Shelf("none")
    root = await timed(QUESTION, empty, low, Shelf("high", ("c", "a"), "c"))
    assert root is not None
    book = {"title=Book.title": None, "author=Book.author": {"name=Author.name": None}}
    assert shown(root) == {
        "shelves=Query.shelves": {
            0: {"name=Shelf.name": None, "books=Shelf.books": None},
            1: {"books=Shelf.books": {0: book}},
        },
        "best=Query.shelf": {
            "favourite=Shelf.favourite": {"tags=Book.tags": None, "readers=Book.readers": None}
        },
        "things=Query.things": {
            0: {"label=Book.label": None, "isbn=Book.isbn": None},
            3: {"label=Shelf.label": None, "name=Shelf.name": None},
        },
    }


async def test_a_node_knows_when_its_field_was_begun_and_when_its_values_were_there() -> None:
    root = await timed("{ shelves { books { title } } }", Shelf("none"), Shelf("low", ("b",)))
    assert root is not None
    shelves = root.below["shelves"]
    first, second = shelves.below[0].below["books"], shelves.below[1].below["books"]
    title = second.below[0].below["title"]
    times = [(n.begun_ns, n.ended_ns) for n in (shelves, first, second, title)]
    assert times == [(1, 2), (3, 4), (3, 4), (5, 6)]


async def test_a_link_that_does_not_wait_for_its_parents_began_with_them() -> None:
    root = await timed("{ shelves { favourite { title readers } } }", Shelf("low", (), "a"))
    assert root is not None
    favourite = root.below["shelves"].below[0].below["favourite"]
    title, readers = favourite.below["title"], favourite.below["readers"]
    assert favourite.begun_ns < readers.begun_ns < favourite.ended_ns < title.begun_ns
    assert readers.ended_ns > title.ended_ns


async def test_it_does_not_grow_with_the_answer() -> None:
    few = await timed(QUESTION, Shelf("low", ("a", "b"), "c"))
    many = await timed(QUESTION, *(Shelf("low", ("a", "b") * 50, "c") for _ in range(100)))
    assert few is not None
    assert many is not None
    assert len(every(few)) == len(every(many))


async def test_what_graphql_core_walks_has_none() -> None:
    assert await timed(QUESTION, Shelf("low", ("a", "b"), "c"), planned=False) is None


async def test_a_path_leads_to_the_nearest_node() -> None:
    root = await timed(QUESTION, Shelf("low", ("a", "b")))
    assert root is not None
    books = root.below["shelves"].below[0].below["books"]
    assert root.at(("shelves", 0, "books", 0)) is books.below[0]
    assert root.at(("shelves", 0, "books", 7, "title")) is books
    assert root.at(("elsewhere",)) is root
