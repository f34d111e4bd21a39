"""Usage on its way: from this process to Redis, and from there, by one process, to the store."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, TypeVar
from uuid import uuid4

import structlog
from graphql import GraphQLError, GraphQLSchema

from app.governance.shapes import Shape, shape_of
from app.server.documents import Documents
from canonical.errors import SupplygraphError
from runtime.usage.counting import Client, Question, UsageCounter
from runtime.usage.shared import Batch, Counted, Described, SharedUsage
from runtime.usage.stored import UsageKeeper

T = TypeVar("T")
_EVERY_S: Final = 5.0
_OPERATIONS: Final = 2_000
_CLIENTS: Final = 300
_OTHER: Final = Client("other", "")
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class UsageFlow:
    """Takes what was counted where it is kept.

    A day's operations and clients of one process are bounded: what comes beyond is counted as one
    operation that is not told apart (whose name is empty), or as one client, `other`.

    Args:
        counter: What was counted.
        questions: The documents that were asked, and the schema that they ask for.
        shared: Where all processes add up.
        keeper: Keeps it in the store.
        now: The time.
    """

    def __init__(
        self,
        counter: UsageCounter,
        questions: tuple[Documents, GraphQLSchema],
        shared: SharedUsage,
        keeper: UsageKeeper,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._counter = counter
        self._documents, self._schema = questions
        self._shared = shared
        self._keeper = keeper
        self._now = now
        self._today = ""
        self._shapes: dict[tuple[str, str | None], Shape | None] = {}
        self._operations: set[str] = set()
        self._clients: set[Client] = set()
        self._pending: Batch | None = None

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self.flush()
                await self._keeper.drain(self._shared)
            except SupplygraphError as exc:
                _log.warning("usage could not be kept", error=exc.message)

    async def finish(self) -> None:
        """Give away what is left. Where that cannot be, it is lost, and the log says so."""
        with suppress(SupplygraphError):
            await self.flush()
            await self._keeper.drain(self._shared)
        if self._pending is not None:
            _log.warning("usage is lost", operations=sum(self._pending.counts.values()))

    async def flush(self) -> None:
        """Add what was counted here to what was counted by all."""
        if self._pending is None:
            batch = await self._batch(*self._counter.taken())
            self._pending = batch if batch.counts else None
        if self._pending is not None and await self._shared.add(self._pending):
            self._pending = None

    async def _batch(self, counts: Mapping[Question, int], beyond: int) -> Batch:
        day = self._now().date().isoformat()
        if day != self._today:
            self._today = day
            self._operations.clear()
            self._clients.clear()
            self._shapes.clear()
        found: dict[Counted, int] = {}
        shapes: dict[str, Described] = {}
        for (text, name, client), count in counts.items():
            shape = await self._shape(text, name)
            if shape is None:
                continue
            operation = ""
            if _taken_in(shape.operation, self._operations, _OPERATIONS):
                operation = shape.operation
                shapes[operation] = Described(shape.name, shape.kind, shape.coordinates)
            who = client if _taken_in(client, self._clients, _CLIENTS) else _OTHER
            key = Counted(day, operation, who.name, who.version)
            found[key] = found.get(key, 0) + count
        if beyond:
            found[Counted(day, "", _OTHER.name, _OTHER.version)] = beyond
        return Batch(uuid4().hex, found, shapes)

    async def _shape(self, text: str, name: str | None) -> Shape | None:
        """The shape of an operation; None of one that is not valid."""
        key = (text, name)
        if key not in self._shapes:
            await asyncio.sleep(0)  # others go on between two documents
            if len(self._shapes) >= _OPERATIONS:
                self._shapes.clear()
            self._shapes[key] = self._worked_out(text, name)
        return self._shapes[key]

    def _worked_out(self, text: str, name: str | None) -> Shape | None:
        document = self._documents.get(text)
        if document.tree is None or document.errors:
            return None
        try:
            operation = document.operation(name)
        except GraphQLError:
            return None
        return shape_of(self._schema, document.tree, operation)


def _taken_in(thing: T, known: set[T], most: int) -> bool:
    """Whether a thing is among the known ones, which are no more than so many."""
    if thing in known:
        return True
    if len(known) >= most:
        return False
    known.add(thing)
    return True
