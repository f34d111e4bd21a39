"""Mistakes put into the executor while a test runs, to see whether the comparison finds them.

A mutant names a function and a piece of its source, which is replaced; the code compiled from that
is put in the function's place. Names in it mean what they mean in the module, so classes stay the
same ones everywhere.
"""

import inspect
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from importlib import import_module
from types import CodeType, FunctionType
from typing import Any, Final

from msgspec import Struct
from typing_extensions import override


class Mutant(Struct, frozen=True):
    """One mistake.

    Attributes:
        mistake: What it is, in words.
        place: Module and function, like `execution.cells:Rows.paths`.
        right: A piece of its source that occurs once.
        wrong: What stands there instead.
    """

    mistake: str
    place: str
    right: str
    wrong: str

    @override
    def __repr__(self) -> str:
        return self.mistake


class GoneError(Exception):
    """The source that a mutant changes is not there any more: write the mutant anew, or drop it."""


@contextmanager
def mutated(mutant: Mutant) -> Iterator[None]:
    """Make the mistake for a while.

    Raises:
        GoneError: if it cannot be made.
    """
    module_name, _, name = mutant.place.partition(":")
    module = import_module(module_name)
    function = _function(module, name)
    code = function.__code__
    function.__code__ = _mutated(inspect.getsource(module), inspect.getsource(function), mutant)
    _forget_generated()
    try:
        yield
    finally:
        function.__code__ = code
        _forget_generated()


def _function(module: Any, name: str) -> FunctionType:
    try:
        found: Any = reduce(getattr, name.split("."), module)
    except AttributeError as exc:
        raise GoneError(f"{module.__name__} has no {name}") from exc
    unwrapped = inspect.unwrap(found)
    assert isinstance(unwrapped, FunctionType)
    return unwrapped


def _mutated(module: str, function: str, mutant: Mutant) -> CodeType:
    if function.count(mutant.right) != 1 or module.count(function) != 1:
        raise GoneError(f"{mutant.place} does not hold once: {mutant.right}")
    changed = module.replace(function, function.replace(mutant.right, mutant.wrong))
    name = mutant.place.partition(":")[2]
    return next(c for c in _codes(compile(changed, "<mutant>", "exec")) if c.co_qualname == name)


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _forget_generated() -> None:
    """Forget what the executor's functions made and kept across engines."""
    for name, module in list(sys.modules.items()):
        if name.startswith("execution."):
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


