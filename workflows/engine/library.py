"""DBOS as we use it: one workflow function for all processes, JSON, no console of its own.

The function runs every kind and version, so that a server which does not know one can say so,
where DBOS would leave the process lying. All private names of DBOS that we use are used here.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import msgspec
from dbos import DBOS, DBOSConfig, SetWorkflowID
from dbos._core import WorkflowHandleAsyncTask
from dbos._error import DBOSWorkflowConflictIDError
from dbos._serialization import Serializer
from dbos._utils import INTERNAL_QUEUE_NAME, GlobalParams
from typing_extensions import override

from canonical.errors import Reason, UnavailableError

Run = Callable[[str, str], Awaitable[None]]
"""Runs a process: its id, and the text it was begun with."""

NAME: Final = "processes"
_VERSION: Final = "processes"
"""To DBOS there is one version; which version of a kind a process runs by, its own text says."""
_SCHEMA: Final = "dbos"
_SPARE_THREADS: Final = 24
"""Threads of the loop that are left to others when all that wait for the database do so in vain."""
_QUIET: Final = ("Asyncio task cancelled",)

LostError = DBOSWorkflowConflictIDError
"""Another server has this process now."""


class _Inputs(msgspec.Struct):
    args: list[str]


class _Json(Serializer):
    """Inputs as JSON; results are JSON texts already."""

    @override
    def serialize(self, data: Any) -> str:
        if isinstance(data, str):
            return data
        if isinstance(data, BaseException):
            return msgspec.json.encode({"raised": repr(data)}).decode()
        return msgspec.json.encode(data).decode()

    @override
    def deserialize(self, serialized_data: str) -> Any:
        if serialized_data.startswith('{"args":'):
            return {"args": msgspec.json.decode(serialized_data, type=_Inputs).args, "kwargs": {}}
        if serialized_data.startswith('{"raised":'):
            return RuntimeError(serialized_data)
        return serialized_data

    @override
    def name(self) -> str:
        return "supplygraph_json"


class _Ours(logging.Filter):
    """DBOS's lines in our log; those of a shutdown are no news."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith(_QUIET)


class Library:
    """DBOS, launched.

    Args:
        dbos: The instance.
        workflow: The function that runs processes.
        gate: How many may wait for the database at once.
    """

    def __init__(
        self,
        dbos: DBOS,
        workflow: Callable[[str], Coroutine[Any, Any, str]],
        gate: asyncio.Semaphore,
    ) -> None:
        self._dbos = dbos
        self._gate = gate
        self._workflow = workflow

    async def start(self, process_id: str, text: str) -> bool:
        """Have a process begin here; whether it had not begun before.

        Who calls it has a context of its own, for a process belongs to no request and is no child,
        and is not cancelled: what is written is run.
        """
        async with self._gate:
            with SetWorkflowID(process_id):
                handle = await DBOS.start_workflow_async(self._workflow, text)
        return isinstance(handle, WorkflowHandleAsyncTask)

    async def recover(self, server: str) -> int:
        """Have the processes of a dead server go on somewhere; how many there were."""

        def work() -> int:
            database = self._dbos._sys_db  # noqa: SLF001
            pending = database.get_pending_workflows(server, _VERSION)
            return sum(
                database.reenqueue_for_recovery(each.workflow_id, [server], INTERNAL_QUEUE_NAME)
                for each in pending
            )

        return await asyncio.to_thread(work)

    async def servers(self) -> Collection[str]:
        """The servers that have processes which have not ended."""

        def work() -> Collection[str]:
            found = self._dbos._sys_db.list_workflows(  # noqa: SLF001
                status="PENDING", load_input=False, load_output=False
            )
            return {each.executor_id for each in found if each.executor_id is not None}

        return await asyncio.to_thread(work)

    async def forget(self, process_ids: Sequence[str]) -> None:
        """Take out what is kept of processes that have ended."""
        database = self._dbos._sys_db  # noqa: SLF001
        await asyncio.to_thread(database.delete_workflows, list(process_ids))

    def rename(self, server: str) -> None:
        """Be another server from now on: what was begun under the old name is lost to us."""
        GlobalParams.executor_id = server
        self._dbos._sys_db.executor_id = server  # noqa: SLF001

    async def abandon(self) -> None:
        """Stop all processes here; they go on when they are recovered."""
        tasks = [task for task in self._dbos._workflow_tasks if not task.done()]  # noqa: SLF001
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def kept_step(name: str, work: Callable[[], Awaitable[str]], gate: asyncio.Semaphore) -> str:
    """Do work and keep the text that comes of it, once; later, give what was kept.

    Args:
        name: Of the step.
        work: What is done.
        gate: How many may wait for the database at once: their threads are the loop's, which are
            wanted for other things too when the database is away.

    Raises:
        LostError: another server has this process now.
    """
    inside = True

    async def step() -> str:
        nonlocal inside
        gate.release()
        inside = False
        found = await work()
        await gate.acquire()
        inside = True
        return found

    await gate.acquire()
    try:
        return await DBOS.run_step_async({"name": name}, step)
    finally:
        if inside:
            gate.release()


async def opened(
    url: str, server: str, run: Run, gate: asyncio.Semaphore, *, threads: int, poll_s: float
) -> Library:
    """Launch DBOS on this loop; tables are made or brought up to date.

    Args:
        url: `postgresql://...` or `sqlite:///file`.
        server: Names this server process, as none before it was named.
        run: What processes do.
        gate: How many may wait for the database at once.
        threads: Threads that wait for the database.
        poll_s: How often processes are looked for that another server has left.

    Raises:
        UnavailableError: its database cannot be reached.
    """
    if url.startswith("sqlite"):
        _write_ahead(url.removeprefix("sqlite:///"))
    config: DBOSConfig = {
        "name": NAME,
        "system_database_url": url,
        "dbos_system_schema": _SCHEMA,
        "sys_db_pool_size": threads,
        "application_version": _VERSION,
        "executor_id": server,
        "serializer": _Json(),
        "log_level": "WARNING",
        "enable_otlp": False,
        "use_listen_notify": False,
        "max_executor_threads": threads + _SPARE_THREADS,
        "notification_listener_polling_interval_sec": 0.2,
    }
    _route_logs()
    dbos = DBOS(config=config)

    @DBOS.workflow(name=NAME, max_recovery_attempts=None)
    async def supplygraph(text: str) -> str:
        process_id = DBOS.workflow_id
        assert process_id is not None  # noqa: S101  # we are in a workflow
        try:
            await run(process_id, text)
        except LostError:
            raise asyncio.CancelledError from None  # without a word: the other one speaks
        return "null"

    queue = dbos._registry.get_internal_queue()  # noqa: SLF001
    queue._polling_interval_sec = poll_s  # noqa: SLF001
    dbos._background_event_loop.set_main_loop()  # noqa: SLF001
    try:
        await asyncio.to_thread(DBOS.launch)
    except Exception as error:
        await closed()
        msg = "cannot reach their database, or may not make their tables there"
        raise UnavailableError(NAME, Reason.CONNECTION, msg) from error
    return Library(dbos, supplygraph, gate)


async def closed() -> None:
    """Stop DBOS; the loop gets threads of its own again."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
    await asyncio.to_thread(DBOS.destroy, destroy_registry=True)


def _route_logs() -> None:
    logger = logging.getLogger("dbos")
    if not any(isinstance(each, _Ours) for each in logger.filters):
        logger.addFilter(_Ours())
        logger.addHandler(logging.NullHandler())  # else it adds one that writes to the console
    logger.propagate = True


def _write_ahead(file: str) -> None:
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file, timeout=30)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()
