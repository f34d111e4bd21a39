"""How much a document asks for, measured before it is validated, in one step for each node.

A fragment is measured once, however often it is spread: a short text whose fragments spread each
other stands for an answer that doubles with each of them. Nothing here calls itself, so that no
document is too deep for it.

    body of an operation or a fragment -> its own size, and the spreads in it
    fragments in the order in which they need each other -> sizes with fragments in their places
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from graphql import (
    DefinitionNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
)
from msgspec import Struct

from app.demand.bounds import MANY, Bounds, too_large
from app.server.schema_questions import WEIGHTS


class _Level(Struct, frozen=True):
    """Where a selection stands.

    Attributes:
        fields: Fields above it, within its own body.
        of_schema: Of these, fields of a question about the schema, that question among them.
        weight: What a field about the schema counts for; 0 where they are about data.
    """

    fields: int = 0
    of_schema: int = 0
    weight: int = 0


_ROOT: Final = _Level()


class Size(Struct):
    """What an operation holds, with fragments in their places; attributes as of `Bounds`.

    Attributes:
        levels: Levels of fields, whatever they are about.
        spreads: Spreads and inline fragments.
    """

    levels: int = 0
    depth: int = 0
    schema_depth: int = 0
    root_fields: int = 0
    aliases: int = 0
    fields: int = 0
    schema_fields: int = 0
    spreads: int = 0

    def add(self, inner: "Size", spread: "_Spread") -> None:
        """Put a fragment in its place."""
        at = spread.level
        self.levels = max(self.levels, at.fields + inner.levels)
        if at.weight:
            self.schema_depth = max(self.schema_depth, at.of_schema + inner.levels)
        else:
            self.depth = max(self.depth, at.fields + inner.depth)
            self.schema_depth = max(self.schema_depth, inner.schema_depth)
        if at.fields == 0:
            self.root_fields = min(self.root_fields + inner.root_fields, MANY)
        self.aliases = min(self.aliases + inner.aliases, MANY)
        self.fields = min(self.fields + inner.fields, MANY)
        own = inner.fields * at.weight if at.weight else inner.schema_fields
        self.schema_fields = min(self.schema_fields + own, MANY)
        self.spreads = min(self.spreads + inner.spreads, MANY)


class Written(Struct):
    """What stands in a text, each place once; attributes as of `Bounds`."""

    directives: int = 0
    directives_at_once: int = 0
    operations: int = 0
    fragments: int = 0
    variables: int = 0
    literal_nesting: int = 0
    values: int = 0


class Measured(Struct, frozen=True):
    """A document's measure.

    Attributes:
        sizes: Of each operation, in their order.
        written: What stands in the text.
        circle: A fragment that contains itself, and by way of which others; empty if none does.
        steps: How many nodes were looked at.
    """

    sizes: Sequence[Size]
    written: Written
    circle: Sequence[str]
    steps: int

    def excess(self, bounds: Bounds) -> list[GraphQLError]:
        """Why the document asks for too much; empty if it does not."""
        errors = [
            too_large(f"the document has {found} {what}; at most {most} are read")
            for found, most, what in _of_text(self.written, bounds)
            if found > most
        ]
        for size in self.sizes:
            errors += [
                too_large(f"the operation has {found} {what}; at most {most} are answered")
                for found, most, what in _of_operation(size, bounds)
                if found > most
            ]
        return errors


def measured(tree: DocumentNode) -> Measured:
    """The measure of a document, valid or not."""
    measure = _Measure()
    bodies = [(d, measure.body(d)) for d in tree.definitions]
    fragments = {d.name.value: body for d, body in bodies if isinstance(d, FragmentDefinitionNode)}
    order, circle = _ordered(fragments)
    operations = [body for d, body in bodies if isinstance(d, OperationDefinitionNode)]
    if not circle:
        for name in order:
            _complete(fragments[name], fragments)
        for body in operations:
            _complete(body, fragments)
    return Measured([b.size for b in operations], measure.written, circle, measure.steps)


class _Spread(Struct, frozen=True):
    """Where a fragment is spread."""

    name: str
    level: _Level


class _Body(Struct, frozen=True):
    size: Size
    spreads: list[_Spread]


class _Measure:
    """Measures bodies one after the other."""

    def __init__(self) -> None:
        self.steps = 0
        self.written = Written()

    def body(self, definition: DefinitionNode) -> _Body:
        """A definition's own size, and what it spreads."""
        written = self.written
        body = _Body(Size(), [])
        if isinstance(definition, OperationDefinitionNode):
            written.operations += 1
            given = definition.variable_definitions or ()
            written.variables = max(written.variables, len(given))
            for variable in given:
                self._directives(variable.directives)
                self._value(variable.default_value)
        elif isinstance(definition, FragmentDefinitionNode):
            written.fragments += 1
        else:  # no document that is run has others; validation says so
            return body
        self._directives(definition.directives)
        self._selections(definition.selection_set, body)
        return body

    def _selections(self, selection: SelectionSetNode, body: _Body) -> None:
        open_ = [(selection, _ROOT)]
        while open_:
            selection, level = open_.pop()
            for node in selection.selections:
                self.steps += 1
                self._directives(node.directives)
                if isinstance(node, FieldNode):
                    below = _count(node, body.size, level)
                    for argument in node.arguments or ():
                        self._value(argument.value)
                    if node.selection_set is not None:
                        open_.append((node.selection_set, below))
                    continue
                body.size.spreads += 1
                if isinstance(node, InlineFragmentNode):
                    open_.append((node.selection_set, level))
                elif isinstance(node, FragmentSpreadNode):
                    body.spreads.append(_Spread(node.name.value, level))

    def _directives(self, directives: Sequence[DirectiveNode] | None) -> None:
        if not directives:
            return
        written = self.written
        written.directives += len(directives)
        written.directives_at_once = max(written.directives_at_once, len(directives))
        for directive in directives:
            self.steps += 1
            for argument in directive.arguments or ():
                self._value(argument.value)

    def _value(self, value: Any) -> None:
        open_ = [(value, 1)]
        while open_:
            node, level = open_.pop()
            self.steps += 1
            if isinstance(node, ListValueNode):
                inner: Sequence[Any] = node.values
            elif isinstance(node, ObjectValueNode):
                inner = [f.value for f in node.fields]
            else:
                continue
            self.written.values += len(inner)
            self.written.literal_nesting = max(self.written.literal_nesting, level)
            open_ += [(i, level + 1) for i in inner]


