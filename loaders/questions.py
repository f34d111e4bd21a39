"""Which questions stand in the cache, so that a change finds the lists that it touches.

A question is announced before its system is asked: a change that comes later finds it in every
process, and one that came before is in what the system says.

The latest `MOST` are known. One that is forgotten is dropped from the cache with its slot, so that
nothing is kept that no change could find.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from canonical.criteria import Condition, Criteria, Op, Range, columns_of
from canonical.entities import EntityName
from canonical.events import Event
from loaders.changes import Change, changes_of, slots_by_key, touches
from loaders.cursors import decode_position, encode_position
from loaders.shelf import prefix
from runtime.cache.announcements import MOST, Announcements
from runtime.cache.record_cache import RecordCache

_LATE: Final = 10_000
LIST: Final = "list"


class Question(Struct, frozen=True):
    """A question whose answers are kept.

    Attributes:
        system: Who was asked.
        entity: For what.
        column: By which column; `LIST` for a page of a list.
        slot: The page's slot; for questions by key what their slots begin with.
        criteria: What the records satisfy.
        decisive: Columns that criteria and order look at.
    """

    system: str
    entity: EntityName
    column: str
    slot: str
    criteria: Criteria
    decisive: tuple[str, ...]


class Questions:
    """The questions of all processes, as this one knows them.

    Args:
        cache: Where their answers are.
        announcements: How processes hear of each other's; None where there is one alone.
    """

    def __init__(
        self, cache: RecordCache, announcements: Announcements | None, most: int = MOST
    ) -> None:
        self._cache = cache
        self._announcements = announcements
        self._most = most
        self._known: OrderedDict[str, Question] = OrderedDict()
        self._of: dict[tuple[str, EntityName], dict[str, Question]] = {}
        self._late: list[Change] = []

    async def announce(self, question: Question) -> None:
        """Make a question known, before it is asked."""
        if question.slot in self._known:
            self._known.move_to_end(question.slot)
            return
        forgotten = self._add([question])
        if self._announcements is not None:
            await self._announcements.tell(_encode(question))
        await self._cache.drop(forgotten)

    async def apply(self, events: Sequence[Event]) -> None:
        """Drop, here and in Redis and by it everywhere, exactly what events touch.

        What other processes ask is looked up in Redis. While that is away, so is what they keep
        there; it is gone through once Redis is back, with the next events.
        """
        changes = [change for event in events for change in changes_of(event)]
        if not changes and not self._late:
            return
        forgotten: list[str] = []
        if self._announcements is not None:
            news = await self._announcements.news()
            if news is None:
                self._late = [*self._late, *changes][-_LATE:]
            else:
                forgotten = self._add(_decoded(news))
                changes, self._late = [*self._late, *changes], []
        slots = dict.fromkeys(slot for change in changes for slot in self._slots(change))
        await self._cache.drop([*slots, *forgotten])

    def _slots(self, change: Change) -> Iterable[str]:
        system, entity = change.system, change.entity
        by_key = list(slots_by_key(change))
        for column, key in by_key:
            yield prefix(system, entity, column, "") + key
        for question in self._of.get((system, entity), {}).values():
            if question.column == LIST:
                if touches(change, question.criteria, question.decisive):
                    yield question.slot
            elif touches(_any_column(change), question.criteria, question.decisive):
                yield from (question.slot + key for c, key in by_key if c == question.column)

    def _add(self, questions: Iterable[Question]) -> list[str]:
        """Know questions; the slots of those that must be forgotten for it."""
        for question in questions:
            self._known[question.slot] = question
            self._known.move_to_end(question.slot)
            self._of.setdefault((question.system, question.entity), {})[question.slot] = question
        forgotten: list[str] = []
        while len(self._known) > self._most:
            slot, old = self._known.popitem(last=False)
            del self._of[old.system, old.entity][slot]
            if old.column == LIST:
                forgotten.append(slot)
        return forgotten


def question_of(
    system: str,
    entity: EntityName,
    column: str,
    slot: str,
    criteria: Criteria,
    order: Sequence[Any] = (),
) -> Question:
    """A question by what is asked."""
    decisive = tuple(sorted(columns_of(criteria, order)))
    return Question(system, entity, column, slot, criteria, decisive)


def _any_column(change: Change) -> Change:
    """The change of a record whose content is kept, so that every column matters."""
    return msgspec.structs.replace(change, columns=None)


class _Wire(Struct, frozen=True, array_like=True):
    system: str
    entity: EntityName
    column: str
    slot: str
    decisive: tuple[str, ...]
    criteria: tuple[tuple[str, Op, list[tuple[str, str]]], ...]


def _encode(question: Question) -> bytes:
    criteria = tuple((c.column, c.op, encode_position(_plain(c))) for c in question.criteria)
    q = question
    return msgspec.msgpack.encode(_Wire(q.system, q.entity, q.column, q.slot, q.decisive, criteria))


def _decoded(announcements: Iterable[bytes]) -> Iterator[Question]:
    """The questions that were announced; what is not of our making is passed over."""
    for announcement in announcements:
        try:
            wire = _decoder.decode(announcement)
            criteria = tuple(
                Condition(column, op, _VALUES[op](decode_position(values)))
                for column, op, values in wire.criteria
            )
        except (ValueError, ArithmeticError, msgspec.MsgspecError):
            continue
        yield Question(wire.system, wire.entity, wire.column, wire.slot, criteria, wire.decisive)


_decoder: Final = msgspec.msgpack.Decoder(_Wire)
_VALUES: Final[Mapping[Op, Callable[[tuple[Any, ...]], Any]]] = {
    Op.IN: tuple,
    Op.RANGE: lambda ends: Range(*ends),
    Op.CONTAINS: lambda one: one[0],
    Op.STARTS_WITH: lambda one: one[0],
    Op.IS_NULL: lambda one: bool(one[0]),
}


def _plain(condition: Condition) -> tuple[Any, ...]:
    """A condition's value as a row of scalars."""
    if condition.op in (Op.IN, Op.RANGE):
        return tuple(condition.value)
    return (int(condition.value) if condition.op is Op.IS_NULL else condition.value,)
