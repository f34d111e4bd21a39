"""A text is looked at in one step a token, and never counted shorter than it is."""

import itertools

import pytest
from graphql import GraphQLError, Lexer, Source, Token, TokenKind
from hypothesis import given, settings
from hypothesis import strategies as st

from app.demand.bounds import Bounds
from app.demand.lexing import changes, oversize
from tests.unit.app.demand.documents import documents

PIECES = (
    "{", "}", "(", ")", "[", "]", "...", "name", "$v",
    "@d", "!", ":", "=", "|", "&", "12", "-1.5e3",
    '"a"', '"\\""', '""', '"""a " b"""', '"""\\""" x"""', "# comment\n", ",", " ", "\n", "\ufeff",
)  # fmt: skip


def counted(text: str) -> int | None:
    """Tokens as graphql-core counts them, and comments; None if it is no GraphQL."""
    lexer, count = Lexer(Source(text)), 0
    try:
        while lexer.advance().kind is not TokenKind.EOF:
            count += 1
    except GraphQLError:
        return None
    token: Token | None = lexer.token
    comments = 0
    while token is not None:
        comments += token.kind is TokenKind.COMMENT
        token = token.prev
    return count + comments


@given(st.lists(st.sampled_from(PIECES), max_size=30), st.sampled_from(["", " "]))
def test_tokens_are_those_of_the_parser(pieces: list[str], between: str) -> None:
    text = between.join(pieces)
    found = counted(text)
    if found is not None:
        assert len(list(changes(text))) == found


@settings(max_examples=40)
@given(documents())
def test_a_documents_tokens_are_those_of_the_parser(text: str) -> None:
    assert len(list(changes(text))) == counted(text)


@given(st.text(max_size=200))
def test_no_text_is_too_strange(text: str) -> None:
    assert len(list(changes(text))) <= len(text)
    assert oversize(text, Bounds()) is None


@pytest.mark.parametrize(
    "text, words",
    [
        pytest.param("{" + " a" * 10**5 + "}", "200002 characters; at most 65536", id="long"),
        pytest.param("{" + " a" * 2_000 + "}", "more than 2000 tokens", id="tokens"),
        pytest.param("#\n" * 2_000 + "{a}", "more than 2000 tokens", id="comments"),
        pytest.param("...A" * 1_001, "more than 2000 tokens", id="spreads"),
        pytest.param("1-1" * 2_000, "more than 2000 tokens", id="numbers"),
        pytest.param("@a" * 1_001, "more than 2000 tokens", id="directives"),
        pytest.param("{a" * 61, "more than 60 brackets", id="braces"),
        pytest.param("{a(b:" + "[" * 60, "more than 60 brackets", id="lists"),
        pytest.param('{a(b: "' + "x" * 60_000 + '")}', None, id="a long string"),
        pytest.param('{a(b: "' + '\\"' * 30_000, None, id="a string without an end"),
        pytest.param('"""' * 20_000, "more than 2000 tokens", id="strings within strings"),
    ],
)
def test_what_is_too_large_is_not_parsed(text: str, words: str | None) -> None:
    problem = oversize(text, Bounds())
    assert (problem is None) is (words is None)
    if problem is not None and words is not None:
        assert words in problem.message
        assert problem.extensions == {"code": "OPERATION_TOO_LARGE"}


def test_not_more_tokens_are_looked_at_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = itertools.count()

    def counting(text: str) -> itertools.chain[int]:
        return itertools.chain.from_iterable((c,) for c in changes(text) if next(looked_at) >= 0)

    monkeypatch.setattr("app.demand.lexing.changes", counting)
    assert oversize("a " * 30_000, Bounds(tokens=50)) is not None
    assert next(looked_at) == 51
