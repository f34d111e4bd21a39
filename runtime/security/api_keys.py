"""Tells which machine presents an API key.

    form, checksum -> id: remembered, or looked up with all others of the moment -> digest -> state

Rubbish costs a checksum and no look-up. An id costs one look-up a minute, be there a key of it or
not, whatever secrets are tried with it. Look-ups of different ids share one question, and there is
one question at a time: strangers can keep one connection to the store busy, and no more. What is
known of an id is remembered for a minute, so a key that is revoked is refused everywhere within
that minute.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from msgspec import Struct

from canonical.errors import SupplygraphError, UnauthenticatedError
from runtime.security.key_records import KeyRecord, keys_by_id, note_use
from runtime.security.key_texts import is_same, presented
from runtime.security.principal import Principal, bound_to
from runtime.security.remembered import REMEMBERED_S, RememberedPrincipals
from runtime.store.store import Store

ISSUER: Final = "supplygraph-keys"
"""The issuer of principals that a key stands for; their subject is the machine's name."""
SESSION: Final = timedelta(minutes=15)
"""A connection that stays open is asked for the key again after so long, as with access tokens: it
may have been revoked."""

_MOST: Final = 10_000
_AT_ONCE: Final = 500
_USE_IS_NEWS: Final = timedelta(minutes=10)
_FLUSH_S: Final = 60.0
_UNKNOWN: Final = "the API key is not known here: make one with `supplygraph keys create`"
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class _Remembered(Struct, frozen=True):
    record: KeyRecord | None
    until: float


class APIKeys:
    """The keys of a store, as callers present them.

    Args:
        store: Where they are kept.
        clock: Seconds since the epoch.
        monotonic: Seconds that never go back.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._clock = clock
        self._monotonic = monotonic
        # Apart, lest those who guess ids crowd out those who have keys.
        self._known: OrderedDict[str, _Remembered] = OrderedDict()
        self._unknown: OrderedDict[str, _Remembered] = OrderedDict()
        self._wanted: dict[str, asyncio.Future[_Remembered]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._principals = RememberedPrincipals(clock=clock, monotonic=monotonic)
        self._used: dict[str, datetime] = {}

    async def verify(self, text: str) -> Principal:
        """Check a key and say who presents it.

        Raises:
            UnauthenticatedError: if it is not valid; the message says why and what to do.
            UnavailableError: if keys cannot be looked up now.
        """
        known = self._principals.get(text)
        if known is not None:
            return known
        key = presented(text)
        remembered = self._recalled(key.key_id)
        if remembered is None:
            remembered = await asyncio.shield(self._look_up(key.key_id))  # others may wait too
        record = remembered.record
        if record is None or not is_same(record.digest, key.digest):
            raise UnauthenticatedError(_UNKNOWN)
        now = datetime.fromtimestamp(self._clock(), UTC)
        _check(record, now)
        self._note_use(record, now)
        principal = _principal(record, now)
        self._principals.put(text, principal, longest_s=remembered.until - self._monotonic())
        return principal

    async def flush(self) -> None:
        """Write down when keys were used.

        Raises:
            UnavailableError: if the store cannot be reached; it is done with the next ones then.
        """
        used = dict(self._used)
        await note_use(self._store, used)
        for key_id, at in used.items():
            if self._used.get(key_id) == at:
                del self._used[key_id]

    async def keep_flushing(self) -> None:
        """Flush from time to time, for ever."""
        while True:
            await asyncio.sleep(_FLUSH_S)
            try:
                await self.flush()
            except SupplygraphError as exc:
                _log.warning("the use of API keys could not be noted", error=exc.message)

    async def aclose(self) -> None:
        """Give up what is under way."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    def _note_use(self, record: KeyRecord, now: datetime) -> None:
        last = self._used.get(record.key_id, record.last_used_at)
        if last is None or now - last >= _USE_IS_NEWS:
            self._used[record.key_id] = now

    def _recalled(self, key_id: str) -> _Remembered | None:
        for memory in (self._known, self._unknown):
            found = memory.get(key_id)
            if found is not None:
                if self._monotonic() < found.until:
                    return found
                del memory[key_id]
        return None

    def _remember(self, key_id: str, record: KeyRecord | None) -> _Remembered:
        memory = self._unknown if record is None else self._known
        found = memory[key_id] = _Remembered(record, self._monotonic() + REMEMBERED_S)
        if len(memory) > _MOST:
            memory.popitem(last=False)
        return found

    def _look_up(self, key_id: str) -> "asyncio.Future[_Remembered]":
        wanted = self._wanted.get(key_id)
        if wanted is None:
            wanted = self._wanted[key_id] = asyncio.get_running_loop().create_future()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_all_up())
        return wanted

    async def _look_all_up(self) -> None:
        while self._wanted:
            asked = dict(list(self._wanted.items())[:_AT_ONCE])
            try:
                found = await keys_by_id(self._store, asked)
            except SupplygraphError as exc:
                for key_id, wanted in asked.items():
                    del self._wanted[key_id]
                    wanted.set_exception(exc)
                    wanted.exception()  # whoever waited may be gone
                continue
            except BaseException:
                for wanted in self._wanted.values():
                    wanted.cancel()
                self._wanted.clear()
                raise
            for key_id, wanted in asked.items():
                del self._wanted[key_id]
                wanted.set_result(self._remember(key_id, found.get(key_id)))


def _check(record: KeyRecord, now: datetime) -> None:
    state = record.state(now)
    if state != "active":
        at = record.revoked_at or record.expires_at
        raise UnauthenticatedError(
            f"the API key {record.key_id} {'was' if state == 'revoked' else 'has'} {state} at "
            f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}: ask the operators for a new one"
        )


def _principal(record: KeyRecord, now: datetime) -> Principal:
    grants = record.grants
    return Principal(
        record.name,
        grants.roles,
        bound_to(grants.roles, grants.suppliers),
        min(record.expires_at, now + SESSION),
        ISSUER,
        grants.scopes,
        grants.regions,
        grants.companies,
        record.key_id,
    )
