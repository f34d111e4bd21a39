"""Leaves as JSON, a whole column at a time.

A column is written by one pass in C where all of its values are what is expected; what it holds is
looked at once for the column and not once for each value. Anything odd (an error in place of a
value, another type, text that must be escaped) sends it the slow way: value by value through the
scalar's own serialisation, with the meaning that graphql-core gives it.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from graphql import GraphQLEnumType, GraphQLLeafType
from graphql.pyutils import Undefined, inspect

Texts = Sequence[str]
ColumnWriter = Callable[[Sequence[Any]], Texts | None]
"""JSON strings without their quotes, or None if the values are to be looked at one by one."""

_encode: Final = msgspec.json.Encoder().encode
_UNSAFE: Final = re.compile(r'[\x00-\x1f"\\]')
_MAX_INT: Final = 2_147_483_647


class Leaf:
    """How the values of one leaf type are written.

    Attributes:
        quoted: Whether what `bare` gives still wants quotes around it.
        bare: Writes a column in which all values are of the type expected; else gives None.
        serialize: Turns one value into what JSON can hold, or raises.
    """

    __slots__ = ("bare", "quoted", "serialize")

    def __init__(
        self, bare: ColumnWriter, serialize: Callable[[Any], Any], *, quoted: bool
    ) -> None:
        self.bare = bare
        self.serialize = serialize
        self.quoted = quoted

    def text(self, value: Any) -> str:
        """One value that is not null, as JSON.

        Raises:
            GraphQLError: if it is not one of this type's.
            TypeError: if the type makes nothing of it.
        """
        serialized = self.serialize(value)
        if serialized is None or serialized is Undefined:
            raise TypeError(f"{inspect(value)} became {inspect(serialized)} where it was written")
        return _encode(serialized).decode()


def leaf_of(named: GraphQLLeafType, writers: Mapping[str, ColumnWriter]) -> Leaf:
    """How a leaf type is written.

    Args:
        named: The type.
        writers: Columns of custom scalars, by the scalar's name.
    """
    serialize = named.coerce_output_value
    if isinstance(named, GraphQLEnumType):
        return Leaf(_enum_column(named), serialize, quoted=True)
    if named.name in writers:
        return Leaf(writers[named.name], serialize, quoted=True)
    bare, quoted = _BUILT_IN.get(named.name, (_one_by_one, False))
    return Leaf(bare, serialize, quoted=quoted)


def text_column(values: Sequence[Any]) -> Texts | None:
    """A column of texts that need no escaping."""
    try:
        safe = not _UNSAFE.search("".join(values))
    except TypeError:
        return None
    return values if safe and set(map(type, values)) == _ONLY_STR else None


def _enum_column(named: GraphQLEnumType) -> ColumnWriter:
    names = {value.value: name for name, value in named.values.items()}
    members: Iterable[Any] = getattr(named, "wrapped_cls", ())
    names.update({m: names[m.value] for m in members if m.value in names})

    def write(values: Sequence[Any]) -> Texts | None:
        try:
            return [names[v] for v in values]
        except (KeyError, TypeError):
            return None

    return write


def _integer_column(values: Sequence[Any]) -> Texts | None:
    if set(map(type, values)) != _ONLY_INT or max(map(abs, values)) > _MAX_INT:
        return None
    return list(map(str, values))


def _boolean_column(values: Sequence[Any]) -> Texts | None:
    if set(map(type, values)) != _ONLY_BOOL:
        return None
    return ["true" if v else "false" for v in values]


def _one_by_one(_: Sequence[Any]) -> None:
    return None


_ONLY_STR: Final = {str}
_ONLY_INT: Final = {int}
_ONLY_BOOL: Final = {bool}
_BUILT_IN: Final[Mapping[str, tuple[ColumnWriter, bool]]] = {
    "String": (text_column, True),
    "ID": (text_column, True),
    "Int": (_integer_column, False),
    "Boolean": (_boolean_column, False),
    "Float": (_one_by_one, False),
}
