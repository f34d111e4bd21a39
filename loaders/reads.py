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
from loaders.keyed import KeyedReader
from loaders.lists import Listed, ListQuestion, ListReader
from loaders.merging import Found
from loaders.questions import KeyQuestion
from loaders.shelf import digest

_Group = tuple[EntityName, str, str, str | None]


class _Asked(Struct):
    keys: frozenset[str]
    columns: frozenset[str]
    answer: "asyncio.Future[Mapping[str, Found]]"


class _Known(Struct):
    columns: dict[str, frozenset[str]] = field(default_factory=dict)
    found: dict[str, Found] = field(default_factory=dict)


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
        self.catalog = catalog
        self.context = context
        self._keyed = keyed
        self._lists = lists
        self._scheduler = scheduler
        self._queues: dict[_Group, list[_Asked]] = {}
        keyed.gatherer.attend(scheduler)
        self._known: dict[_Group, _Known] = {}

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
        wanted = frozenset(keys)
        group: _Group = (entity, column, digest(criteria), system)
        known = self._known.setdefault(group, _Known())
        missing = frozenset(
            k for k in wanted if k not in known.found or not columns <= known.columns[k]
        )
        if missing:
            answer = asyncio.get_running_loop().create_future()
            queue = self._queues.setdefault(group, [])
            queue.append(_Asked(missing, columns, answer))
            if len(queue) == 1:
                self._scheduler.submit(lambda: self._start(group, criteria))
            else:
                self._scheduler.touch()
            brought = await answer
            return {k: brought[k] if k in brought else known.found[k] for k in wanted}
        return {k: known.found[k] for k in wanted}

    async def page(self, question: ListQuestion) -> Listed:
        """One page of a list across all systems; errors as `loaders.lists.ListReader.read`."""
        return await self._lists.read(question, self.context)

    def _start(self, group: _Group, criteria: Criteria) -> None:
        self._scheduler.start(self._run(group, criteria, self._queues.pop(group)))

    async def _run(self, group: _Group, criteria: Criteria, asked: list[_Asked]) -> None:
        entity, column, _, system = group
        columns = {
            k: frozenset(c for a in asked if k in a.keys for c in a.columns)
            for k in sorted({k for a in asked for k in a.keys})
        }
        every = frozenset(c for a in asked for c in a.columns)
        question = KeyQuestion(entity, column, every, criteria, system)
        try:
            found = await self._keyed.read(question, columns, self.context, narrower=columns)
        except Exception as exc:  # noqa: BLE001  # whoever waits for the answer gets it
            for one in asked:
                if not one.answer.done():
                    one.answer.set_exception(exc)
            return
        known = self._known[group]
        for key, at_key in found.items():
            if known.columns.get(key, frozenset()) <= columns[key]:
                known.found[key] = at_key
                known.columns[key] = columns[key]
        for one in asked:
            if not one.answer.done():
                one.answer.set_result(found)
