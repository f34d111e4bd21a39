"""Processes go on with the version of their code that they began with, or say that it is gone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.structs import replace

from canonical.processes import ProcessState
from runtime.processes.reading import StoredProcesses
from runtime.store.migrating import migrate
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from tests.processes.engine.conftest import SETTINGS
from tests.processes.engine.scripts import House, Said, Troubles
from workflows.engine.serving import open_engine
from workflows.engine.settings import EngineSettings
from workflows.process import Ended, Process, ProcessKind, Starting


class Asked(Struct):
    item: str


class AskedTwice(Struct):
    """What the second version asks for: another field, that the first did not know."""

    item: str
    site: str = "main"


async def _first(process: Process, asked: Asked) -> Said:
    async def work() -> str:
        return f"v1 {asked.item}"

    found = await process.step("work", work, str)
    said = await process.wait("go", None, Said)
    assert said is not None
    return Said(f"{found} {said.text}")


async def _second(process: Process, asked: AskedTwice) -> Said:
    said = await process.wait("go", None, Said)  # in another order, and another step behind it
    assert said is not None

    async def work() -> str:
        return f"v2 {asked.item} {asked.site}"

    return Said(f"{await process.step('other work', work, str)} {said.text}")


V1 = ProcessKind("order", 1, Asked, Said, _first)
V2 = ProcessKind("order", 2, AskedTwice, Said, _second)


@pytest.fixture
async def where(tmp_path: Path) -> StoreSettings:
    settings = StoreSettings(file=tmp_path / "store.db")
    store = Store(settings)
    await migrate(store)
    await store.aclose()
    return settings


@asynccontextmanager
async def _serving(
    where: StoreSettings, *kinds: ProcessKind, settings: EngineSettings = SETTINGS
) -> AsyncIterator[House]:
    store, troubles = Store(where), Troubles()
    async with open_engine(kinds, store, where, settings, troubles) as engine:
        yield House(engine, store, troubles)
    await store.aclose()


async def _begin(house: House, process_id: str, asked: Struct) -> None:
    starting = Starting(kind="order", process_id=process_id, asked=asked, correlation_id="c")
    await house.engine.start([starting])


async def test_what_the_last_release_began_it_ends_and_new_ones_begin_with_the_new_code(
    where: StoreSettings,
) -> None:
    async with _serving(where, V1) as house:
        await _begin(house, "old", Asked("SKU-1"))
        await house.waits("old")
    async with _serving(where, V1, V2) as house:
        await _begin(house, "new", AskedTwice("SKU-1", "north"))
        for process_id in ("old", "new"):
            await house.say(process_id, "go", "went")
        assert await house.end("old") == Ended(Said("v1 SKU-1 went"))
        assert await house.end("new") == Ended(Said("v2 SKU-1 north went"))
        views = await StoredProcesses(house.store).by_ids(["old", "new"])
        assert {name: view.version for name, view in views.items()} == {"old": 1, "new": 2}


async def test_what_ended_long_ago_is_forgotten_and_what_goes_on_is_not(
    where: StoreSettings,
) -> None:
    async with _serving(where, V1) as house:
        for process_id in ("ended", "going"):
            await _begin(house, process_id, Asked("SKU-1"))
        await house.say("ended", "go", "went")
        await house.end("ended")
        await house.waits("going")
    old = replace(SETTINGS, keep_days=0)
    async with _serving(where, V1, settings=old) as house:
        await house.is_gone("ended")
        assert await house.count_kept() == 1
        await house.say("going", "go", "went")
        assert await house.end("going") == Ended(Said("v1 SKU-1 went"))


async def test_a_process_whose_code_is_gone_says_so_and_goes_on_when_it_is_back(
    where: StoreSettings,
) -> None:
    async with _serving(where, V1) as house:
        await _begin(house, "old", Asked("SKU-1"))
        await house.waits("old")
    async with _serving(where, V2) as house:
        await house.is_stuck("old", "wait go")
        (trouble,) = house.troubles.of("old")
        assert "no version 1 of the process 'order'" in trouble.message
        assert "it goes on where it was" in trouble.message
    async with _serving(where, V1, V2) as house:
        await house.say("old", "go", "went")
        assert await house.end("old") == Ended(Said("v1 SKU-1 went"))
        assert (await house.view("old")).state is ProcessState.SUCCEEDED
