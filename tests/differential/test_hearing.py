"""Events of random subscriptions, many at once, are answered as graphql-core answers each alone."""

from collections.abc import Sequence
from functools import cache

import pytest

from tests.differential.hearing import Hearing, disagreement, expected, hearing
from tests.differential.mutants import Mutant, mutated
from tests.differential.running import Ran
from tests.differential.short_run import GROUP, LEAVINGS

pytestmark = [GROUP, *LEAVINGS]
CASES = 50

MISTAKES = (
    Mutant(
        "errors are told of the first event",
        "execution.reporting:Reports.errors",
        "told[root].append",
        "told[0].append",
    ),
    Mutant(
        "what is missing is told of the first event",
        "execution.reporting:Reports.incomplete",
        "told[root].append",
        "told[0].append",
    ),
    Mutant(
        "every event is the first",
        "execution.cells:Rows.paths",
        "yield (number,)",
        "yield (0,)",
    ),
    Mutant(
        "paths begin with the number of the event",
        "execution.reporting:Reports._placed",
        "p[1:]",
        "p",
    ),
    Mutant(
        "a null of one event is the data of all",
        "execution.writing:Writer.data",
        "for text in self._objects_of(roots)",
        "for text in [min(self._objects_of(roots), key=bool)] * len(roots.objects)",
    ),
)


@cache
def cases() -> Sequence[tuple[Hearing, Sequence[Ran]]]:
    made = (hearing(seed) for seed in range(CASES))
    return [(given, expected(given)) for given in made if given is not None]


def test_events_are_answered_alike() -> None:
    told = [t for given, right in cases() if (t := disagreement(given, right))]
    assert told == []


def test_every_stream_is_heard_with_and_without_errors() -> None:
    heard = {(given.field, bool(r.errors)) for given, right in cases() for r in right if r.begun}
    roots = {id(g.setting.schema): g.setting.schema.subscription_type for g, _ in cases()}
    fields = {name for root in roots.values() if root is not None for name in root.fields}
    assert heard == {(f, e) for f in fields for e in (True, False)}


@pytest.mark.parametrize("mistake", MISTAKES, ids=repr)
def test_a_mistake_shows(mistake: Mutant) -> None:
    with mutated(mistake):
        assert any(disagreement(given, right) for given, right in cases())
