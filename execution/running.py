"""Running a plan, downwards: each field once for all of its parents.

What needs no waiting is done at once; links of a level are followed at the same time, and each
goes on below as soon as it has its records. A link whose parents know its keys lets those below it,
which need no more than the key, begin with it.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, Final

from graphql import GraphQLError
from graphql.execution.values import VariableValues
from graphql.pyutils import inspect

from canonical.errors import SupplygraphError
from execution.cells import FAILED, NULL, Cells, Leaves, Many, Objects, Place, Rows
from execution.fields import Column, Computed, Link
from execution.links import answered
from execution.operation import BatchError, OperationContext, Partial
from execution.plans import Field, Plan, Selection, Shape
from execution.reporting import Reports

_LISTS: Final = frozenset({list, tuple})
_ABSENT: Final = type(None)

Early = Mapping[int, "asyncio.Future[Sequence[Any]]"]
"""Results of links that began before their parents were read, by place of the field."""


class Run:
    """One run of a plan.

    Args:
        plan: The plan.
        variables: Coerced values of the operation's variables.
        context: What resolvers get.
        reports: Takes the errors.
    """

    def __init__(
        self,
        plan: Plan,
        variables: VariableValues,
        context: OperationContext,
        reports: Reports,
    ) -> None:
        self._plan = plan
        self._variables = variables
        self._context = context
        self._reports = reports

    async def rows(self) -> Rows:
        """The root with all that hangs below it. Errors of fields are reported, never raised."""
        root = Rows(self._plan.root, [None], None)
        if self._plan.serial:
            for place, field in enumerate(root.selection.fields):
                await _together(self._begin(root, place, field))
        else:
            await self._fill(root)
        return root

    async def _fill(self, rows: Rows, early: Early | None = None) -> None:
        branches: list[Coroutine[Any, Any, None]] = []
        for place, field in enumerate(rows.selection.fields):
            known = early.get(place) if early else None
            branches += self._begin(rows, place, field, known)
        await _together(branches)

    def _begin(
        self,
        rows: Rows,
        place: int,
        field: Field,
        known: "asyncio.Future[Sequence[Any]] | None" = None,
    ) -> list[Coroutine[Any, Any, None]]:
        """Answer a field as far as that needs no waiting; what remains to be waited for."""
        answer = field.answer
        if answer is None:
            return []
        if isinstance(answer, Link):
            return [self._follow(rows, place, field, answer, known)]
        if isinstance(answer, Column):
            values = self._read(rows, field, answer)
        else:
            values = _worked_out(answer, rows.objects)
        return self._settle(rows, place, field, values)

    def _settle(
        self, rows: Rows, place: int, field: Field, values: Sequence[Any]
    ) -> list[Coroutine[Any, Any, None]]:
        """Take a field's values in, and begin with what hangs below them."""
        cells = self._cells(values, field.shape, Place(rows, field))
        rows.cells[place] = cells
        branches: list[Coroutine[Any, Any, None]] = []
        for below in _rows_of(cells):
            if below.selection.waits:
                branches.append(self._fill(below))
            else:
                self._fill_now(below)
        return branches

    def _fill_now(self, rows: Rows) -> None:
        for place, field in enumerate(rows.selection.fields):
            self._begin(rows, place, field)

    async def _follow(
        self,
        rows: Rows,
        place: int,
        field: Field,
        answer: Link,
        known: "asyncio.Future[Sequence[Any]] | None",
    ) -> None:
        """Read what a link leads to, and all below it."""
        if known is not None:
            results = await known
        else:
            arguments = self._arguments(field)
            if isinstance(arguments, Exception):
                results = [arguments] * len(rows.objects)
            elif field.early and len(rows.objects):
                await self._follow_early(rows, place, field, answer, arguments)
                return
            else:
                results = await answered(
                    self._context, answer.batch, rows.objects, field.asked, arguments
                )
        await _together(self._settle(rows, place, field, self._whole(results, rows, field)))

    async def _follow_early(
        self,
        rows: Rows,
        place: int,
        field: Field,
        answer: Link,
        arguments: Mapping[str, Any],
    ) -> None:
        """Read what a link leads to at the same time as what hangs below its keys."""
        assert answer.reference is not None  # noqa: S101  # planned so
        assert field.below is not None  # noqa: S101  # planned so
        assert field.below.only is not None  # noqa: S101  # planned so
        stubs = answer.reference.records(rows.objects)
        distinct = list({id(s): s for s in stubs if s is not None}.values())
        below = field.below.only
        ahead = {
            i: asyncio.ensure_future(self._answer(below.fields[i], distinct)) for i in field.early
        }
        try:
            results = await answered(
                self._context, answer.batch, rows.objects, field.asked, arguments
            )
            values = self._whole(results, rows, field)
            cells = self._cells(values, field.shape, Place(rows, field))
            rows.cells[place] = cells
            where = {id(s): i for i, s in enumerate(distinct)}
            for found in _rows_of(cells):
                order = _order_of(cells, stubs, where, len(found.objects))
                await self._fill(found, {i: _reordered(a, order) for i, a in ahead.items()})
        finally:
            for one in ahead.values():
                one.cancel()

    async def _answer(self, field: Field, parents: Sequence[Any]) -> Sequence[Any]:
        assert isinstance(field.answer, Link)  # noqa: S101  # planned so
        arguments = self._arguments(field)
        if isinstance(arguments, Exception):
            return [arguments] * len(parents)
        return await answered(self._context, field.answer.batch, parents, field.asked, arguments)

    def _arguments(self, field: Field) -> Mapping[str, Any] | Exception:
        if field.arguments is None:
            return {}
        try:
            return field.arguments.values(self._variables)
        except (GraphQLError, SupplygraphError) as exc:
            return exc
        except Exception as exc:  # noqa: BLE001  # an input's own mistake is a fault of its field
            fault = BatchError()
            fault.__cause__ = exc
            return fault

    def _read(self, rows: Rows, field: Field, answer: Column) -> Sequence[Any]:
        values = list(map(attrgetter(answer.path), rows.objects))
        if field.leaf is not None and field.shape.item is None:
            return values  # looked at when they are written
        if all(_is_proper(field, sample) for sample in _samples(values).values()):
            return values
        return [
            v if _is_proper(field, v) else _read_one(answer, parent)
            for v, parent in zip(values, rows.objects, strict=True)
        ]

    def _whole(self, results: Sequence[Any], rows: Rows, field: Field) -> Sequence[Any]:
        """Results without what says that they are incomplete, which is reported."""
        if Partial not in set(map(type, results)):
            return results
        place = Place(rows, field)
        whole: list[Any] = []
        for position, result in enumerate(results):
            if isinstance(result, Partial):
                self._reports.problems(result.problems, place, position)
                whole.append(result.value)
            else:
                whole.append(result)
        return whole

    def _cells(self, values: Sequence[Any], shape: Shape, place: Place) -> Cells:
        if shape.item is not None:
            lengths = [len(v) if type(v) in _LISTS else self._no_list(v) for v in values]
            if min(lengths, default=0) < 0:
                for position, value in enumerate(values):
                    if lengths[position] == FAILED:
                        self._reports.error(_error_of(value, "a list"), place, position)
            lists = [v for v, n in zip(values, lengths, strict=True) if n > 0]
            flat = list(chain.from_iterable(lists))
            return Many(lengths, self._cells(flat, shape.item, place.inside(lengths)))
        if place.field.leaf is not None:
            return Leaves(values)
        return self._objects(values, place)

    def _no_list(self, value: Any) -> int:
        return NULL if value is None else FAILED

    def _objects(self, values: Sequence[Any], place: Place) -> Objects:
        below = place.field.below
        assert below is not None  # noqa: S101  # planned so
        known = below.only
        if known is not None and _are_all(values, known, place.field):
            numbers, distinct = _shared(values) if _may_share(place) else (None, values)
            rows = Rows(known, distinct, place)
            if numbers is not None:
                rows.stand_at(numbers)
            return Objects(numbers, [rows])
        return self._mixed(values, place)

    def _mixed(self, values: Sequence[Any], place: Place) -> Objects:
        """Objects of several types, with nulls or errors among them."""
        assert place.field.below is not None  # noqa: S101  # planned so
        numbers: list[int] = []
        by_id: dict[int, int] = {}
        groups: dict[int, tuple[Selection, list[Any]]] = {}
        homes: list[tuple[int, int]] = []
        for position, value in enumerate(values):
            if value is None:
                numbers.append(NULL)
                continue
            if id(value) not in by_id:
                selection = None
                if not isinstance(value, Exception):
                    selection = place.field.below.of(value)
                if selection is None:
                    wanted = f"an object of {place.field.name}"
                    self._reports.error(_error_of(value, wanted), place, position)
                    numbers.append(FAILED)
                    continue
                group = groups.setdefault(id(selection), (selection, []))
                by_id[id(value)] = len(homes)
                homes.append((list(groups).index(id(selection)), len(group[1])))
                group[1].append(value)
            numbers.append(by_id[id(value)])
        rows = [Rows(selection, found, place) for selection, found in groups.values()]
        for number, one in enumerate(rows):
            one.stand_at(homes[n][1] if n >= 0 and homes[n][0] == number else NULL for n in numbers)
        return Objects(numbers, rows, homes)


