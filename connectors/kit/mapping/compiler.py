"""Fields of the mapping language as closures from a row (or element) to a canonical value."""

from collections.abc import Callable, Mapping
from datetime import UTC
from decimal import Decimal
from typing import Any

from msgspec import Struct

from canonical.values import ZERO, Money, Quantity
from connectors.kit.mapping import fields as f
from connectors.kit.mapping.conditions import Holds, compile_when
from connectors.kit.mapping.convert import literal, reader_for, rounded_to, zone_of
from connectors.kit.mapping.model import MappingSettings
from connectors.kit.mapping.paths import (
    BadValueError,
    Env,
    Getter,
    compile_list,
    compile_path,
    shown,
    token,
)
from connectors.kit.mapping.shape import Column, shape_of
from connectors.kit.mapping.template import compile_template
from connectors.kit.mapping.valueform import finisher
from connectors.kit.mapping.when import ALWAYS, When

Elements = Callable[[Any, Env], list[Any]]
Wanted = Mapping[str, "Wanted"]
"""Columns wanted, with the columns wanted within each; an empty mapping: all that there are."""

NUMBER = Column(Decimal, many=False, nullable=True)
TEXT = Column(str, many=False, nullable=True)


class Compiler:
    """Compiles the fields of one entity.

    Args:
        settings: What holds for the whole mapping.
        grouped: Whether several rows make one record.
    """

    def __init__(self, settings: MappingSettings, *, grouped: bool = False) -> None:
        self._settings = settings
        self._zone = zone_of(settings.time_zone)
        self._grouped = grouped
        self._compilers: Mapping[type[Any], Callable[[Any, Column, Wanted], Getter]] = {
            f.PathField: self._path,
            f.EachField: self._each,
            f.ObjectField: self._object,
            f.MoneyField: self._money,
            f.QuantitiesField: self._quantities,
            f.RulesField: self._rules,
            f.ConstField: self._const,
            f.PositionField: self._position,
            f.TemplateField: self._template,
            f.CoalesceField: self._coalesce,
            f.ArithmeticField: self._arithmetic,
            f.FirstField: self._first,
            f.SumField: self._sum,
        }

    def struct(
        self, record: type[Struct], fields: Mapping[str, Any], wanted: Wanted
    ) -> Callable[[Any, Env], dict[str, Any]]:
        """A closure giving the wanted columns of a record or part, by name.

        Columns that have no mapping are None where null is a proper value, otherwise left out.
        The closure raises `BadValueError`, its message beginning with the column.
        """
        columns = shape_of(record)
        names = [n for n in (wanted or columns) if n in columns]
        steps = tuple(
            (n, self.field(fields[n], columns[n], wanted.get(n, {})), not columns[n].nullable)
            for n in names
            if n in fields and not isinstance(fields[n], f.ComputeField)
        )
        absent = {n: None for n in names if n not in fields and columns[n].nullable}

        def values(element: Any, env: Env) -> dict[str, Any]:
            found: dict[str, Any] = dict(absent)
            name = ""
            try:
                for name, get, required in steps:
                    value = get(element, env)
                    if value is None and required:
                        raise BadValueError("is empty, but must have a value (say a `default`)")
                    found[name] = value
            except BadValueError as exc:
                raise BadValueError(f"{name}: {exc}") from None
            return found

        return values

    def field(self, form: Any, column: Column, wanted: Wanted) -> Getter:
        """The closure of one field.

        Args:
            form: The field as written.
            column: What its value must be.
            wanted: Columns wanted within it, where it is structured.
        """
        compile_form = self._compilers.get(type(form), self._extreme)
        return compile_form(form, column, wanted)

    def when(self, when: When) -> Holds | None:
        """The closure of a condition, which may compare calculated numbers."""
        return compile_when(when, self._settings.empty, lambda form: self.field(form, NUMBER, {}))

    def _path(self, form: f.PathField, column: Column, _: Wanted) -> Getter:
        get, finish = compile_path(form.path), finisher(form, column, self._settings)
        return lambda element, env: finish(get(element, env))

    def _const(self, form: f.ConstField, column: Column, _: Wanted) -> Getter:
        value = literal(column.type, form.const)
        return lambda _element, _env: value

    def _position(self, form: f.PositionField, column: Column, _: Wanted) -> Getter:
        first, read = form.position, reader_for(column.type, None, UTC)
        return lambda _element, env: read(first + env.place)

    def _template(self, form: f.TemplateField, _column: Column, _: Wanted) -> Getter:
        return compile_template(form.template)

    def _elements(self, path: str, match: Mapping[str, str], where: When) -> Elements:
        found = compile_list(path)
        holds = self.when(where)

        def objects(element: Any, env: Env) -> list[Any]:
            items = found(element, env)
            for item in items:
                if not isinstance(item, dict) and path != ".":
                    raise BadValueError(f"{shown(item)} is found in {path!r}, not an object")
            return items if holds is None else [i for i in items if holds(i, env)]

        return _matched(objects, match, once=path.startswith("/")) if match else objects

    def _each(self, form: f.EachField, column: Column, wanted: Wanted) -> Getter:
        if self._grouped and form.each == ".":
            elements = self._group(form.where)
        else:
            elements = self._elements(form.each, form.match, form.where)
        values = self.struct(column.type, form.fields, wanted)
        part = column.type
        if form.counts:
            return self._counted(form, values, part)
        return lambda element, env: tuple(part(**values(e, env)) for e in elements(element, env))

    def _counted(self, form: f.EachField, values: Callable[..., Any], part: type[Any]) -> Getter:
        """Parts that know their place in the list, which conditions do not change."""
        elements, holds = self._elements(form.each, {}, ALWAYS), self.when(form.where)

        def get(element: Any, env: Env) -> tuple[Any, ...]:
            before = env.place
            found: list[Any] = []
            for place, item in enumerate(elements(element, env)):
                if holds is None or holds(item, env):
                    env.place = place
                    found.append(part(**values(item, env)))
            env.place = before
            return tuple(found)

        return get

    def _object(self, form: f.ObjectField, column: Column, wanted: Wanted) -> Getter:
        at = compile_path(form.at or ".")
        holds = self.when(form.when)
        values = self.struct(column.type, form.fields, wanted)
        part = column.type

        def get(element: Any, env: Env) -> Any:
            if holds is not None and not holds(element, env):
                return None
            inner = at(element, env)
            return part(**values(inner, env)) if inner else None

        return get

    def _money(self, form: f.MoneyField, _column: Column, _: Wanted) -> Getter:
        amount = self.field(form.money.amount, NUMBER, {})
        currency = self.field(form.money.currency, TEXT, {})

        def get(element: Any, env: Env) -> Money | None:
            number = amount(element, env)
            if number is None:
                return None
            code = currency(element, env)
            return Money(number, code) if code else None

        return get

    def _quantities(self, field: f.QuantitiesField, _column: Column, _: Wanted) -> Getter:
        form = field.quantities
        elements = self._elements(form.of, form.match, form.where)
        amount = self.field(form.amount, NUMBER, {})
        of_unit = form.unit
        if isinstance(of_unit, f.PathField):
            of_unit = of_unit.model_copy(update={"unit": True})
        unit = self.field(of_unit, TEXT, {})
        sign = (
            None
            if isinstance(form.sign, int)
            else self.field(form.sign, Column(int, many=False, nullable=True), {})
        )
        fixed = form.sign if isinstance(form.sign, int) else 1

        def get(element: Any, env: Env) -> tuple[Quantity, ...]:
            sums: dict[str, Decimal] = {}
            for item in elements(element, env):
                factor = fixed if sign is None else sign(item, env)
                number = amount(item, env) if factor else None
                if not number:
                    continue
                code = unit(item, env)
                if code is None:
                    raise BadValueError(f"a quantity of {number} has no unit")
                sums[code] = sums.get(code, ZERO) + number * factor
            return tuple(Quantity(total, code) for code, total in sums.items() if total)

        return get

    def _rules(self, form: f.RulesField, column: Column, _: Wanted) -> Getter:
        rules = [(self.when(r.when), literal(column.type, r.then)) for r in form.rules]
        default = literal(column.type, form.default)

        def get(element: Any, env: Env) -> Any:
            for holds, value in rules:
                if holds is None or holds(element, env):
                    return value
            return default

        return get

    def _coalesce(self, form: f.CoalesceField, column: Column, wanted: Wanted) -> Getter:
        options = [self.field(option, column, wanted) for option in form.coalesce]

        def get(element: Any, env: Env) -> Any:
            for option in options:
                value = option(element, env)
                if value is not None:
                    return value
            return None

        return get

    def _arithmetic(self, form: f.ArithmeticField, _column: Column, _: Wanted) -> Getter:
        operands = [self.field(o, NUMBER, {}) for o in form.operands]
        operate = _OPERATIONS[form.operation]
        finish = rounded_to(form.digits) if form.digits is not None else None

        def get(element: Any, env: Env) -> Decimal | None:
            numbers = [o(element, env) for o in operands]
            if any(n is None for n in numbers):
                return None
            result = operate(numbers)
            return finish(result) if finish else result

        return get

    def _sum(self, form: f.SumField, _column: Column, _: Wanted) -> Getter:
        values = self._values(form, form.sum, NUMBER)
        nothing = None if form.nullable else ZERO
        return lambda element, env: sum(found, ZERO) if (found := values(element, env)) else nothing

    def _extreme(self, form: f.MinField | f.MaxField, column: Column, _: Wanted) -> Getter:
        default = literal(column.type, form.default)
        inner = form.model_copy(update={"default": None})
        values = self._values(
            inner, inner.min if isinstance(inner, f.MinField) else inner.max, column
        )
        best = min if isinstance(form, f.MinField) else max
        return lambda element, env: best(values(element, env), default=default)

    def _values(self, form: Any, path: str, column: Column) -> Elements:
        """Values, without nulls, of the elements that a sum or extreme goes over."""
        elements, leaf = self._scope(form, path)
        finish = finisher(form, column, self._settings)
        get = compile_path(leaf)
        return lambda element, env: [
            v for e in elements(element, env) if (v := finish(get(e, env))) is not None
        ]

    def _first(self, form: f.FirstField, column: Column, _: Wanted) -> Getter:
        elements = self._elements(form.first, form.match, form.where)
        get = compile_path(form.path)
        finish = finisher(form, column, self._settings)

        def first(element: Any, env: Env) -> Any:
            for item in elements(element, env):
                return finish(get(item, env))
            return finish(None)

        return first

    def _scope(self, form: Any, path: str) -> tuple[Elements, str]:
        """The elements that a sum or extreme goes over, and the value's path in each."""
        of, leaf = scope_of(form.of, path, grouped=self._grouped)
        if of is not None and not self._grouped:
            return self._elements(of, form.match, form.where), leaf
        if of is None:
            return self._group(form.where), leaf
        inner = self._elements(of, form.match, form.where)
        return lambda _, env: [e for row in env.rows for e in inner(row, env)], leaf

    def _group(self, where: When) -> Elements:
        """The rows of the group that satisfy a condition."""
        holds = self.when(where)
        if holds is None:
            return lambda _, env: env.rows
        return lambda _, env: [row for row in env.rows if holds(row, env)]


