"""Asking systems by key, for all operations of this process.

Keys of the same column that become wanted by several operations within a moment are one request.
While only one operation is under way nobody waits: there is nobody to wait for.

    operations -> a millisecond's keys, each once, with all columns -> one request -> each its own

Each asker waits no longer than its own time, and pays for the request as if it had been alone. What
goes wrong because others asked too is asked again alone.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace
from typing_extensions import override

from canonical.criteria import values_at
from canonical.entities import KEY, EntityName
from canonical.errors import SupplygraphError, UnavailableError
from canonical.ports import Ask, Meter
from canonical.records import Record
from execution.scheduling import LevelScheduler
from loaders.catalog import Supply
from loaders.context import until_deadline
from loaders.questions import KeyQuestion
from loaders.shelf import digest

_WINDOW_S: Final = 0.001
_KEY_OF: Final = attrgetter("provenance.key")


class ByKey(Struct, frozen=True):
    """What a system said of some keys.

    Attributes:
        records: For each key its records; keys without any are there too.
        failures: For each key that could not be read, why.
        rows: How many records there are in all.
    """

    records: Mapping[str, Sequence[Record]]
    failures: Mapping[str, SupplygraphError]
    rows: int


class Gatherer:
    """Asks systems by key.

    Args:
        window_s: How long keys are gathered while several operations are under way.
    """

    def __init__(self, *, window_s: float = _WINDOW_S) -> None:
        self._window_s = window_s
        self._operations = 0
        self._open: dict[tuple[str, EntityName, str, str], _Gathering] = {}
        self._running: set[asyncio.Task[None]] = set()

    def attend(self, scheduler: LevelScheduler) -> None:
        """Know of an operation until it ends."""
        self._operations += 1
        scheduler.at_end(self._ended)

    async def ask(
        self, supply: Supply, question: KeyQuestion, keys: Sequence[str], ask: Ask
    ) -> ByKey:
        """Ask a system for the records of some keys.

        Raises:
            SupplygraphError: as `canonical.ports.Source.by_keys`, or if the time is over first.
        """
        if self._operations <= 1:
            return await _asked(supply, question, keys, ask)
        gathering = self._join(supply, question, keys, ask)
        async with until_deadline(ask, supply.system):
            await gathering.done.wait()
        found, error = gathering.found, gathering.error
        if isinstance(error, UnavailableError):
            raise error
        if found is None:
            return await _asked(supply, question, keys, ask)
        return await self._own(found, gathering, supply, question, keys, ask)

    def _join(
        self, supply: Supply, question: KeyQuestion, keys: Sequence[str], ask: Ask
    ) -> "_Gathering":
        name = (supply.system, question.entity, question.column, digest(question.criteria))
        gathering = self._open.get(name)
        if gathering is None:
            gathering = self._open[name] = _Gathering(supply, question)
            loop = asyncio.get_running_loop()
            loop.call_later(self._window_s, lambda: self._start(name))
        gathering.add(question, keys, ask)
        return gathering

    def _start(self, name: tuple[str, EntityName, str, str]) -> None:
        task = asyncio.ensure_future(self._open.pop(name).run())
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _own(  # one asker's part
        self,
        found: ByKey,
        gathering: "_Gathering",
        supply: Supply,
        question: KeyQuestion,
        keys: Sequence[str],
        ask: Ask,
    ) -> ByKey:
        """One asker's part of what was found for all."""
        failed = [k for k in keys if k in found.failures] if found.failures else []
        if failed and question.columns != gathering.columns:
            alone = await _asked(supply, question, failed, ask)
            records = {**{k: found.records[k] for k in keys}, **alone.records}
            return ByKey(records, alone.failures, sum(map(len, records.values())))
        records = {k: found.records[k] for k in keys}
        failures = {k: found.failures[k] for k in failed}
        return ByKey(records, failures, sum(map(len, records.values())))

    def _ended(self) -> None:
        self._operations -= 1


class _Gathering(Struct, eq=False):
    """One request in the making."""

    supply: Supply
    question: KeyQuestion
    keys: dict[str, None] = field(default_factory=dict)
    columns: frozenset[str] = frozenset()
    asks: list[Ask] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    found: ByKey | None = None
    error: SupplygraphError | None = None

    def add(self, question: KeyQuestion, keys: Iterable[str], ask: Ask) -> None:
        """Want some keys, too."""
        self.keys.update(dict.fromkeys(keys))
        self.columns |= question.columns
        self.asks.append(ask)

    async def run(self) -> None:
        """Ask; never raises for what the system does."""
        together = replace(
            self.asks[0],
            deadline=max(a.deadline for a in self.asks),
            interactive=any(a.interactive for a in self.asks),
            meter=_Meters([a.meter for a in self.asks]),
        )
        wide = replace(self.question, columns=self.columns)
        try:
            self.found = await _asked(self.supply, wide, list(self.keys), together)
        except SupplygraphError as exc:
            self.error = exc
        finally:
            self.done.set()


class _Meters(Meter):
    """Tells every operation that took part what a request cost."""

    def __init__(self, meters: Sequence[Meter]) -> None:
        self._meters = list({id(m): m for m in meters}.values())

    @override
    def called(self, system: str, *, milliseconds: float, rows: int, failed: bool = False) -> None:
        for meter in self._meters:
            meter.called(system, milliseconds=milliseconds, rows=rows, failed=failed)


async def _asked(supply: Supply, question: KeyQuestion, keys: Sequence[str], ask: Ask) -> ByKey:
    async with until_deadline(ask, supply.system):
        batch = await supply.source.by_keys(
            question.column, keys, question.columns, ask, question.criteria
        )
    return ByKey(by_key(question.column, keys, batch.records), batch.failures, len(batch.records))


def by_key(
    column: str, keys: Iterable[str], records: Sequence[Record]
) -> dict[str, Sequence[Record]]:
    """Records by those of some keys under which they stand; keys without any are there too."""
    if "." in column:
        return _by_many(column, keys, records)
    read = _KEY_OF if column == KEY else attrgetter(column)
    own = list(map(read, records))
    once = dict(zip(own, records, strict=True))
    if len(once) == len(own):  # at most one of each, as of what has names
        return {k: (once[k],) if k in once else () for k in keys}
    found: dict[str, Sequence[Record]] = dict.fromkeys(keys, ())
    start = 0
    for key, group in groupby(own):  # systems often give what belongs together in a row
        end = start + len(list(group))
        if key in found:
            found[key] = (*found[key], *records[start:end])
        start = end
    return found


def _by_many(
    column: str, keys: Iterable[str], records: Sequence[Record]
) -> dict[str, Sequence[Record]]:
    found: dict[str, list[Record]] = {k: [] for k in keys}
    for record in records:
        for key in dict.fromkeys(values_at(record, column)):
            if key in found:
                found[key].append(record)
    return dict(found)