def _rows_of(cells: Cells) -> Sequence[Rows]:
    while isinstance(cells, Many):
        cells = cells.inner
    return [r for r in cells.rows if len(r.objects)] if isinstance(cells, Objects) else ()


def _worked_out(answer: Computed, parents: Sequence[Any]) -> Sequence[Any]:
    try:
        return answer.batch(parents)
    except Exception:  # noqa: BLE001  # one parent's fault must not be another's
        return [_worked_out_one(answer, p) for p in parents]


def _worked_out_one(answer: Computed, parent: Any) -> Any:
    try:
        return answer.batch([parent])[0]
    except Exception as exc:  # noqa: BLE001  # reported at its field
        return exc


def _read_one(answer: Column, parent: Any) -> Any:
    try:
        return answer.read(parent)
    except Exception as exc:  # noqa: BLE001  # reported at its field
        return exc


def _is_proper(field: Field, value: Any) -> bool:
    """Whether a value is a list, an object of the field's, or null; told by its class."""
    if value is None or type(value) in _LISTS:
        return True
    return field.below is not None and field.below.of(value) is not None


def _are_all(values: Sequence[Any], selection: Selection, field: Field) -> bool:
    """Whether all values are objects that the selection is for."""
    assert field.below is not None  # noqa: S101  # planned so
    return all(
        kind is not _ABSENT
        and not issubclass(kind, Exception)
        and field.below.of(sample) is selection
        for kind, sample in _samples(values).items()
    )


