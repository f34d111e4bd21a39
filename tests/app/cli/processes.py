"""The command line as a process of its own, and what is left when it has ended."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from select import select
from time import monotonic
from typing import Any, Final

import httpx

ROOT: Final = Path(__file__).parents[3]
_READY_WITHIN_S: Final = 60.0
_ENDED_WITHIN_S: Final = 20.0


class Running:
    """A command that runs; what it says on both streams is kept in `said`."""

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str], folder: Path) -> None:
        self.said = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app", *arguments],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "TMPDIR": str(folder), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def until(self, text: str) -> str:
        """Wait until it has said something; all it has said so far."""
        assert self.process.stdout is not None
        deadline = monotonic() + _READY_WITHIN_S
        while text not in self.said and monotonic() < deadline:
            if select([self.process.stdout], [], [], 0.2)[0]:
                piece = os.read(self.process.stdout.fileno(), 65_536)
                if not piece:
                    break
                self.said += piece.decode()
        assert text in self.said, self.said
        return self.said

    def found(self, pattern: str) -> str:
        """What a pattern's group matched in what it said."""
        match = re.search(pattern, self.said, re.MULTILINE)
        assert match is not None, self.said
        return match[1]

    def end(self, number: signal.Signals) -> int:
        """Send a signal to the command alone and wait for its end."""
        self.process.send_signal(number)
        return self.process.wait(_ENDED_WITHIN_S)

    def family(self) -> list[int]:
        """Processes of its session, itself included."""
        return [pid for pid in _pids() if _session(pid) == self.process.pid]

    def close(self) -> None:
        """End whatever is left of it."""
        for pid in self.family():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def ask(url: str, token: str, question: str, **variables: Any) -> Any:
    """The data of an answer that has no errors."""
    headers = {"Authorization": f"Bearer {token}"}
    content = {"query": question, "variables": variables}
    response = httpx.post(url, json=content, headers=headers, timeout=30)
    answer = response.json()
    assert "errors" not in answer, answer
    return answer["data"]


def refused(url: str, token: str, question: str) -> set[str]:
    """The coordinates that keep a question from being answered."""
    headers = {"Authorization": f"Bearer {token}"}
    response = httpx.post(url, json={"query": question}, headers=headers, timeout=30)
    assert response.status_code == 403
    return {error["extensions"]["coordinate"] for error in response.json()["errors"]}


def _pids() -> list[int]:
    return [int(p.name) for p in Path("/proc").iterdir() if p.name.isdecimal()]


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None
