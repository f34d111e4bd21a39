"""Subscriptions: what is to be heard, and several events answered at once, each for itself."""

from collections.abc import Sequence
from typing import Any

import pytest
from graphql import GraphQLError, parse, validate
from msgspec import json

from execution.engine import Engine, Opened, Outcome
from tests.unit.execution.toy import SCHEMA, Book, Library, Loan, Lost

BOOKS = {b.isbn: b for b in (Book("a", "Alpha", author="Ann"), Book("b", "Beta", author="Ann"))}


def opening(text: str, engine: Engine | None = None, **variables: Any) -> Opened | Outcome:
    document = parse(text)
    assert not validate(SCHEMA, document)
    return (engine or Engine(SCHEMA)).open(text, document, None, variables)


async def answers(
    text: str, values: Sequence[Any], library: Library, *, planned: bool = True
) -> list[Outcome]:
    engine = Engine(SCHEMA, planned=planned)
    opened = opening(text, engine)
    assert isinstance(opened, Opened)
    return await engine.events(opened, values, library)


@pytest.mark.parametrize("planned", [True, False])
def test_what_is_to_be_heard_is_told_with_its_arguments(planned: bool) -> None:
    text = """subscription ($r: [String!]) { ...F }
        fragment F on Subscription { loan: borrowed(filter: {readers: $r}) { reader } }"""
    opened = opening(text, Engine(SCHEMA, planned=planned), r=["Bo", "Cy"])
    assert isinstance(opened, Opened)
    assert (opened.field, opened.key) == ("borrowed", "loan")
    assert opened.arguments == {"filter": ("Bo", "Cy"), "since": 0}


def test_a_subscription_whose_variables_are_wrong_is_not_begun() -> None:
    refused = opening("subscription ($n: Int!) { borrowed(since: $n) { reader } }", n="one")
    assert isinstance(refused, Outcome)
    assert refused.data is None
    assert "Int cannot represent non-integer value" in refused.errors[0].message


@pytest.mark.parametrize("planned", [True, False])
def test_arguments_that_are_refused_are_an_error_of_the_field(planned: bool) -> None:
    text = "subscription { loan: borrowed(filter: {readers: []}) { reader } }"
    refused = opening(text, Engine(SCHEMA, planned=planned))
    assert isinstance(refused, Outcome)
    assert refused.data is None
    [error] = refused.errors
    assert (error.message, error.path) == ("of nobody", ["loan"])
    assert isinstance(error.original_error, Lost)


def test_a_null_where_none_is_allowed_is_an_error_of_the_field() -> None:
    text = "subscription ($n: Int = 3) { borrowed(since: $n) { reader } }"
    refused = opening(text, n=None)
    assert isinstance(refused, Outcome)
    assert refused.errors[0].path == ["borrowed"]
    assert "not to be None" in refused.errors[0].message


async def test_links_of_several_events_are_followed_once_for_all() -> None:
    library = Library((), BOOKS)
    text = "subscription { borrowed { reader book { title author { name } } } }"
    given = [Loan("Bo", "a"), Loan("Cy", "b"), Loan("Di", "a")]
    found = await answers(text, given, library)
    assert library.batches() == [("borrowed", 3), ("author", 2)]
    assert [o.data for o in found] == [
        b'{"borrowed":{"reader":"Bo","book":{"title":"Alpha","author":{"name":"Ann"}}}}',
        b'{"borrowed":{"reader":"Cy","book":{"title":"Beta","author":{"name":"Ann"}}}}',
        b'{"borrowed":{"reader":"Di","book":{"title":"Alpha","author":{"name":"Ann"}}}}',
    ]
    assert [o.errors for o in found] == [[], [], []]


@pytest.mark.parametrize("planned", [True, False])
async def test_each_event_has_its_own_errors_and_problems_with_its_own_paths(
    planned: bool,
) -> None:
    library = Library((), BOOKS)
    text = "subscription { e: borrowed { reader maybe { readers loud } book { isbn } } }"
    given = [Loan("Bo", "a"), Loan("Cy", "gone"), Loan(None, "b"), Loan("Di"), Lost("unread")]
    found = await answers(text, given, library, planned=planned)
    assert [o.data for o in found] == [
        (
            b'{"e":{"reader":"Bo","maybe":{"readers":["reader of a"],"loud":"ALPHA"},'
            b'"book":{"isbn":"a"}}}'
        ),
        *[b"null"] * 4,
    ]
    assert [_paths(o.errors)[-1:] for o in found] == [
        [],
        [["e", "book"]],
        [["e", "reader"]],
        [["e", "book"]],
        [["e"]],
    ]
    assert [(p.message, path) for p, path in found[0].problems] == [
        ("a reader", ("e", "maybe", "readers"))
    ]
    assert [p for o in (found[1], found[3], found[4]) for p in o.problems] == []


@pytest.mark.parametrize("planned", [True, False])
async def test_an_event_that_may_be_null_is(planned: bool) -> None:
    text = "subscription { perhaps { reader } }"
    given = [None, Loan("Bo"), Loan(None), "no loan"]
    found = await answers(text, given, Library(), planned=planned)
    assert [json.decode(o.data or b"") for o in found] == [
        {"perhaps": None},
        {"perhaps": {"reader": "Bo"}},
        {"perhaps": None},
        {"perhaps": None},
    ]
    assert [_paths(o.errors) for o in found] == [[], [], [["perhaps", "reader"]], [["perhaps"]]]


async def test_an_event_that_several_subscribers_hear_twice_is_answered_twice() -> None:
    loan = Loan("Bo", "a")
    found = await answers("subscription { borrowed { reader } }", [loan, loan], Library())
    assert [o.data for o in found] == [b'{"borrowed":{"reader":"Bo"}}'] * 2


async def test_no_events_no_answers() -> None:
    assert await answers("subscription { borrowed { book { isbn } } }", [], Library()) == []


async def test_the_plan_is_kept_and_what_has_none_is_walked_with_a_reason() -> None:
    told: list[Any] = []
    engine = Engine(SCHEMA, on_plan=lambda *why: told.append(why))
    text = "subscription ($x: Boolean = true) { borrowed { reader @skip(if: $x) __typename } }"
    for x in (False, False, None):
        opened = opening(text, engine, x=x)
        assert isinstance(opened, Opened)
        [outcome] = await engine.events(opened, [Loan("Bo")], Library())
        if x is None:
            assert "not to be None" in outcome.errors[0].message
        else:
            assert outcome.data == b'{"borrowed":{"reader":"Bo","__typename":"Loan"}}'
    assert told == [
        ("made", None),
        ("found", None),
        ("walked", "a condition of skip or include is null"),
    ]


def _paths(errors: Sequence[GraphQLError]) -> list[Any]:
    return [e.path for e in errors]
