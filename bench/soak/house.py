"""What the soak is done to: two processes as shipped, over one PostgreSQL and one Valkey."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from bench.contenders import DEVELOPMENT, DEVELOPMENT_KEY, free_port
from bench.processes import ROOT
from runtime.embedded.valkey import EmbeddedValkey
from runtime.store.store import Store

MANIFEST: Final = Path(__file__).with_name("manifest.yaml")
_HANG_UP: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname = current_database()
"""
_AWAY_S: Final = 0.3


class House:
    """Two processes.

    Args:
        store: Their database.
        url: Its address.
        folder: For logs.
        environ: Where the watched system is, and the secrets.

    Attributes:
        ports: Of the processes.
    """

    def __init__(self, store: Store, url: str, folder: Path, environ: Mapping[str, str]) -> None:
        self.ports = (free_port(), free_port())
        self._store = store
        self._url = url
        self._folder = folder
        self._environ = environ
        self._valkey = EmbeddedValkey()
        self._processes: dict[int, asyncio.subprocess.Process] = {}

    async def open(self) -> None:
        """Start everything; the processes take their time."""
        await asyncio.to_thread(self._valkey.start)
        for n in (0, 1):
            await self._start(n)

    async def aclose(self) -> None:
        """End everything."""
        for n in (0, 1):
            await self._kill(n)
        await asyncio.to_thread(self._valkey.stop)

    async def cut(self) -> None:
        """Cut all connections to the database."""
        await self._store.read(lambda connection: connection.execute(sa.text(_HANG_UP)))

    async def end_first(self) -> None:
        """Kill the first process, and start it anew."""
        await self._kill(0)
        await self._start(0)

    async def end_second(self) -> None:
        """The same with the second."""
        await self._kill(1)
        await self._start(1)

    async def away(self) -> None:
        """Kill Valkey, with all that it knows, and start it anew a little later."""
        await asyncio.to_thread(lambda: self._valkey.halt(kill=True))
        await asyncio.sleep(_AWAY_S)
        await asyncio.to_thread(self._valkey.start)

    async def _start(self, n: int) -> None:
        environ = {
            **os.environ,
            **self._environ,
            "SUPPLYGRAPHMANIFEST": str(MANIFEST),
            "SUPPLYGRAPH_GRAPHIQL": "0",
            "REDIS_URL": self._valkey.url,
            "DATABASE_URL": self._url,
        }
        with (self._folder / f"{n}.log").open("ab") as log:
            self._processes[n] = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bench.soak.server",
                str(self.ports[n]),
                cwd=ROOT,
                env=environ,
                stdout=log,
                stderr=log,
            )

    async def _kill(self, n: int) -> None:
        process = self._processes.get(n)
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()


def environ_of(source: str, secret: str, key: str) -> dict[str, str]:
    """What the manifest refers to."""
    return {
        "SOAK_SOURCE": source,
        "SOAK_SECRET": secret,
        DEVELOPMENT_KEY: key,
        DEVELOPMENT: "1",
    }
