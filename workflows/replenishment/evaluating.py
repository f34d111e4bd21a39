"""Evaluations: many items at many locations, read together, calculated one by one."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import structlog
from msgspec import Struct

from canonical.errors import SupplygraphError, UnavailableError
from canonical.exceptions import Trouble
from canonical.reading import Records
from canonical.replenishment import Evaluated
from workflows.replenishment.assembling import Assembler, House
from workflows.replenishment.calculation import Calculated, calculate
from workflows.replenishment.gathering import Gathered, Gatherer, Question
from workflows.replenishment.reporting import (
    OUR_MISTAKE,
    cause_of,
    problem_cause_of,
    problem_of,
    trouble_of,
)

_PAIRS_AT_A_TIME: Final = 25
"""Pairs that are calculated before others get their turn: some milliseconds."""
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Wanted(Struct, frozen=True):
    """What is to be evaluated.

    Attributes:
        item: Sku.
        location: Code; None for all locations that the item has to do with.
        correlation_id: Of what it is evaluated for.
    """

    item: str
    location: str | None
    correlation_id: str


class Findings(Struct, frozen=True, kw_only=True):
    """What came of evaluations.

    Attributes:
        evaluated: By item and location, in this order.
        risks: Stock that runs out whatever is done.
        problems: Items that cannot be evaluated, as something is missing in a system.
        calm: Causes of such troubles that do not exist, or no more.
        unread: By sku, why it could not be read now: nothing was decided on it.
    """

    evaluated: Sequence[Evaluated]
    risks: Sequence[Trouble]
    problems: Sequence[Trouble]
    calm: Sequence[str]
    unread: Mapping[str, SupplygraphError]


class Evaluator:
    """Evaluates items at locations. Changes nothing.

    Args:
        records: Where figures are read.
        house: What the house has settled.
        today: The day.
    """

    def __init__(self, records: Records, house: House, *, today: Callable[[], date]) -> None:
        self._gatherer = Gatherer(records, house.statuses)
        self._house = house
        self._today = today

    async def evaluate(self, wanted: Sequence[Wanted], *, correlation_id: str) -> Findings:
        """Evaluate some hundred items, at any number of locations, in seven questions.

        Args:
            wanted: What. What is wanted twice is evaluated once, for whom it was wanted last.
            correlation_id: Of the questions.
        """
        today = self._today()
        gathered = await self._gather(wanted, today, correlation_id)
        assembler = Assembler(self._house, gathered, today)
        pairs = _pairs(wanted, gathered)
        found: list[_One] = []
        for count, pair in enumerate(pairs, 1):
            found.append(_evaluated(assembler, gathered, pair))
            if count % _PAIRS_AT_A_TIME == 0:
                await asyncio.sleep(0)
        problems = _problems(found)
        whole = {w.item for w in wanted if w.location is None} - gathered.failures.keys()
        return Findings(
            evaluated=[one.evaluated for one in found],
            risks=[one.risk for one in found if one.risk is not None],
            problems=list(problems.values()),
            calm=[
                *(cause_of(e.item, e.location) for e in map(_calm, found) if e is not None),
                *map(problem_cause_of, sorted(whole - problems.keys())),
            ],
            unread={k: e for k, e in gathered.failures.items() if isinstance(e, UnavailableError)},
        )

    async def recalculated(self, item: str, location: str, *, correlation_id: str) -> Calculated:
        """Calculate on today's figures, as the systems say them now, with every line.

        Raises:
            UnavailableError: if they cannot be read.
            NotFoundError: if there is no such item.
            InvalidInputError: if it cannot be calculated.
        """
        today = self._today()
        wanted = [Wanted(item, location, correlation_id)]
        gathered = await self._gather(wanted, today, correlation_id, fresh=True)
        if item in gathered.failures:
            raise gathered.failures[item]
        inputs = Assembler(self._house, gathered, today).inputs_of(item, location)
        return calculate(inputs, explain=True)

    async def _gather(
        self, wanted: Sequence[Wanted], today: date, correlation_id: str, *, fresh: bool = False
    ) -> Gathered:
        named: dict[str, set[str]] = {}
        for one in wanted:
            codes = named.setdefault(one.item, set())
            if one.location is not None:
                codes.add(one.location)
        end = today + timedelta(days=self._house.policies.longest_horizon_days)
        return await self._gatherer.gather(
            Question(named=named, today=today, end=end, correlation_id=correlation_id, fresh=fresh)
        )


class _Pair(Struct, frozen=True, order=True):
    """An item at a location, and whom it is evaluated for."""

    item: str
    location: str
    correlation_id: str


class _One(Struct, frozen=True):
    """What came of one evaluation."""

    evaluated: Evaluated
    risk: Trouble | None = None
    error: SupplygraphError | None = None


def _pairs(wanted: Sequence[Wanted], gathered: Gathered) -> list[_Pair]:
    """What can be evaluated, in order: without items that could not be read now."""
    for_all = {w.item: w.correlation_id for w in wanted if w.location is None}
    found = {
        (item, location): correlation_id
        for item, correlation_id in for_all.items()
        for location in gathered.places.get(item, ())
    }
    found |= {(w.item, w.location): w.correlation_id for w in wanted if w.location is not None}
    return sorted(
        _Pair(item, location, correlation_id)
        for (item, location), correlation_id in found.items()
        if not isinstance(gathered.failures.get(item), UnavailableError)
    )


def _evaluated(assembler: Assembler, gathered: Gathered, pair: _Pair) -> _One:
    item, location, correlation_id = pair.item, pair.location, pair.correlation_id
    try:
        if item in gathered.failures:
            raise gathered.failures[item]
        inputs = assembler.inputs_of(item, location)
        found = calculate(inputs)
    except SupplygraphError as exc:
        return _problem(pair, exc.message, exc)
    except Exception:  # noqa: BLE001  # one item that we stumble over must not hold up all others
        _log.exception("an item could not be evaluated", item=item, location=location)
        return _problem(pair, OUR_MISTAKE, None)
    evaluated = Evaluated(
        item=item, location=location, correlation_id=correlation_id, proposal=found.proposal
    )
    if found.risk is None:
        return _One(evaluated)
    return _One(evaluated, trouble_of(inputs, found.risk, correlation_id))


def _problem(pair: _Pair, message: str, error: SupplygraphError | None) -> _One:
    evaluated = Evaluated(
        item=pair.item,
        location=pair.location,
        correlation_id=pair.correlation_id,
        problem=message,
    )
    return _One(evaluated, error=error)


def _problems(found: Sequence[_One]) -> dict[str, Trouble]:
    """By sku, what stands in the way of evaluating it."""
    by_sku: dict[str, list[_One]] = {}
    for one in found:
        if one.evaluated.problem is not None:
            by_sku.setdefault(one.evaluated.item, []).append(one)
    return {
        sku: problem_of([one.evaluated for one in those], those[0].error)
        for sku, those in by_sku.items()
    }


def _calm(one: _One) -> Evaluated | None:
    """What was evaluated, if nothing runs out there."""
    is_calm = one.risk is None and one.evaluated.problem is None
    return one.evaluated if is_calm else None
