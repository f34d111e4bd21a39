"""Publishing records: a GraphQL type follows from its canonical record.

Columns become fields with the same name in camel case, the same nullability and the same
description. The type's class adds what is more than a column: links, computed fields, ids. Objects
in an answer are the records themselves; nothing is wrapped.
"""

import inspect
import types
from collections.abc import Callable, Hashable, Sequence
from enum import Enum
from functools import cache
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import strawberry
from msgspec import Meta, Struct

from canonical.absent import is_absent
from canonical.errors import UnsupportedError
from canonical.ids import GlobalId
from canonical.records import Part, Provenance
from execution.fields import Column
from execution.links import attribute, column, computed

T = TypeVar("T", bound=type)

_published: dict[type, type] = {}


def published(
    record: type[Struct],
    *,
    hide: Sequence[str] = (),
    instance: type | None = None,
    through: str | None = None,
) -> Callable[[T], T]:
    """Make a class the GraphQL type of a record.

    Args:
        record: Whose columns are published.
        hide: Columns that are not fields of their own.
        instance: Type of the objects in an answer, if it is not the record itself.
        through: Attribute of those objects that holds the record.
    """

    def decorate(cls: T) -> T:
        hints = get_type_hints(record, include_extras=True)
        own = inspect.get_annotations(cls)
        fields: dict[str, Any] = {}
        for name, hint in hints.items():
            if name in hide or name in cls.__dict__ or name.startswith("__"):
                continue
            fields[name] = _graphql_type(hint)
            setattr(cls, name, _column(name, hint, through))
        cls.__annotations__ = {**fields, **own}
        kind = instance or record
        setattr(  # noqa: B010  # mypy knows no such attribute of a type
            cls, "is_type_of", classmethod(lambda _, obj, __: isinstance(obj, kind))
        )
        made = strawberry.type(cls, description=(cls.__doc__ or record.__doc__ or "").strip())
        _published[record] = made
        return made

    return decorate


def named_id(type_name: str, name: str) -> Any:
    """The global id of a record that its natural key names across systems."""

    def identify(parents: Sequence[Any]) -> list[str]:
        return [GlobalId(type_name, (getattr(p, name),)).encode() for p in parents]

    return computed(identify, strawberry.ID, "Opaque global id.", name)


def system_id(type_name: str) -> Any:
    """The global id of a record that belongs to one system."""

    def identify(parents: Sequence[Any]) -> list[str]:
        origins: list[Provenance] = [p.provenance for p in parents]
        return [GlobalId(type_name, (o.system, o.key)).encode() for o in origins]

    return computed(identify, strawberry.ID, "Opaque global id.", "provenance")


def read_column(root: Any, name: str) -> Any:
    """A column's value; null where its system does not have it.

    Raises:
        UnsupportedError: if the column is published as never null and its system does not have it.
    """
    value = getattr(root, name)
    if not is_absent(value):
        return value
    if name in _nullable(root.__class__):
        return None
    origin = getattr(root, "provenance", None)
    system = origin.system if isinstance(origin, Provenance) else "its system"
    raise UnsupportedError(
        f"{type(root).__name__}: {system} does not supply {name!r}; map it in the manifest"
    )


@cache
def _nullable(record: Hashable) -> frozenset[str]:
    hints = get_type_hints(record)
    return frozenset(n for n, h in hints.items() if type(None) in get_args(h))


def _column(name: str, hint: Any, through: str | None) -> Any:
    description = next(
        (m.description for m in get_args(hint)[1:] if isinstance(m, Meta) and m.description), name
    )
    inside = name if _opens(hint) else None
    if through is None:
        return column(description, name, inside=inside)

    source = Column(f"{through}.{name}", lambda root: read_column(getattr(root, through), name))
    return attribute(source, _graphql_type(hint), description, name)


def _opens(hint: Any) -> bool:
    return any(issubclass(t, Part) for t in _classes(hint))


def _classes(hint: Any) -> list[type]:
    if isinstance(hint, type) and get_origin(hint) is None:
        return [hint]
    arguments = get_args(hint)[:1] if get_origin(hint) is Annotated else get_args(hint)
    return [found for a in arguments for found in _classes(a)]


def _graphql_type(hint: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _graphql_type(arguments[0])
    if origin in (Union, types.UnionType):
        return Union[tuple(_graphql_type(a) for a in arguments)]  # noqa: UP007  # built at run time
    if origin is tuple:
        return list[_graphql_type(arguments[0])]  # type: ignore[misc]  # built at run time
    if isinstance(hint, type) and issubclass(hint, Struct):
        return _published[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return published_enum(hint)
    return hint


@cache
def published_enum(values: type[Enum]) -> Any:
    """The GraphQL enum of a canonical one."""
    return strawberry.enum(values, description=(values.__doc__ or "").strip())
