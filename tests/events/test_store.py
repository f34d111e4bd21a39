"""The store's tables come to be once, are as declared, and say so when they are not."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import AsyncConnection

from canonical.errors import MisconfiguredError, Reason, UnavailableError
from runtime.store.migrating import _script, migrate, state_of
from runtime.store.process_tables import METADATA
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from runtime.store.tables import LEASES
from tests.events.making import NOON
from tests.fixtures.stores import POSTGRESQL

HEAD = str(_script().get_current_head())


@pytest.fixture(params=["sqlite", POSTGRESQL])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> StoreSettings:
    """A database without tables."""
    if request.param == "sqlite":
        return StoreSettings(file=tmp_path / "new" / "store.db")
    return StoreSettings(url=request.getfixturevalue("postgres_url"))


def differences(connection: sa.Connection) -> list[object]:
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True}
    )
    return list(compare_metadata(context, METADATA))


def shape(connection: sa.Connection) -> dict[str, object]:
    """What alembic does not compare: keys, uniqueness, nullability."""
    found = sa.inspect(connection)
    return {
        table: (
            found.get_pk_constraint(table),
            sorted(found.get_unique_constraints(table), key=str),
            sorted(_spelt(index) for index in found.get_indexes(table)),
            [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table)],
        )
        for table in METADATA.tables
    }


def _spelt(index: Any) -> str:
    """An index with the condition of a partial one as it is spelt: conditions never equal."""
    options = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return str({**index, "dialect_options": options})


async def test_migrations_make_what_is_declared_once_for_all(empty: StoreSettings) -> None:
    stores = [Store(empty) for _ in range(3)]
    with pytest.raises(MisconfiguredError, match="tables are missing: run `supplygraph migrate`"):
        await state_of(stores[0])

    before = await asyncio.gather(*map(migrate, stores))

    assert sorted(before, key=str) == [HEAD, HEAD, None]
    assert await state_of(stores[0]) == HEAD
    assert await stores[0].read(lambda c: c.run_sync(differences)) == []
    migrated = await stores[0].read(lambda c: c.run_sync(shape))

    async def declared(connection: AsyncConnection) -> dict[str, object]:
        await connection.run_sync(METADATA.drop_all)
        await connection.run_sync(METADATA.create_all)
        return await connection.run_sync(shape)

    assert await stores[0].write(declared) == migrated
    for store in stores:
        await store.aclose()


async def test_tables_of_another_release_are_refused(store: Store) -> None:
    async def set_to(revision: str) -> None:
        change = sa.text("UPDATE alembic_version SET version_num = :to").bindparams(to=revision)
        await store.write(lambda connection: connection.execute(change))

    await set_to("9999")
    try:
        for ask in (state_of, migrate):
            with pytest.raises(MisconfiguredError, match="which a newer release made"):
                await ask(store)
    finally:
        await set_to(HEAD)


async def test_work_that_fails_leaves_nothing(store: Store) -> None:
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(sa.text("INSERT INTO event_streams VALUES ('x', 1, 1)"))
        raise LookupError("no")

    with pytest.raises(LookupError):
        await store.write(work)
    count = sa.select(sa.func.count()).select_from(LEASES)
    assert await store.read(lambda connection: connection.scalar(count)) == 0


async def test_work_that_breaks_a_unique_key_each_time_is_told_so(store: Store) -> None:
    tries = []

    async def work(connection: AsyncConnection) -> None:
        tries.append(connection)
        for _ in range(2):
            await connection.execute(sa.text("INSERT INTO event_streams VALUES ('x', 1, 1)"))

    with pytest.raises(sa.exc.IntegrityError):
        await store.write(work)
    assert len(tries) == 2


async def test_nobody_waits_longer_than_the_deadline(address: str) -> None:
    first, second = Store(StoreSettings(url=address)), Store(StoreSettings(url=address))
    lock = sa.text("INSERT INTO event_streams VALUES ('x', 1, 1)")

    async def hold(connection: AsyncConnection) -> None:
        await connection.execute(lock)
        with pytest.raises(UnavailableError, match=r"did not answer within 0\.2 seconds") as caught:
            await second.write(lambda other: other.execute(lock), deadline_s=0.2)
        assert caught.value.reason is Reason.TIMEOUT
        assert caught.value.retry_after_s == 1.0

    await first.write(hold)
    await first.aclose()
    await second.aclose()


async def test_whoever_is_cancelled_leaves_no_connection_behind(store: Store) -> None:
    question = sa.select(sa.func.count()).select_from(LEASES)
    for turns in range(1, 40):
        task = asyncio.create_task(store.read(lambda connection: connection.scalar(question)))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
    await store.aclose()
    assert store._engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # of this pool


async def test_a_store_that_is_not_there_says_so_without_secrets() -> None:
    url = "postgresql://me:s3cret@127.0.0.1:1/orders"
    store = Store(StoreSettings(url=url, deadline_s=0.2))
    with pytest.raises(UnavailableError) as caught:
        await store.read(lambda connection: connection.scalar(sa.select(1)))
    assert caught.value.message == "store: cannot be reached, or has no connection to spare"
    health = await store.health()
    assert health["connected"] is False
    assert "s3cret" not in f"{store.shown} {health} {StoreSettings(url=url)!r}"


@pytest.mark.parametrize("url", ["mysql://h/d", "sqlite://", "sqlite:///:memory:", "nonsense"])
def test_an_address_of_something_else_is_refused(url: str) -> None:
    with pytest.raises(MisconfiguredError, match=r"^store: its address"):
        Store(StoreSettings(url=url))


async def test_who_is_cancelled_in_the_middle_leaves_no_lock_behind(store: Store) -> None:
    """Also where the error that came of it is kept, as by whoever gathers results."""
    insert = sa.insert(LEASES).values(holder="h", until=NOON, token=1).returning(LEASES.c.token)

    def taking(name: str) -> Callable[[AsyncConnection], Awaitable[Any]]:
        return lambda connection: connection.scalar(insert.values(name=name))

    kept: list[object] = []
    for moment in range(60):
        task = asyncio.create_task(store.write(taking(f"cancelled-{moment}")))
        await asyncio.sleep(moment / 20_000)
        task.cancel()
        kept += await asyncio.gather(task, return_exceptions=True)
        assert await store.write(taking(f"after-{moment}"), deadline_s=2.0) == 1
    assert any(isinstance(each, asyncio.CancelledError) for each in kept)
