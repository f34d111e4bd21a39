"""Servers whose subscriptions are measured, each on the first core, and who makes their events."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import yaml
from msgspec import Struct

from bench.contenders import DEVELOPMENT, DEVELOPMENT_KEY, Systems, free_port
from bench.manifests import KIT
from bench.processes import ROOT, Cores, Process
from runtime.embedded.valkey import EmbeddedValkey
from runtime.security.development import mint_development_token, new_development_key
from runtime.security.principal import Role

HERE: Final = Path(__file__).parent
OURS, STRAWBERRY, YOGA = "this server", "plain Strawberry", "graphql-yoga"
PACKAGES: Final = ("graphql@16", "graphql-yoga@5", "graphql-ws@6", "ws@8")
ORDERS: Final = 2_000
SUPPLIERS: Final = 5_000
_LIFE_S: Final = 86_400.0
_MOST: Final = 100_000


class Server(Struct, frozen=True):
    """A server that runs.

    Attributes:
        process: Its process.
        port: Where it listens.
        token: What clients show; empty where nobody asks.
        appends: Command that makes events for it, and the environment of that.
    """

    process: Process
    port: int
    token: str
    appends: tuple[Sequence[str], Mapping[str, str]]

    @property
    def init(self) -> dict[str, str]:
        """The payload of `connection_init`."""
        return {"authorization": f"Bearer {self.token}"} if self.token else {}

    def rss(self) -> int:
        """Bytes of memory that it has."""
        text = Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii")
        return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Appender:
    """The process that makes events.

    Attributes:
        asked: Events that were asked for.
        moments: When each was committed, in nanoseconds.
    """

    def __init__(self, server: Server, cores: Cores) -> None:
        command, environ = server.appends
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, cores.load),  # noqa: PLW1509  # no threads
        )
        self.asked = 0
        self.moments: list[int] = []
        self.hear()

    @property
    def file(self) -> int:
        """What to wait for."""
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def append(self, count: int) -> None:
        """Ask for events."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{count} {self.asked}\n".encode())
        self._process.stdin.flush()
        self.asked += count

    def hear(self) -> None:
        """Take in one answer."""
        assert self._process.stdout is not None
        self.moments += json.loads(self._process.stdout.readline() or "null")

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.communicate()


def node_modules(results: Path) -> Path | None:
    """A folder with the npm packages, installed once; None where there is no Node."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None
    folder = results / "node"
    if not (folder / "node_modules" / "graphql-yoga").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text("{}", encoding="ascii")
        command = ["npm", "install", "--no-audit", "--no-fund", "--silent", *PACKAGES]
        if subprocess.run(command, cwd=folder, check=False).returncode:
            return None
    return folder / "package.json"


@contextmanager
def running(
    name: str, systems: Systems, cores: Cores, folder: Path, node: Path | None
) -> Iterator[Server]:
    """One of the servers."""
    port = free_port()
    counts = {"BENCH_ORDERS": str(ORDERS), "BENCH_SUPPLIERS": str(SUPPLIERS)}
    with ExitStack() as stack:
        post = [sys.executable, "-m", "bench.streams.appender", "post"]
        post.append(f"http://127.0.0.1:{port}/events")
        appends: tuple[Sequence[str], Mapping[str, str]] = (post, counts)
        token = ""
        if name == OURS:
            environ, token = _ours(systems, folder, stack)
            command = [sys.executable, "-m", "bench.kit.app", "--port", str(port)]
            log = [sys.executable, "-m", "bench.streams.appender", "log"]
            appends = (log, {**environ, **counts})
        elif name == STRAWBERRY:
            command = [sys.executable, "-m", "uvicorn", "bench.streams.strawberry_app:app"]
            command += ["--port", str(port), "--loop", "uvloop", "--ws", "websockets"]
            command += ["--log-level", "error", "--no-access-log"]
            environ = counts
        else:
            command = ["node", str(HERE / "yoga.mjs")]
            environ = {**counts, "BENCH_NODE": str(node), "PORT": str(port)}
        process = Process(command, cores.servers, environ, folder / f"{name}.log")
        stack.callback(process.stop)
        said = {"authorization": f"Bearer {token}"} if token else {}
        url = f"http://127.0.0.1:{port}/graphql"
        process.wait_until(url, b'{"query": "{ __typename }"}', said)
        yield Server(process, port, token, appends)


def _ours(systems: Systems, folder: Path, stack: ExitStack) -> tuple[dict[str, str], str]:
    document: dict[str, Any] = yaml.safe_load(KIT.read_text(encoding="utf-8"))
    document["subscriptions"] = {"per_principal": _MOST, "connections_per_principal": _MOST}
    manifest = folder / "streams.yaml"
    manifest.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    valkey = EmbeddedValkey().start()
    stack.callback(valkey.stop)
    key = new_development_key()
    environ = {
        **systems.environ,
        DEVELOPMENT_KEY: key,
        DEVELOPMENT: "1",
        "SUPPLYGRAPH_MANIFEST": str(manifest),
        "REDIS_URL": valkey.url,
    }
    return environ, mint_development_token(key, "bench", [Role.PLANNER], None, _LIFE_S)
