"""The planned executor: what is run once, what is kept, what falls back."""

import asyncio
import contextlib
from typing import Any

import pytest
from graphql import parse
from msgspec import json

from execution.engine import Engine, PlanOutcome
from tests.unit.execution.toy import SCHEMA, Book, Library, Shelf, run

A, B, C = Book("a", "Alpha", author="Ann"), Book("b", "Beta"), Book("c", "Gamma", author="Ann")
BOOKS = {b.isbn: b for b in (A, B, C)}


def a_library() -> Library:
    return Library([Shelf("low", ("a", "b"), "c"), Shelf("high", ("b", "c", "b"), "c")], BOOKS)


async def test_each_field_runs_once_for_all_parents_and_each_object_once() -> None:
    library = a_library()
    data, errors = await run("{ shelves { books { title author { name } } } }", library)
    assert errors == []
    assert library.batches() == [("shelves", 1), ("books", 2), ("author", 5)]
    titles = [[b["title"] for b in s["books"]] for s in json.decode(data)["shelves"]]
    assert titles == [["Alpha", "Beta"], ["Beta", "Gamma", "Beta"]]


async def test_a_record_that_several_parents_lead_to_is_followed_once() -> None:
    library = a_library()
    data, _ = await run("{ shelves { favourite { title author { name } } } }", library)
    assert library.batches()[-1] == ("author", 1)
    favourites = [s["favourite"] for s in json.decode(data)["shelves"]]
    assert favourites == [{"title": "Gamma", "author": {"name": "Ann"}}] * 2


async def test_what_needs_only_the_key_is_read_together_with_its_parent() -> None:
    library = a_library()
    question = "{ shelves { favourite { title readers } } }"
    data, errors = await run(question, library)
    assert errors == []
    assert library.asked.index(("readers", 1)) < library.asked.index(("favourite read", 2))
    assert json.decode(data)["shelves"][1]["favourite"]["readers"] == ["reader of c"]
    assert [path for _, path in library.operation.problems] == [
        ("shelves", 0, "favourite", "readers"),
        ("shelves", 1, "favourite", "readers"),
    ]


async def test_what_was_read_for_a_record_that_is_not_there_is_forgotten() -> None:
    library = Library([Shelf("low", (), "lost"), Shelf("high", (), "a")], BOOKS)
    data, errors = await run("{ shelves { favourite { title readers } } }", library)
    assert json.decode(data)["shelves"] == [
        {"favourite": None},
        {"favourite": {"title": "Alpha", "readers": ["reader of a"]}},
    ]
    assert [e.path for e in errors] == [["shelves", 0, "favourite"]]
    assert [path for _, path in library.operation.problems] == [
        ("shelves", 1, "favourite", "readers")
    ]


async def test_a_link_that_must_wait_keeps_its_neighbours_waiting() -> None:
    library = a_library()
    await run("{ shelves { favourite { title readers author { name } } } }", library)
    assert library.asked.index(("readers", 1)) > library.asked.index(("favourite read", 2))


async def test_plans_are_kept_by_text_name_and_conditions() -> None:
    told: list[PlanOutcome] = []
    engine = Engine(SCHEMA, on_plan=lambda outcome, _: told.append(outcome))
    question = "query ($x: Boolean!) { shelves { name books @include(if: $x) { isbn } } }"
    for x in (True, False, True, False, True):
        data, _ = await run(question, a_library(), engine, x=x)
        assert ("books" in json.decode(data)["shelves"][0]) is x
    assert told == ["made", "made", "found", "found", "found"]


async def test_what_is_not_planned_is_walked_and_counted_by_reason() -> None:
    told: list[Any] = []
    engine = Engine(SCHEMA, on_plan=lambda *why: told.append(why))
    data, errors = await run("{ __schema { queryType { name } } }", a_library(), engine)
    assert errors == ()
    assert json.decode(data) == {"__schema": {"queryType": {"name": "Query"}}}
    assert told == [("walked", "introspection")]


async def test_a_condition_that_is_null_is_left_to_graphql_core() -> None:
    told: list[PlanOutcome] = []
    engine = Engine(SCHEMA, on_plan=lambda outcome, _: told.append(outcome))
    question = "query ($x: Boolean = true) { shelves { name @skip(if: $x) } }"
    _, errors = await run(question, a_library(), engine, x=None)
    assert "not to be None" in errors[0].message
    assert told == ["walked"]


async def test_conditions_of_another_operation_do_not_matter() -> None:
    told: list[PlanOutcome] = []
    engine = Engine(SCHEMA, on_plan=lambda outcome, _: told.append(outcome))
    text = """query A { shelves { name } }
        query B($x: Boolean!) { shelves { name @skip(if: $x) } }"""
    library = a_library()
    outcome = await engine.run(text, parse(text), "A", {}, library)
    assert json.decode(outcome.data or b"") == {"shelves": [{"name": "low"}, {"name": "high"}]}
    assert told == ["made"]


async def test_variables_that_are_wrong_begin_nothing() -> None:
    library = a_library()
    data, errors = await run("query ($n: Int!) { shelf(nth: $n) { name } }", library, n="one")
    assert data is None
    assert "Int" in errors[0].message
    assert library.asked == []


@pytest.mark.parametrize(
    "question, variables, expected",
    [
        ('{ shelf(name: "high") { name } }', {}, "high"),
        ("query ($n: String) { shelf(name: $n) { name } }", {"n": "high"}, "high"),
        ('query ($n: String = "low") { shelf(name: $n) { name } }', {}, "low"),
        ("query ($n: String) { shelf(name: $n) { name } }", {}, None),
        ("query ($n: String) { shelf(name: $n) { name } }", {"n": None}, None),
    ],
)
async def test_arguments(question: str, variables: dict[str, Any], expected: str | None) -> None:
    data, errors = await run(question, a_library(), **variables)
    assert errors == []
    shelf = json.decode(data)["shelf"]
    assert (shelf and shelf["name"]) == expected


async def test_mutations_run_one_after_another() -> None:
    library = a_library()
    data, _ = await run('mutation { b: stamp(text: "2") a: stamp(text: "1") }', library)
    assert data == b'{"b":"2","a":"1"}'
    assert [w for w, _ in library.asked] == ["stamp 2", "stamp 2 read", "stamp 1", "stamp 1 read"]


async def test_an_operation_that_is_given_up_leaves_nothing_running() -> None:
    library = a_library()
    library.pause_s = 60
    work = asyncio.ensure_future(
        run("{ a: shelves { name } b: shelves { name } c: shelf { name } }", library)
    )
    await asyncio.sleep(0.01)
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == 1
    assert len(library.asked) == 3
