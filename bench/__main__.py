"""`python -m bench`: measures, prints figures and ratios, and draws the chart.

make bench                            everything, some minutes
make bench ARGS=--quick               the kit's questions, a minute
make bench ARGS="--kit FOLDER"        this server in the peers' kit
make bench ARGS="--profile Q2"        where the time goes (py-spy, as root)
make bench ARGS="--streams [--quick]" fan-out of subscriptions, beside other servers
make bench ARGS="--ingest [--quick]"  webhooks and files, over both kinds of store
make bench ARGS="--replenishment"     a night of 200,000 revisions, worked out twice
make bench ARGS="--soak --events 200000"  processes killed, Redis and database away: nothing is lost
make bench ARGS="--crashes 3000"      processes killed at every line: each order is placed once
make bench ARGS=--publish             everything, and the chart in docs
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from app.serve import ended_by_signals
from bench.chart import draw
from bench.crashes.run import crash_many
from bench.ingestion.run import run as run_ingestion
from bench.kit.run import ORDER, KitOptions, run
from bench.processes import ROOT
from bench.replenishment.run import run as run_replenishment
from bench.report import Results, told
from bench.soak.run import soak_here
from bench.streams.run import run as run_streams
from bench.suite import FULL, QUICK, measure, profile

RESULTS = ROOT / "bench" / "results"
PUBLISHED = ROOT / "docs" / "performance.png"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--rounds", type=int, help="how often all take their turn")
    parser.add_argument("--publish", action="store_true", help=f"draw {PUBLISHED.name} in docs too")
    parser.add_argument("--streams", action="store_true", help="measure subscriptions instead")
    parser.add_argument("--ingest", action="store_true", help="measure the ways in instead")
    parser.add_argument("--replenishment", action="store_true", help="measure a night instead")
    parser.add_argument("--soak", action="store_true", help="look for lost events instead")
    parser.add_argument("--crashes", type=int, metavar="TIMES", help="kill processes instead")
    parser.add_argument("--events", type=int, default=200_000, help="with --soak: how many")
    parser.add_argument("--profile", metavar="QUESTION", help="say where the time goes instead")
    parser.add_argument("--kit", type=Path, metavar="FOLDER", help="run the peers' kit instead")
    parser.add_argument("--only", help="names of those who are measured, separated by commas")
    parser.add_argument("--kit-args", default="", help="with --kit: options of its bench.py")
    given = parser.parse_args()
    with ended_by_signals():  # so that no server is left behind
        _run(given)


def _run(given: argparse.Namespace) -> None:
    only = given.only.split(",") if given.only else ()
    if given.kit is not None:
        _run_kit(given)
    elif not _instead(given, only):
        _measure(given, only)


def _run_kit(given: argparse.Namespace) -> None:
    run(
        KitOptions(
            kit=given.kit.resolve(),
            rounds=given.rounds or 1,
            quick=given.quick,
            only=given.only.split(",") if given.only else ORDER,
            further=given.kit_args.split(),
            results=RESULTS / "kit.json",
        )
    )


def _instead(given: argparse.Namespace, only: Sequence[str]) -> bool:
    """Do what is asked for instead of measuring questions, if something is."""
    if given.soak:
        _print(soak_here(given.events))
    elif given.crashes is not None:
        _print(crash_many(given.crashes))
    elif given.replenishment:
        run_replenishment(quick=given.quick, only=only, results=RESULTS)
    elif given.ingest:
        run_ingestion(quick=given.quick, only=only, results=RESULTS)
    elif given.streams:
        run_streams(quick=given.quick, only=only, results=RESULTS)
    elif given.profile is not None:
        RESULTS.mkdir(exist_ok=True)
        for line in profile(given.profile, only, RESULTS):
            print(line, flush=True)
    else:
        return False
    return True


def _print(found: Any) -> None:
    print(msgspec.json.format(msgspec.json.encode(found)).decode())


def _measure(given: argparse.Namespace, only: Sequence[str]) -> None:
    extent = QUICK if given.quick else FULL
    extent = msgspec.structs.replace(
        extent,
        rounds=given.rounds or extent.rounds,
        only=only,
    )
    results = measure(extent)
    print(told(results))
    _keep(results)
    _draw(results, [RESULTS / "performance.png", *([PUBLISHED] if given.publish else [])])


def _keep(results: Results) -> None:
    cells = [
        {"contender": name, "setting": setting, "figures": cell}
        for (name, setting), cell in results.cells.items()
    ]
    RESULTS.mkdir(exist_ok=True)
    text = msgspec.json.encode({"cells": cells, "growth": results.grown})
    (RESULTS / "latest.json").write_bytes(msgspec.json.format(text))


def _draw(results: Results, files: list[Path]) -> None:
    for file in files:
        draw(results, file)
        print(f"  {file.relative_to(ROOT)}")


main()
