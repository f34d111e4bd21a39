"""Who is measured: this server in its variants, and what somebody would write instead."""

import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct

from bench.data import World
from bench.kit.app import COLD_L1, WALKED
from bench.manifests import HOUSE, KIT, Keeping, write_manifest
from bench.processes import Cores, Process, get_json
from bench.questions import Question
from runtime.embedded.valkey import EmbeddedValkey
from runtime.security.development import mint_development_token, new_development_key
from runtime.security.principal import Role

DEVELOPMENT: Final = "SUPPLYGRAPH_DEVELOPMENT"
DEVELOPMENT_KEY: Final = "SUPPLYGRAPH_DEVELOPMENT_KEY"
_TOKEN_LIFE_S: Final = 86_400.0


class Contender(Struct, frozen=True, kw_only=True):
    """One way to answer the questions.

    Attributes:
        name: What figures call it.
        keeping: Which variant of this server it is; None if it is another.
        module: The application of another server.
        environ: What else its environment says.
        workers: Number of processes.
        house: Whether it answers our own questions too, or the kit's alone.
        slow: Whether it is given few requests at a time, because each takes a second.
    """

    name: str
    keeping: Keeping | None = None
    module: str = ""
    environ: Mapping[str, str] = {}
    workers: int = 1
    house: bool = True
    slow: bool = False


NOTHING: Final = Contender(name="nothing cached", keeping=Keeping.NOTHING)
IN_FLIGHT: Final = Contender(name="nothing cached, shared in flight", keeping=Keeping.IN_FLIGHT)
RECORDS: Final = Contender(name="warm records", keeping=Keeping.RECORDS)
REDIS: Final = Contender(
    name="records in Redis, process cold", keeping=Keeping.RECORDS, environ={COLD_L1: "1"}
)
ANSWERS: Final = Contender(name="warm answers", keeping=Keeping.ANSWERS)
TWO: Final = Contender(name="nothing cached, 2 workers", keeping=Keeping.IN_FLIGHT, workers=2)
TWO_WARM: Final = Contender(name="warm answers, 2 workers", keeping=Keeping.ANSWERS, workers=2)
WALKED_HERE: Final = Contender(
    name="walked by graphql-core", keeping=Keeping.NOTHING, environ={WALKED: "1"}, slow=True
)
STRAWBERRY: Final = Contender(
    name="plain Strawberry", module="bench.peers.strawberry_app:app", house=False, slow=True
)
AGGREGATOR: Final = Contender(name="aggregator by hand", module="bench.peers.aggregator:app")
BYTES: Final = Contender(name="bytes made beforehand", module="bench.peers.bytes_app:app")

ALL: Final = (
    AGGREGATOR,
    NOTHING,
    IN_FLIGHT,
    RECORDS,
    REDIS,
    ANSWERS,
    BYTES,
    TWO,
    TWO_WARM,
    WALKED_HERE,
    STRAWBERRY,
)


class Running(Struct, frozen=True):
    """A contender that answers.

    Attributes:
        contender: Which.
        process: Its process.
        url: Where it takes questions.
        headers: What requests carry besides the usual.
    """

    contender: Contender
    process: Process
    url: str
    headers: Mapping[str, str]


class Systems(Struct, frozen=True):
    """The fake systems, as they run.

    Attributes:
        ports: By system, `admin` among them.
    """

    ports: Mapping[str, int]

    @property
    def environ(self) -> dict[str, str]:
        """Where they are, for those that ask them."""
        return {
            f"KIT_{name.upper()}": f"http://127.0.0.1:{port}"
            for name, port in self.ports.items()
            if name != "admin"
        }

    def calls(self) -> int:
        """Requests since the last `reset`."""
        total: int = self._admin("stats")["total"]
        return total

    def reset(self) -> None:
        """Begin to count anew."""
        self._admin("reset")

    def delay(self, milliseconds: int) -> None:
        """Take so long for every answer."""
        self._admin(f"latency?ms={milliseconds}")

    def _admin(self, what: str) -> Mapping[str, int]:
        found: Mapping[str, int] = get_json(f"http://127.0.0.1:{self.ports['admin']}/{what}")
        return found


