"""Which paths of a system's rows some canonical columns take, so that only these are fetched."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from connectors.kit.mapping import fields as f
from connectors.kit.mapping.compiler import Wanted, scope_of
from connectors.kit.mapping.model import COMPUTED_FROM, EntityMapping, Related
from connectors.kit.mapping.template import template_paths
from connectors.kit.mapping.when import Compare, ListWhen, When


class Plan(Struct, frozen=True):
    """What is to be fetched.

    Attributes:
        columns: Paths of the entity's own dataset, sorted.
        related: Names of the related datasets with their paths, each after those it depends on.
    """

    columns: tuple[str, ...]
    related: tuple[tuple[str, tuple[str, ...]], ...]


def wanted_tree(columns: Iterable[str]) -> dict[str, Any]:
    """Dotted columns as a tree. A structured one of which no inner one is named is wanted whole."""
    tree: dict[str, Any] = {}
    for column in sorted(columns):
        node = tree
        for name in column.split("."):
            node = node.setdefault(name, {})
    return tree


def with_computed(mapping: EntityMapping, wanted: Wanted) -> dict[str, Any]:
    """The tree of wanted columns with those that wanted computations need."""
    tree = _copied(wanted)
    for name in wanted:
        form = mapping.fields.get(name)
        if isinstance(form, f.ComputeField):
            for dotted in COMPUTED_FROM[form.compute]:
                _add(tree, dotted, whole=wanted)
    return tree


def plan(mapping: EntityMapping, wanted: Wanted, further: Iterable[str] = ()) -> Plan:
    """What is to be fetched for a tree of columns, computations included, and further paths."""
    paths = _Paths(grouped=bool(mapping.group))
    for name, inner in wanted.items():
        form = mapping.fields.get(name)
        if form is not None and not isinstance(form, f.ComputeField):
            paths.field(form, "", inner)
    paths.when(mapping.where, "")
    for part in mapping.key:
        paths.at("", part.path)
    for path in (*mapping.group, *mapping.row_key, *further):
        paths.at("", path)
    return _split(mapping, paths)


def when_paths(when: When, base: str = "") -> tuple[str, ...]:
    """All paths that a condition names, on what is at a base path."""
    paths = _Paths(grouped=False)
    paths.when(when, base)
    return tuple(sorted(paths.all()))


class _Paths:
    """Collects paths from the record's row; lists of which no inner path is needed, too."""

    def __init__(self, *, grouped: bool) -> None:
        self._found: set[str] = set()
        self._lists: set[str] = set()
        self._grouped = grouped
        self._collectors: Mapping[type[Any], Callable[[Any, str, Wanted], None]] = {
            f.PathField: self._path,
            f.TemplateField: self._template,
            f.EachField: self._each,
            f.ObjectField: self._object,
            f.QuantitiesField: self._quantities,
            f.RulesField: self._rules,
            f.FirstField: self._first,
            f.SumField: self._scope,
            f.MinField: self._scope,
            f.MaxField: self._scope,
        }

    def all(self) -> set[str]:
        bare = {x for x in self._lists if not any(p.startswith(f"{x}.") for p in self._found)}
        return self._found | bare

    def at(self, base: str, path: str) -> None:
        self._found.add(joined(base, path))

    def list_at(self, base: str, path: str) -> str:
        place = joined(base, path)
        if place:
            self._lists.add(place)
        return place

    def when(self, when: When, base: str) -> None:
        for path, test in when.tests.items():
            self.at(base, path)
            if isinstance(test, Compare) and test.gte_path is not None:
                self.at(base, test.gte_path)
        for inner in (when.any_, when.all_):
            if isinstance(inner, ListWhen):
                self.when(inner.when, self.list_at(base, inner.of))
        for option in when.or_:
            self.when(option, base)
        if when.compare is not None:
            for form in (when.compare.value, when.compare.gte, when.compare.gt):
                self.field(form, base, {})

    def field(self, form: Any, base: str, wanted: Wanted) -> None:
        collect = self._collectors.get(type(form))
        if collect is not None:
            collect(form, base, wanted)
        for operand in _operands(form):
            self.field(operand, base, {})

    def _path(self, form: f.PathField, base: str, _: Wanted) -> None:
        self.at(base, form.path)

    def _template(self, form: f.TemplateField, base: str, _: Wanted) -> None:
        for path in template_paths(form.template):
            self.at(base, path)

    def _each(self, form: f.EachField, base: str, wanted: Wanted) -> None:
        place = self._matched(form.each, form.match, form.where, base)
        self._inner(form.fields, place, wanted)

    def _object(self, form: f.ObjectField, base: str, wanted: Wanted) -> None:
        self.when(form.when, base)
        place = base if form.at is None else self.list_at(base, form.at)
        self._inner(form.fields, place, wanted)

    def _quantities(self, form: f.QuantitiesField, base: str, _: Wanted) -> None:
        parts = form.quantities
        place = self._matched(parts.of, parts.match, parts.where, base)
        for inner in (parts.amount, parts.unit, parts.sign):
            if not isinstance(inner, int):
                self.field(inner, place, {})

    def _rules(self, form: f.RulesField, base: str, _: Wanted) -> None:
        for rule in form.rules:
            self.when(rule.when, base)

    def _first(self, form: f.FirstField, base: str, _: Wanted) -> None:
        self.at(self._matched(form.first, form.match, form.where, base), form.path)

    def _scope(self, form: Any, base: str, _: Wanted) -> None:
        name = type(form).__name__.removesuffix("Field").lower()
        of, leaf = scope_of(form.of, getattr(form, name), grouped=self._grouped)
        self.at(self._matched(of or ".", form.match, form.where, base), leaf)

    def _matched(self, of: str, match: Mapping[str, str], where: When, base: str) -> str:
        place = self.list_at(base, of) if of != "." else base
        for inside, outside in match.items():
            self.at(place, inside)
            self.at(base, outside)
        self.when(where, place)
        return place

    def _inner(self, fields: Mapping[str, Any], base: str, wanted: Wanted) -> None:
        for name, form in fields.items():
            if not wanted or name in wanted:
                self.field(form, base, wanted.get(name, {}))


