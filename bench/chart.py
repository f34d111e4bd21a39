"""The chart: what one answer costs, contender by contender, on a logarithmic axis."""

from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib import pyplot as plt

from bench.contenders import (
    AGGREGATOR,
    ANSWERS,
    BYTES,
    NOTHING,
    RECORDS,
    REDIS,
    STRAWBERRY,
    WALKED_HERE,
)
from bench.report import Results

_SHOWN: Final = (
    # contender, its colour: ours warm, others' grey
    (STRAWBERRY, "#8d99ae"),
    (WALKED_HERE, "#b0b8c7"),
    (AGGREGATOR, "#5c677d"),
    (NOTHING, "#d95f02"),
    (REDIS, "#e6842e"),
    (RECORDS, "#f0a868"),
    (ANSWERS, "#7a2e00"),
    (BYTES, "#2b2d42"),
)
_QUESTIONS: Final = (
    ("Q1", "one order, {} fields"),
    ("Q3", "20 orders, {:,} fields"),
    ("Q2", "200 orders, {:,} fields"),
)


def draw(results: Results, file: Path) -> None:
    """Draw processor time for each answer, a panel for each of the kit's questions."""
    mpl.use("Agg")
    figure, panels = plt.subplots(1, len(_QUESTIONS), figsize=(12, 3.6), layout="constrained")
    for panel, (question, title) in zip(panels, _QUESTIONS, strict=True):
        cells = [(each, colour, results.cell(each.name, question)) for each, colour in _SHOWN]
        shown = [(each.name, colour, cell.cpu_ms) for each, colour, cell in cells if cell]
        names = [name if panel is panels[0] else "" for name, _, _ in shown]
        places = range(len(shown))
        for place, (_, colour, ms) in zip(places, shown, strict=True):
            panel.plot(ms, place, "o", color=colour, markersize=9)
            panel.annotate(
                f"{ms:,.2f}", (ms, place), (8, 0), textcoords="offset points", va="center", size=8
            )
        panel.hlines(places, 1e-6, [ms for *_, ms in shown], [c for _, c, _ in shown], lw=1)
        panel.set_yticks(places, names, fontsize=9)
        panel.set_xscale("log")
        figures = [ms for *_, ms in shown]
        panel.set_xlim(min(figures) / 2, max(figures) * 6)
        panel.set_ylim(len(shown) - 0.5, -0.5)
        panel.set_title(title.format(results.fields[question]), fontsize=10)
        panel.set_xlabel("CPU ms for each answer", fontsize=9)
        panel.spines[["top", "right"]].set_visible(False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=130)
    plt.close(figure)
