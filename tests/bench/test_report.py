"""What was promised is compared with what was measured, and each can be missed."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from bench.chart import draw
from bench.contenders import AGGREGATOR, ANSWERS, BYTES, IN_FLIGHT, NOTHING
from bench.growth import Grown
from bench.kit.ratios import told as kit_told
from bench.kit.run import merged
from bench.measures import Cell, Setting, medians
from bench.questions import questions
from bench.report import Results, goals, told

CELL = Cell(per_s=100, p50_ms=10, p99_ms=20, cpu_ms=10, calls=5, bytes=1_000)
ASKED = {name: q for name, q in questions().items() if name in {"Q1", "Q3", "Q2"}}


def _results(**cells: tuple[str, Setting, Cell]) -> Results:
    return Results(
        cells={(name, setting): cell for name, setting, cell in cells.values()},
        calls={},
        grown={},
        asked=ASKED,
        fields={"Q1": 31, "Q3": 2_322, "Q2": 23_202},
    )


@pytest.mark.parametrize("cpu_ms, met", [(13.9, True), (14.1, False)])
def test_processor_time_is_compared_with_the_aggregators(cpu_ms: float, met: bool) -> None:
    results = _results(
        theirs=(AGGREGATOR.name, Setting("Q2"), CELL),
        ours=(NOTHING.name, Setting("Q2"), replace(CELL, cpu_ms=cpu_ms)),
    )
    [goal] = goals(results)

    assert (f"{goal.value:.2f}", goal.bound, goal.met) == (f"{cpu_ms / 10:.2f}", 1.4, met)


@pytest.mark.parametrize("p50_ms, met", [(57.4, True), (57.6, False)])
def test_two_rounds_of_20_ms_and_the_processor_time_with_15_percent(
    p50_ms: float, met: bool
) -> None:
    results = _results(
        alone=(NOTHING.name, Setting("Q3", 1), CELL),
        slow=(NOTHING.name, Setting("Q3", 1, 20), replace(CELL, p50_ms=p50_ms)),
    )
    [goal] = goals(results)

    assert (f"{goal.bound:.2f}", goal.met) == ("57.50", met)


@pytest.mark.parametrize("calls, met", [(5.0, False), (4.9, True)])
def test_many_at_once_share_calls(calls: float, met: bool) -> None:
    cell = replace(CELL, calls=calls)
    [goal] = goals(_results(many=(IN_FLIGHT.name, Setting("Q2", 16, 20), cell)))

    assert goal.met is met


@pytest.mark.parametrize("per_s, p99_ms, met", [(100, 39, [True, True]), (99, 41, [False, False])])
def test_a_crowd_neither_slows_the_whole_nor_starves_a_few(
    per_s: float, p99_ms: float, met: list[bool]
) -> None:
    results = _results(
        few=(ANSWERS.name, Setting("Q1"), CELL),
        many=(ANSWERS.name, Setting("Q1", 64), replace(CELL, per_s=per_s, p99_ms=p99_ms)),
    )

    assert [goal.met for goal in goals(results)] == met


@pytest.mark.parametrize(
    "cpu_ms, peak, met", [(2_400, 590, [True, True]), (2_600, 610, [False, False])]
)
def test_growth_keeps_its_price_for_a_field_and_its_memory(
    cpu_ms: float, peak: int, met: list[bool]
) -> None:
    grown = [Grown(20, 1_000, 100, 2, 0), Grown(5_000, 1_000_000, 100, cpu_ms, peak)]
    results = Results(cells={}, calls={}, grown={NOTHING.name: grown}, asked=ASKED, fields={})

    assert [goal.met for goal in goals(results)] == met


def test_calls_are_the_least_possible_or_it_is_said() -> None:
    results = Results(cells={}, calls={(NOTHING.name, "Q2"): 6}, grown={}, asked=ASKED, fields={})

    assert "MISSED  Q2: calls, nothing cached: 6.00, at most 5.00" in told(results)


def test_figures_are_medians_of_the_rounds() -> None:
    key = (NOTHING.name, Setting("Q1"))
    cells = [replace(CELL, cpu_ms=ms) for ms in (9, 1, 2)]

    assert medians({key: cells})[key].cpu_ms == 2


def test_the_kits_runs_are_merged_and_told_as_ratios() -> None:
    def run(cpu_ms: float) -> dict[str, object]:
        cell = {"cpu_ms": cpu_ms, "rps": 10.0, "calls": 5.0, "p50": 1.0, "p99": 2.0}
        return {"cells": {"Q2/c16/0ms": cell}}

    figures = {
        "handwritten-aiohttp": merged([run(10), run(11), run(10)]),
        "nothing": merged([run(30), run(13), run(13)]),
    }
    text = kit_told(figures)

    assert "Q2 nothing / handwritten-aiohttp: 1.300, at most 1.400: met" in text


def test_the_chart_is_drawn_of_what_there_is(tmp_path: Path) -> None:
    cells = {name: (AGGREGATOR.name, Setting(name), CELL) for name in ASKED}
    cells |= {f"{name} bytes": (BYTES.name, Setting(name), CELL) for name in ASKED}
    draw(_results(**cells), tmp_path / "chart.png")

    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
