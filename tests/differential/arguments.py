"""Random arguments: literals, variables with and without defaults, nulls, lists, wrong values."""

import json
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    Undefined,
    is_required_argument,
    is_required_input_field,
)
from msgspec import Struct

from tests.differential.chance import chance
from tests.differential.values import DECIMALS, TEXTS
from tests.differential.world import GONE

Named = Mapping[str, Sequence[Any]]


class Symbol(Struct, frozen=True):
    """A word that is written without quotes: an enum's value, or a variable with its dollar."""

    word: str


class Variable(Struct):
    """A variable of an operation.

    Attributes:
        name: Its name.
        type_text: Its type as declared.
        default: Its default as written; None if it has none.
        values: What the client sends, first and when it asks again; `Undefined` if nothing.
        about: What kind of value it holds, so that it is used where such a one is wanted.
    """

    name: str
    type_text: str
    default: str | None
    values: tuple[Any, Any]
    about: str


class Arguments:
    """Draws arguments and collects the variables that they use.

    Args:
        rnd: Where chance comes from.
        pools: Values to choose from, by the name of the argument.
        known: Whole arguments that fit a field, by field.
        prefix: What names of variables begin with.
    """

    def __init__(self, rnd: Random, pools: Named, known: Named, prefix: str) -> None:
        self.variables: list[Variable] = []
        self._rnd = rnd
        self._pools = pools
        self._fitting = known
        self._prefix = prefix

    def drawn(self, owner: str, taken: Mapping[str, GraphQLArgument]) -> str:
        """Arguments of a field as text, empty if there are none.

        Args:
            owner: The field, like `Query.items`.
            taken: Its arguments.
        """
        given = {
            name: self._value(argument.type, (owner, name), argument.default_value is not Undefined)
            for name, argument in taken.items()
            if is_required_argument(argument) or self._wants(name)
        }
        known = self._fitting.get(owner, ())
        if known and chance(self._rnd, 0.2):
            return str(self._rnd.choice(known))
        if not given:
            return ""
        return "(" + ", ".join(f"{n}: {written(v)}" for n, v in given.items()) + ")"

    def condition(self) -> str:
        """The condition of a directive: a literal or a variable."""
        if chance(self._rnd, 0.4):
            return written(
                self._variable(GraphQLNonNull(GraphQLBoolean), ("", "if"), defaulted=False)
            )
        return self._rnd.choice(("true", "false"))

    def _wants(self, name: str) -> bool:
        return chance(self._rnd, _WANTED.get(name, 0.15))

    def _value(self, kind: GraphQLInputType, path: tuple[str, ...], defaulted: bool) -> Any:
        if chance(self._rnd, 0.3 if len(path) == 2 else 0.15):
            return self._variable(kind, path, defaulted=defaulted)
        return self._literal(kind, path, inner=self._value)

    def _constant(self, kind: GraphQLInputType, path: tuple[str, ...], _: bool) -> Any:
        return self._literal(kind, path, inner=self._constant)

    def _literal(self, kind: GraphQLInputType, path: tuple[str, ...], *, inner: Any) -> Any:
        rnd = self._rnd
        if isinstance(kind, GraphQLNonNull):
            return self._known(kind.of_type, path, inner)
        return None if chance(rnd, 0.06) else self._known(kind, path, inner)

    def _known(self, kind: Any, path: tuple[str, ...], inner: Any) -> Any:
        rnd = self._rnd
        if isinstance(kind, GraphQLList):
            if chance(rnd, 0.15):
                return self._known_single(kind.of_type, path, inner)
            count = rnd.choice((3, 6, 9, 1) if path[-1] in _MANY else (1, 2, 0, 3))
            return [inner(kind.of_type, path, False) for _ in range(count)]
        if isinstance(kind, GraphQLEnumType):
            return Symbol(rnd.choice(list(kind.values)))
        if isinstance(kind, GraphQLInputObjectType):
            return {
                name: inner(field.type, (*path, name), field.default_value is not Undefined)
                for name, field in kind.fields.items()
                if is_required_input_field(field) or chance(rnd, 0.3)
            }
        return self._leaf(kind.name, path)

    def _known_single(self, kind: Any, path: tuple[str, ...], inner: Any) -> Any:
        """One value where a list is wanted: GraphQL makes a list of it."""
        return self._known(kind.of_type if isinstance(kind, GraphQLNonNull) else kind, path, inner)

    def _leaf(self, name: str, path: tuple[str, ...]) -> Any:
        rnd = self._rnd
        if name == "Int":
            return self._int(path[-1])
        if name == "Decimal" and chance(rnd, 0.7):
            return str(rnd.choice(DECIMALS))
        return rnd.choice(_LEAVES[name]) if name in _LEAVES else self._text(path)

    def _int(self, name: str) -> int:
        # The last of a pool is what is wrong.
        pool = self._pools.get(name, (60, 0, 3_600))
        return int(self._rnd.choice(pool[:-1] if chance(self._rnd, 0.8) else pool))

    def _text(self, path: tuple[str, ...]) -> str:
        rnd = self._rnd
        if path[-1] in ("id", "ids") and chance(rnd, 0.02):
            return "bad id"
        text: str = rnd.choice(self._pools.get(_about(path)) or TEXTS)
        if path[-1] in ("contains", "startsWith"):
            return text[: rnd.choice((1, 2, 3))]
        return GONE if chance(rnd, 0.03) else text

    def _variable(self, kind: Any, path: tuple[str, ...], *, defaulted: bool) -> Symbol:
        rnd = self._rnd
        about = f"{kind}:{_about(path)}:{path[-1]}"
        alike = [v for v in self.variables if v.about == about]
        if alike and chance(rnd, 0.5):
            return Symbol(f"${rnd.choice(alike).name}")
        nullable = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        has_default = chance(rnd, 0.4)
        strict = isinstance(kind, GraphQLNonNull) and not (has_default or defaulted)
        strict = strict or chance(rnd, 0.2)
        default = written(self._known(nullable, path, self._constant)) if has_default else None
        name = f"{self._prefix}{len(self.variables)}"
        type_text = f"{nullable}!" if strict else str(nullable)
        first, again = (
            self._sent(nullable, path, strict=strict, defaulted=has_default) for _ in range(2)
        )
        self.variables.append(Variable(name, type_text, default, (first, again), about))
        return Symbol(f"${name}")

    def _sent(self, kind: Any, path: tuple[str, ...], *, strict: bool, defaulted: bool) -> Any:
        """What a client sends; null where that shows only at run time is sent often."""
        rnd = self._rnd
        if chance(rnd, 0.01):
            return {"no": "such thing"}
        if (defaulted or not strict) and chance(rnd, 0.25):
            return Undefined
        if not strict and chance(rnd, 0.4 if defaulted else 0.15):
            return None
        return sent(self._known(kind, path, self._constant))


