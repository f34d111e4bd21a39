"""Records of many rows at once, column by column: `compiler` for batches.

    rows      {"id": "A", "qty": 1, "s": "x"}  {"id": "B", "qty": 2, "s": "x"}
                       |              |                       |
    batch        ["A", "B"]        [1, 2]                ["x", "x"]        one list for each path
                       |              |                       |
    columns      ["A", "B"]  [Decimal(1), Decimal(2)]    [SENT, SENT]      types seen, texts once
                       |              |                       |
                       +------------ zip --------------------+
    records      PurchaseOrder(number="A", ...)   PurchaseOrder(number="B", ...)

The last step is a function made for the columns wanted (`makers`). A field whose form is not worth
a column of its own is read row by row, by its closure of `compiler`. As soon as something in a
batch is odd (a value that cannot be read, or is null and must not be) the whole batch raises
`BadValueError`, and its rows are made one by one, by the closures alone: they know which row and
column is to be named.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain, islice
from operator import sub
from typing import Any, Final

from msgspec import Struct

from canonical.purchase_orders import net_total
from canonical.records import Record
from canonical.values import Money
from connectors.kit.mapping import fields as f
from connectors.kit.mapping.batch import Batch, OddError, demanded, types_of
from connectors.kit.mapping.columnform import column_finisher
from connectors.kit.mapping.compiler import NUMBER, TEXT, Compiler, Wanted
from connectors.kit.mapping.convert import literal
from connectors.kit.mapping.makers import maker
from connectors.kit.mapping.model import MappingSettings
from connectors.kit.mapping.paths import BadValueError, compile_list
from connectors.kit.mapping.shape import Column, shape_of
from connectors.kit.mapping.template import PLACE
from connectors.kit.mapping.when import When

Values = Callable[[Batch], Sequence[Any]]
"""Gives a value for each element of a batch."""

_NULL: Final = type(None)
_PLAIN: Final = frozenset({str, int, bool, _NULL})


class BatchCompiler:
    """Compiles the fields of one entity, of which each record has one row.

    Args:
        compiler: Compiles fields for single rows.
        settings: What holds for the whole mapping.
    """

    def __init__(self, compiler: Compiler, settings: MappingSettings) -> None:
        self._rows = compiler
        self._settings = settings
        self._compilers: Mapping[type[Any], Callable[..., Values | None]] = {
            f.PathField: self._path,
            f.ConstField: self._const,
            f.PositionField: self._position,
            f.TemplateField: self._template,
            f.MoneyField: self._money,
            f.RulesField: self._rules,
            f.CoalesceField: self._coalesce,
            f.ObjectField: self._object,
            f.EachField: self._each,
        }

    def records(
        self,
        record: type[Record],
        fields: Mapping[str, Any],
        tree: Wanted,
        wanted: Iterable[str],
    ) -> "MakeRecords":
        """A closure that makes records of a batch of rows and their keys.

        Args:
            record: The type of the records.
            fields: Where its columns come from.
            tree: Columns to be read, with those that computations need.
            wanted: Columns that the records are to know.
        """
        columns = self._columns(record, fields, tree) if tree else {}
        computed = {
            name: _COMPUTED[form.compute]
            for name in wanted
            if isinstance(form := fields.get(name), f.ComputeField)
        }
        known = [n for n in columns if n in wanted] + [*computed]
        fixed = {n: v.value for n in known if isinstance(v := columns.get(n), Fixed)}
        read = [n for n in known if n not in fixed]
        make = maker(record, read, fixed, keyed=True)

        def made(batch: Batch, keys: Sequence[str], stamp: Stamp) -> list[Any]:
            found = {name: _all(column, batch) for name, column in columns.items()}
            for name, (compute, a, b) in computed.items():
                found[name] = list(map(compute, found[a], found[b]))
            return make(*(found[n] for n in read), keys, stamp.system, stamp.fetched_at)

        return made

    def _parts(self, part: type[Struct], fields: Mapping[str, Any], wanted: Wanted) -> Values:
        columns = self._columns(part, fields, wanted)
        fixed = {n: v.value for n, v in columns.items() if isinstance(v, Fixed)}
        read = {n: v for n, v in columns.items() if not isinstance(v, Fixed)}
        make, getters = maker(part, [*read], fixed, keyed=False), list(read.values())
        return lambda batch: make(*(get(batch) for get in getters), batch.elements)

    def _columns(
        self, record: type[Struct], fields: Mapping[str, Any], wanted: Wanted
    ) -> "dict[str, Values | Fixed]":
        """For each column that is read what gives its values, or the one that all have."""
        shape = shape_of(record)
        found: dict[str, Values | Fixed] = {}
        for name in wanted or shape:
            form, column = fields.get(name), shape.get(name)
            if column is None or isinstance(form, f.ComputeField):
                continue
            if form is None:
                if column.nullable:
                    found[name] = Fixed(None)
            else:
                found[name] = self._column(form, column, wanted.get(name, {}))
        return found

    def _column(self, form: Any, column: Column, wanted: Wanted) -> "Values | Fixed":
        if isinstance(form, f.ConstField) and form.const is not None:
            return Fixed(literal(column.type, form.const))
        return self._field(form, column, wanted, required=not column.nullable)

    def _field(self, form: Any, column: Column, wanted: Wanted, *, required: bool) -> Values:
        compile_form = self._compilers.get(type(form))
        values = None
        if compile_form is not None:
            values = compile_form(form, column, wanted, required=required)
        if values is not None:
            return values
        get = self._rows.field(form, column, wanted)
        return lambda batch: demanded(batch.each(get), required=required)

    def _path(self, form: f.PathField, column: Column, _: Wanted, *, required: bool) -> Values:
        path, finish = (
            form.path,
            column_finisher(form, column, self._settings, required=required),
        )
        return lambda batch: finish(batch.at(path))

    def _const(self, form: f.ConstField, column: Column, _: Wanted, *, required: bool) -> Values:
        value = literal(column.type, form.const)
        return lambda batch: demanded([value] * len(batch.elements), required=required)

    def _position(
        self, form: f.PositionField, column: Column, _: Wanted, *, required: bool
    ) -> Values | None:
        del required
        if column.type is not int:
            return None
        first = form.position

        def values(batch: Batch) -> Sequence[Any]:
            if batch.places is None:
                raise OddError
            return [first + place for place in batch.places]

        return values

    def _template(
        self, form: f.TemplateField, column: Column, wanted: Wanted, *, required: bool
    ) -> Values:
        pieces = PLACE.split(form.template)
        paths = pieces[1::2]
        written = "%s".join(text.replace("%", "%%") for text in pieces[::2])
        get = self._rows.field(form, column, wanted)

        def values(batch: Batch) -> Sequence[Any]:
            columns = [batch.at(path) for path in paths]
            if any(types_of(found) != {str} for found in columns) or not columns:
                return demanded(batch.each(get), required=required)
            return list(map(written.__mod__, zip(*columns, strict=True)))

        return values

    def _money(self, form: f.MoneyField, _column: Column, _: Wanted, *, required: bool) -> Values:
        amounts = self._field(form.money.amount, NUMBER, {}, required=False)
        currencies = self._field(form.money.currency, TEXT, {}, required=False)

        def values(batch: Batch) -> Sequence[Any]:
            pairs = zip(amounts(batch), currencies(batch), strict=True)
            found = [Money(a, c) if a is not None and c else None for a, c in pairs]
            return demanded(found, required=required)

        return values

    def _rules(
        self, form: f.RulesField, column: Column, wanted: Wanted, *, required: bool
    ) -> Values | None:
        """Decided once for each combination of the values that the rules look at."""
        paths = _compared([rule.when for rule in form.rules])
        if not paths:
            return None
        get = self._rows.field(form, column, wanted)

        def values(batch: Batch) -> Sequence[Any]:
            told = _told_apart(batch, paths)
            if told is None:
                return demanded(batch.each(get), required=required)
            last = {value: at for at, value in enumerate(told)}
            found = {v: get(batch.elements[at], batch.env(at)) for v, at in last.items()}
            demanded(list(found.values()), required=required)
            return list(map(found.__getitem__, told))

        return values

    def _coalesce(
        self, form: f.CoalesceField, column: Column, wanted: Wanted, *, required: bool
    ) -> Values:
        options = [self._field(o, column, wanted, required=False) for o in form.coalesce]

        def values(batch: Batch) -> Sequence[Any]:
            found = options[0](batch)
            for option in options[1:]:
                if _NULL not in types_of(found):
                    return found
                pairs = zip(found, option(batch), strict=True)
                found = [b if a is None else a for a, b in pairs]
            return demanded(list(found), required=required)

        return values

    def _object(
        self, form: f.ObjectField, column: Column, wanted: Wanted, *, required: bool
    ) -> Values:
        at, holds = form.at or ".", self._rows.when(form.when)
        parts = self._parts(column.type, form.fields, wanted)

        def values(batch: Batch) -> Sequence[Any]:
            inner = batch.at(at)
            here = [True] * len(inner) if holds is None else batch.each(holds)
            counts = [1 if h and found else 0 for h, found in zip(here, inner, strict=True)]
            kept = [found for found, count in zip(inner, counts, strict=True) if count]
            inside = Batch(kept, batch, counts)
            made = iter(parts(inside))
            found = [next(made) if count else None for count in counts]
            return demanded(found, required=required)

        return values

    def _each(
        self, form: f.EachField, column: Column, wanted: Wanted, *, required: bool
    ) -> Values | None:
        del required  # an empty list is a value
        if form.match or form.each.strip("./") == "":
            return None
        through = compile_list(form.each)
        holds = self._rows.when(form.where)
        parts = self._parts(column.type, form.fields, wanted)

        def values(batch: Batch) -> Sequence[Any]:
            lists = _lists(batch, form.each)
            if lists is None:
                lists = batch.each(through)
            counts = list(map(len, lists))
            elements = list(chain.from_iterable(lists))
            if not types_of(elements) <= {dict}:
                raise OddError
            places = list(chain.from_iterable(map(range, counts))) if form.counts else None
            inside = Batch(elements, batch, counts, places)
            if holds is not None:
                counts, inside = _sifted(batch, counts, inside, inside.each(holds))
            made = iter(parts(inside))
            return [tuple(islice(made, count)) for count in counts]

        return values


class Stamp(Struct, frozen=True):
    """What all records of a batch have in common."""

    system: str
    fetched_at: datetime


MakeRecords = Callable[[Batch, Sequence[str], Stamp], list[Any]]
"""Makes a record of each row of a batch, given their keys."""


class Fixed(Struct, frozen=True):
    """The value that a column has everywhere."""

    value: Any


def _lists(batch: Batch, path: str) -> list[Any] | None:
    """The lists at a path, if each element has one, and nothing but objects in it."""
    try:
        lists = list(batch.at(path))
    except BadValueError:
        return None
    plain = types_of(lists) <= {list} and types_of(chain.from_iterable(lists)) <= {dict}
    return lists if plain else None


def _sifted(
    outer: Batch, counts: Sequence[int], inside: Batch, holds: Sequence[bool]
) -> tuple[list[int], Batch]:
    """The elements for which a condition holds, with how many each of the outer ones keeps."""
    at = iter(holds)
    kept = [sum(map(bool, islice(at, count))) for count in counts]
    elements = [e for e, held in zip(inside.elements, holds, strict=True) if held]
    places = inside.places
    if places is not None:
        places = [p for p, held in zip(places, holds, strict=True) if held]
    return kept, Batch(elements, outer, kept, places)


def _compared(conditions: Iterable[When]) -> tuple[str, ...] | None:
    """The paths that conditions look at; None where they look at lists or calculate."""
    paths: dict[str, None] = {}
    for when in conditions:
        if when.any_ is not None or when.all_ is not None or when.compare is not None:
            return None
        for path, test in when.tests.items():
            paths[path] = None
            other = getattr(test, "gte_path", None)
            if other is not None:
                paths[other] = None
        inner = _compared(when.or_)
        if inner is None:
            return None
        paths.update(dict.fromkeys(inner))
    return tuple(paths)


def _told_apart(batch: Batch, paths: Sequence[str]) -> Sequence[Any] | None:
    """What conditions see of each element; None where equal values might not be the same."""
    try:
        columns = [batch.at(path) for path in paths]
    except BadValueError:
        return None
    for types in map(types_of, columns):
        if not types <= _PLAIN or len(types - {_NULL}) > 1:
            return None
    return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))


def _all(column: "Values | Fixed", batch: Batch) -> Sequence[Any]:
    return [column.value] * len(batch.elements) if isinstance(column, Fixed) else column(batch)


_COMPUTED: Final = {
    "available": (sub, "on_hand", "reserved"),
    "net_total": (net_total, "lines", "currency"),
}
"""As `builder` computes: what of which two columns."""