MUTANTS: Final[Sequence[Mutant]] = (
    Mutant(
        "a null stops at a child that may not be null",
        "execution.writing:Writer._objects",
        "if shape.nullable and None in made",
        "if None in made",
    ),
    Mutant(
        "a failed leaf is null where null is not allowed",
        "execution.writing:Writer._leaf",
        "return _NULL if shape.nullable else None",
        "return _NULL",
    ),
    Mutant(
        "a null in a list is left out of the list",
        "execution.writing:Writer._list_column",
        "texts.append(_NULL if shape.nullable else None)",
        'texts.append("[" + ",".join(o for o in own if o) + "]")',
    ),
    Mutant(
        "a null in a row leaves the row",
        "execution.writing:Writer._objects_of",
        "if None in column",
        "if False",
    ),
    Mutant(
        "elements of lists may always be null",
        "execution.plans:_shape",
        "item = _shape(output.of_type) if",
        "item = Shape(True, _shape(output.of_type).item) if",
    ),
    Mutant(
        "a list that is null is empty",
        "execution.running:Run._length",
        "return NULL",
        "return 0",
    ),
    Mutant(
        "a null without reason has none",
        "execution.writing:Writer._null",
        "if why == NULL",
        "if False",
    ),
    Mutant(
        "a null with a reason gets another",
        "execution.writing:Writer._null",
        "if why == NULL",
        "if True",
    ),
    Mutant(
        "keys are names of fields, not their aliases",
        "execution.selection:Selections._gather",
        "node.alias.value if node.alias else node.name.value",
        "node.name.value",
    ),
    Mutant(
        "a key that comes again adds nothing",
        "execution.selection:Selections._gather",
        "found.setdefault(key, []).append(node)",
        "found.setdefault(key, [node])",
    ),
    Mutant(
        "a fragment is spread every other time only",
        "execution.selection:Selections._gather",
        "seen.add(node.name.value)",
        "seen.update(self._fragments)",
    ),
    Mutant(
        "type conditions are always true",
        "execution.selection:Selections._applies",
        "return named is owner",
        "return True",
    ),
    Mutant(
        "interfaces as conditions are always false",
        "execution.selection:Selections._applies",
        "return self.schema.is_sub_type(named, owner)",
        "return False",
    ),
    Mutant(
        "@skip is ignored",
        "execution.selection:Selections._included",
        "if name in _CONDITIONS and",
        'if name == "include" and',
    ),
    Mutant(
        "of two directives the last one counts",
        "execution.selection:Selections._included",
        "in node.directives or ():",
        "in (node.directives or ())[-1:]:",
    ),
    Mutant(
        "conditions that are variables are true",
        "execution.selection:Selections._condition",
        "return bool(self._conditions[given.name.value])",
        "return True",
    ),
    Mutant(
        "a plan is kept whatever its conditions",
        "execution.engine:Engine._plan",
        "tuple(map(bool, given)), mask)",
        "(), mask)",
    ),
    Mutant(
        "keys are in the order of the alphabet",
        "execution.plans:Planner._selection",
        "in groups.items()",
        "in sorted(groups.items(), key=lambda kv: kv[0])",
    ),
    Mutant(
        "whichever type an object is of, it is asked for the first one's fields",
        "execution.plans:Below._selection",
        "self._make(named)",
        "self._make(self._types[0])",
    ),
    Mutant(
        "fields of part objects are not asked for",
        "execution.selection:Selections._columns",
        'inner = f"{prefix}{columns.inside}." if columns.inside else prefix',
        "inner = prefix",
    ),
    Mutant(
        "totals are not asked for",
        "execution.plans:Planner._asked",
        '"totalCount"',
        '"nodes"',
    ),
    Mutant(
        "one field's arguments are another's",
        "execution.plans:Planner._define",
        "Arguments(self._schema, definition, field.nodes[0])",
        "self.__dict__.setdefault(field.nodes[0].name.value, Arguments(self._schema, definition, "
        "field.nodes[0]))",
    ),
    Mutant(
        "arguments of one request stay for the next",
        "execution.arguments:Arguments.values",
        "found = dict(self._constants)",
        "found = self._constants",
    ),
    Mutant(
        "a variable that may not be null may be",
        "execution.arguments:Arguments.values",
        "elif variable.required",
        "elif False",
    ),
    Mutant(
        "a variable inside a literal is not seen",
        "execution.arguments:_holds_variable",
        "return any(_holds_variable(v) for v in inner)",
        "return False",
    ),
    Mutant(
        "children are written for other parents",
        "execution.running:_shared",
        "[number_of[i] for i in ids]",
        "[number_of[i] for i in reversed(ids)]",
    ),
    Mutant(
        "the last child goes to the next parent",
        "execution.writing:Writer._list_column",
        '[",".join(islice(left, n)) for n in cells.lengths]',
        '[",".join(islice(left, n - 1 if n > 2 else n)) for n in cells.lengths]',
    ),
    Mutant(
        "objects of several types are looked up among the first",
        "execution.running:Run._mixed",
        "[(order[s], n) for s, n in homes]",
        "[(0, min(n, len(rows[0].objects) - 1)) for s, n in homes]",
    ),
    Mutant(
        "an object that comes twice is the one before it",
        "execution.running:Run._mixed",
        "else known[id(value)])",
        "else len(homes) - 1)",
    ),
    Mutant(
        "what was read early belongs to the parent beside",
        "execution.running:_Order._picked",
        "results[self._number_of[stub_of[i]]]",
        "results[self._number_of[stub_of[i]] - 1]",
    ),
    Mutant(
        "text is never escaped",
        "execution.leaves:text_column",
        "return values if safe and",
        "return values if",
    ),
    Mutant(
        "integers may be of any size",
        "execution.leaves:_integer_column",
        "or max(map(abs, values)) > _MAX_INT",
        "",
    ),
    Mutant(
        "decimals go through floats",
        "schema.scalars:_decimal_column",
        "list(map(Decimal.__str__, values))",
        "[str(float(v)) for v in values]",
    ),
    Mutant(
        "decimals keep their exponents",
        "schema.scalars:_decimal_column",
        'if "E" in joined or',
        "if",
    ),
    Mutant(
        "offsets are left out of moments",
        "schema.scalars:_datetime_column",
        "list(map(datetime.isoformat, values))",
        "[v.replace(tzinfo=None).isoformat() for v in values]",
    ),
    Mutant(
        "a column that is absent is looked for in the first record",
        "execution.writing:Writer._leaf",
        "place.rows.objects[position]",
        "place.rows.objects[0]",
    ),
    Mutant(
        "an object or list that is absent is not noticed",
        "execution.running:_is_proper",
        "return field.below is not None",
        "return True or field.below is not None",
    ),
    Mutant(
        "paths have no indices",
        "execution.cells:Place.paths",
        "yield (*path, self.field.key, *indexes)",
        "yield (*path, self.field.key)",
    ),
    Mutant(
        "indices in paths are one off at a list's end",
        "execution.cells:Place.paths",
        "bisect_right(ends, position)",
        "bisect_right(ends, position - 1)",
    ),
    Mutant(
        "an error of a shared child is told once",
        "execution.cells:Rows.paths",
        "self._positions.get(number, ())",
        "self._positions.get(number, ())[:1]",
    ),
    Mutant(
        "a computed field fails for all when it fails for one",
        "execution.running:_worked_out",
        "[_worked_out_one(answer, p) for p in parents]",
        "[_worked_out_one(answer, parents[0])] * len(parents)",
    ),
    Mutant(
        "of several problems of a value one is told",
        "execution.running:Run._whole",
        "self._reports.problems(result.problems, place, position)",
        "self._reports.problems(result.problems[:1], place, position)",
    ),
    Mutant(
        "problems are told at one of their paths",
        "execution.reporting:Reports._placed",
        "for p in r.place.paths(r.position)",
        "for p in islice(r.place.paths(r.position), 1)",
    ),
    Mutant(
        "errors are told without their place in the document",
        "execution.reporting:Reports.errors",
        "r.place.field.nodes",
        "r.place.field.nodes[:1]",
    ),
)