def scope_of(of: str | None, path: str, *, grouped: bool) -> tuple[str | None, str]:
    """Which list a sum or extreme goes over (None: the group's rows), and the path in it."""
    if of is not None:
        return of, path
    if grouped:
        return None, path
    parent, _, leaf = path.rpartition(".")
    return (parent or ".", leaf) if parent not in ("", "/") else (".", path)


def _matched(elements: Elements, match: Mapping[str, str], *, once: bool) -> Elements:
    inside = [compile_path(p) for p in match]
    outside = [compile_path(p) for p in match.values()]

    def key(gets: list[Getter], element: Any, env: Env) -> tuple[Any, ...]:
        return tuple(token(get(element, env)) for get in gets)

    def indexed(element: Any, env: Env) -> list[Any]:
        index = env.index.get(id(inside)) if once else None
        if index is None:
            index = {}
            for item in elements(element, env):
                index.setdefault(key(inside, item, env), []).append(item)
            if once:
                env.index[id(inside)] = index
        return index.get(key(outside, element, env), [])

    return indexed


def _divide(numbers: list[Decimal]) -> Decimal | None:
    return numbers[0] / numbers[1] if numbers[1] else None


def _multiply(numbers: list[Decimal]) -> Decimal:
    result = numbers[0]
    for number in numbers[1:]:
        result *= number
    return result


_OPERATIONS: Mapping[str, Callable[[list[Decimal]], Decimal | None]] = {
    "divide": _divide,
    "subtract": lambda numbers: numbers[0] - numbers[1],
    "multiply": _multiply,
    "add": lambda numbers: sum(numbers, ZERO),
}
