"""Rows that a system is told, put together of what is told, of the order there, and of look-ups."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec import Struct

from canonical.errors import BadAnswerError, InvalidInputError, MappingMissingError
from canonical.ports import Ask
from connectors.kit.mapping.conditions import compile_when
from connectors.kit.mapping.expr import Expr
from connectors.kit.mapping.needs import when_paths
from connectors.kit.mapping.paths import (
    BadValueError,
    Env,
    compile_list,
    compile_path,
    shown,
    token,
)
from connectors.kit.mapping.sending import Sent
from connectors.kit.mapping.sendplan import RowPlan
from connectors.kit.mapping.sendvalues import teller, units_per_price
from connectors.kit.mapping.whenexpr import when_expr
from connectors.kit.mapping.writes import Find, SendForm
from connectors.kit.rows import Clause, Dataset, Row
from connectors.kit.source_core import Core


class Telling(Struct, frozen=True):
    """What is told.

    Attributes:
        values: By column. None: nothing is said of it.
        lines: What is told of lines.
        element: The row that it is about, as the system has it.
        root: The order's row, as the system has it.
    """

    values: Mapping[str, Any]
    lines: tuple["Telling", ...] = ()
    element: Row | None = None
    root: Row | None = None


class _Open(NamedTuple):
    """A value that is still to be looked up."""

    row: Row
    path: str
    value: Any
    find: Find
    match: tuple[Any, ...]


class _Match(NamedTuple):
    """A further value that a row looked up must have."""

    path: str
    get: Callable[[Telling], Any]
    tell: Callable[[Any], Any]


class _Field(NamedTuple):
    """One compiled value."""

    path: str
    get: Callable[[Telling], Any]
    tell: Callable[[Any], Any]
    find: Find | None
    says_null: bool
    name: str
    form: SendForm
    match: tuple[_Match, ...] = ()


class RowWords(Struct):
    """A row plan, compiled."""

    fields: tuple[_Field, ...]
    at: str | None = None
    lines: tuple[_Field, ...] = ()


class RowMaker:
    """Makes the rows of one entity of one system.

    Args:
        core: The entity as it is read.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    @property
    def system(self) -> str:
        """The backend's name in the manifest."""
        return self._core.system

    def words(self, plan: RowPlan) -> RowWords:
        """A row plan, compiled."""
        lines = tuple(map(self._field, plan.lines))
        return RowWords(tuple(map(self._field, plan.sent)), plan.at, lines)

    async def rows(self, words: RowWords, tellings: Sequence[Telling], ask: Ask) -> list[Row]:
        """The rows of many tellings.

        Raises:
            InvalidInputError: if the system cannot hold a value.
            MappingMissingError: if it has nothing of a name that is to be looked up.
            UnavailableError: if it cannot be asked for that now. Nothing was told yet.
        """
        still: list[_Open] = []
        rows = [self._row(words, each, still) for each in tellings]
        await self._look_up(still, ask)
        return rows

    def _row(self, words: RowWords, telling: Telling, still: list[_Open]) -> Row:
        row: Row = {}
        self._fill(row, words.fields, telling, still)
        if words.at == ".":
            self._fill(row, words.lines, self._only(telling), still)
        elif words.at is not None:
            inner: list[Row] = []
            for line in telling.lines:
                inner.append({})
                self._fill(inner[-1], words.lines, line, still)
            put(row, words.at, inner)
        return row

    def _only(self, telling: Telling) -> Telling:
        if len(telling.lines) != 1:
            raise InvalidInputError(
                f"{self._core.system}: an order has one line there, not {len(telling.lines)}"
            )
        return telling.lines[0]

    def _fill(
        self, row: Row, fields: Sequence[_Field], telling: Telling, still: list[_Open]
    ) -> None:
        for each in fields:
            try:
                value = each.get(telling)
                if value is None:
                    if each.says_null:
                        put(row, each.path, None)
                    continue
                told = each.tell(_priced(row, value, each.form))
                match = tuple(_matched(m, telling) for m in each.match)
            except BadValueError as exc:
                raise InvalidInputError(f"{self._core.system}: {each.name}: {exc}") from exc
            if each.find is None:
                put(row, each.path, told)
            else:
                still.append(_Open(row, each.path, told, each.find, match))

    def _field(self, sent: Sent) -> _Field:
        form = sent.form
        name = form.column or form.row or sent.path
        says_null = form.column is None and form.row is None and form.const is None
        tell = teller(form, self._core.settings)
        match = () if form.find is None else tuple(self._matches(form.find))
        return _Field(sent.path, _source(form), tell, form.find, says_null, name, form, match)

    def _matches(self, find: Find) -> Iterator[_Match]:
        for path, form in find.match.items():
            yield _Match(path, _source(form), teller(form, self._core.settings))

    async def _look_up(self, still: Sequence[_Open], ask: Ask) -> None:
        """Fill in what is looked up: one batch for each way to look."""
        by_find: dict[int, list[_Open]] = {}
        for each in still:
            by_find.setdefault(id(each.find), []).append(each)
        for wanted in by_find.values():
            find = wanted[0].find
            held = await self._found(find, list(dict.fromkeys(o.value for o in wanted)), ask)
            for each in wanted:
                found = held.get((token(each.value), *each.match), [])
                if len(found) != 1:
                    raise MappingMissingError(self._core.system, _not_one(each, found))
                put(each.row, each.path, found[0])

    async def _found(
        self, find: Find, values: Sequence[Any], ask: Ask
    ) -> dict[tuple[Any, ...], list[Any]]:
        """What rows are called, by the value that they are looked up by and those that match."""
        core = self._core
        dataset = Dataset(find.dataset, (find.give,), find.options)
        columns = (find.give, find.path, *find.match, *when_paths(find.where))
        where: tuple[Clause, ...] = core.push(self._expr(find), dataset).where
        batch = await core.reader.by_values(
            dataset,
            find.path,
            values,
            tuple(dict.fromkeys(columns)),
            ask,
            where=where,
            kind=find.type.value,
        )
        for error in batch.failures.values():
            raise error
        holds = compile_when(find.where, core.settings.empty)
        by = [compile_path(path) for path in (find.path, *find.match)]
        give = compile_path(find.give)
        held: dict[tuple[Any, ...], list[Any]] = {}
        for row in batch.rows:
            env = Env([row])
            try:
                if holds is None or holds(row, env):
                    own = held.setdefault(tuple(token(get(row, env)) for get in by), [])
                    if (given := give(row, env)) not in own:
                        own.append(given)
            except BadValueError as exc:
                raise BadAnswerError(core.system, f"{find.dataset}: {exc}") from exc
        return held

    def _expr(self, find: Find) -> Expr:
        return when_expr(find.where, self._core.settings)


