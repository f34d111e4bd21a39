"""A database as a backend: opened by the factory, read, and probed for typos and unknown values."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from canonical.entities import EntityName
from canonical.errors import MisconfiguredError, Reason, UnavailableError
from canonical.ports import ListQuery, Severity
from connectors.config import BackendConfig
from connectors.factory import open_backend
from connectors.kit.policy import CallPolicy
from connectors.kit.rows import Dataset
from connectors.sql import Place, writer

RULES = {
    "rules": [{"when": {"state": "active"}, "then": "ACTIVE"}],
    "default": "PHASED_OUT",
    "known": {"state": ["active", "gone"]},
}


@pytest.fixture
def address(tmp_path: Path) -> str:
    with closing(sqlite3.connect(tmp_path / "erp.db")) as connection, connection:
        connection.execute("create table items (id integer, code text, title text, state text)")
        connection.executemany(
            "insert into items values (?, ?, ?, ?)",
            [(1, "A", "Apple", "active"), (2, "B", "Bolt", "odd"), (3, "C", "Cap", None)],
        )
    return f"sqlite:///{tmp_path}/erp.db"


async def opened(
    world: Any, address: str, policy: dict[str, Any] | None = None, **fields: Any
) -> Any:
    plain = {"sku": "code", "name": "title", "unit": {"const": "PC"}, "status": RULES}
    items = {
        "dataset": "items",
        "key": [{"path": "id", "type": "integer"}],
        "fields": plain | fields,
    }
    config = BackendConfig.model_validate(
        {
            "protocol": "sql",
            "url": {"env": "DATABASE"},
            "entities": {"item": items},
            "policy": policy or {},
        }
    )
    services = world.services(environ={"DATABASE": address})
    return world.to_close(await open_backend("legacy", config, services))


async def test_rows_become_records(world: Any, address: str) -> None:
    backend = await opened(world, address)
    query = ListQuery((), (), 10, frozenset({"sku", "status"}))
    page = await backend.sources[EntityName.ITEM].page(query, world.ask())
    assert [(r.sku, r.status.value) for r in page.records] == [
        ("A", "ACTIVE"),
        ("B", "PHASED_OUT"),
        ("C", "PHASED_OUT"),
    ]


async def test_a_probe_names_typos_and_values_without_a_rule(world: Any, address: str) -> None:
    backend = await opened(world, address, name="titel")
    findings = await backend.probe([EntityName.ITEM], world.ask())
    assert [(f.severity, f.where) for f in findings] == [
        (Severity.ERROR, "item.name"),
        (Severity.WARNING, "item.status"),
    ]
    assert findings[0].message == "items does not have the path titel"
    assert findings[0].remedy.startswith("Did you mean title? Correct the path in `entities.item.")
    assert findings[1].message == "values of state seen but not mapped: 'odd'"


async def test_a_sound_mapping_is_told_with_what_was_read(world: Any, address: str) -> None:
    backend = await opened(world, address, status=RULES | {"known": {"state": ["active", "odd"]}})
    (finding,) = await backend.probe([EntityName.ITEM], world.ask())
    assert (finding.severity, finding.message) == (Severity.OK, "3 records read, 4 columns")
    assert backend.health()["circuit"] == "closed"


async def test_rows_cost_units_where_the_policy_counts_them(world: Any, address: str) -> None:
    query = ListQuery((), (), 10, frozenset({"sku"}))
    source = (await opened(world, address)).sources[EntityName.ITEM]
    for _ in range(5):
        await source.page(query, world.ask())  # nothing is counted
    policy = {"cost_per_s": 0.01, "cost_burst": 4}
    source = (await opened(world, address, policy)).sources[EntityName.ITEM]
    await source.page(query, world.ask())  # 3 rows
    await source.page(query, world.ask())  # 1 was left: 2 are owed
    with pytest.raises(UnavailableError, match="cost_per_s") as caught:
        await source.page(query, world.ask())
    assert caught.value.reason is Reason.THROTTLED
    assert caught.value.retry_after_s == pytest.approx(300, abs=1)


async def test_rows_that_are_told_cost_ten_each_and_what_failed_one(
    world: Any, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "plan.db")) as connection, connection:
        connection.execute("create table plan (id integer primary key, week text)")
    policy = CallPolicy(cost_per_s=0.01, cost_burst=32)
    place = Place("plan", f"sqlite:///{tmp_path}/plan.db")
    teller = world.to_close(writer(place, {}, policy, world.services(clock=lambda: 0.0)))
    plan = Dataset("plan", ("id",))
    await teller.upsert(plan, [{"id": n, "week": "w1"} for n in range(3)], world.ask())
    with pytest.raises(MisconfiguredError):
        await teller.upsert(Dataset("plans", ("id",)), [{"id": 1}, {"id": 2}], world.ask())
    await teller.upsert(plan, [{"id": 1, "week": "w2"}], world.ask())
    with pytest.raises(UnavailableError, match="cost_per_s") as caught:
        await teller.upsert(plan, [{"id": 2, "week": "w2"}], world.ask())
    assert caught.value.retry_after_s == pytest.approx((30 + 1 + 10 + 1 - 32) * 100)
