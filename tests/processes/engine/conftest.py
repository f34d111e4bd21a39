"""An engine for a module of tests, whose one kind of process does what a test says."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio

from runtime.store.migrating import migrate
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from tests.processes.engine.scripts import House, Troubles, script_kind
from workflows.engine.serving import open_engine
from workflows.engine.settings import EngineSettings

SETTINGS = EngineSettings(
    takeover_s=1.0,
    first_pause_s=0.01,
    longest_pause_s=0.05,
    stuck_after_s=1.0,
    slow_pause_s=20.0,
    tell_within_s=0.15,
    settle_s=0.05,
    poll_s=0.05,
)
_MEMORY = Path("/dev/shm")


@pytest.fixture(scope="session")
def quick_folder() -> Iterator[Path]:
    """A folder in memory where there is one: what is killed is a process, not the machine."""
    room = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > 2**29
    with TemporaryDirectory(dir=_MEMORY if room else None) as folder:
        yield Path(folder)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(quick_folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[House]:
    """A running engine with its store."""
    where = StoreSettings(file=quick_folder / f"{Path(request.module.__file__).stem}.db")
    store, troubles = Store(where), Troubles()
    await migrate(store)
    async with open_engine([script_kind()], store, where, SETTINGS, troubles) as engine:
        yield House(engine, store, troubles)
    await store.aclose()
