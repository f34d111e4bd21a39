"""Servers as processes: pinned to cores, waited for, and what they cost as Linux tells it."""

import json
import os
import subprocess
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, Self
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from msgspec import Struct

ROOT: Final = Path(__file__).parents[1]
_TICK: Final = os.sysconf("SC_CLK_TCK")
_START_S: Final = 90.0
_STOP_S: Final = 20.0


class Cores(Struct, frozen=True):
    """Who runs where.

    Attributes:
        servers: Cores of the server that is measured.
        load: Cores of the load, the systems and Valkey.
    """

    servers: frozenset[int]
    load: frozenset[int]

    @classmethod
    def of_this_machine(cls) -> Self:
        """The first core for servers, the others for the rest; all for all if there is but one."""
        first, *others = sorted(os.sched_getaffinity(0))
        return cls(frozenset({first}), frozenset(others or {first}))


class Process:
    """A running server with its children.

    Args:
        command: What to run, from the repository's root.
        cores: Where it may run.
        environ: Variables besides those of this process.
        log: Where its output goes; None for a pipe that is read.
    """

    def __init__(
        self,
        command: Sequence[str],
        cores: Collection[int],
        environ: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        output: IO[bytes] | int = subprocess.PIPE if log is None else log.open("wb")
        ours = os.sched_getaffinity(0)
        os.sched_setaffinity(0, cores)  # a child has its parent's cores
        try:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **(environ or {})},
                stdout=output,
                stderr=None if log is None else subprocess.STDOUT,
                start_new_session=True,
            )
        finally:
            os.sched_setaffinity(0, ours)
        self._command = " ".join(command)
        self._log = log

    @property
    def pid(self) -> int:
        """The process that was started."""
        return self._process.pid

    def first_line(self) -> str:
        """What it prints first."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode()

    def wait_until(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Wait until a POST is answered.

        Raises:
            RuntimeError: if the process ends or takes too long.
        """
        began = time.monotonic()
        while True:
            try:
                post(url, body, headers)
            except OSError as exc:
                ended = self._process.poll() is not None
                if ended or time.monotonic() - began > _START_S:
                    told = self._log.read_text(errors="replace")[-2_000:] if self._log else ""
                    status = self._process.poll()
                    message = f"{self._command} does not answer ({exc}; {status}): {told}"
                    raise RuntimeError(message) from exc
                time.sleep(0.1)
            else:
                return

    def cpu_s(self) -> float:
        """Processor time that it and its children took so far, in seconds."""
        ticks = 0
        for pid in self._family():
            fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12]) if fields else 0
        return ticks / _TICK

    def peak_bytes(self) -> int:
        """The most memory that it and its children had since `forget_peak`, or ever."""
        found = 0
        for pid in self._family():
            for line in _read(f"/proc/{pid}/status").splitlines():
                if line.startswith("VmHWM:"):
                    found += int(line.split()[1]) * 1024
        return found

    def forget_peak(self) -> int:
        """Begin the peak anew, from what it has now, which is returned."""
        for pid in self._family():
            Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
        return self.peak_bytes()

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _family(self) -> Iterator[int]:
        waiting = [self._process.pid]
        while waiting:
            pid = waiting.pop()
            yield pid
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                waiting += map(int, _read(str(children)).split())


def post(url: str, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """The answer to a request.

    Raises:
        OSError: if there is none, or its status is an error.
    """
    sent = {"content-type": "application/json", "accept": "application/json", **(headers or {})}
    try:
        with urlopen(Request(url, data=body, headers=sent), timeout=120) as response:  # noqa: S310
            answer: bytes = response.read()
    except HTTPError as exc:
        raise OSError(f"{exc}: {exc.read()[:1_000].decode(errors='replace')}") from exc
    return answer


def get_json(url: str) -> Any:
    """A JSON document."""
    with urlopen(url, timeout=60) as response:  # noqa: S310
        return json.loads(response.read())


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
