"""Nulls and errors: as far up as they reach, at every path where they show; like graphql-core."""

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec import json

from execution.engine import Engine
from tests.unit.execution.toy import SCHEMA, Book, Library, Shelf, run

FINE = Book("a", "Alpha", pages=7, tags=("x", "y"))
CASES: Mapping[str, tuple[Library, str, Any, set[tuple[Any, ...]]]] = {
    "an error in a list of what may not be null reaches the root": (
        Library([Shelf("low", ("a", "gone"))], {"a": FINE}),
        "{ shelves { name books { isbn } } }",
        None,
        {("shelves", 0, "books", 1)},
    ),
    "an error in a list of what may be null stays there": (
        Library([Shelf("low", ("a", "gone", None))], {"a": FINE}),
        "{ shelves { some { isbn } } }",
        {"shelves": [{"some": [{"isbn": "a"}, None, None]}]},
        {("shelves", 0, "some", 1)},
    ),
    "a null where none is allowed takes its object along": (
        Library([Shelf("low", ("a", "b"))], {"a": FINE, "b": Book("b", None)}),
        "{ shelves { some { title } } }",
        {"shelves": [{"some": [{"title": "Alpha"}, None]}]},
        {("shelves", 0, "some", 1, "title")},
    ),
    "a shared object's error is told at each of its paths": (
        Library([Shelf("x", (), "b"), Shelf("y", (), "b")], {"b": Book("b", None)}),
        "{ shelves { favourite { title } } }",
        {"shelves": [{"favourite": None}, {"favourite": None}]},
        {("shelves", 0, "favourite", "title"), ("shelves", 1, "favourite", "title")},
    ),
    "a leaf of the wrong kind is an error of its own": (
        Library([Shelf("low", ("a", "b"))], {"a": FINE, "b": Book("b", pages="many")}),
        "{ shelves { some { pages } } }",
        {"shelves": [{"some": [{"pages": 7}, {"pages": None}]}]},
        {("shelves", 0, "some", 1, "pages")},
    ),
    "a list that is none": (
        Library([Shelf("low", ("a", "b"))], {"a": FINE, "b": Book("b", tags=5)}),
        "{ shelves { some { tags } } }",
        {"shelves": [{"some": [{"tags": ["x", "y"]}, None]}]},
        {("shelves", 0, "some", 1, "tags")},
    ),
    "a null among leaves that may not be null": (
        Library([Shelf("low", ("a",))], {"a": Book("a", tags=("x", None))}),
        "{ shelves { some { tags } } }",
        {"shelves": [{"some": [None]}]},
        {("shelves", 0, "some", 0, "tags", 1)},
    ),
    "what is worked out fails for one parent alone": (
        Library([Shelf("low", ("a", "b"))], {"a": FINE, "b": Book("b", 3)}),
        "{ shelves { some { loud } } }",
        {"shelves": [{"some": [{"loud": "ALPHA"}, {"loud": None}]}]},
        {("shelves", 0, "some", 1, "loud")},
    ),
    "an attribute that one object does not have": (
        Library([Shelf("low", ("a",))], {"a": FINE}),
        "{ shelves { some { subtitle isbn } } }",
        {"shelves": [{"some": [{"subtitle": None, "isbn": "a"}]}]},
        set(),
    ),
    "types of an interface, each with its own fields": (
        Library([Shelf("low")], {"a": FINE}),
        "{ things { __typename label ... on Book { pages } ... on Shelf { name } } }",
        {
            "things": [
                {"__typename": "Book", "label": "Alpha", "pages": 7},
                {"__typename": "Shelf", "label": "low", "name": "low"},
            ]
        },
        set(),
    ),
    "an object of none of the types": (
        Library(["neither"], {}),
        "{ things { label } }",
        None,
        {("things", 0)},
    ),
    "nothing but the type": (
        Library([Shelf("low"), Shelf("high")], {}),
        "{ shelves { __typename } }",
        {"shelves": [{"__typename": "Shelf"}] * 2},
        set(),
    ),
    "an empty list": (
        Library([], {}),
        "{ shelves { name books { isbn } } }",
        {"shelves": []},
        set(),
    ),
    "a batch that breaks": (
        Library([Shelf("low", ("a",))], {"a": FINE}),
        "{ shelves { books { broken } } }",
        {"shelves": [{"books": [{"broken": None}]}]},
        {("shelves", 0, "books", 0, "broken")},
    ),
}


@pytest.mark.parametrize("planned", [True, False], ids=["planned", "graphql-core"])
@pytest.mark.parametrize("case", CASES)
async def test_answers_and_paths(case: str, planned: bool) -> None:
    library, question, expected, paths = CASES[case]
    fresh = Library(library.shelves, library.books)
    data, errors = await run(question, fresh, Engine(SCHEMA, planned=planned))
    assert json.decode(data) == expected
    assert {tuple(e.path or ()) for e in errors} == paths


async def test_text_is_written_as_json() -> None:
    odd = 'quote " backslash \\ tab \t null \x00 é 語 😀 \u2028'
    library = Library([Shelf("low", ("a", "b"))], {"a": Book("a", odd), "b": Book("b", "plain")})
    data, errors = await run("{ shelves { books { title loud } } }", library)
    assert errors == []
    [one, other] = json.decode(data)["shelves"][0]["books"]
    assert (one["title"], one["loud"]) == (odd, odd.upper())
    assert other["title"] == "plain"