def written(value: Any) -> str:
    """A value as GraphQL text."""
    if isinstance(value, Symbol):
        return value.word
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {written(v)}" for k, v in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def sent(value: Any) -> Any:
    """A value as a client sends it in JSON."""
    if isinstance(value, Symbol):
        return value.word
    if isinstance(value, list):
        return [sent(v) for v in value]
    if isinstance(value, dict):
        return {k: sent(v) for k, v in value.items()}
    return value


_LEAVES: Final[Named] = {
    "Boolean": (False, True),
    "Float": (0.5, 1, -2.25),
    "Decimal": (5, 0.5, -3),
    "Date": ("2026-11-23", "2026-11-30", "2026-11-10", "2027-01-01"),
    "DateTime": ("2026-11-23T00:00:00Z", "2026-11-01T12:00:00+02:00"),
    "JSON": (1, "text", [1, None], {"a": "b"}),
}
_WANTED: Final = {"first": 0.6, "after": 0.02, "maxStaleness": 0.03, "system": 0.4, "filter": 0.25}
_MANY: Final = frozenset({"ids", "representations"})
_OPS: Final = frozenset({"eq", "in", "contains", "startsWith"})


def _about(path: tuple[str, ...]) -> str:
    """What a value names: a sku, a code."""
    name = path[-2] if path[-1] in _OPS and len(path) > 1 else path[-1]
    if name == "code" and path[0].startswith(("Query.location", "Location")):
        return "location"
    return name
