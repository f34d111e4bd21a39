"""How the schema is used, for operators: which clients ask for what, and what nobody asks for."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from canonical.errors import InvalidInputError, RefusedError, UnsupportedError
from canonical.usage import CoordinateUse, OperationUse, by_coordinate
from execution.fields import Asked
from resolvers.context import RequestContext
from resolvers.visibility import sees_everything
from runtime.security.principal import Role

DAYS: Final = 30
_LONGEST: Final = 3_650
_LARGEST: Final = 2**31 - 1
"""The largest `Int` of GraphQL."""
_MOST: Final = 100
"""Clients and operations that are named of one coordinate."""


class UsageFilter(Struct, frozen=True, kw_only=True):
    """Which uses.

    Attributes:
        coordinates: Of these fields and arguments.
        client: By this client alone.
        days: In the last days, today among them.
        unused: Instead, the fields that nobody asked for in that time.
    """

    coordinates: tuple[str, ...] | None = None
    client: str | None = None
    days: int = DAYS
    unused: bool = False


class SchemaUsage(Struct, frozen=True):
    """How the schema was used in some days."""

    since: date
    operations: int
    not_told_apart: int
    coordinates: Sequence[CoordinateUse]


async def schema_usage(
    context: RequestContext,
    parents: Sequence[None],
    asked: Asked,
    *,
    filter: UsageFilter | None = None,
) -> list[SchemaUsage]:
    """How the schema was used."""
    caller = context.caller
    context.operation.personal = True
    if Role.OPERATOR not in caller.roles or not sees_everything(caller):
        raise RefusedError("only operators, not bound to suppliers, may see how the schema is used")
    usage, catalogue = context.governing.usage, context.governing.catalogue
    if usage is None or catalogue is None:
        raise UnsupportedError("this installation does not count how the schema is used")
    wanted = filter or UsageFilter()
    if not 1 <= wanted.days <= _LONGEST:
        raise InvalidInputError(f"`days` is {wanted.days}; it must be from 1 to {_LONGEST}")
    since = context.today - timedelta(days=wanted.days - 1)
    uses = await usage.uses(since)
    known = await catalogue.coordinates() if wanted.unused else ()
    made = summed(uses, wanted, since, known)
    return [made for _ in parents]


def summed(
    uses: Sequence[OperationUse], wanted: UsageFilter, since: date, known: Sequence[str]
) -> SchemaUsage:
    """Uses, coordinate by coordinate.

    Args:
        uses: What was asked.
        wanted: Which of it.
        since: From which day on it was asked.
        known: The coordinates of the schema, where those are wanted that nobody asked for.
    """
    mine = [use for use in uses if wanted.client in (None, use.client)]
    found = by_coordinate(mine)
    shown = [_cut(use) for use in found.values()]
    if wanted.unused:
        shown = [CoordinateUse(name, 0) for name in known if name not in found]
    if wanted.coordinates is not None:
        shown = [use for use in shown if use.coordinate in wanted.coordinates]
    total = sum(use.count for use in mine)
    unknown = sum(use.count for use in mine if not use.operation)
    return SchemaUsage(since, _int(total), _int(unknown), shown)


def _cut(use: CoordinateUse) -> CoordinateUse:
    """A use as GraphQL can tell it."""
    clients = tuple(replace(c, count=_int(c.count)) for c in use.clients[:_MOST])
    operations = tuple(replace(o, count=_int(o.count)) for o in use.operations[:_MOST])
    return replace(use, count=_int(use.count), clients=clients, operations=operations)


def _int(count: int) -> int:
    return min(count, _LARGEST)
