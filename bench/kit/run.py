"""Runs the peers' kit with this server in its variants, and prints the ratios that matter.

The kit is a folder of its own, not part of this repository: `make bench ARGS="--kit FOLDER"`.
Before anything is measured, each variant's answers are compared with what is worked out straight
from the kit's systems, and its calls are counted.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

from msgspec import Struct

from bench.contenders import (
    ANSWERS,
    DEVELOPMENT,
    DEVELOPMENT_KEY,
    IN_FLIGHT,
    NOTHING,
    RECORDS,
    REDIS,
    WALKED_HERE,
    Contender,
    Running,
    Systems,
)
from bench.data import World, make_world
from bench.kit.app import TOKEN
from bench.kit.ratios import told
from bench.manifests import KIT, write_manifest
from bench.measures import calls_of_one, check, warm
from bench.processes import ROOT, Cores, Process, get_json
from bench.questions import questions
from runtime.embedded.valkey import EmbeddedValkey
from runtime.security.development import mint_development_token, new_development_key
from runtime.security.principal import Role

PORT: Final = 9299
ASKED: Final = ("Q1", "Q3", "Q2")
VARIANTS: Final[Mapping[str, Contender]] = {
    "nothing": NOTHING,
    "in-flight": IN_FLIGHT,
    "records": RECORDS,
    "redis": REDIS,
    "answers": ANSWERS,
    "walked": WALKED_HERE,
}
CACHED: Final = ("yoga+response-cache", "apollo+response-cache")
ORDER: Final = (
    "handwritten-aiohttp",
    "nothing",
    "mercurius-jit",
    "in-flight",
    "apollo",
    "records",
    "yoga",
    "redis",
    "precomputed-bytes",
    "answers",
    *CACHED,
    "tailcall",
    "strawberry",
)
"""Ours and theirs by turns, so that what the machine does meanwhile falls on both."""

_SYSTEMS: Final = Systems({"admin": 9100, "erp": 9101, "procurement": 9102, "planning": 9103})


class KitOptions(Struct, frozen=True, kw_only=True):
    """What may be chosen.

    Attributes:
        kit: The kit's folder.
        rounds: How often all take their turn.
        quick: Shorter cells, as the kit has them.
        only: Who is measured, in this order.
        further: Options that are handed to the kit.
        results: Where the figures go.
    """

    kit: Path
    rounds: int = 1
    quick: bool = False
    only: Sequence[str] = ORDER
    further: Sequence[str] = ()
    results: Path


def run(options: KitOptions) -> None:
    """Check, measure and print."""
    with TemporaryDirectory(prefix="supplygraph-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        environments = {
            each: _environment(VARIANTS[each], folder, stack)
            for each in options.only
            if each in VARIANTS
        }
        checked = _checked(options, environments, folder)
        runs: dict[str, list[Any]] = {}
        for _ in range(options.rounds):
            for each in options.only:
                found = _measured(options, each, environments.get(each), folder)
                runs.setdefault(each, []).append(found)
                told_so_far = {n: merged(cells) for n, cells in runs.items()}
                _keep(options.results, told_so_far, checked)
    print(told({n: merged(cells) for n, cells in runs.items()}))


def merged(runs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """The median of each figure of each cell over several runs of one contender."""
    cells = [r["cells"] for r in runs if "cells" in r]
    return {
        cell: {
            figure: median(c[cell][figure] for c in cells if cell in c)
            for figure, value in first.items()
            if isinstance(value, int | float)
        }
        for cell, first in (cells[0] if cells else {}).items()
    }


def _environment(contender: Contender, folder: Path, stack: ExitStack) -> dict[str, str]:
    assert contender.keeping is not None
    valkey = EmbeddedValkey().start()
    stack.callback(valkey.stop)
    key = new_development_key()
    return {
        **_SYSTEMS.environ,
        **contender.environ,
        DEVELOPMENT_KEY: key,
        DEVELOPMENT: "1",
        TOKEN: mint_development_token(key, "bench", [Role.PLANNER], None, 86_400),
        "REDIS_URL": valkey.url,
        "SUPPLYGRAPH_MANIFEST": str(write_manifest(KIT, contender.keeping, folder)),
    }


def _checked(
    options: KitOptions, environments: Mapping[str, Mapping[str, str]], folder: Path
) -> dict[str, dict[str, int]]:
    """Compare every variant's answers and count its calls.

    Returns:
        By variant and question: calls that the first request makes, which are the least possible
        where nothing is kept.
    """
    cores = Cores.of_this_machine()
    found: dict[str, dict[str, int]] = {}
    with _kit_systems(options.kit, cores, folder):
        world = make_world(today=datetime.now(UTC).date())
        _same_rows(world)
        for name, environ in environments.items():
            log = folder / f"check-{name}.log"
            process = Process([*_command()], cores.servers, environ, log)
            running = Running(VARIANTS[name], process, f"http://127.0.0.1:{PORT}/graphql", {})
            try:
                found[name] = _calls(running, world)
            finally:
                process.stop()
            print(f"  {name}: the answers are right; calls {found[name]}", flush=True)
    return found


def _calls(running: Running, world: World) -> dict[str, int]:
    known = questions()
    asked = [known[name] for name in ASKED]
    running.process.wait_until(running.url, asked[0].requests()[0], {})
    calls = {}
    for question in asked:
        warm(running, question)
        calls[question.name] = calls_of_one(running, question, _SYSTEMS)
        check(running, question, world)
        unkept = running.contender in (NOTHING, IN_FLIGHT, WALKED_HERE)
        least = question.calls if unkept else 0
        if calls[question.name] != least:
            print(f"  MISSED {question.name}: {calls[question.name]} calls, not {least}")
    return calls


def _same_rows(world: World) -> None:
    rows = get_json(f"http://127.0.0.1:{_SYSTEMS.ports['procurement']}/purchase-orders?limit=2000")
    assert rows == [row for [row] in world.orders.values()], "the kit has other rows than we think"


@contextmanager
def _kit_systems(kit: Path, cores: Cores, folder: Path) -> Iterator[None]:
    script = str(kit / "backend" / "backend.mjs")
    process = Process(["node", script], cores.load, log=folder / "systems.log")
    try:
        for _ in range(100):
            try:
                _SYSTEMS.reset()
                break
            except OSError:
                time.sleep(0.1)
        yield
    finally:
        process.stop()


def _command() -> Sequence[str]:
    return (sys.executable, "-m", "bench.kit.app", "--port", str(PORT))


def _measured(
    options: KitOptions, name: str, environ: Mapping[str, str] | None, folder: Path
) -> Mapping[str, Any]:
    """One run of the kit for one contender."""
    out = folder / "out"
    command = [sys.executable, str(options.kit / "bench.py"), "--out", "one", *options.further]
    command += ["--peers", name if environ is None else "project"]
    command += ["--cached"] if "+" in name else []
    command += ["--quick"] if options.quick else []
    environment = {
        **os.environ,
        "PEERS_HOME": os.environ.get("PEERS_HOME", str(options.kit / ".install")),
        "PEERS_OUT": str(out),
    }
    if environ is not None:
        environment |= {
            **environ,
            "PROJECT_CMD": " ".join(_command()),
            "PROJECT_CWD": str(ROOT),
            "PROJECT_URL": f"http://127.0.0.1:{PORT}/graphql",
            "PROJECT_QUERIES": str(ROOT / "bench" / "kit" / "queries.json"),
        }
    print(f"\n{name}", flush=True)
    given = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    print("\n".join(x for x in given.stdout.splitlines() if "ms/req" in x), flush=True)
    [found] = json.loads((out / "one.json").read_text(encoding="utf-8")).values()
    if "failed" in found:
        print(f"  {name}: {found['failed']}", flush=True)
    result: Mapping[str, Any] = found
    return result


def _keep(file: Path, figures: Mapping[str, Any], calls: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"figures": figures, "calls": calls}, indent=1), encoding="utf-8")
