"""The figures as text: what each contender costs, against the one by hand, and the goals."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from bench.contenders import (
    AGGREGATOR,
    ANSWERS,
    BYTES,
    IN_FLIGHT,
    NOTHING,
    RECORDS,
    REDIS,
    STRAWBERRY,
    WALKED_HERE,
)
from bench.growth import Grown
from bench.measures import Cell, Setting
from bench.questions import Question

_SAME = 1.25
_TAIL = 4.0
_MEMORY = 6.0
_SLACK = 1.15


class Results(Struct, frozen=True, kw_only=True):
    """Everything that was measured.

    Attributes:
        cells: Medians, by contender and setting.
        calls: Calls of one request, by contender and question, with what is kept already kept.
        grown: By contender, answers of growing size.
        asked: The questions.
        fields: How many fields the answer to each has.
    """

    cells: Mapping[tuple[str, Setting], Cell]
    calls: Mapping[tuple[str, str], int]
    grown: Mapping[str, Sequence[Grown]]
    asked: Mapping[str, Question]
    fields: Mapping[str, int]

    def cell(
        self, contender: str, question: str, connections: int = 16, latency_ms: int = 0
    ) -> Cell | None:
        """A median; None if it was not measured."""
        return self.cells.get((contender, Setting(question, connections, latency_ms)))


class Goal(Struct, frozen=True):
    """One thing that was promised, and what came of it.

    Attributes:
        what: In words.
        value: What was measured.
        bound: What it may be.
        least: Whether the bound is the least that it may be, and not the most.
    """

    what: str
    value: float
    bound: float
    least: bool = False

    @property
    def met(self) -> bool:
        """Whether it was kept."""
        return self.value >= self.bound if self.least else self.value <= self.bound


def told(results: Results) -> str:
    """All tables."""
    return "\n".join([*_tables(results), *_growth(results), *_goals_told(results)])


def goals(results: Results) -> Iterator[Goal]:
    """What was promised of figures that this run has."""
    yield from _ratios(results)
    yield from _least_calls(results)
    yield from _slow_systems(results)
    yield from _crowds(results)
    yield from _sizes(results)


def _tables(results: Results) -> Iterator[str]:
    for setting in dict.fromkeys(setting for _, setting in results.cells):
        base = results.cells.get((AGGREGATOR.name, setting))
        connections = (
            "1 connection" if setting.connections == 1 else f"{setting.connections} at once"
        )
        yield f"\n{setting.question}, {connections}, systems take {setting.latency_ms} ms"
        yield (
            f"  {'':34}{'CPU ms':>10}{'x by hand':>11}{'answers/s':>11}"
            f"{'p50 ms':>9}{'p99 ms':>9}{'calls':>8}"
        )
        for (name, where), cell in results.cells.items():
            if where == setting:
                times = f"{cell.cpu_ms / base.cpu_ms:.2f}" if base else "-"
                yield (
                    f"  {name:34}{cell.cpu_ms:10.3f}{times:>11}{cell.per_s:11.1f}"
                    f"{cell.p50_ms:9.2f}{cell.p99_ms:9.2f}{cell.calls:8.2f}"
                )


def _growth(results: Results) -> Iterator[str]:
    if results.grown:
        yield "\nGrowth: one request at a time, a fresh process for each size"
        yield (
            f"  {'':34}{'orders':>8}{'fields':>10}{'MB':>8}{'CPU ms':>10}{'us/field':>10}"
            f"{'memory x size':>15}"
        )
    for name, grown in results.grown.items():
        for each in grown:
            yield (
                f"  {name:34}{each.orders:8}{each.fields:10}{each.bytes / 1e6:8.2f}"
                f"{each.cpu_ms:10.2f}{each.us_a_field:10.3f}{each.peak_to_size:15.2f}"
            )


def _goals_told(results: Results) -> Iterator[str]:
    yield "\nGoals"
    for goal in goals(results):
        relation = "at least" if goal.least else "at most"
        verdict = "met" if goal.met else "MISSED"
        yield f"  {verdict:7} {goal.what}: {goal.value:.2f}, {relation} {goal.bound:.2f}"


def _ratios(results: Results) -> Iterator[Goal]:
    """Processor time against others', at 16 connections."""
    wanted = (
        ("Q2", NOTHING, AGGREGATOR, 1.4),
        ("Q2", NOTHING, STRAWBERRY, 1 / 35),
        ("Q2", NOTHING, WALKED_HERE, 1 / 35),
        ("Q3", NOTHING, AGGREGATOR, 1.4),
        ("Q1", NOTHING, AGGREGATOR, 2.0),
        ("Q2", REDIS, RECORDS, 2.0),
        ("Q1", ANSWERS, BYTES, 2.0),
        ("Q3", ANSWERS, BYTES, 2.0),
        ("Q2", ANSWERS, BYTES, 2.0),
    )
    for question, ours, theirs, bound in wanted:
        mine, other = results.cell(ours.name, question), results.cell(theirs.name, question)
        if mine and other:
            what = f"{question}: CPU, {ours.name} / {theirs.name}"
            yield Goal(what, mine.cpu_ms / other.cpu_ms, bound)


def _least_calls(results: Results) -> Iterator[Goal]:
    for (name, question), calls in results.calls.items():
        if name in {NOTHING.name, IN_FLIGHT.name}:
            least = results.asked[question].calls
            yield Goal(f"{question}: calls, {name}", calls, least)


def _slow_systems(results: Results) -> Iterator[Goal]:
    for name in (NOTHING.name, IN_FLIGHT.name):
        for question in ("Q2", "Q3"):
            alone = results.cell(name, question, 1, 20)
            cpu = results.cell(name, question, 1, 0)
            if alone and cpu:
                rounds = results.asked[question].rounds
                bound = (rounds * 20 + cpu.cpu_ms) * _SLACK
                what = f"{question}: ms with systems of 20 ms in {rounds} rounds, {name}"
                yield Goal(what, alone.p50_ms, bound)
            many = results.cell(name, question, 16, 20)
            if many:
                least = results.asked[question].calls
                what = f"{question}: calls for each of 16 at once, systems of 20 ms, {name}"
                yield Goal(what, many.calls, least - 0.01)


def _crowds(results: Results) -> Iterator[Goal]:
    for name in (NOTHING.name, IN_FLIGHT.name, ANSWERS.name):
        for question in ("Q1", "Q3"):
            few, many = results.cell(name, question), results.cell(name, question, 64)
            if few and many:
                ratio = many.per_s / few.per_s
                yield Goal(f"{question}: throughput at 64 / at 16, {name}", ratio, 1.0, least=True)
                tail = many.p99_ms / many.p50_ms
                yield Goal(f"{question}: p99 / p50 at 64, {name}", tail, _TAIL)


def _sizes(results: Results) -> Iterator[Goal]:
    grown = results.grown.get(NOTHING.name, ())
    if len(grown) > 1:
        first, last = grown[0], grown[-1]
        what = f"CPU a field, {last.fields} fields / {first.fields}"
        yield Goal(what, last.us_a_field / first.us_a_field, _SAME)
        yield Goal(f"memory / answer, {last.fields} fields", last.peak_to_size, _MEMORY)
