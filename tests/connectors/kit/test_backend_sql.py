"""A database as a backend: opened by the factory, read, and probed for typos and unknown values."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from canonical.entities import EntityName
from canonical.ports import ListQuery, Severity
from connectors.config import BackendConfig
from connectors.factory import open_backend

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


async def opened(world: Any, address: str, **fields: Any) -> Any:
    plain = {"sku": "code", "name": "title", "unit": {"const": "PC"}, "status": RULES}
    items = {
        "dataset": "items",
        "key": [{"path": "id", "type": "integer"}],
        "fields": plain | fields,
    }
    config = BackendConfig.model_validate(
        {"protocol": "sql", "url": {"env": "DATABASE"}, "entities": {"item": items}}
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
