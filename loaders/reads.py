"""The reads of one operation: what is asked at the same time is one question.

Nothing is asked twice.
"""

import asyncio
from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from canonical.criteria import Criteria
from canonical.entities import EntityName
from execution.scheduling import LevelScheduler
from loaders.catalog import Catalog
from loaders.context import ReadContext
from loaders.keyed import KeyedReader, KeyQuestion
from loaders.lists import Listed, ListQuestion, ListReader
from loaders.merging import Found
from loaders.shelf import digest

_Group = tuple[EntityName, str, str, str | None]


class _Asked(Struct):
    keys: dict[str, None]
    columns: frozenset[str]
    answer: "asyncio.Future[Mapping[str, Found]]"


class _Known(Struct):
    """What was read already: answers, and the columns that they know, latest first."""

    batches: list[tuple[frozenset[str], Mapping[str, Found]]] = field(default_factory=list)

    def of(self, keys: Iterable[str], columns: frozenset[str]) -> dict[str, Found]:
        """Answers for those of the keys that are known with these columns."""
        found: dict[str, Found] = {}
        for had, batch in self.batches:
            if columns <= had:
                found.update((k, batch[k]) for k in keys if k in batch and k not in found)
        return found


class Reads:
    """One loader per entity, column and criteria, for one operation."""

    def __init__(
        self,
        catalog: Catalog,
        keyed: KeyedReader,
        lists: ListReader,
        scheduler: LevelScheduler,
        context: ReadContext,
    ) -> None:
        self.catalog = catalog.within(context.territory)
        self.context = context
        self._keyed = keyed
        self._lists = lists
        self._scheduler = scheduler
        self._queues: dict[_Group, list[_Asked]] = {}
        self._known: dict[_Group, _Known] = {}
        self._waiting = 0

    async def many(
        self,
        entity: EntityName,
        column: str,
        keys: Iterable[str],
        columns: frozenset[str],
        *,
        criteria: Criteria = (),
        system: str | None = None,
    ) -> Mapping[str, Found]:
        """All records whose column is one of the keys.

        Returns:
            For every key its records (none, one or many) and what could not be read.

        Raises:
            UnsupportedError: if no system supplies the entity.
        """
        wanted = dict.fromkeys(keys)
        group: _Group = (entity, column, digest(criteria), system)
        known = self._known.get(group)
        have = known.of(wanted, columns) if known is not None else {}
        if len(have) == len(wanted):
            return have
        missing = {k: None for k in wanted if k not in have} if have else wanted
        answer: asyncio.Future[Mapping[str, Found]] = asyncio.get_running_loop().create_future()
        queue = self._queues.setdefault(group, [])
        queue.append(_Asked(missing, columns, answer))
        if len(queue) == 1:
            self._scheduler.submit(lambda: self._start(group, criteria))
        else:
            self._scheduler.touch()
        self._begin()
        try:
            brought = await answer
        finally:
            self._end()
        if not have and len(brought) == len(wanted):
            return brought
        return {k: brought[k] if k in brought else have[k] for k in wanted}

    async def page(self, question: ListQuestion) -> Listed:
        """One page of a list across all systems; errors as `loaders.lists.ListReader.read`."""
        self._begin()
        try:
            return await self._lists.read(question, self.context)
        finally:
            self._end()

    def _begin(self) -> None:
        """The operation waits for something: requests of others wait a moment for its keys."""
        self._waiting += 1
        if self._waiting == 1:
            self._keyed.fetcher.reading += 1

    def _end(self) -> None:
        self._waiting -= 1
        if self._waiting == 0:
            self._keyed.fetcher.reading -= 1

    def _start(self, group: _Group, criteria: Criteria) -> None:
        self._scheduler.start(self._run(group, criteria, self._queues.pop(group)))

    async def _run(self, group: _Group, criteria: Criteria, asked: list[_Asked]) -> None:
        entity, column, _, system = group
        every = frozenset().union(*(a.columns for a in asked))
        keys = asked[0].keys if len(asked) == 1 else {k: None for a in asked for k in a.keys}
        narrower = _narrower(asked, every)
        question = KeyQuestion(entity, column, every, criteria, system)
        try:
            found = await self._keyed.read(question, keys, self.context, narrower=narrower)
        except Exception as exc:  # noqa: BLE001  # whoever waits for the answer gets it
            for one in asked:
                if not one.answer.done():
                    one.answer.set_exception(exc)
            return
        known = self._known.setdefault(group, _Known())
        for columns in {*narrower.values()} or {every}:
            alike = {k: found[k] for k in keys if narrower[k] == columns} if narrower else found
            known.batches.insert(0, (columns, alike))
        for one in asked:
            if not one.answer.done():
                one.answer.set_result(found)


def _narrower(asked: list[_Asked], every: frozenset[str]) -> dict[str, frozenset[str]]:
    """For each key the columns that it needs; nothing where all need the same."""
    if all(a.columns == every for a in asked):
        return {}
    columns: dict[str, frozenset[str]] = {}
    for one in asked:
        for key in one.keys:
            columns[key] = columns.get(key, frozenset()) | one.columns
    return columns
