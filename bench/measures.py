"""Measuring: rounds in which the contenders take turns, and the medians of what they cost."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Final

from msgspec import Struct

from bench.contenders import Running, Systems
from bench.data import World
from bench.load import Sample, load
from bench.manifests import Keeping
from bench.processes import post
from bench.questions import Question

_FEW: Final = 4
_WARM: Final = frozenset({Keeping.RECORDS, Keeping.ANSWERS})


class Setting(Struct, frozen=True):
    """Under which circumstances something is measured.

    Attributes:
        question: Name of what is asked.
        connections: Requests at a time.
        latency_ms: What the systems take for every answer.
    """

    question: str
    connections: int = 16
    latency_ms: int = 0


class Cell(Struct, frozen=True):
    """What one contender did under one setting.

    Attributes:
        per_s: Answers a second.
        p50_ms: Median latency.
        p99_ms: Latency of all but one in a hundred.
        cpu_ms: Processor time of the server for each answer.
        calls: Calls to systems for each answer.
        bytes: Length of an answer.
    """

    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    calls: float
    bytes: int


Figures = dict[tuple[str, Setting], list[Cell]]
"""By contender's name and setting, a cell for each round."""


class WrongAnswerError(AssertionError):
    """A contender does not give the right answer, so that its figures mean nothing."""


def check(running: Running, question: Question, world: World) -> None:
    """Compare a contender's answer with the right one.

    Raises:
        WrongAnswerError: if they differ.
    """
    answer = json.loads(post(running.url, question.requests()[0], running.headers))
    if answer.get("data") != question.answer(world) or answer.get("errors"):
        told = str(answer.get("errors") or answer)[:500]
        raise WrongAnswerError(f"{running.contender.name}, {question.name}: {told}")


def calls_of_one(running: Running, question: Question, systems: Systems) -> int:
    """Calls that one request makes."""
    systems.reset()
    post(running.url, question.requests()[0], running.headers)
    return systems.calls()


def keeps(running: Running) -> bool:
    """Whether a contender keeps anything between requests."""
    return running.contender.keeping in _WARM


def warm(running: Running, question: Question) -> None:
    """Ask everything once, so that what can be kept is kept."""
    bodies = question.requests()
    for body in bodies if keeps(running) else bodies[:1]:
        for _ in range(running.contender.workers * 2 - 1):
            post(running.url, body, running.headers)


async def measured(
    running: Running, question: Question, setting: Setting, systems: Systems, seconds: float
) -> Cell:
    """One cell of one round.

    Raises:
        WrongAnswerError: if an answer has another status than 200.
    """
    warm(running, question)
    connections = setting.connections
    if running.contender.slow:
        connections = min(connections, _FEW)
    systems.reset()
    before = running.process.cpu_s()
    sample = await load(running.url, question.requests(), running.headers, connections, seconds)
    cpu_s = running.process.cpu_s() - before
    if sample.failed:
        raise WrongAnswerError(f"{running.contender.name}, {question.name}: {sample.failed} failed")
    return _cell(sample, cpu_s, systems.calls())


def _cell(sample: Sample, cpu_s: float, calls: int) -> Cell:
    count = len(sample.latencies_s)
    return Cell(
        per_s=sample.per_s,
        p50_ms=sample.percentile_ms(50),
        p99_ms=sample.percentile_ms(99),
        cpu_ms=cpu_s * 1000 / count,
        calls=calls / count,
        bytes=sample.bytes,
    )


def say(text: str) -> None:
    """Say on a terminal what goes on, in place of what was said before."""
    if sys.stderr.isatty():
        print(f"\r  {text:60}\r", end="", flush=True, file=sys.stderr)


def medians(figures: Figures) -> dict[tuple[str, Setting], Cell]:
    """Each cell's median over its rounds, figure by figure."""
    return {key: median_cell(cells) for key, cells in figures.items()}


def median_cell(cells: Sequence[Cell]) -> Cell:
    """The median of each figure."""
    return Cell(
        per_s=median(c.per_s for c in cells),
        p50_ms=median(c.p50_ms for c in cells),
        p99_ms=median(c.p99_ms for c in cells),
        cpu_ms=median(c.cpu_ms for c in cells),
        calls=median(c.calls for c in cells),
        bytes=cells[-1].bytes,
    )


async def rounds(
    running: Sequence[Running],
    plan: Mapping[Setting, Iterable[str]],
    asked: Mapping[str, Question],
    systems: Systems,
    terms: tuple[int, float],
) -> Figures:
    """Measure everything several times, the contenders taking turns.

    Args:
        running: Who answers.
        plan: Who is measured under which setting, by name.
        asked: Questions by name.
        systems: What is asked by them.
        terms: How many rounds, and seconds for each cell.
    """
    count, seconds = terms
    by_name = {each.contender.name: each for each in running}
    figures: Figures = {}
    for number in range(count):
        for setting, names in plan.items():
            say(f"round {number + 1} of {count}: {setting.question}")
            systems.delay(setting.latency_ms)
            for each in (by_name[name] for name in names if name in by_name):
                if number and each.contender.slow:
                    continue  # their figures are far from the others', whatever the noise
                question = asked[setting.question]
                cell = await measured(each, question, setting, systems, seconds)
                figures.setdefault((each.contender.name, setting), []).append(cell)
    systems.delay(0)
    say("")
    return figures
