"""Brings the tables up to date, once, however many processes start together."""

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncConnection

from canonical.errors import MisconfiguredError
from runtime.store.engines import SYSTEM
from runtime.store.store import Store

_FOLDER: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x5347_4D49
"""PostgreSQL's advisory lock of those who migrate: a number that nobody else is likely to use."""
_DEADLINE_S: Final = 600.0


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    return config


def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _revision(connection: sa.Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


async def migrate(store: Store) -> str | None:
    """Bring the tables up to date, in one transaction.

    Returns:
        The revision that they were at before; None if there were none.

    Raises:
        MisconfiguredError: they were made by a newer release.
        UnavailableError: the store cannot be reached.
    """

    def upgrade(connection: sa.Connection) -> str | None:
        before = _revision(connection)
        _refuse_newer(before)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return before

    async def work(connection: AsyncConnection) -> str | None:
        if store.dialect == "postgresql":
            for name in ("lock_timeout", "statement_timeout"):
                await connection.execute(sa.text(f"SET LOCAL {name} = 0"))
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        return await connection.run_sync(upgrade)

    return await store.write(work, deadline_s=_DEADLINE_S)


async def state_of(store: Store) -> str:
    """The revision of the tables, which is the one that this release wants.

    Raises:
        MisconfiguredError: they are older or newer than this release; the message says what to do.
        UnavailableError: the store cannot be reached.
    """
    found = await store.read(lambda connection: connection.run_sync(_revision))
    _refuse_newer(found)
    head = _script().get_current_head()
    if found is None or found != head:
        is_at = "are missing" if found is None else f"are those of revision {found}, not {head}"
        raise MisconfiguredError(SYSTEM, f"its tables {is_at}: run `supplygraph migrate`")
    return found


def _refuse_newer(revision: str | None) -> None:
    known = {each.revision for each in _script().walk_revisions()}
    if revision is not None and revision not in known:
        msg = f"its tables are of revision {revision}, which a newer release made: use that one"
        raise MisconfiguredError(SYSTEM, msg)
