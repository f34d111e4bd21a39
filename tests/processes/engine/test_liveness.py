"""A server that was only taken for dead lets its processes go, and does nothing twice."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from runtime.events.leases import Leases
from runtime.processes.servers import lease_name
from runtime.store.migrating import migrate
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from tests.fixtures.waiting import until
from tests.processes.engine.conftest import SETTINGS
from tests.processes.engine.scripts import House, Said, Troubles, script_kind
from workflows.engine.serving import open_engine
from workflows.process import Ended, Process


async def test_a_server_whose_lease_was_taken_comes_back_under_another_name(tmp_path: Path) -> None:
    where = StoreSettings(file=tmp_path / "store.db")
    store, troubles = Store(where), Troubles()
    await migrate(store)
    told: list[str] = []

    async def script(process: Process) -> str:
        await process.wait("go", None, Said)

        async def tell() -> str:
            told.append(process.id)
            return "told"

        async def became() -> str | None:
            return None

        return await process.write("order", tell, became, str)

    async with open_engine([script_kind()], store, where, SETTINGS, troubles) as engine:
        house = House(engine, store, troubles)
        process_id = await house.begin(script)
        await house.waits(process_id)
        server = engine._house.lease.holder
        later = datetime.now(UTC) + timedelta(hours=1)
        thief = Leases(store, now=lambda: later)
        taken = await thief.acquire(lease_name(server), "another", -3600)
        assert taken is not None
        await house.say(process_id, "go", "now")  # what it tells now, another might tell too
        await until(lambda: engine._house.lease.holder != server)
        assert await house.end(process_id) == Ended(Said("told"))
        assert told == [process_id]
        assert troubles.reported == []
    await store.aclose()