@contextmanager
def running_systems(cores: Cores, orders: int) -> Iterator[Systems]:
    """The fake systems with so many orders."""
    command = [sys.executable, "-m", "bench.backends", "--orders", str(orders)]
    process = Process(command, cores.load)
    try:
        yield Systems(json.loads(process.first_line()))
    finally:
        process.stop()


class Starter:
    """Starts contenders over running systems.

    Args:
        systems: What they ask.
        cores: Where they run.
        folder: Where manifests and logs go.
        world: The systems' rows.
    """

    def __init__(self, systems: Systems, cores: Cores, folder: Path, world: World) -> None:
        self._systems = systems
        self._cores = cores
        self._folder = folder
        self._world = world
        self._started = 0
        self._key = new_development_key()
        self._token = mint_development_token(
            self._key, "bench", [Role.PLANNER], None, _TOKEN_LIFE_S
        )

    def start(
        self,
        contender: Contender,
        questions: Sequence[Question],
        stack: ExitStack,
    ) -> Running:
        """Start a contender, and wait until it answers the first of its questions.

        Args:
            contender: Who.
            questions: What it will be asked, all of one installation.
            stack: Ends it.
        """
        port = free_port()
        self._started += 1
        log = self._folder / f"{self._started}.log"
        if contender.keeping is None:
            command, environ = self._other(contender, port, questions)
            headers = {}
        else:
            valkey = EmbeddedValkey().start()
            stack.callback(valkey.stop)
            command, environ = self._ours(contender, port, HOUSE if questions[0].house else KIT)
            environ["REDIS_URL"] = valkey.url
            headers = {"Authorization": f"Bearer {self._token}"}
        process = Process(command, self._where(contender), environ, log)
        stack.callback(process.stop)
        running = Running(contender, process, f"http://127.0.0.1:{port}/graphql", headers)
        process.wait_until(running.url, questions[0].requests()[0], headers)
        return running

    def _where(self, contender: Contender) -> frozenset[int]:
        """Several workers spread over all cores but one, if there are so many."""
        cores = self._cores
        spare = len(cores.servers | cores.load) > contender.workers > 1
        return cores.servers | set(sorted(cores.load)[:-1]) if spare else cores.servers

    def _ours(
        self, contender: Contender, port: int, source: Path
    ) -> tuple[list[str], dict[str, str]]:
        assert contender.keeping is not None
        manifest = write_manifest(source, contender.keeping, self._folder)
        environ = {
            **self._systems.environ,
            **contender.environ,
            DEVELOPMENT_KEY: self._key,
            DEVELOPMENT: "1",
            "SUPPLYGRAPH_MANIFEST": str(manifest),
        }
        if contender.workers > 1:
            metrics = self._folder / f"metrics-{self._started}"
            metrics.mkdir()
            environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
        command = [sys.executable, "-m", "bench.kit.app", "--port", str(port)]
        return [*command, "--workers", str(contender.workers)], environ

    def _other(
        self, contender: Contender, port: int, questions: Sequence[Question]
    ) -> tuple[list[str], dict[str, str]]:
        environ = self._systems.environ
        if contender is BYTES:
            table = self._folder / f"bytes-{self._started}.json"
            table.write_text(json.dumps(_answers(questions, self._world)), encoding="utf-8")
            environ["BENCH_BYTES"] = str(table)
        command = [sys.executable, "-m", "uvicorn", contender.module, "--host", "127.0.0.1"]
        fast = ["--loop", "uvloop", "--http", "httptools", "--no-access-log"]
        return [*command, "--port", str(port), *fast, "--log-level", "warning"], environ


def _answers(questions: Sequence[Question], world: World) -> list[tuple[str, str]]:
    return [
        (body.decode(), json.dumps({"data": answer}, separators=(",", ":")))
        for question in questions
        for answer in [question.answer(world)]
        for body in question.requests()
    ]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port: int = bound.getsockname()[1]
    return port


def pin_load(cores: Cores) -> None:
    """Keep this process, which is the load, and what it starts off the servers' core."""
    os.sched_setaffinity(0, cores.load)