def _samples(values: Sequence[Any]) -> Mapping[type, Any]:
    """One value of each class that occurs."""
    return dict(zip(map(type, values), values, strict=True))


def _may_share(place: Place) -> bool:
    """Whether positions may have the same object: where a link leads from many to one."""
    return isinstance(place.field.answer, Link) and not place.lists


def _shared(values: Sequence[Any]) -> tuple[list[int] | None, Sequence[Any]]:
    """The number of each value among the distinct ones, and these; None if they are distinct."""
    ids = list(map(id, values))
    by_id = dict(zip(ids, values, strict=True))
    if len(by_id) == len(values):
        return None, values
    number_of = dict(zip(by_id, range(len(by_id)), strict=True))
    return [number_of[i] for i in ids], list(by_id.values())


def _order_of(
    cells: Cells, stubs: Sequence[Any], where: Mapping[int, int], count: int
) -> Sequence[int]:
    """For each object that was read the number of what stood for it before."""
    assert isinstance(cells, Objects)  # noqa: S101  # an early link leads to one object each
    order = [0] * count
    for position, stub in enumerate(stubs):
        number = position if cells.numbers is None else cells.numbers[position]
        if number >= 0 and stub is not None:
            place = number if cells.homes is None else cells.homes[number][1]
            order[place] = where[id(stub)]
    return order


def _reordered(
    ahead: "asyncio.Future[Sequence[Any]]", order: Sequence[int]
) -> "asyncio.Future[Sequence[Any]]":
    async def picked() -> Sequence[Any]:
        results = await ahead
        return [results[i] for i in order]

    return asyncio.ensure_future(picked())


def _error_of(value: Any, wanted: str) -> Exception:
    if isinstance(value, Exception):
        return value
    return TypeError(f"Expected {wanted}, but got: {inspect(value)}")


async def _together(branches: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Wait for all branches; if one ends badly, or we are cancelled, all end."""
    if not branches:
        return
    if len(branches) == 1:
        await branches[0]
        return
    tasks = [asyncio.ensure_future(b) for b in branches]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
