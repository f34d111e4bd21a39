"""Brings up a real, seeded Tryton on loopback, from PyPI packages alone.

    packages  ->  database with modules  ->  seed over JSON-RPC  ->  kept as one SQLite file
                                                                             |
                                   each session: a copy of that file, and a server of its own

The first three steps take about a minute and are kept in the folder TRYTON_STATE (default: in the
user's cache), each under a hash of what it depends on. A session takes seconds.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from tests.systems.tryton.client import Client
from tests.systems.tryton.seed import ADMIN, INTEGRATION, NO_RIGHTS, Login, fill

DATABASE: Final = "erp"
TODAY: Final = date(2026, 11, 23)
PRODUCTS: Final = 24
ORDERS: Final = 16
MODULES: Final = (
    "account_invoice_stock",
    "purchase_request",
    "stock_forecast",
    "stock_supply",
    "stock_supply_forecast",
)
_HERE: Final = Path(__file__).parent
_SEEDERS: Final = ("harness.py", "client.py", "seed.py", "seed_orders.py", "seed_world.py")
_DATABASE_FILE: Final = f"{DATABASE}.sqlite"
_SEEDED: Final = "seeded.sqlite"
_START_TIMEOUT_S: Final = 60


@dataclass(frozen=True)
class Tryton:
    """A running Tryton.

    Attributes:
        base_url: Its address, without the database.
        database: Name of the database.
        seed: What was seeded: ids by kind and code.
        admin: May do everything.
        user: May read and buy: what a connector signs in as.
        no_rights: May sign in, and little else.
    """

    base_url: str
    seed: dict[str, Any]
    database: str = DATABASE
    admin: Login = ADMIN
    user: Login = INTEGRATION
    no_rights: Login = NO_RIGHTS

    def client(self, login: Login | None = None) -> Client:
        """A client of its own, signed in; as `user` unless told."""
        login = login or self.user
        client = Client(self.base_url, self.database)
        client.login(login.name, login.password)
        return client


@contextmanager
def running() -> Iterator[Tryton]:
    """A Tryton with freshly seeded data, stopped at the end.

    Raises:
        RuntimeError: if a step fails, with what it printed last.
    """
    venv, seeded = _prepared()
    with tempfile.TemporaryDirectory(prefix="tryton-") as name:
        folder = Path(name)
        shutil.copy(seeded / _SEEDED, folder / _DATABASE_FILE)
        with _server(venv, folder, worker=False) as base_url:
            yield Tryton(base_url, json.loads((seeded / "seed.json").read_text()))


def _prepared() -> tuple[Path, Path]:
    """Folders of the environment and of the seeded database, made where missing."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    state = Path(os.environ.get("TRYTON_STATE") or cache / "supplygraph" / "tryton")
    venv = state / f"venv-{_digest('requirements.lock')}"
    seeded = state / f"seed-{_digest('requirements.lock', *_SEEDERS)}"
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (venv / "complete").exists():
            _make_environment(venv)
            (venv / "complete").touch()
        if not (seeded / "seed.json").exists():
            _make_seeded(venv, seeded)
    return venv, seeded


def _digest(*names: str) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for name in names:
        digest.update((_HERE / name).read_bytes())
    return digest.hexdigest()[:12]


def _make_environment(venv: Path) -> None:
    shutil.rmtree(venv, ignore_errors=True)
    python, lock = str(venv / "bin" / "python"), str(_HERE / "requirements.lock")
    uv = [sys.executable, "-m", "uv"] if importlib.util.find_spec("uv") else [shutil.which("uv")]
    if uv[0]:
        tool = [str(part) for part in uv]
        _run([*tool, "venv", "--quiet", "--python", sys.executable, str(venv)])
        install = [*tool, "pip", "install", "--quiet", "--python", python]
    else:
        _run([sys.executable, "-m", "venv", str(venv)])
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*install, "--require-hashes", "-r", lock])


def _make_seeded(venv: Path, seeded: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="tryton-") as name:
        folder = Path(name)
        database = folder / _DATABASE_FILE
        database.touch()
        password = folder / "password"
        password.write_text(f"{ADMIN.password}\n")
        admin = [str(venv / "bin" / "trytond-admin"), "-c", str(_config(folder))]
        modules = ["--activate-dependencies", "-u", *MODULES]
        _run(
            [*admin, "-d", DATABASE, "--email", "admin@example.com", *modules],
            {"TRYTONPASSFILE": str(password)},
        )
        # A worker is announced, but none runs: a confirmed order stays so until `process`.
        with _server(venv, folder, worker=True) as base_url:
            client = Client(base_url, DATABASE)
            seed = fill(client, today=TODAY, products=PRODUCTS, orders=ORDERS)
        shutil.rmtree(seeded, ignore_errors=True)
        seeded.mkdir()
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("vacuum into ?", (str(seeded / _SEEDED),))
    (seeded / "seed.json").write_text(json.dumps(seed, indent=1))  # last: it says that all is there


def _config(folder: Path, port: int = 0, *, worker: bool = True) -> Path:
    path = folder / "trytond.conf"
    path.write_text(
        f"[database]\nuri = sqlite://\npath = {folder}\n"
        f"[web]\nlisten = 127.0.0.1:{port}\n[queue]\nworker = {worker}\n"
    )
    return path


@contextmanager
def _server(venv: Path, folder: Path, *, worker: bool) -> Iterator[str]:
    """A server over the database in a folder, with its address; in a process group of its own."""
    port = _free_port()
    log = folder / "server.log"
    command = [str(venv / "bin" / "trytond"), "-c"]
    command.append(str(_config(folder, port, worker=worker)))
    with log.open("wb") as output:
        # Without -d the first call after the start fails (8.2.1).
        process = subprocess.Popen(
            [*command, "-d", DATABASE],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        base_url = f"http://127.0.0.1:{port}"
        _await(process, base_url, log)
        yield base_url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await(process: subprocess.Popen[bytes], base_url: str, log: Path) -> None:
    give_up = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < give_up:
        if process.poll() is not None:
            break
        try:
            Client(base_url, "").rpc("common.server.version")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"Tryton did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _free_port() -> int:
    """Tryton takes no port 0: the system names a free one, which is its own a moment later."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed:\n{done.stdout[-2000:]}")


def main() -> None:
    """Run a Tryton at the desk until Ctrl-C: python -m tests.systems.tryton.harness."""
    with running() as tryton:
        address = f"{tryton.base_url}/{tryton.database}/"
        sys.stdout.write(f"{address} as {tryton.user.name}: {tryton.user.password}\n")
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
