"""Random operations over a whole schema, nearly always valid.

What is generated follows the schema alone: a field that is published tomorrow is asked for
tomorrow. Response keys of what will be merged are kept in one `_Scope`, wherever they are written
(in fragments, under conditions, twice in one selection), so that they merge as GraphQL demands.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    Undefined,
    get_named_type,
    is_leaf_type,
)
from msgspec import Struct, field

from tests.differential.arguments import Arguments
from tests.differential.chance import chance

Composite = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType

_ROOTS: Final = (1, 2, 3)
_SELECTED: Final = (1, 2, 3, 4, 5, 6)
_MOST_ROWS: Final = 150
_MOST_FIELDS: Final = 2_000
_LENGTHS: Final = (8, 15, 30, 50)
"""About how many fields are written in one operation."""
_DEPTH: Final = 9
_FAN_OUT: Final = {"edges": 5, "nodes": 5, "projectedInventory": 4}
_LISTED: Final = 3
_LIKELY: Final = {
    "edges": 4,
    "nodes": 5,
    "lines": 3,
    "item": 2,
    "inventory": 2,
    "forecasts": 2,
    "sources": 2,
    "items": 4,
    "purchaseOrders": 5,
    "suppliers": 3,
    "locations": 3,
    "receipts": 3,
    "node": 3,
    "_entities": 2,
    "preferredSupplier": 2,
    "shipTo": 3,
    "location": 2,
    "purchaseOrder": 2,
    "supplier": 2,
    "standardCost": 2,
    "price": 2,
    "unitConversions": 2,
    "acknowledgement": 2,
}
"""What leads to more is asked for more often."""
_INTROSPECTION: Final = (
    "__typename",
    "__schema { queryType { name } directives { name } }",
    '__type(name: "Query") { kind name fields { name type { kind name ofType { name } } } }',
    'gone: __type(name: "Gone") { name }',
    '__type(name: "Named") { possibleTypes { __typename name } }',
)
_ALIASES: Final = ("name", "id", "a", "b", "sku", "code", "_", "node", "quantity", "unit")
"""Names of other fields among them, so that who takes one for the other is found out."""


class Asking(Struct, frozen=True):
    """An operation as clients send it.

    Attributes:
        text: The document.
        operation_name: Which of its operations.
        variables: Values of its variables, once for each time that it is sent.
        together: Whether it is sent so often at once, not one after another.
    """

    text: str
    operation_name: str | None
    variables: Sequence[Mapping[str, Any]] = ({},)
    together: bool = False


class _Scope(Struct):
    """Response keys that merge with one another, and what stands below them."""

    keys: "dict[str, _Entry]" = field(default_factory=dict)


class _Entry(Struct):
    owner: str
    field: str
    arguments: str
    type_text: str
    below: _Scope


class _Fragment(Struct, frozen=True):
    name: str
    type_name: str
    text: str
    scope: _Scope
    cost: int


class _Room(Struct, frozen=True):
    """How far a selection may go.

    Attributes:
        depth: Levels left.
        rows: About how many objects the selection is made for.
    """

    depth: int
    rows: int


class Drafter:
    """Drafts one operation.

    Args:
        schema: Of which.
        rnd: Where chance comes from.
        arguments: Draws arguments.
        prefix: What names of fragments begin with.
    """

    def __init__(
        self, schema: GraphQLSchema, rnd: Random, arguments: Arguments, prefix: str
    ) -> None:
        self._schema = schema
        self._rnd = rnd
        self._arguments = arguments
        self._prefix = prefix
        self._fragments: list[_Fragment] = []
        self._left = rnd.choice(_LENGTHS)
        self._spent = 0

    def operation(self, name: str) -> str:
        """An operation with its fragments."""
        rnd = self._rnd
        mutation = chance(rnd, 0.08)
        root = self._schema.mutation_type if mutation else self._schema.query_type
        assert root is not None
        scope = _Scope()
        room = _Room(_DEPTH, 1)
        parts = [self._selection(root, scope, room) for _ in range(rnd.choice(_ROOTS))]
        if not mutation and chance(rnd, 0.08):
            parts.append(rnd.choice(_INTROSPECTION))
        return self._written(f"{'mutation' if mutation else 'query'} {name}", parts)

    def _written(self, head: str, parts: Sequence[str]) -> str:
        declared = ", ".join(
            f"${v.name}: {v.type_text}" + (f" = {v.default}" if v.default is not None else "")
            for v in self._arguments.variables
        )
        head += f"({declared})" if declared else ""
        bodies = [f"fragment {f.name} on {f.type_name} {f.text}" for f in self._fragments]
        return "\n".join((f"{head} {{ {' '.join(parts)} }}", *bodies))

    def subscription(self, name: str) -> str:
        """A subscription with its fragments; seldom with what is not allowed at its root."""
        root = self._schema.subscription_type
        assert root is not None
        part = self._field(root, _Scope(), _Room(_DEPTH, 1))
        return self._written(f"subscription {name}", [part])

    def _selections(self, kind: Composite, scope: _Scope, room: _Room) -> str:
        alike = [
            f
            for f in self._fragments
            if f.type_name == kind.name and f.cost * room.rows < _MOST_FIELDS
        ]
        if alike and not scope.keys and chance(self._rnd, 0.3):
            known = self._rnd.choice(alike)
            self._spent += known.cost * room.rows
            # What merges with the fragment here must merge with it everywhere.
            scope.keys = known.scope.keys
            return f"{{ ...{known.name} {self._selection(kind, scope, room)} }}"
        count = self._rnd.choice(_SELECTED) if self._left > 0 else 1
        return "{ " + " ".join(self._selection(kind, scope, room) for _ in range(count)) + " }"

    def _selection(self, kind: Composite, scope: _Scope, room: _Room) -> str:
        self._left -= 1
        if room.depth > 1 and self._left > 0 and chance(self._rnd, 0.15):
            return self._fragment(kind, scope, room)
        return self._field(kind, scope, room)

    def _fragment(self, kind: Composite, scope: _Scope, room: _Room) -> str:
        rnd = self._rnd
        narrowed = rnd.choice(self._overlapping(kind))
        below = _Room(room.depth - 1, room.rows)
        if chance(rnd, 0.4):
            spent = self._spent
            text = self._selections(narrowed, scope, below)
            name = f"{self._prefix}{len(self._fragments)}"
            cost = (self._spent - spent) // room.rows + 1
            self._fragments.append(_Fragment(name, narrowed.name, text, scope, cost))
            return f"...{name}{self._directives()}"
        condition = "" if narrowed is kind and chance(rnd, 0.5) else f" on {narrowed.name}"
        return f"...{condition}{self._directives()} {self._selections(narrowed, scope, below)}"

    def _overlapping(self, kind: Composite) -> list[Composite]:
        """Types that a fragment within a type may be of, itself first."""
        if isinstance(kind, GraphQLObjectType):
            return [kind, *kind.interfaces]
        return [kind, *self._schema.get_possible_types(kind)]

    def _field(self, kind: Composite, scope: _Scope, room: _Room) -> str:
        chosen = self._chosen(kind, scope, room)
        if chosen is None:
            self._spent += room.rows
            return self._typename(kind, scope)
        name, definition = chosen
        key, entry = self._key(kind, name, definition, scope)
        self._spent += room.rows
        head = name if key == name else f"{key}: {name}"
        text = f"{head}{entry.arguments}{self._directives()}"
        inner = get_named_type(definition.type)
        if is_leaf_type(inner):
            return text
        rows = room.rows * (_FAN_OUT.get(name, _LISTED) if _is_list(definition.type) else 1)
        assert isinstance(inner, Composite)
        return f"{text} {self._selections(inner, entry.below, _Room(room.depth - 1, rows))}"

    def _chosen(
        self, kind: Composite, scope: _Scope, room: _Room
    ) -> tuple[str, GraphQLField] | None:
        if isinstance(kind, GraphQLUnionType) or chance(self._rnd, 0.06):
            return None
        fields = [(n, f) for n, f in kind.fields.items() if self._fits(f, room)]
        fresh = [f for f in fields if f[0] not in scope.keys]
        fields = fresh if fresh and chance(self._rnd, 0.8) else fields
        leaves = [f for f in fields if is_leaf_type(get_named_type(f[1].type))]
        branches = [f for f in fields if f not in leaves]
        branches = [f for f in branches for _ in range(_LIKELY.get(f[0], 1))]
        if branches and chance(self._rnd, 0.5 if len(leaves) > 2 else 0.9):
            return self._rnd.choice(branches)
        return self._rnd.choice(leaves) if leaves else None

    def _fits(self, definition: GraphQLField, room: _Room) -> bool:
        if is_leaf_type(get_named_type(definition.type)):
            return True
        if room.depth <= 1 or self._left <= 0 or self._spent > _MOST_FIELDS:
            return False
        return room.rows <= _MOST_ROWS or not _is_list(definition.type)

    def _typename(self, kind: Composite, scope: _Scope) -> str:
        known = scope.keys.setdefault(
            "__typename", _Entry(kind.name, "__typename", "", "String!", _Scope())
        )
        return f"__typename{self._directives()}" if known.field == "__typename" else "t: __typename"

    def _key(
        self, kind: Composite, name: str, definition: GraphQLField, scope: _Scope
    ) -> tuple[str, _Entry]:
        """A response key for a field, alone or to be merged with what has it already."""
        rnd = self._rnd
        twins = [(k, e) for k, e in scope.keys.items() if e.field == name]
        if twins and chance(rnd, 0.4):
            return rnd.choice(twins)
        arguments = self._arguments.drawn(f"{kind.name}.{name}", definition.args)
        made = _Entry(kind.name, name, arguments, str(definition.type), _Scope())
        wanted = rnd.choice(_ALIASES) if chance(rnd, 0.15) else name
        known = scope.keys.get(wanted)
        if known is None or known.owner == "":
            scope.keys[wanted] = made
            return wanted, made
        if known.field == name and known.arguments == arguments:
            return wanted, known
        if self._differ(kind, definition, known):
            return wanted, made
        free = f"{wanted}_{len(scope.keys)}"
        scope.keys[free] = made
        return free, made

    def _differ(self, kind: Composite, definition: GraphQLField, known: _Entry) -> bool:
        """Whether two fields may have one key, as no object has both."""
        return (
            isinstance(kind, GraphQLObjectType)
            and known.owner != kind.name
            and isinstance(self._schema.type_map.get(known.owner), GraphQLObjectType)
            and known.type_text == str(definition.type)
            and is_leaf_type(get_named_type(definition.type))
        )

    def _directives(self) -> str:
        rnd = self._rnd
        if not chance(rnd, 0.06):
            return ""
        names = rnd.choice((("include",), ("skip",), ("skip", "include")))
        return "".join(f" @{n}(if: {self._arguments.condition()})" for n in names)


def drafted(
    schema: GraphQLSchema,
    rnd: Random,
    pools: Mapping[str, Sequence[Any]],
    known: Mapping[str, Sequence[str]],
) -> Asking:
    """Draft a document and choose an operation of it; the rest as `Arguments` has it."""
    names = ("Q", "R") if chance(rnd, 0.1) else ("Q",)
    texts: list[str] = []
    asked: Arguments | None = None
    for name in names:
        arguments = Arguments(rnd, pools, known, f"{name.lower()}v")
        texts.append(Drafter(schema, rnd, arguments, f"{name}F").operation(name))
        asked = asked or arguments
    assert asked is not None
    chosen = "Q" if len(names) > 1 or chance(rnd, 0.5) else None
    return Asking("\n".join(texts), chosen, _sent(asked), chance(rnd, 0.5))


def drafted_subscription(
    schema: GraphQLSchema, rnd: Random, pools: Mapping[str, Sequence[Any]]
) -> Asking:
    """Draft a subscription with its variables."""
    arguments = Arguments(rnd, pools, {}, "v")
    text = Drafter(schema, rnd, arguments, "F").subscription("S")
    return Asking(text, None, _sent(arguments))


def _sent(asked: Arguments) -> list[Mapping[str, Any]]:
    return [
        {v.name: v.values[i] for v in asked.variables if v.values[i] is not Undefined}
        for i in range(2 if asked.variables else 1)
    ]


def _is_list(kind: Any) -> bool:
    if isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    return isinstance(kind, GraphQLList)
