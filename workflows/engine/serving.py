"""The engine of a server process: begins processes, runs them, and takes over those of the dead."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import Context
from datetime import UTC, datetime
from random import Random
from typing import Final
from uuid import uuid4

from msgspec import Struct, field

from canonical.errors import InvalidInputError, Reason, UnavailableError
from canonical.exceptions import Troubles
from canonical.processes import ProcessState
from runtime.events.leases import Leases
from runtime.processes.attempts import Attempts
from runtime.processes.messages import Message, Messages
from runtime.processes.rows import ProcessRow
from runtime.processes.servers import Servers, database_url
from runtime.processes.views import Views
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from workflows.engine import library
from workflows.engine.house import Begun, House
from workflows.engine.keeping import encoded
from workflows.engine.library import Library
from workflows.engine.liveness import Liveness, held
from workflows.engine.mail import CANCEL, OPERATOR, Mail
from workflows.engine.patience import Say, Word
from workflows.engine.retention import Retention
from workflows.engine.running import Kinds, run_process
from workflows.engine.settings import EngineSettings
from workflows.process import Ended, ProcessKind, Starting

_BEGIN_WITHIN_S: Final = 15.0
_GRACE_S: Final = 5.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> str:
    return uuid4().hex


class Means(Struct, frozen=True):
    """What an engine takes from the machine.

    Attributes:
        now: The time; between servers it may differ by much less than `takeover_s`.
        random: Spreads pauses.
        new_id: Names servers and what operators say: each once.
    """

    now: Callable[[], datetime] = _utc_now
    random: Random = field(default_factory=Random)
    new_id: Callable[[], str] = _new_id


class DurableEngine:
    """Keeps what `workflows.process.Engine` says; made by `open_engine`.

    Args:
        kinds: The processes that can be begun.
        house: What processes share.
    """

    def __init__(self, kinds: Kinds, house: House) -> None:
        self._kinds = kinds
        self._house = house
        self._fresh: set[str] = set()
        self._beginning: set[asyncio.Task[Collection[str]]] = set()
        self._library: Library | None = None

    def launched(self, library: Library) -> None:
        """Processes can be begun from now on."""
        self._library = library

    async def run(self, process_id: str, text: str) -> None:
        """Run a process that was begun here, or is taken over."""
        recovered = process_id not in self._fresh
        self._fresh.discard(process_id)
        await run_process(process_id, text, self._house, self._kinds, recovered=recovered)

    async def start(self, starting: Sequence[Starting]) -> Collection[str]:
        """As `Engine.start` says."""
        begun = {each.process_id: self._begun(each) for each in starting}
        # Whoever asks may go away meanwhile: what is begun is run and shown all the same.
        task = asyncio.create_task(self._begin_all(begun), context=Context())
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)
        try:
            async with asyncio.timeout(_BEGIN_WITHIN_S):
                return await asyncio.shield(task)
        except TimeoutError as error:
            msg = "could not be kept in time"
            raise UnavailableError(library.NAME, Reason.TIMEOUT, msg) from error

    async def _begin_all(self, begun: Mapping[str, Begun]) -> Collection[str]:
        new = await asyncio.gather(*(self._begin(*each) for each in begun.items()))
        rows = [_first_row(process_id, each) for process_id, each in begun.items()]
        fresh = [id_ for id_, is_new in zip(begun, new, strict=True) if is_new]
        # One that had begun is about what it was begun with, whatever is said of it now.
        subjects = [(subject, id_) for id_ in fresh for subject in begun[id_].subjects]
        await self._house.views.begin(rows, subjects)
        return fresh

    async def signal(self, process_id: str, topic: str, message: Struct, *, once: str) -> None:
        """As `Engine.signal` says."""
        text = encoded(message).decode()
        await self._house.mail.send(
            Message(process_id, f"said/{once}", f"to/{topic}", text, self._house.now())
        )

    async def ended(self, process_id: str, within_s: float) -> Ended | None:
        """As `Engine.ended` says."""
        return self._kinds.decoded(await self._house.mail.outcome(process_id, within_s))

    async def retry(self, process_id: str, *, actor: str) -> None:
        """As `Engine.retry` says."""
        await self._say(process_id, Word(Say.RETRY, actor))

    async def settle(self, process_id: str, text: str, *, actor: str) -> None:
        """As `Engine.settle` says."""
        await self._say(process_id, Word(Say.SETTLE, actor, text))

    async def cancel(self, process_id: str, reason: str, *, actor: str) -> None:
        """As `Engine.cancel` says."""
        word = Word(Say.CANCEL, actor, reason)
        first = Message(process_id, CANCEL, CANCEL, encoded(word).decode(), self._house.now())
        if not await self._house.mail.send(first):
            # It undoes what it states already: that is given up only if it cannot go on.
            await self._say(process_id, word)

    async def _say(self, process_id: str, word: Word) -> None:
        name, text = f"{OPERATOR}/{self._house.new_id()}", encoded(word).decode()
        message = Message(process_id, name, OPERATOR, text, self._house.now())
        await self._house.mail.send(message, only_in=ProcessState.STUCK)

    async def _begin(self, process_id: str, begun: Begun) -> bool:
        if self._library is None:
            raise UnavailableError(library.NAME, Reason.CONNECTION, "are not running here yet")
        self._fresh.add(process_id)
        new = False
        try:
            new = await self._library.start(process_id, encoded(begun).decode())
        finally:
            if not new:
                self._fresh.discard(process_id)
        return new

    def _begun(self, starting: Starting) -> Begun:
        kind = self._kinds.newest(starting.kind)
        if kind is None:
            msg = f"there is no process {starting.kind!r}"
            raise InvalidInputError(msg)
        return Begun(
            kind=kind.kind,
            version=kind.version,
            asked=encoded(starting.asked).decode(),
            correlation_id=starting.correlation_id,
            started_at=self._house.now(),
            subjects=starting.subjects,
            started_by=starting.started_by,
        )


@asynccontextmanager
async def open_engine(
    kinds: Iterable[ProcessKind],
    store: Store,
    where: StoreSettings,
    settings: EngineSettings,
    troubles: Troubles,
    means: Means | None = None,
) -> AsyncIterator[DurableEngine]:
    """Run processes on this loop; there is one engine in a server process.

    Args:
        kinds: The processes that are known, in all versions that may still run.
        store: Where views, messages and writes are kept; its tables are there.
        where: How the store is reached: DBOS has its tables in the same PostgreSQL, in a schema of
            its own, or in a file beside that of SQLite.
        settings: How processes are run.
        troubles: Where they report what a person has to look at.
        means: Time, chance and names; those of the machine if not given.

    Raises:
        UnavailableError: the store cannot be reached.
    """
    means = means or Means()
    servers, leases = Servers(store, means.now), Leases(store, now=means.now)
    mail = Mail(Messages(store), settings.poll_s)
    views = Views(store, mail.ended)
    server = means.new_id()
    house = House(
        settings=settings,
        views=views,
        attempts=Attempts(store),
        mail=mail,
        troubles=troubles,
        now=means.now,
        random=means.random,
        new_id=means.new_id,
        begin=lambda starting: engine.start([starting]),
        gate=asyncio.Semaphore(settings.threads),
        lease=await held(leases, server, settings.takeover_s),
    )
    engine = DurableEngine(Kinds(kinds), house)
    liveness = Liveness(leases, servers, house, means.new_id)
    await mail.look()
    async with _running(views, mail, liveness):
        launched = await library.opened(
            database_url(where),
            server,
            engine.run,
            house.gate,
            threads=settings.threads,
            poll_s=min(settings.takeover_s / 10, 1.0),
        )
        try:
            engine.launched(launched)
            await liveness.launched(launched)
            retention = Retention(store, launched, settings.keep_days, means.now)
            async with _running(retention):
                yield engine
        finally:
            await _close(house, launched)
    with suppress(UnavailableError):
        await views.flush()
        await leases.release(house.lease)


@asynccontextmanager
async def _running(*each: Views | Mail | Liveness | Retention) -> AsyncIterator[None]:
    """Have what runs for ever run until the end of the block."""
    tasks = [asyncio.create_task(one.run()) for one in each]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _close(house: House, launched: Library) -> None:
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + _GRACE_S
    while house.telling and loop.time() < deadline_s:  # noqa: ASYNC110  # a few tenths of a second
        await asyncio.sleep(0.01)
    await launched.abandon()
    await library.closed()


def _first_row(process_id: str, begun: Begun) -> ProcessRow:
    return ProcessRow(
        id=process_id,
        kind=begun.kind,
        version=begun.version,
        state=ProcessState.RUNNING,
        correlation_id=begun.correlation_id,
        started_by=begun.started_by,
        started_at=begun.started_at,
        updated_at=begun.started_at,
    )
