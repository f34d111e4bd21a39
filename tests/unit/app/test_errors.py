"""Errors as clients see them, put together without a server."""

import pytest
from graphql import GraphQLError
from structlog.testing import capture_logs

from app.errors import MAX_ERRORS, Translator
from canonical.errors import NotFoundError, Reason, UnavailableError
from execution.operation import BatchError


def located(cause: Exception, *path: str | int) -> GraphQLError:
    return GraphQLError(str(cause), path=path, original_error=cause)


def test_different_errors_are_bounded_and_the_rest_is_counted() -> None:
    errors = [located(NotFoundError(f"item {n}"), "items", n) for n in range(150)]
    told = Translator("c").all(errors, ())
    assert len(told) == MAX_ERRORS + 1
    assert told[0]["message"] == "item 0"
    assert told[-1] == {
        "message": "50 further errors are not shown",
        "extensions": {"code": "MORE_ERRORS", "correlationId": "c"},
    }


def test_a_few_alike_keep_their_places() -> None:
    errors = [located(NotFoundError("gone"), "items", n, "unit") for n in range(20)]
    told = Translator("c").all(errors, ())
    assert [e["path"][1] for e in told] == list(range(20))
    assert not any("positions" in e["extensions"] for e in told)


def test_many_alike_are_one_for_each_field() -> None:
    down = UnavailableError("erp", Reason.TIMEOUT, "slow")
    problems = [(down, ("items", n, field)) for n in range(21) for field in ("unit", "name")]
    told = Translator("c").all((), problems)
    assert [(e["path"], e["extensions"]["positions"]) for e in told] == [
        (["items", 0, "unit"], 21),
        (["items", 0, "name"], 21),
    ]


def test_errors_stand_before_problems() -> None:
    told = Translator("c").all([located(NotFoundError("a"), "x")], [(NotFoundError("b"), ("y",))])
    assert [e["message"] for e in told] == ["a", "b"]


def test_an_unforeseen_fault_is_logged_once_with_its_first_place() -> None:
    fault = ZeroDivisionError("inside")
    errors = []
    for n in range(5):
        wrapped = BatchError()
        wrapped.__cause__ = fault
        errors.append(located(wrapped, "items", n))
    with capture_logs() as logs:
        told = Translator("c-7").all(errors, ())
    assert {e["extensions"]["code"] for e in told} == {"INTERNAL_SERVER_ERROR"}
    assert "inside" not in str(told)
    [logged] = logs
    assert logged["exc_info"] is fault
    assert (logged["correlation_id"], logged["path"]) == ("c-7", ["items", 0])


def test_a_long_message_is_cut() -> None:
    [told] = Translator("c").all([GraphQLError("x" * 100_000)], ())
    assert len(told["message"]) == 1_000
    assert told["message"].endswith("...")


@pytest.mark.parametrize(
    "said, told",
    [
        ("Expected an 'Int!' not to be None.", "Expected an 'Int!' not to be null."),
        ("found: [True, False, {'None': None}]", "found: [true, false, {'None': null}]"),
        ('found: "it isn\'t None", NoneType', 'found: "it isn\'t None", NoneType'),
        ("'" + "\\'" * 50_000, "'" + "\\'" * 498 + "..."),
    ],
)
def test_an_engines_error_is_told_in_words_of_json(said: str, told: str) -> None:
    [shown] = Translator("c").all([GraphQLError(said)], ())
    assert shown["message"] == told


def test_an_engines_error_keeps_its_code_and_place() -> None:
    error = GraphQLError("wrong", extensions={"code": "GRAPHQL_PARSE_FAILED"})
    [told] = Translator("c").all([error], ())
    assert told == {
        "message": "wrong",
        "extensions": {"code": "GRAPHQL_PARSE_FAILED", "correlationId": "c"},
    }
