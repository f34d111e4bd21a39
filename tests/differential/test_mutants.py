"""The comparison can fail: every mistake that is put into the executor shows in the short run."""

import pytest

from tests.differential.cases import Tried, differs
from tests.differential.mutants import MUTANTS, GoneError, Mutant, mutated
from tests.differential.short_run import GROUP, LEAVINGS, cases

pytestmark = [GROUP, *LEAVINGS]


@pytest.mark.parametrize("mutant", MUTANTS, ids=repr)
def test_a_mistake_shows(mutant: Mutant) -> None:
    with mutated(mutant):
        tried = Tried()
        assert any(differs(case, right, tried) for case, right in cases())


def test_a_mistake_that_cannot_be_made_any_more_is_told() -> None:
    gone = Mutant("none", "execution.cells:Rows.paths", "what was there once", "")
    with pytest.raises(GoneError, match="does not hold once"), mutated(gone):
        pass
