"""Records by key where none is kept: every operation asks the systems."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from msgspec.structs import replace

from canonical.entities import ENTITIES
from canonical.errors import SupplygraphError
from loaders.catalog import Supply
from loaders.context import ReadContext
from loaders.gathering import ByKey, Gatherer
from loaders.merging import Found, merged
from loaders.questions import KeyQuestion, needed_columns
from loaders.shelf import Shelved

_NOTHING: Final = Found(())


class DirectReader:
    """Reads records by key and keeps nothing.

    Args:
        gatherer: Asks the systems.
        clock: Seconds since the epoch.
    """

    def __init__(self, gatherer: Gatherer, clock: Callable[[], float]) -> None:
        self._gatherer = gatherer
        self._clock = clock

    async def read(
        self,
        question: KeyQuestion,
        supplies: Sequence[Supply],
        keys: Sequence[str],
        context: ReadContext,
    ) -> dict[str, Found]:
        """For every key its records, leading system first, and what could not be read."""
        if len(supplies) == 1:
            answers = [await self._ask(supplies[0], question, keys, context)]
        else:
            terms = context.among(len(supplies))
            answers = await asyncio.gather(*(self._ask(s, question, keys, terms) for s in supplies))
        context.journal.rests_on((), good_until=0.0, oldest_at=self._clock())
        [first, *others] = answers or [ByKey({}, {}, 0)]
        if not others and isinstance(first, ByKey):
            found = {k: Found(rs) if rs else _NOTHING for k, rs in first.records.items()}
            found.update({k: Found((), (exc,)) for k, exc in first.failures.items()})
            return found if supplies else dict.fromkeys(keys, _NOTHING)
        return self._merged(question, supplies, keys, answers)

    async def _ask(
        self, supply: Supply, question: KeyQuestion, keys: Sequence[str], context: ReadContext
    ) -> ByKey | SupplygraphError:
        wanted = replace(question, columns=needed_columns(question, supply))
        try:
            found = await self._gatherer.ask(supply, wanted, keys, context.ask)
        except SupplygraphError as exc:
            context.journal.incomplete()
            return exc
        if found.failures:
            context.journal.incomplete()
        context.journal.read(supply.system, rows=found.rows)
        return found

    def _merged(
        self,
        question: KeyQuestion,
        supplies: Sequence[Supply],
        keys: Sequence[str],
        answers: Sequence[ByKey | SupplygraphError],
    ) -> dict[str, Found]:
        now = self._clock()

        def said(answer: ByKey | SupplygraphError, key: str) -> Shelved | SupplygraphError:
            if isinstance(answer, SupplygraphError):
                return answer
            if key in answer.failures:
                return answer.failures[key]
            return Shelved(tuple(answer.records[key]), now, question.columns)

        return {
            key: merged(
                ENTITIES[question.entity],
                [
                    (s.system, s.columns & question.columns, said(a, key))
                    for s, a in zip(supplies, answers, strict=True)
                ],
            )
            for key in keys
        }
