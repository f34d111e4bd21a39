"""Starts the simulators as processes, tells where they are, and stops them all.

    with Sandbox(size=0.05, life=Life(clock_speed=60)) as sandbox:
        print(sandbox.s4.url, sandbox.coupa.user, sandbox.frepple.password)

`async with` does the same without holding up the event loop. `sandbox.tick(5)` lets five changes
happen; with a clock speed they happen by themselves.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from tempfile import TemporaryFile
from time import monotonic
from types import TracebackType
from typing import IO, Any, Literal, Self

import httpx
import msgspec
from msgspec import Struct

from sandbox.kit.signing import Scheme
from sandbox.world import DEFAULT_SEED, DEFAULT_TODAY, World

Name = Literal["s4", "coupa", "frepple"]

NAMES: tuple[Name, ...] = ("s4", "coupa", "frepple")
CREDENTIALS: Mapping[Name, tuple[str, str]] = {
    "s4": ("SUPPLYGRAPH", "sandbox-s4"),
    "coupa": ("sandbox-client", "sandbox-coupa"),
    "frepple": ("supplygraph", "sandbox-frepple"),
}
_READY_WITHIN_S = 60.0
_STOP_WITHIN_S = 5.0
_TICK_WITHIN_S = 60.0
_ROOT = Path(__file__).resolve().parent.parent


class Simulator(Struct, frozen=True):
    """A running simulator; for Coupa, user and password are client id and secret."""

    name: Name
    url: str
    user: str
    password: str
    pid: int

    @property
    def control_url(self) -> str:
        """Where the log, faults and limits are; ends with a slash."""
        return f"{self.url}/__sandbox__/"


class Life(Struct, frozen=True, kw_only=True):
    """What happens in the distributor, and who is told of it.

    Attributes:
        clock_speed: Changes a minute; 0 leaves the clocks standing, to be moved by `tick`.
        begins_at: When the first change happens, in the distributor's time; None for the evening
            of its day.
        webhook_url: Where procurement sends changed orders; empty for nowhere.
        webhook_secret: What it signs them with, as the scheme wants it.
        webhook_scheme: How it signs.
        bulk_url: Where planning sends its nightly file; empty for nowhere.
        bulk_secret: What it signs it with.
        bulk_scheme: How it signs.
        bulk_every_s: After how many seconds it is night again; 0 for only on demand.
    """

    clock_speed: float = 0.0
    begins_at: datetime | None = None
    webhook_url: str = ""
    webhook_secret: str = ""
    webhook_scheme: Scheme = "standard"
    bulk_url: str = ""
    bulk_secret: str = ""
    bulk_scheme: Scheme = "standard"
    bulk_every_s: float = 0.0

    def arguments(self, name: Name) -> list[str]:
        """What a simulator is told of it on its command line: no secret."""
        told = ["--speed", str(self.clock_speed)]
        if self.begins_at is not None:
            told += ["--begins-at", self.begins_at.isoformat()]
        if name == "coupa" and self.webhook_url:
            told += ["--webhook-url", self.webhook_url, "--webhook-scheme", self.webhook_scheme]
        if name == "frepple" and self.bulk_url:
            told += ["--bulk-url", self.bulk_url, "--bulk-scheme", self.bulk_scheme]
            told += ["--bulk-every-s", str(self.bulk_every_s)]
        return told

    def secrets(self, name: Name) -> dict[str, str]:
        """What a simulator is told of it by its environment."""
        if name == "coupa" and self.webhook_url:
            return {"SANDBOX_WEBHOOK_SECRET": self.webhook_secret}
        if name == "frepple" and self.bulk_url:
            return {"SANDBOX_BULK_SECRET": self.bulk_secret}
        return {}


class _Ready(Struct):
    ready: bool
    url: str
    name: Name


class Process:
    """One simulator's process; `start` and `wait_until_ready` are apart so that several overlap.

    Args:
        name: Which simulator.
        seed: The world's seed.
        size: The world's size, 1.0 for all of it.
        today: The world's day.
        options: Further arguments, such as `--rate-per-s 5`.
        secrets: What only the process may see: further variables of its environment.
    """

    def __init__(
        self,
        name: Name,
        *,
        seed: int = DEFAULT_SEED,
        size: float = 1.0,
        today: date = DEFAULT_TODAY,
        options: Sequence[str] = (),
        secrets: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._secrets = secrets or {}
        self._arguments = [
            *("--seed", str(seed), "--size", str(size), "--today", today.isoformat()),
            *options,
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None

    def start(self) -> None:
        """Start the process and return at once."""
        user, password = CREDENTIALS[self.name]
        self._errors = TemporaryFile()  # noqa: SIM115  -- closed by stop
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"sandbox.{self.name}", *self._arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=_ROOT,
            env={
                **os.environ,
                "SANDBOX_USER": user,
                "SANDBOX_PASSWORD": password,
                **self._secrets,
            },
        )

    def wait_until_ready(self, timeout_s: float = _READY_WITHIN_S) -> Simulator:
        """Wait for the ready line.

        Raises:
            RuntimeError: the process ended or said nothing in time; its last words are in the
                message.
        """
        if self._process is None or self._process.stdout is None:
            raise RuntimeError(f"the sandbox's {self.name} has not been started")
        line = _first_line(self._process.stdout, timeout_s)
        if not line:
            words = self._last_words()
            self.stop()
            raise RuntimeError(f"the sandbox's {self.name} did not become ready: {words}")
        ready = msgspec.json.decode(line, type=_Ready)
        user, password = CREDENTIALS[self.name]
        return Simulator(self.name, ready.url, user, password, self._process.pid)

    def _last_words(self) -> str:
        if self._errors is None:
            return ""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").strip()[-2000:]

    def terminate(self) -> None:
        """Ask the process to end."""
        if self._process is not None:
            self._process.terminate()

    def stop(self) -> None:
        """End the process and wait for it; does nothing if it is not running."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(_STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if self._errors is not None:
            self._errors.close()
            self._errors = None


