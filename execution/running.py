"""Running a plan, downwards: each field once for all of its parents.

What needs no waiting is done at once; links of a level are followed at the same time, and each
goes on below as soon as it has its records. A link whose parents know its keys lets those below it,
which need no more than the key, begin with it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from itertools import chain
from typing import Any, Final

from graphql import GraphQLError
from graphql.execution.values import VariableValues
from graphql.pyutils import inspect
from msgspec import Struct

from canonical.errors import SupplygraphError
from execution.cells import FAILED, NULL, Cells, Leaves, Many, Objects, Place, Rows
from execution.fields import Column, Computed, Link
from execution.links import answered, foreseen
from execution.operation import BatchError, OperationContext, Partial
from execution.plans import Below, Field, Plan, Selection, Shape
from execution.reporting import Reports
from execution.sources import reader

_LISTS: Final = frozenset({list, tuple})
_ABSENT: Final = type(None)

Branch = Coroutine[Any, Any, None]
Known = Awaitable[Sequence[Any]]


class Early(Struct, frozen=True):
    """Links that began before their parents were read.

    Attributes:
        begun_ns: When, by the operation's timer; 0 where it has none.
        results: Their results, by number of the field.
    """

    begun_ns: int
    results: Mapping[int, Callable[[], Known]]


_NONE_EARLY: Final = Early(0, {})


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
        self._timer = context.operation.timer
        if context.operation.objects is None:
            context.operation.objects = []
        self._objects_met = context.operation.objects

    async def rows(self, roots: Sequence[Any]) -> Rows:
        """Roots with all that hangs below them. Errors of fields are reported, never raised.

        Args:
            roots: The root's value; several for as many answers.
        """
        root = Rows(self._plan.root, roots)
        if self._plan.serial:
            for number, field in enumerate(root.selection.fields):
                await _together(self._begin(root, number, field, _NONE_EARLY))
        else:
            await _together(self._fill(root))
        return root

    def _fill(self, rows: Rows, early: Early = _NONE_EARLY) -> list[Branch]:
        """Answer what needs no waiting, in these rows and below; what remains to be waited for."""
        branches: list[Branch] = []
        for number, field in enumerate(rows.selection.fields):
            branches += self._begin(rows, number, field, early)
        return branches

    def _begin(self, rows: Rows, number: int, field: Field, early: Early) -> Sequence[Branch]:
        answer = field.answer
        if answer is None:
            return ()
        ahead = early.results.get(number)
        if self._timer is not None:
            rows.begun(number, self._timer() if ahead is None else early.begun_ns)
        place = Place(rows, field)
        if isinstance(answer, Link):
            if ahead is not None:
                return (self._take(ahead(), place, number),)
            return (self._follow(place, number, answer),)
        if isinstance(answer, Column):
            return self._settle(self._read(place, answer), place, number)
        return self._settle(_worked_out(answer, rows.objects), place, number)

    def _settle(
        self, values: Sequence[Any], place: Place, number: int, early: Early = _NONE_EARLY
    ) -> Sequence[Branch]:
        """Take a field's values in, and begin with what hangs below them."""
        if self._timer is not None:
            place.rows.ended(number, self._timer())
        cells = self._cells(values, place.field.shape, place)
        place.rows.cells[number] = cells
        field = place.field
        if field.leaf is not None:
            return ()
        rows = _rows_of(cells)
        self._objects_met.append(
            (field.owner, field.nodes[0].name.value, sum(len(r.objects) for r in rows))
        )
        return [b for below in rows for b in self._fill(below, early)]

    async def _take(self, known: Known, place: Place, number: int) -> None:
        """Go on with a link that began before its parents were read."""
        await _together(self._settle(self._whole(await known, place), place, number))

    async def _follow(self, place: Place, number: int, answer: Link) -> None:
        """Read what a link leads to, and all below it."""
        field, parents = place.field, place.rows.objects
        arguments = self._arguments(field)
        if isinstance(arguments, Exception):
            results: Sequence[Any] = [arguments] * len(parents)
        elif field.early:
            await self._follow_early(place, number, answer, arguments)
            return
        else:
            results = await answered(self._context, answer.batch, parents, field.asked, arguments)
        await _together(self._settle(self._whole(results, place), place, number))

    async def _follow_early(
        self, place: Place, number: int, answer: Link, arguments: Mapping[str, Any]
    ) -> None:
        """Read what a link leads to at the same time as what hangs below its keys."""
        field, parents = place.field, place.rows.objects
        assert answer.reference is not None  # noqa: S101  # planned so
        assert field.below is not None  # noqa: S101  # planned so
        assert field.below.only is not None  # noqa: S101  # planned so
        stubs = answer.reference.records(parents)
        distinct = list({id(s): s for s in stubs if s is not None}.values())
        below = field.below.only.fields
        begun_ns = 0 if self._timer is None else self._timer()
        ahead = {
            i: asyncio.ensure_future(self._answer(below[i], distinct))
            for i in (field.early if distinct else ())
        }
        try:
            results = await answered(self._context, answer.batch, parents, field.asked, arguments)
            order = _Order(stubs, distinct)
            picked = {i: order.picker(place, number, known) for i, known in ahead.items()}
            early = Early(begun_ns, picked)
            await _together(self._settle(self._whole(results, place), place, number, early))
        finally:
            for known in ahead.values():
                known.cancel()

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

    def _read(self, place: Place, answer: Column) -> Sequence[Any]:
        field, parents = place.field, place.rows.objects
        try:
            values = reader(answer.path)(parents)
        except AttributeError:
            return [_read_one(answer, parent) for parent in parents]
        if field.leaf is not None and field.shape.item is None:
            return values  # looked at when they are written
        if all(_is_proper(field, sample) for sample in _samples(values).values()):
            return values
        return [
            v if _is_proper(field, v) else _read_one(answer, parent)
            for v, parent in zip(values, parents, strict=True)
        ]

    def _whole(self, results: Sequence[Any], place: Place) -> Sequence[Any]:
        """Results without what says that they are incomplete, which is reported."""
        if Partial not in set(map(type, results)):
            return results
        for position, result in enumerate(results):
            if isinstance(result, Partial):
                self._reports.problems(result.problems, place, position)
        return [r.value if isinstance(r, Partial) else r for r in results]

    def _cells(self, values: Sequence[Any], shape: Shape, place: Place) -> Cells:
        if shape.item is not None:
            return self._lists(values, shape.item, place)
        if place.field.leaf is not None:
            return Leaves(values, place)
        return self._objects(values, place)

    def _lists(self, values: Sequence[Any], item: Shape, place: Place) -> Many:
        if set(map(type, values)) <= _LISTS:
            lengths = list(map(len, values))
        else:
            lengths = [self._length(v, place, i) for i, v in enumerate(values)]
            values = [v for v, n in zip(values, lengths, strict=True) if n > 0]
        flat = list(chain.from_iterable(values))
        return Many(lengths, self._cells(flat, item, place.inside(lengths)), place)

    def _length(self, value: Any, place: Place, position: int) -> int:
        if type(value) in _LISTS:
            return len(value)
        if value is None:
            return NULL
        self._reports.error(_error_of(value, "a list", place), place, position)
        return FAILED

    def _objects(self, values: Sequence[Any], place: Place) -> Objects:
        below = place.field.below
        assert below is not None  # noqa: S101  # planned so
        if below.only is None or not _are_all(values, below.only, place.field):
            return self._mixed(values, place, below)
        numbers, distinct = _shared(values) if _may_share(place) else (None, values)
        return Objects(numbers, [Rows(below.only, distinct)], place)

    def _mixed(self, values: Sequence[Any], place: Place, below: Below) -> Objects:
        """Objects of several types, or with nulls or errors among them."""
        numbers: list[int] = []
        known: dict[int, int] = {}
        groups: dict[Selection, list[Any]] = {}
        homes: list[tuple[Selection, int]] = []
        for position, value in enumerate(values):
            if value is None or id(value) in known:
                numbers.append(NULL if value is None else known[id(value)])
                continue
            selection = None if isinstance(value, Exception) else below.of(value)
            if selection is None:
                wanted = f"an object of {place.field.name}"
                self._reports.error(_error_of(value, wanted, place), place, position)
                numbers.append(FAILED)
                continue
            own = groups.setdefault(selection, [])
            known[id(value)] = len(homes)
            numbers.append(len(homes))
            homes.append((selection, len(own)))
            own.append(value)
        order = {selection: i for i, selection in enumerate(groups)}
        rows = [Rows(selection, own) for selection, own in groups.items()]
        return Objects(numbers, rows, place, [(order[s], n) for s, n in homes])


