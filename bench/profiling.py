"""Where the time goes: a contender is kept busy while py-spy looks at its stacks.

Each sample counts for the part of the house that its innermost frame of ours, or of a library that
is asked for a purpose, belongs to.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from bench.contenders import Running
from bench.load import load
from bench.processes import ROOT
from bench.questions import Question

SECONDS: Final = 8
_RATE: Final = 400
_PARTS: Final = (
    # what stands in a frame's path, and the part that it belongs to; the first that fits counts
    ("/connectors/kit/mapping/", "decoding and mapping of rows"),
    ("/connectors/kit/source", "decoding and mapping of rows"),
    ("/connectors/", "calls to systems"),
    ("/aiohttp/", "calls to systems"),
    ("/httpx/", "calls to systems"),
    ("/httpcore/", "calls to systems"),
    ("/runtime/limits/", "calls to systems"),
    ("/loaders/", "loaders and caches"),
    ("/runtime/cache/", "loaders and caches"),
    ("/redis/", "loaders and caches"),
    ("/resolvers/", "resolvers"),
    ("/schema/", "resolvers"),
    ("/execution/writing", "writing the answer"),
    ("/execution/leaves", "writing the answer"),
    ("/execution/", "execution"),
    ("/graphql/", "execution"),
    ("/strawberry/", "execution"),
    ("/runtime/security/", "HTTP in and out, who asks"),
    ("/runtime/telemetry/", "HTTP in and out, who asks"),
    ("/app/", "HTTP in and out, who asks"),
    ("/uvicorn/", "HTTP in and out, who asks"),
    ("/starlette/", "HTTP in and out, who asks"),
)
_LOOP: Final = "/asyncio/runners.py"
_REST: Final = "event loop and the rest"


async def profiled(running: Running, question: Question, folder: Path) -> Counter[str]:
    """Samples by part; the stacks are left in the folder, folded, for any flame graph."""
    stacks = folder / f"profile-{question.name}.txt"
    pid = running.process.pid
    command = [str(Path(sys.executable).with_name("py-spy")), "record", "--pid", str(pid)]
    command += ["--rate", str(_RATE), "--duration", str(SECONDS), "--full-filenames"]
    command += ["--format", "raw", "--output", str(stacks)]
    await load(running.url, question.requests(), running.headers, 1, 1)
    quiet = asyncio.subprocess.DEVNULL
    looking = await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet)
    await load(running.url, question.requests(), running.headers, 1, SECONDS)
    if await looking.wait():
        raise RuntimeError("py-spy may not look at the server: run it as root")
    return by_part(stacks.read_text(encoding="utf-8").splitlines())


def by_part(stacks: Iterable[str]) -> Counter[str]:
    """Samples by part, of folded stacks: frames from outside to inside, then how often."""
    found: Counter[str] = Counter()
    for line in stacks:
        frames, _, count = line.rpartition(" ")
        found[_part(frames.split(";"))] += int(count)
    return found


def told(found: Counter[str]) -> Iterator[str]:
    """The parts as shares, the largest first."""
    for part, count in found.most_common():
        yield f"  {count / found.total():6.1%}  {part}"


def _part(frames: list[str]) -> str:
    for frame in reversed(frames):
        if _LOOP in frame:
            break  # what lies outside is how the server was started
        path = frame.partition("(")[2]
        inside = path.removeprefix(str(ROOT)) if "/site-packages/" not in path else path
        for piece, part in _PARTS:
            if piece in inside:
                return part
    return _REST
