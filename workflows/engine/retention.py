"""Forgets processes that ended long ago: their views, and what DBOS kept of them."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from canonical.errors import UnavailableError
from runtime.processes.forgetting import ended_before, forget
from runtime.store.store import Store
from workflows.engine.library import Library

_CHUNK: Final = 200
_EVERY_S: Final = 3600.0
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Retention:
    """Forgets what is older than it is to be kept; `run` is to be running.

    Args:
        store: Where views are.
        library: What keeps the rest.
        keep_days: How long processes are kept behind their end.
        now: The time.
    """

    def __init__(
        self, store: Store, library: Library, keep_days: float, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._library = library
        self._keep = timedelta(days=keep_days)
        self._now = now

    async def run(self) -> None:
        """Forget, once an hour, for ever. Several servers may do so at once."""
        while True:
            try:
                await self.forget()
            except UnavailableError as error:
                _log.warning("processes.retention_waits", reason=error.message)
            except Exception:  # noqa: BLE001  # else nothing would be forgotten any more
                _log.exception("processes.retention_broken")
            await asyncio.sleep(_EVERY_S)

    async def forget(self) -> int:
        """Forget what is too old; how many processes that were.

        Raises:
            UnavailableError: the store cannot be reached.
        """
        count = 0
        while found := await ended_before(self._store, self._now() - self._keep, _CHUNK):
            # Views go last: what is left over is found again by them.
            await self._library.forget(found)
            await forget(self._store, found)
            count += len(found)
        if count:
            _log.info("processes.forgotten", processes=count)
        return count
