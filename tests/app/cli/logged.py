"""The command line over the event log of a small installation that has no systems up."""

import asyncio
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

    def run(self, *arguments: str) -> Result:
        """Run a command."""
        environ = {**ENVIRON, "SUPPLYGRAPH_MANIFEST": str(self.manifest), "DATABASE_URL": None}
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
