"""Actions on an order as their system wants them: requests in order, each told at most once."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from canonical.errors import (
    InDoubtError,
    RejectedError,
    SupplygraphError,
    UnsupportedError,
)
from canonical.ports import Ask
from canonical.writing import Ability
from connectors.kit.mapping.conditions import Holds
from connectors.kit.mapping.model import EntityMapping
from connectors.kit.mapping.needs import attach_path
from connectors.kit.mapping.paths import Env, compile_path, flatten
from connectors.kit.mapping.sendplan import RowPlan, StepPlan
from connectors.kit.mapping.when import ALWAYS
from connectors.kit.mapping.writes import Step
from connectors.kit.rows import Dataset, DatasetPart, Row
from connectors.kit.sink_rows import RowMaker, RowWords, Telling
from connectors.kit.sink_state import Looker, Seen
from connectors.kit.writing import RowWriter


class _Words(Struct, frozen=True):
    """A step, compiled."""

    step: Step
    row: RowWords
    key: RowWords
    dataset: Dataset
    condition: Holds | None
    columns: frozenset[str]

    @property
    def of_lines(self) -> bool:
        """Whether it tells something of lines."""
        return self.step.each or self.row.at is not None

    def lines(self, telling: Telling) -> tuple[Telling, ...]:
        """Lines that it tells of."""
        if self.step.only is None:
            return telling.lines
        wanted = self.step.only == "cancelled"
        return tuple(line for line in telling.lines if _is_cancelled(line) is wanted)


class _Request(Struct, frozen=True):
    """One request."""

    words: _Words
    row: Row
    key: Mapping[str, Any]


class Action:
    """One thing that a system can be told of an order that it has.

    Args:
        ability: Which.
        plans: Its requests.
        dataset: Where orders are.
        maker: Makes rows.
        looker: Reads the order.
        writer: Tells the system.

    Attributes:
        ability: Which.
    """

    def __init__(
        self,
        ability: Ability,
        plans: Sequence[StepPlan],
        dataset: Dataset,
        maker: RowMaker,
        looker: Looker,
        writer: RowWriter,
    ) -> None:
        self.ability = ability
        self._dataset = dataset
        self._maker = maker
        self._looker = looker
        self._writer = writer
        self._steps = tuple(self._words(plan) for plan in plans)

    async def do(self, seen: Seen, telling: Telling, version: str | None, ask: Ask) -> None:
        """Tell the system, step by step.

        Raises:
            InDoubtError: if an answer was lost, or a later request failed: then a part of it was
                done. Told again, it fails as that request alone does.
            RejectedError: if the system refuses, or no step fits the order as it is.
        """
        self._refuse_untold(telling)
        told = 0
        for words in self._steps:
            if told and words.step.when != ALWAYS:
                seen = await self._again(seen, ask)
                telling = self._anew(telling, seen)
            requests = await self._due(words, seen, telling, ask, told)
            for request in requests:
                await self._send(request, version if told == 0 else None, ask, told)
                told += 1
        if not told:
            name = seen.order.number or seen.order.key
            message = f"order {name} is not in a state in which it can be told this"
            raise RejectedError(self._maker.system, message)

    def _words(self, plan: StepPlan) -> _Words:
        step = plan.step
        name = step.create or step.dataset
        dataset = self._dataset
        if name is not None:
            dataset = Dataset(name, tuple(step.key), step.options)
        return _Words(
            step,
            self._maker.words(plan.row),
            self._maker.words(RowPlan(plan.key)),
            dataset,
            self._looker.condition(step.when),
            plan.row.columns() | RowPlan(plan.key).columns(),
        )

    def _refuse_untold(self, telling: Telling) -> None:
        """Nothing is told if a part of it could not be."""
        for line in telling.lines:
            fitting = [w for w in self._steps if w.of_lines and line in w.lines(telling)]
            told = {c for words in fitting for c in words.columns}
            if not fitting and _is_cancelled(line):
                raise UnsupportedError(f"{self._maker.system}: lines cannot be cancelled there")
            cancels = any(words.step.only == "cancelled" for words in fitting)
            missing = {c for c, v in line.values.items() if v is not None} - told - {"line_number"}
            if self.ability is Ability.CHANGE and missing and not cancels:
                names = ", ".join(sorted(missing))
                raise UnsupportedError(
                    f"{self._maker.system}: {names} of a line cannot be changed there"
                )

    async def _due(
        self, words: _Words, seen: Seen, telling: Telling, ask: Ask, told: int
    ) -> Sequence[_Request]:
        """The requests of a step; none if it does not hold of the order."""
        try:
            if not self._looker.holds(words.condition, seen.row):
                return ()
            return await self._requests(words, seen, telling, ask)
        except SupplygraphError as exc:
            raise self._in_part(exc, told) from exc

    async def _requests(
        self, words: _Words, seen: Seen, telling: Telling, ask: Ask
    ) -> Sequence[_Request]:
        tellings = tuple(self._tellings(words, seen, telling))
        rows = await self._maker.rows(words.row, tellings, ask)
        keys = await self._maker.rows(words.key, tellings, ask)
        own = _own_key(self._dataset, seen.row)
        return [
            _Request(words, row, _flat(words.dataset, key) if words.step.key else own)
            for row, key in zip(rows, keys, strict=True)
        ]

    def _tellings(self, words: _Words, seen: Seen, telling: Telling) -> Iterator[Telling]:
        if not words.of_lines:
            yield replace(telling, lines=(), root=seen.row)
            return
        lines = words.lines(telling)
        if words.step.each:
            for line in lines:
                yield replace(line, values={**telling.values, **line.values})
        elif lines:
            yield replace(telling, lines=lines, root=seen.row)

    async def _send(self, request: _Request, version: str | None, ask: Ask, told: int) -> None:
        words, writer = request.words, self._writer
        try:
            if words.step.create is not None:
                await writer.create(words.dataset, request.row, ask)
            elif words.step.call is not None:
                row = request.row or None
                await writer.call(
                    words.dataset, request.key, words.step.call, ask, row=row, version=version
                )
            else:
                await writer.change(words.dataset, request.key, request.row, ask, version=version)
        except SupplygraphError as exc:
            raise self._in_part(exc, told) from exc

    def _in_part(self, error: SupplygraphError, told: int) -> SupplygraphError:
        if not told or isinstance(error, InDoubtError):
            return error
        message = f"did a part of what it was told; the rest was not done: {error.message}"
        return InDoubtError(self._maker.system, message)

    async def _again(self, seen: Seen, ask: Ask) -> Seen:
        try:
            found = await self._looker.of(seen.order.key, ask)
        except SupplygraphError as exc:
            raise self._in_part(exc, 1) from exc
        if found is None:
            raise InDoubtError(self._maker.system, f"has no order {seen.order.key} any more")
        return found

    def _anew(self, telling: Telling, seen: Seen) -> Telling:
        """The same, of the lines as they are now."""
        there = self._looker.lines(seen.row)
        lines = tuple(
            replace(
                line,
                element=there.get(line.values["line_number"], line.element),
                root=seen.row,
            )
            for line in telling.lines
        )
        return replace(telling, lines=lines, root=seen.row)


def parts_of(mapping: EntityMapping) -> dict[str, DatasetPart]:
    """Datasets of their own whose rows are written within a row: those that are read so."""
    return {
        attach_path(name, related): DatasetPart(
            Dataset(related.dataset, related.key, related.options),
            dict(zip(related.remote, related.local, strict=True)),
        )
        for name, related in mapping.related.items()
        if related.at is None and related.many
    }


def _is_cancelled(line: Telling) -> bool:
    return line.values.get("quantity") == 0


def _own_key(dataset: Dataset, row: Row) -> dict[str, Any]:
    env = Env([row])
    return {path: compile_path(path)(row, env) for path in dataset.key}


def _flat(dataset: Dataset, key: Row) -> dict[str, Any]:
    return {path: next(iter(flatten(key, tuple(path.split(".")))), None) for path in dataset.key}
