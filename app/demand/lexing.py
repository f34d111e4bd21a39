"""A first look at a text: how many tokens, how deeply nested. It takes one step a token, at most.

Counts no fewer tokens than graphql-core does, in a fraction of the time, so that what is too large
is never parsed. What is no GraphQL at all is left for the parser to tell.
"""

import re
from collections.abc import Iterator
from typing import Final

from graphql import GraphQLError

from app.demand.bounds import Bounds, too_large

_TOKEN: Final = re.compile(
    r"""
    [\s,\ufeff]*+
    (?: (?P<open>[{(\[]) | (?P<close>[})\]])
      | [_A-Za-z][_0-9A-Za-z]*+
      | -?[0-9]++ (?:\.[0-9]++)? (?:[eE][+-]?[0-9]++)?
      | \.\.\.
      | \"\"\" (?: [^"\\] | "(?!"") | \\ (?:\"\"\")? )*+ (?:\"\"\")?
      | " (?: [^"\\\n\r] | \\. )*+ "?
      | \#[^\n\r]*+
      | . )
    """,
    re.VERBOSE,
)


def oversize(text: str, bounds: Bounds) -> GraphQLError | None:
    """Why a text is not parsed at all; None if it may be."""
    if len(text) > bounds.characters:
        most = bounds.characters
        return too_large(f"the document has {len(text)} characters; at most {most} are read")
    nesting = 0
    for number, change in enumerate(changes(text), 1):
        if number > bounds.tokens:
            return too_large(f"the document has more than {bounds.tokens} tokens")
        nesting += change
        if nesting > bounds.nesting:
            most = bounds.nesting
            return too_large(f"the document is nested too deeply: more than {most} brackets")
    return None


def changes(text: str) -> Iterator[int]:
    """For each token what it does to the nesting: 1 opens, -1 closes."""
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        yield 0 if kind is None else 1 if kind == "open" else -1