def _priced(row: Row, value: Any, form: SendForm) -> Any:
    """A price for as many units as the system needs to hold it, which are put down beside it."""
    if form.per is None or form.digits is None:
        return value
    units = units_per_price(value, form.digits)
    put(row, form.per, Decimal(units))
    return value * units


def put(row: Row, path: str, value: Any) -> None:
    """Set the value at a dotted path."""
    *parents, last = path.split(".")
    for name in parents:
        row = row.setdefault(name, {})
    row[last] = value


def _matched(match: _Match, telling: Telling) -> Any:
    value = match.get(telling)
    return token(None if value is None else match.tell(value))


def _source(form: SendForm) -> Callable[[Telling], Any]:
    if form.column is not None:
        column = form.column
        return lambda telling: telling.values.get(column)
    if form.row is not None:
        return _from_row(form.row)
    return lambda _: form.const


def _from_row(path: str) -> Callable[[Telling], Any]:
    found = compile_list(path)

    def get(telling: Telling) -> Any:
        root = telling.root or {}
        element = root if telling.element is None else telling.element
        return next(iter(found(element, Env([root]))), None)

    return get


def _not_one(wanted: _Open, found: Sequence[Any]) -> str:
    paths = (wanted.find.path, *wanted.find.match)
    said = (shown(value) for value in (wanted.value, *wanted.match))
    name = ", ".join(f"{path} {value}" for path, value in zip(paths, said, strict=True))
    what = f"{wanted.find.dataset} has {'several with' if found else 'no'} {name}"
    return f"{what}: nothing was told. Put it right there, or in the crosswalk"
