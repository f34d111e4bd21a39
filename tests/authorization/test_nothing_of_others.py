"""A supplier's answer to any question is the answer of a world without other suppliers' data.

Random operations with the keys, ids and cursors of the whole world; a run of always the same ones.
`pytest tests/authorization --hypothesis-profile=long` goes on with many others.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from random import Random
from typing import Any, Final

import pytest
from graphql import DocumentNode, OperationDefinitionNode, parse, validate
from hypothesis import given, settings
from hypothesis import strategies as st

from app.access.judging import Judge, Remembered, Verdict
from execution.engine import Engine
from execution.operation import Operation
from runtime.security.principal import Principal, Role
from schema.access import access_over
from schema.scalars import COLUMN_WRITERS
from tests.authorization.lesser_worlds import lesser, log_of, told_to
from tests.differential.cases import cursors
from tests.differential.operations import Asking, drafted
from tests.differential.running import Ran, came_of, decoded
from tests.differential.settings import Distributor, context_of
from tests.differential.world import SUPPLIERS, World, world
from tests.fakes.desk import NOW, SCHEMA
from tests.fakes.happenings import FakeHistory

pytestmark = pytest.mark.xdist_group("differential")

INNER: Final = SCHEMA._schema
ENGINE: Final = Engine(INNER, writers=COLUMN_WRITERS)
JUDGE: Final = Judge(INNER, access_over(INNER))
WORLDS: Final = 16
CALLERS: Final = ((SUPPLIERS[1],), (SUPPLIERS[0], SUPPLIERS[3]), (), ("nobody",))
FEW: Final = 50
_WANTED: Final = settings().max_examples
EXAMPLES: Final = FEW if _WANTED <= 100 else _WANTED


@cache
def worlds(seed: int, codes: tuple[str, ...]) -> tuple[World, World, Any, Any]:
    """A world, the one without what is not the suppliers', and what has happened in each."""
    whole = world(seed)
    log = log_of(whole)
    return whole, lesser(whole, codes), FakeHistory(*log), FakeHistory(*told_to(log, codes))


def bound(role: Role, codes: Sequence[str]) -> Principal:
    return Principal("sam", frozenset({role}), tuple(sorted(codes)), NOW + timedelta(hours=1))


async def answer(
    where: World,
    history: FakeHistory,
    asking: Asking,
    document: DocumentNode,
    who: tuple[Principal, Verdict],
    variables: Mapping[str, Any],
) -> Ran:
    """What a supplier is told in a world where nothing was asked before."""
    operation = Operation()
    principal, verdict = who
    context = context_of(where, operation, principal, history, JUDGE.access)
    try:
        outcome = await ENGINE.run(
            asking.text,
            document,
            asking.operation_name,
            variables,
            context,
            mask=verdict.mask,
        )
    finally:
        operation.scheduler.end()
    data = None if outcome.data is None else decoded(outcome.data)
    return came_of(data, outcome, {})


def case(seed: int) -> tuple[int, tuple[str, ...], Asking, DocumentNode] | None:
    rnd = Random(seed)
    number, codes = rnd.randrange(WORLDS), CALLERS[seed % len(CALLERS)]
    setting = Distributor(world(number))
    pools = {
        **setting.pools,
        "purchaseOrder": setting.world.numbers,
        "correlationId": ("c0", "c1", "c2"),
    }
    asking = drafted(INNER, rnd, pools, cursors(number))
    document = parse(asking.text)
    return None if validate(INNER, document) else (number, codes, asking, document)


def compared(seed: int) -> tuple[Ran, Ran] | None:
    """What is told in both worlds."""
    made = case(seed)
    if made is None:
        return None
    number, codes, asking, document = made
    whole, less, log, lesser_log = worlds(number, codes)
    role = Role.PLANNER if seed % 3 == 0 else Role.SUPPLIER  # bound, whatever it is besides
    principal, variables = bound(role, codes), asking.variables[0]
    names = (asking.operation_name or "Q",)
    [operation] = [
        d
        for d in document.definitions
        if isinstance(d, OperationDefinitionNode) and d.name and d.name.value in names
    ]
    verdict = JUDGE.verdict(Remembered(), document, operation, principal, variables)
    who = principal, verdict
    # What is refused before it is run is run here nonetheless: rows are kept back by themselves.
    return (
        asyncio.run(answer(whole, log, asking, document, who, variables)),
        asyncio.run(answer(less, lesser_log, asking, document, who, variables)),
    )


@settings(max_examples=EXAMPLES, derandomize=EXAMPLES == FEW)
@given(st.integers(min_value=0, max_value=2**32))
def test_an_answer_is_that_of_a_world_without_the_others(seed: int) -> None:
    both = compared(seed)
    if both is None:
        return
    whole, less = both
    assert whole.data == less.data
    assert (whole.begun, whole.errors, whole.problems) == (less.begun, less.errors, less.problems)


def test_something_is_seen_and_something_is_hidden() -> None:
    """The worlds are no empty ones, and the lesser are truly less."""
    whole, less, log, lesser_log = worlds(0, CALLERS[0])
    count = [sum(len(s.records) for s in w.make()) for w in (whole, less)]
    assert count[1] > 20
    assert count[0] > 3 * count[1]
    assert 0 < len(lesser_log.events) < len(log.events) / 2
