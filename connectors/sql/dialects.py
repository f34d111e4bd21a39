"""What differs between databases, as data: drivers, bounds, comparison, staying read-only.

| database | driver (extra) | text compared | many keys | read-only by | statement timeout by |
|---|---|---|---|---|---|
| PostgreSQL | asyncpg | exactly | one array | read-only transaction | statement_timeout |
| SQLite | aiosqlite | exactly | list | file opened read-only, query_only | interrupt |
| MySQL, MariaDB | asyncmy (mysql) | by collation | list | read-only transaction |
max_execution_time | | Oracle | oracledb (oracle) | exactly | lists of 1,000 | read-only transaction
| the deadline here | | SQL Server | aioodbc (mssql) | by collation | list of 2,000 | the login's
rights, and rollback | LOCK_TIMEOUT |
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from canonical.errors import MisconfiguredError


class Dialect(Struct, frozen=True):
    """What is to be known of one kind of database.

    Attributes:
        name: SQLAlchemy's name of it.
        driver: SQLAlchemy's name of the asynchronous driver.
        module: The module to import for it.
        extra: Extra of ours that installs it; None where it always is.
        exact_text: Whether `=` and LIKE tell upper from lower case and heed trailing spaces.
        max_keys: Most values in one statement.
        options: Execution options that make transactions read-only.
        begin: Statements that a transaction opens with; `{ms}` is the time left.
        collation: Collation by which text sorts by code point, where columns may have another.
    """

    name: str
    driver: str
    module: str
    extra: str | None = None
    exact_text: bool = True
    max_keys: int = 1_000
    options: Mapping[str, Any] = {}
    begin: tuple[str, ...] = ()
    collation: str | None = None


DIALECTS: Final[Mapping[str, Dialect]] = {
    "postgresql": Dialect(
        "postgresql",
        "postgresql+asyncpg",
        "asyncpg",
        max_keys=10_000,
        options={"postgresql_readonly": True},
        begin=("SET LOCAL statement_timeout = {ms}",),
        collation="C",
    ),
    "sqlite": Dialect("sqlite", "sqlite+aiosqlite", "aiosqlite", max_keys=10_000),
    "mysql": Dialect(
        "mysql",
        "mysql+asyncmy",
        "asyncmy",
        extra="mysql",
        exact_text=False,
        begin=("SET SESSION max_execution_time = {ms}", "START TRANSACTION READ ONLY"),
        collation="utf8mb4_bin",
    ),
    "mariadb": Dialect(
        "mariadb",
        "mariadb+asyncmy",
        "asyncmy",
        extra="mysql",
        exact_text=False,
        begin=(
            "SET SESSION max_statement_time = {ms} / 1000",
            "START TRANSACTION READ ONLY",
        ),
        collation="utf8mb4_bin",
    ),
    "oracle": Dialect(
        "oracle",
        "oracle+oracledb_async",
        "oracledb",
        extra="oracle",
        begin=("SET TRANSACTION READ ONLY",),
    ),
    "mssql": Dialect(
        "mssql",
        "mssql+aioodbc",
        "aioodbc",
        extra="mssql",
        exact_text=False,
        max_keys=2_000,
        begin=("SET LOCK_TIMEOUT {ms}",),
        collation="Latin1_General_100_BIN2",
    ),
}


def locate(system: str, address: str) -> tuple[Dialect, URL]:
    """The database that an address names, and the address with the driver that is used here.

    `postgresql://`, `sqlite:///`, `mysql://`, `mariadb://`, `oracle://` and `mssql://` are known,
    with or without a driver's name behind a plus.

    Raises:
        MisconfiguredError: if the address cannot be understood. The message does not hold it.
    """
    try:
        url = make_url(address)
    except (ArgumentError, ValueError) as exc:
        msg = "`url` is no database address, such as postgresql://user@host/database"
        raise MisconfiguredError(system, msg) from exc
    named = url.get_backend_name()
    dialect = DIALECTS.get("postgresql" if named == "postgres" else named)
    if dialect is None:
        msg = f"`url` names a database of kind {named!r}; known are {', '.join(sorted(DIALECTS))}"
        raise MisconfiguredError(system, msg)
    return dialect, url.set(drivername=dialect.driver)
