"""The reads of one operation: what is asked at the same time is one question.

Nothing is asked twice.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

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
    keys: Mapping[str, None]
    columns: frozenset[str]
    answer: "asyncio.Future[Mapping[str, Found]]"


class _Known(Struct):
    """What an operation has read of one group already."""

    columns: dict[str, frozenset[str]] = field(default_factory=dict)
    found: dict[str, Found] = field(default_factory=dict)

    def lacks(self, keys: Mapping[str, None], columns: frozenset[str]) -> Mapping[str, None]:
        """Those of the keys that are to be asked for."""
        if not self.found:
            return keys
        return {k: None for k in keys if k not in self.found or not columns <= self.columns[k]}

    def learn(self, found: Mapping[str, Found], columns: Mapping[str, frozenset[str]]) -> None:
        """Take in what was read, unless more is known already."""
        if not self.found:
            self.found, self.columns = dict(found), dict(columns)
            return
        for key, at_key in found.items():
            if self.columns.get(key, frozenset()) <= columns[key]:
                self.found[key] = at_key
                self.columns[key] = columns[key]


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
        wanted = dict.fromkeys(keys)
        group: _Group = (entity, column, digest(criteria), system)
        known = self._known.setdefault(group, _Known())
        missing = known.lacks(wanted, columns)
        if not missing:
            return {k: known.found[k] for k in wanted}
        answer = asyncio.get_running_loop().create_future()
        queue = self._queues.setdefault(group, [])
        queue.append(_Asked(missing, columns, answer))
        if len(queue) == 1:
            self._scheduler.submit(lambda: self._start(group, criteria))
        else:
            self._scheduler.touch()
        brought: Mapping[str, Found] = await answer
        if missing is wanted and len(brought) == len(wanted):
            return brought
        return {k: brought[k] if k in brought else known.found[k] for k in wanted}

    async def page(self, question: ListQuestion) -> Listed:
        """One page of a list across all systems; errors as `loaders.lists.ListReader.read`."""
        return await self._lists.read(question, self.context)

    def _start(self, group: _Group, criteria: Criteria) -> None:
        self._scheduler.start(self._run(group, criteria, self._queues.pop(group)))

    async def _run(self, group: _Group, criteria: Criteria, asked: list[_Asked]) -> None:
        entity, column, _, system = group
        every = frozenset[str]().union(*(a.columns for a in asked))
        question = KeyQuestion(entity, column, every, criteria, system)
        keys = sorted({k for a in asked for k in a.keys})
        narrower = _narrower(asked, every)
        try:
            found = await self._keyed.read(question, keys, self.context, narrower=narrower)
        except Exception as exc:  # noqa: BLE001  # whoever waits for the answer gets it
            for one in asked:
                if not one.answer.done():
                    one.answer.set_exception(exc)
            return
        self._known[group].learn(found, narrower or dict.fromkeys(found, every))
        for one in asked:
            if not one.answer.done():
                one.answer.set_result(found)


def _narrower(asked: Sequence[_Asked], every: frozenset[str]) -> Mapping[str, frozenset[str]]:
    """Columns of each key, where not all are asked for the same."""
    columns: dict[str, frozenset[str]] = {}
    if any(a.columns != every for a in asked):
        for one in asked:
            for key in one.keys:
                columns[key] = columns.get(key, frozenset()) | one.columns
    return columns
