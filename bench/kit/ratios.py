"""The kit's figures as a table, and as the ratios that were promised."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

Cells = Mapping[str, Mapping[str, float]]
"""Figures by cell, which the kit names `Q2/c16/0ms`."""
Figures = Mapping[str, Cells]
"""Cells by contender."""

_ASKED: Final = ("Q1", "Q3", "Q2")
_GOALS: Final[tuple[tuple[str, str, str, float], ...]] = (
    # question, ours, theirs, at most so much of theirs
    ("Q2", "nothing", "handwritten-aiohttp", 1.4),
    ("Q2", "nothing", "mercurius-jit", 1 / 1.4),
    ("Q2", "nothing", "tailcall", 1 / 14),
    ("Q2", "nothing", "strawberry", 1 / 35),
    ("Q3", "nothing", "handwritten-aiohttp", 1.4),
    ("Q3", "nothing", "mercurius-jit", 1.0),
    ("Q1", "nothing", "handwritten-aiohttp", 2.0),
    ("Q1", "nothing", "apollo", 1.0),
    ("Q1", "nothing", "yoga", 1.0),
    ("Q2", "redis", "records", 2.0),
    *((f"Q{n}", "answers", "precomputed-bytes", 2.0) for n in (1, 3, 2)),
    *(
        (f"Q{n}", "answers", f"{peer}+response-cache", 1.0)
        for n in (1, 3, 2)
        for peer in ("apollo", "yoga")
    ),
)


def told(figures: Figures) -> str:
    """Tables and ratios, as text."""
    return "\n".join([*_table(figures), "", *_ratios(figures), "", *_waiting(figures)])


def _table(figures: Figures) -> Iterator[str]:
    yield "CPU ms for each request at 16 connections, systems answering at once; req/s; calls"
    yield f"  {'':24}" + "".join(f"{q:>30}" for q in _ASKED)
    for name, cells in figures.items():
        row = f"  {name:24}"
        for question in _ASKED:
            cell = cells.get(f"{question}/c16/0ms")
            row += (
                f"{cell['cpu_ms']:12.3f}{cell['rps']:11.1f}{cell['calls']:7.2f}"
                if cell
                else f"{'-':>30}"
            )
        yield row


def _ratios(figures: Figures) -> Iterator[str]:
    yield "Ratios of CPU (ours / theirs)"
    for question, ours, theirs, bound in _GOALS:
        cell = f"{question}/c16/0ms"
        mine, other = figures.get(ours, {}).get(cell), figures.get(theirs, {}).get(cell)
        if mine and other:
            ratio = mine["cpu_ms"] / other["cpu_ms"]
            verdict = "met" if ratio <= bound else "MISSED"
            yield f"  {question} {ours} / {theirs}: {ratio:.3f}, at most {bound:.3f}: {verdict}"


def _waiting(figures: Figures) -> Iterator[str]:
    """Latency with slow systems, and what becomes of calls and latencies when many ask."""
    yield "Systems that take 20 ms"
    for name in ("nothing", "in-flight"):
        cells = figures.get(name, {})
        for question in ("Q2", "Q3"):
            alone, cpu = cells.get(f"{question}/c1/20ms"), cells.get(f"{question}/c1/0ms")
            if alone and cpu:
                bound = (40 + cpu["cpu_ms"]) * 1.15
                verdict = "met" if alone["p50"] <= bound else "MISSED"
                yield (
                    f"  {question} {name}, 1 connection: {alone['p50']:.1f} ms, "
                    f"at most {bound:.1f}: {verdict}"
                )
            many = cells.get(f"{question}/c16/20ms")
            if many:
                verdict = "met" if many["calls"] < 5 else "MISSED"
                yield (
                    f"  {question} {name}, 16 connections: {many['calls']:.2f} calls a query, "
                    f"fewer than 5: {verdict}"
                )
    yield from _crowds(figures, lambda c: c["p99"] / c["p50"])


def _crowds(figures: Figures, spread: Callable[[Mapping[str, float]], float]) -> Iterator[str]:
    yield "Many at once"
    for name in ("nothing", "in-flight", "records", "answers"):
        cells = figures.get(name, {})
        for question in _ASKED:
            few, many = cells.get(f"{question}/c16/0ms"), cells.get(f"{question}/c64/0ms")
            if few and many:
                ratio, tail = many["rps"] / few["rps"], spread(many)
                verdict = "met" if ratio >= 1 and tail < 4 else "MISSED"
                yield (
                    f"  {question} {name}: throughput at 64 / at 16 {ratio:.2f}, "
                    f"p99/p50 {tail:.1f}: {verdict}"
                )
