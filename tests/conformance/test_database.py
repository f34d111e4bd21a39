"""A database table keeps the port's promises, however its columns compare texts."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from random import Random

import pytest

from canonical.criteria import Sort
from canonical.entities import EntityName
from canonical.ports import Ask, Source
from connectors.config import BackendConfig
from connectors.factory import open_backend
from connectors.kit.services import Services
from tests.conformance.promises import Promises

ORDERS = {
    "dataset": "orders",
    "key": [{"path": "id", "type": "integer"}],
    "where": {"kind": "F"},
    "fields": {
        "number": "number",
        "status": {
            "rules": [
                {"when": {"deleted": True}, "then": "CANCELLED"},
                {"when": {"state": ["p", "q"], "shipped": {"gt": 0}}, "then": "PARTIALLY_RECEIVED"},
                {"when": {"state": "p"}, "then": "SENT"},
            ],
            "default": "APPROVED",
        },
        "raw_status": "state",
        "supplier": {"path": "supplier", "map": {"S1": "V-1", "S2": "V-2"}},
        "buyer": {"path": "buyer", "empty": [""]},
        "ordered_on": {"path": "ordered", "type": "date"},
        "updated_at": {"path": "changed", "type": "datetime"},
        "currency": {"const": "EUR"},
    },
}


def fill(file: Path, collation: str) -> None:
    random = Random(7)
    text = f"text collate {collation}"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            f"create table orders (id integer primary key, number {text}, kind text, state text, "
            f"deleted boolean, shipped integer, supplier {text}, buyer {text}, ordered date, "
            f"changed timestamp)"
        )
        for number in range(1, 301):
            day = date(2026, 1, 1) + timedelta(days=random.randrange(20))
            changed = f"{day} 0{random.randrange(3)}:00:00"
            row = (
                number,
                f"{random.choice(('po', 'PO', 'Po'))}-{number % 90:03}",
                random.choice("FFFX"),
                random.choice("pqz"),
                random.random() < 0.1,
                random.choice((None, 0, 5)),
                random.choice(("S1", "S2", "s2", "S3")),
                random.choice((None, "", "ann", "Ann", "ANN", "bob", "Bob ")),
                day.isoformat(),
                random.choice((None, changed, changed)),
            )
            connection.execute(f"insert into orders values ({','.join('?' * 10)})", row)


@pytest.fixture(params=["binary", "nocase", "rtrim"])
async def table(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Source]:
    """The same orders, compared exactly, without regard to case, or to spaces at the end."""
    fill(tmp_path / "erp.db", request.param)
    config = BackendConfig.model_validate(
        {"protocol": "sql", "url": {"env": "DB"}, "entities": {"purchase_order": ORDERS}}
    )
    services = Services(environ={"DB": f"sqlite:///{tmp_path}/erp.db"}, base_dir=tmp_path)
    backend = await open_backend("legacy", config, services)
    yield backend.sources[EntityName.PURCHASE_ORDER]
    await backend.aclose()


async def test_a_table_keeps_the_promises(table: Source, ask: Ask) -> None:
    promises = await Promises.of(table, ask)
    assert len(promises.records) > 200
    await promises.pages_follow_each_other()
    for column in ("key", "number", "supplier"):
        await promises.keys_are_found(column)
    await promises.keys_obey_criteria()
    for condition in promises.conditions():
        await promises.criteria_hold((condition,))
    for column in ("number", "ordered_on", "updated_at", "buyer", "supplier", "status"):
        await promises.order_holds(Sort(column))
        await promises.order_holds(Sort(column, descending=True))
