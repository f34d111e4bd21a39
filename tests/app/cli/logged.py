"""The command line over the event log of a small installation that has no systems up."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from app.cli import app
from runtime.events.ledger import Ledger
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from tests.unit.app.manifest.sound import ENVIRON, SOUND


class Logged:
    """A manifest and its log; `run` runs commands on it."""

    def __init__(self, folder: Path) -> None:
        self.manifest = folder / "supplygraph.yaml"
        self.manifest.write_text(SOUND, encoding="utf-8")
        self.file = folder / ".state" / "supplygraph.db"

    def copied(self, folder: Path) -> "Logged":
        """The same in another folder, to be changed."""
        shutil.copytree(self.file.parent, folder / ".state")
        return Logged(folder)

    def run(self, *arguments: str, redis_url: str | None = None) -> Result:
        """Run a command."""
        environ = {
            **ENVIRON,
            "SUPPLYGRAPH_MANIFEST": str(self.manifest),
            "DATABASE_URL": None,
            "REDIS_URL": redis_url,
        }
        return CliRunner(env=environ).invoke(app, arguments)

    def write(self, work: Callable[[Ledger], Awaitable[Any]], now: datetime | None = None) -> Any:
        """Do something with the log."""

        async def done() -> Any:
            store = Store(StoreSettings(file=self.file))
            ledger = Ledger(store) if now is None else Ledger(store, now=lambda: now)
            try:
                return await work(ledger)
            finally:
                await ledger.aclose()
                await store.aclose()

        return asyncio.run(done())
