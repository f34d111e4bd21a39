"""The suite: what is measured, whom by, and in which order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import uvloop
from msgspec import Struct

from bench.contenders import (
    AGGREGATOR,
    ALL,
    ANSWERS,
    BYTES,
    IN_FLIGHT,
    NOTHING,
    TWO,
    TWO_WARM,
    Contender,
    Running,
    Starter,
    Systems,
    pin_load,
    running_systems,
)
from bench.data import N_ORDERS, World, make_world
from bench.growth import growth
from bench.measures import Figures, Setting, calls_of_one, check, keeps, medians, rounds, say, warm
from bench.processes import Cores
from bench.profiling import profiled, told
from bench.questions import Question, fields_in, questions
from bench.report import Results

_QUICK: Final = frozenset({"Q1", "Q3", "Q2"})
_LARGEST: Final = "Join2000"
_QUICKLY: Final = tuple(each for each in ALL if each.workers == 1 and not each.slow)
_PLAIN: Final = tuple(each.name for each in ALL if each.workers == 1)
_TWO: Final = (NOTHING.name, IN_FLIGHT.name, ANSWERS.name, TWO.name, TWO_WARM.name)
_UNKEPT: Final = (AGGREGATOR.name, NOTHING.name, IN_FLIGHT.name)
_CROWD: Final = (*_UNKEPT, ANSWERS.name, BYTES.name)


class Extent(Struct, frozen=True):
    """How much is measured.

    Attributes:
        rounds: How often the contenders take turns.
        seconds: How long each cell lasts.
        orders: How many orders the systems have.
        sizes: How many of them are asked for to see what growth costs.
        quick: Whether only the kit's questions are asked, and of the quick contenders.
        only: Names of the contenders; all that there are if empty.
    """

    rounds: int
    seconds: float
    orders: int
    sizes: Sequence[int]
    quick: bool
    only: Sequence[str] = ()


FULL: Final = Extent(
    rounds=3, seconds=0.8, orders=5_000, sizes=(20, 200, 2_000, 5_000), quick=False
)
QUICK: Final = Extent(rounds=1, seconds=0.5, orders=2_000, sizes=(), quick=True)


def measure(extent: Extent) -> Results:
    """Measure all of it.

    Raises:
        WrongAnswerError: if somebody does not give the right answer.
    """
    cores = Cores.of_this_machine()
    pin_load(cores)
    with (
        TemporaryDirectory(prefix="supplygraph-bench-") as folder,
        running_systems(cores, extent.orders) as systems,
    ):
        world = make_world(extent.orders, today=datetime.now(UTC).date())
        starter = Starter(systems, cores, Path(folder), world)
        return uvloop.run(_Suite(extent, starter, systems, world).results())


def profile(name: str, names: Sequence[str], folder: Path) -> Iterator[str]:
    """Where the time goes while contenders answer one question, told part by part."""
    cores = Cores.of_this_machine()
    pin_load(cores)
    question = questions()[name]
    with (
        TemporaryDirectory(prefix="supplygraph-bench-") as scratch,
        running_systems(cores, N_ORDERS) as systems,
    ):
        world = make_world(today=datetime.now(UTC).date())
        starter = Starter(systems, cores, Path(scratch), world)
        for contender in (c for c in ALL if c.name in (names or (NOTHING.name,))):
            with ExitStack() as stack:
                running = starter.start(contender, [question], stack)
                warm(running, question)
                yield f"{contender.name}, {name}"
                yield from told(uvloop.run(profiled(running, question, folder)))


class _Suite:
    """One run over running systems."""

    def __init__(self, extent: Extent, starter: Starter, systems: Systems, world: World) -> None:
        self._extent = extent
        self._starter = starter
        self._systems = systems
        self._world = world
        self._calls: dict[tuple[str, str], int] = {}

    async def results(self) -> Results:
        asked = {n: q for n, q in questions().items() if not self._extent.quick or n in _QUICK}
        figures: Figures = {}
        for house in (False, True):
            here = {name: q for name, q in asked.items() if q.house is house}
            if here:
                figures |= await self._one(here, [c for c in self._here() if c.house or not house])
        grown = await growth(
            [c for c in self._here() if c in (AGGREGATOR, NOTHING)],
            self._extent.sizes,
            self._starter,
            self._world,
            self._extent.seconds,
        )
        return Results(
            cells=medians(figures),
            calls=self._calls,
            grown=grown,
            asked=asked,
            fields={name: fields_in(q.answer(self._world)) for name, q in asked.items()},
        )

    def _here(self) -> list[Contender]:
        extent = self._extent
        known = _QUICKLY if extent.quick else ALL
        return [c for c in known if not extent.only or c.name in extent.only]

    async def _one(self, asked: Mapping[str, Question], contenders: Sequence[Contender]) -> Figures:
        """Measure one installation: everybody runs, one at a time is asked."""
        with ExitStack() as stack:
            running = []
            for contender in contenders:
                say(f"starting: {contender.name}")
                each = self._starter.start(contender, list(asked.values()), stack)
                self._examine(each, asked.values())
                running.append(each)
            extent = self._extent
            plan = {s: names for s, names in _plan(extent).items() if s.question in asked}
            return await rounds(
                running, plan, asked, self._systems, (extent.rounds, extent.seconds)
            )

    def _examine(self, running: Running, asked: Iterable[Question]) -> None:
        """See that the answers are right, and how many calls one takes."""
        for question in asked:
            if running.contender.slow and question.name == _LARGEST:
                continue
            self._systems.reset()
            check(running, question, self._world)
            calls = self._systems.calls()
            if keeps(running):
                warm(running, question)
                calls = calls_of_one(running, question, self._systems)
            self._calls[running.contender.name, question.name] = calls


def _plan(extent: Extent) -> dict[Setting, Sequence[str]]:
    """Who is measured under which setting."""
    plan: dict[Setting, Sequence[str]] = {
        Setting(name): _PLAIN for name in ("Q1", "Q3", "Q2", "OrderPage", "ItemPage", "Projection")
    }
    plan |= {Setting(_LARGEST, 1): tuple(each.name for each in _QUICKLY)}
    plan |= {Setting(name, 1): _UNKEPT for name in ("Q1", "Q3", "Q2")}
    plan |= {Setting(name, 64): _CROWD for name in ("Q1", "Q3")}
    plan |= {Setting(name, 1, 20): _UNKEPT for name in ("Q3", "Q2")}
    plan |= {Setting(name, 16, 20): _UNKEPT for name in ("Q3", "Q2")}
    if not extent.quick:
        plan |= {Setting("Q3", 32): _TWO}
    return plan
