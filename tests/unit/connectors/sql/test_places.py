"""Addresses, drivers, settings and errors of databases are understood, or refused with a remedy."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from canonical.errors import MisconfiguredError, Reason, UnavailableError
from connectors.kit.policy import CallPolicy
from connectors.kit.services import Services
from connectors.sql import Options, Place, Settings, reader
from connectors.sql.dialects import locate
from connectors.sql.errors import reason_of, translated

SERVICES = Services(environ={}, base_dir=Path(), now=lambda: datetime(2026, 11, 23, tzinfo=UTC))


@pytest.mark.parametrize(
    "address, driver",
    [
        ("postgres://u@h/d", "postgresql+asyncpg"),
        ("postgresql+psycopg://u@h/d", "postgresql+asyncpg"),
        ("sqlite:///x.db", "sqlite+aiosqlite"),
        ("mysql://u@h/d", "mysql+asyncmy"),
        ("mariadb://u@h/d", "mariadb+asyncmy"),
        ("oracle://u@h/d", "oracle+oracledb_async"),
        ("mssql://u@h/d", "mssql+aioodbc"),
    ],
)
def test_an_address_names_its_driver(address: str, driver: str) -> None:
    assert locate("wh", address)[1].drivername == driver


@pytest.mark.parametrize("address", ["nonsense", "db2://user:secret@h/d", "postgresql://h:port/d"])
def test_a_strange_address_is_refused_without_telling_it(address: str) -> None:
    with pytest.raises(MisconfiguredError, match="`url`") as caught:
        locate("wh", address)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("extra", ["mysql", "oracle", "mssql"])
def test_a_missing_driver_is_named_with_its_extra(extra: str) -> None:
    with pytest.raises(MisconfiguredError, match=rf"pip install 'supplygraph\[{extra}\]'"):
        reader(Place("wh", f"{extra}://u@h/d"), {}, CallPolicy(), SERVICES)


def test_a_database_in_memory_is_refused() -> None:
    with pytest.raises(MisconfiguredError, match="must name a file"):
        reader(Place("wh", "sqlite://"), {}, CallPolicy(), SERVICES)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"select": "DELETE FROM t"}, "begins with SELECT"),
        ({"select": "SELECT 1; SELECT 2"}, "without semicolons"),
        ({"select": "SELECT 1", "table": "t"}, "in the place of"),
        ({"schemma": "x"}, "schemma"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Options.model_validate(options)
    assert Options.model_validate({"select": " with x as (select 1) select * from x; "}).select


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValidationError, match="pool"):
        Settings.model_validate({"pool": 3})


class _StateError(Exception):
    def __init__(self, sqlstate: str) -> None:
        super().__init__(f"vendor words with a secret, {sqlstate}")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    "error, expected",
    [
        (_StateError("08006"), Reason.CONNECTION),
        (_StateError("57014"), Reason.TIMEOUT),
        (_StateError("57P03"), Reason.CONNECTION),
        (_StateError("28P01"), Reason.CREDENTIALS),
        (_StateError("42501"), Reason.CREDENTIALS),
        (_StateError("42P01"), Reason.MISCONFIGURED),
        (_StateError("3D000"), Reason.MISCONFIGURED),
        (_StateError("40001"), Reason.SERVER_ERROR),
        (_StateError("53300"), Reason.SERVER_ERROR),
        (Exception("42S02", "no such table"), Reason.MISCONFIGURED),
        (Exception(1045, "Access denied"), Reason.CREDENTIALS),
        (Exception(1146, "no table"), Reason.MISCONFIGURED),
        (Exception(3024, "interrupted"), Reason.TIMEOUT),
        (Exception("ORA-00942: table or view does not exist"), Reason.MISCONFIGURED),
        (Exception("ORA-01017: invalid username"), Reason.CREDENTIALS),
        (sqlite3.OperationalError("no such column: q.x"), Reason.MISCONFIGURED),
        (sqlite3.OperationalError("unable to open database file"), Reason.CONNECTION),
        (sqlite3.OperationalError("interrupted"), Reason.TIMEOUT),
        (ConnectionRefusedError("refused"), Reason.CONNECTION),
        (Exception("who knows"), Reason.SERVER_ERROR),
    ],
)
def test_a_database_error_is_read_by_its_class(error: Exception, expected: Reason) -> None:
    assert reason_of(DBAPIError("SELECT 1", {}, error)) is expected


def test_a_caller_is_not_told_the_databases_own_words() -> None:
    told = translated("wh", "orders", DBAPIError("SELECT 1", {}, _StateError("42P01")), "c-1")
    assert isinstance(told, MisconfiguredError)
    assert "secret" not in told.message
    busy = translated("wh", "orders", PoolTimeoutError("pool of host:5432"), "c-1")
    assert isinstance(busy, UnavailableError)
    assert (busy.reason, "5432" in busy.message) == (Reason.THROTTLED, False)
