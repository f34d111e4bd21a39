"""The cases of the short run, and what graphql-core makes of them: worked out once."""

from collections.abc import Iterator, Sequence
from typing import Final

import pytest

from tests.differential.cases import Case, case, expected
from tests.differential.running import Ran

CASES: Final = 440
GROUP: Final = pytest.mark.xdist_group("differential")
LEAVINGS: Final = (
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
)
"""graphql-core leaves coroutines behind when a null spreads."""

_known: list[tuple[Case, Sequence[Ran]]] = []
_left: Final = iter(range(CASES))


def cases() -> Iterator[tuple[Case, Sequence[Ran]]]:
    """Every case with its answers, in the order of their seeds."""
    yield from _known
    for seed in _left:
        made = case(seed)
        if made is not None:
            _known.append((made, expected(made)))
            yield _known[-1]