def _first_line(stream: IO[bytes], timeout_s: float) -> bytes:
    """A line, or nothing if there is none in time or the stream has ended."""
    deadline = monotonic() + timeout_s
    line = b""
    with DefaultSelector() as selector:
        selector.register(stream, EVENT_READ)
        while not line.endswith(b"\n") and selector.select(max(0.0, deadline - monotonic())):
            piece = os.read(stream.fileno(), 4096)
            if not piece:
                return b""
            line += piece
    return line


class Sandbox:
    """The whole pretend distributor, or a part of it, on free ports of the loopback interface.

    Args:
        seed: The world's seed.
        size: The world's size, 1.0 for all of it; three of size 0.05 are up within a second.
        today: The world's day.
        names: Which simulators to start.
        options: Further arguments by simulator, such as `{"coupa": ["--rate-per-s", "5"]}`.
        life: What happens in it; None for nothing until `tick`.
    """

    def __init__(
        self,
        *,
        seed: int = DEFAULT_SEED,
        size: float = 1.0,
        today: date = DEFAULT_TODAY,
        names: Sequence[Name] = NAMES,
        options: Mapping[Name, Sequence[str]] | None = None,
        life: Life | None = None,
    ) -> None:
        self.world = World(seed, size, today)
        lived = life or Life()
        further = options or {}
        self._processes = [
            Process(
                name,
                seed=seed,
                size=size,
                today=today,
                options=[*lived.arguments(name), *further.get(name, ())],
                secrets=lived.secrets(name),
            )
            for name in names
        ]
        self.simulators: dict[Name, Simulator] = {}
        self._scene: subprocess.Popen[bytes] | None = None

    @property
    def s4(self) -> Simulator:
        """The pretend S/4HANA."""
        return self.simulators["s4"]

    @property
    def coupa(self) -> Simulator:
        """The pretend Coupa."""
        return self.simulators["coupa"]

    @property
    def frepple(self) -> Simulator:
        """The pretend frePPLe."""
        return self.simulators["frepple"]

    def start(self) -> None:
        """Start all and wait until they answer.

        Raises:
            RuntimeError: one did not become ready; none is left running then.
        """
        try:
            for process in self._processes:
                process.start()
            for process in self._processes:
                self.simulators[process.name] = process.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def play(self, *, begin_after_s: float = 20.0, answer_after_s: float = 10.0) -> None:
        """Play a scene over planning and procurement, in a process of its own (`sandbox.scene`).

        Args:
            begin_after_s: When forecasts jump.
            answer_after_s: How long suppliers think about an order.
        """
        world, planning, procurement = self.world, self.frepple, self.coupa
        self._scene = subprocess.Popen(
            [
                *(sys.executable, "-m", "sandbox.scene"),
                *("--planning", planning.url, "--procurement", procurement.url),
                *("--seed", str(world.seed), "--size", str(world.size)),
                *("--today", world.today.isoformat()),
                *("--begin-after-s", str(begin_after_s)),
                *("--answer-after-s", str(answer_after_s), "--parent", str(os.getpid())),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=_ROOT,
            env={
                **os.environ,
                "SCENE_PLANNING": f"{planning.user}:{planning.password}",
                "SCENE_PROCUREMENT": f"{procurement.user}:{procurement.password}",
            },
        )

    def stop(self) -> None:
        """Stop all that run."""
        scene, self._scene = self._scene, None
        if scene is not None:
            scene.kill()
            scene.wait()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.stop()
        self.simulators.clear()

    def tick(self, count: int = 1) -> dict[Name, list[dict[str, Any]]]:
        """Let the next changes happen in all that run.

        Returns:
            The changes that each of them saw.

        Raises:
            httpx.HTTPError: one did not do so.
        """
        seen: dict[Name, list[dict[str, Any]]] = {}
        with httpx.Client(timeout=_TICK_WITHIN_S, trust_env=False) as client:
            for name, simulator in self.simulators.items():
                answer = client.post(f"{simulator.control_url}tick", json={"count": count})
                seen[name] = answer.raise_for_status().json()["changes"]
        return seen

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.stop)


def start_one(
    name: Name,
    *,
    seed: int = DEFAULT_SEED,
    size: float = 1.0,
    today: date = DEFAULT_TODAY,
    options: Sequence[str] = (),
) -> Sandbox:
    """A sandbox of one simulator, to be used as a context manager."""
    return Sandbox(seed=seed, size=size, today=today, names=[name], options={name: options})