def _operands(form: Any) -> Iterator[Any]:
    if isinstance(form, f.MoneyField):
        yield from (form.money.amount, form.money.currency)
    elif isinstance(form, f.CoalesceField):
        yield from form.coalesce
    elif isinstance(form, f.ArithmeticField):
        yield from form.operands


def joined(base: str, path: str) -> str:
    """A path from the record's row, for one that is relative to a base (or absolute)."""
    if path.startswith("/"):
        return path[1:]
    if path == ".":
        return base
    return f"{base}.{path}" if base else path


def _copied(tree: Wanted) -> dict[str, Any]:
    return {name: _copied(inner) for name, inner in tree.items()}


def _add(tree: dict[str, Any], dotted: str, *, whole: Wanted) -> None:
    first, _, rest = dotted.partition(".")
    if first in whole and not whole[first]:
        return  # wanted whole already
    node = tree.setdefault(first, {})
    if rest:
        node.setdefault(rest, {})


def attach_path(name: str, related: Related) -> str:
    """Where in the record's row a related dataset's rows are found."""
    return f"{related.at.lstrip('/')}.{name}" if related.at else name


def local_paths(related: Related) -> tuple[str, ...]:
    """Paths, from the record's row, of the values that a related dataset is read by."""
    return tuple(joined((related.at or "").lstrip("/"), path) for path in related.local)


def _owner(mapping: EntityMapping, path: str) -> tuple[str, str] | None:
    """The related dataset that a path leads into, and the rest of the path there."""
    best: tuple[str, str] | None = None
    depth = -1
    for name, related in mapping.related.items():
        attached = attach_path(name, related)
        if (path == attached or path.startswith(f"{attached}.")) and len(attached) > depth:
            best, depth = (name, path[len(attached) + 1 :]), len(attached)
    return best


def _split(mapping: EntityMapping, paths: _Paths) -> Plan:
    own: set[str] = set()
    there: dict[str, set[str]] = {}
    after: dict[str, set[str]] = {}
    queue: list[tuple[str, str | None]] = [(p, None) for p in paths.all()]
    while queue:
        path, asker = queue.pop()
        owner = _owner(mapping, path)
        if owner is None:
            own.add(path)
            continue
        name, rest = owner
        if asker is not None and asker != name:
            after[asker].add(name)
        if name not in there:
            related = mapping.related[name]
            there[name] = {*related.key, *related.remote, *when_paths(related.where)}
            after[name] = set()
            queue += [(p, name) for p in local_paths(related)]
            queue += [(p, name) for p in when_paths(related.when, (related.at or "").lstrip("/"))]
        if rest:
            there[name].add(rest)
    return Plan(tuple(sorted(own)), tuple((n, tuple(sorted(there[n]))) for n in _sorted(after)))


def _sorted(after: Mapping[str, set[str]]) -> list[str]:
    ordered: list[str] = []
    while len(ordered) < len(after):
        ready = [n for n in after if n not in ordered and after[n] <= set(ordered)]
        if not ready:
            circle = ", ".join(sorted(set(after) - set(ordered)))
            raise ValueError(f"related datasets depend on each other in a circle: {circle}")
        ordered += ready
    return ordered