def _count(node: FieldNode, size: Size, level: _Level) -> _Level:
    """Count a field; the level of what is below it."""
    fields = level.fields + 1
    size.fields += 1
    size.aliases += node.alias is not None
    size.root_fields += fields == 1
    size.levels = max(size.levels, fields)
    weight = level.weight or WEIGHTS.get(node.name.value, 0)
    of_schema = level.of_schema + 1 if weight else 0
    if weight:
        size.schema_fields += weight
        size.schema_depth = max(size.schema_depth, of_schema)
    else:
        size.depth = max(size.depth, fields)
    return _Level(fields, of_schema, weight)


def _complete(body: _Body, fragments: Mapping[str, _Body]) -> None:
    """Put fragments in their places; these are complete."""
    for spread in body.spreads:
        inner = fragments.get(spread.name)
        if inner is not None:
            body.size.add(inner.size, spread)


def _ordered(fragments: Mapping[str, _Body]) -> tuple[list[str], Sequence[str]]:
    """Names of fragments, each after those it spreads; and a circle, if there is one."""
    order: list[str] = []
    done: set[str] = set()
    for first in fragments:
        if first in done:
            continue
        way: dict[str, Iterator[_Spread]] = {first: iter(fragments[first].spreads)}
        while way:
            name, spreads = next(reversed(way.items()))
            spread = next(spreads, None)
            if spread is None:
                del way[name]
                done.add(name)
                order.append(name)
            elif spread.name in way:
                names = list(way)
                return [], names[names.index(spread.name) :]
            elif spread.name in fragments and spread.name not in done:
                way[spread.name] = iter(fragments[spread.name].spreads)
    return order, ()


def _of_text(written: Written, bounds: Bounds) -> Sequence[tuple[int, int, str]]:
    return (
        (written.operations, bounds.operations, "operations"),
        (written.fragments, bounds.fragments, "fragments"),
        (written.directives, bounds.directives, "directives"),
        (written.directives_at_once, bounds.directives_at_once, "directives at one place"),
        (written.variables, bounds.variables, "variables in one operation"),
        (written.literal_nesting, bounds.literal_nesting, "levels of lists and objects as values"),
        (written.values, bounds.values, "values in lists and objects"),
    )


def _of_operation(size: Size, bounds: Bounds) -> Sequence[tuple[int, int, str]]:
    return (
        (size.depth, bounds.depth, "levels of fields"),
        (size.schema_depth, bounds.schema_depth, "levels of fields about the schema"),
        (size.root_fields, bounds.root_fields, "root fields"),
        (size.aliases, bounds.aliases, "aliases"),
        (size.fields, bounds.fields, "fields in all"),
        (size.schema_fields, bounds.schema_fields, "fields about the schema"),
        (size.spreads, bounds.fields, "fragments in their places"),
    )
