"""How the store is reached and used."""

from pathlib import Path

from msgspec import Struct
from typing_extensions import override


class StoreSettings(Struct, frozen=True, kw_only=True):
    """How the store is reached and used.

    Attributes:
        url: `postgresql://user@host/database` or `sqlite:///file`; None for `file`.
        file: SQLite file where there is no address; its folder is made.
        pool_size: Most connections of this process. Writers beside each other need one each.
        deadline_s: Longest that a piece of work may take, retries and waiting for locks included.
        statement_timeout_s: Longest that PostgreSQL works on one statement.
        lock_timeout_s: Longest that PostgreSQL waits for a lock before the work is tried again.
    """

    url: str | None = None
    file: Path = Path("supplygraph.db")
    pool_size: int = 8
    deadline_s: float = 10.0
    statement_timeout_s: float = 8.0
    lock_timeout_s: float = 4.0

    @override
    def __repr__(self) -> str:
        return f"StoreSettings(pool_size={self.pool_size})"  # the address may hold a password