class _Order:
    """Which object that was read stands for which that was only referred to.

    Args:
        stubs: What each parent referred to.
        distinct: The same, each once: what links below were followed from.
    """

    def __init__(self, stubs: Sequence[Any], distinct: Sequence[Any]) -> None:
        self._stubs = stubs
        self._number_of = {id(stub): i for i, stub in enumerate(distinct)}

    def picker(self, place: Place, number: int, known: Known) -> Callable[[], Known]:
        """What picks the results for the objects that were read, in their order."""
        return lambda: self._picked(place, number, known)

    async def _picked(self, place: Place, number: int, known: Known) -> Sequence[Any]:
        results = await known
        cells = place.rows.cells[number]
        assert isinstance(cells, Objects)  # noqa: S101  # a reference leads to one object each
        stubs = self._stubs
        own = range(len(stubs)) if cells.numbers is None else cells.numbers
        stub_of = dict(zip(own, map(id, stubs), strict=True))
        count = len(cells.rows[0].objects)
        return [results[self._number_of[stub_of[i]]] for i in range(count)]


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


def _error_of(value: Any, wanted: str, place: Place) -> Exception:
    if not isinstance(value, Exception):
        return TypeError(f"Expected {wanted}, but got: {inspect(value)}")
    return foreseen(value) if isinstance(place.field.answer, Link) else value


async def _together(branches: Sequence[Branch]) -> None:
    """Wait for all branches; if one ends badly, or we are cancelled, all end."""
    if not branches:
        return
    first, *others = branches
    tasks = [asyncio.ensure_future(b) for b in others]
    try:
        await first
        for task in tasks:
            await task
    finally:
        for task in tasks:
            task.cancel()
