"""How the schema is used: which clients have asked for what, by day; and the port to read it.

What is asked for is named by coordinates: `Item.sku` is a field, `Query.items(first:)` an argument.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Annotated, Protocol

from msgspec import Meta, Struct


class OperationUse(Struct, frozen=True, kw_only=True):
    """How often one client has asked one operation, in some days.

    Attributes:
        operation: Digest of the operation without its literals; empty for those that could not be
            told apart.
        name: Its name; empty if it has none.
        kind: query, mutation or subscription.
        coordinates: What it asks for, sorted.
        client: What the client calls itself.
        version: Its version; empty if it says none.
        count: How often.
        last_day: When last.
    """

    operation: str
    name: str
    kind: str
    coordinates: Sequence[str]
    client: str
    version: str
    count: int
    last_day: date


class ClientUse(Struct, frozen=True):
    """How often one version of one client has asked for something."""

    name: Annotated[str, Meta(description="What the client calls itself, or `unknown`.")]
    version: Annotated[str, Meta(description="Its version; empty if it says none.")]
    count: Annotated[int, Meta(description="How often it has asked.")]


class OperationCount(Struct, frozen=True):
    """How often an operation has asked for something."""

    operation: Annotated[str, Meta(description="Digest of the operation without its literals.")]
    name: Annotated[str, Meta(description="Its name; empty if it has none.")]
    count: Annotated[int, Meta(description="How often it was asked.")]


class CoordinateUse(Struct, frozen=True):
    """How often a field or an argument was asked for."""

    coordinate: Annotated[str, Meta(description="`Item.sku`, or `Query.items(first:)`.")]
    count: Annotated[int, Meta(description="In how many operations it was asked for.")]
    last_day: Annotated[date | None, Meta(description="When last; null if never.")] = None
    clients: Annotated[
        tuple[ClientUse, ...], Meta(description="By whom, who asks most often first.")
    ] = ()
    operations: Annotated[
        tuple[OperationCount, ...],
        Meta(description="By which operations, the one asked most often first."),
    ] = ()


class UsageRecord(Protocol):
    """Reads how the schema is used."""

    async def uses(self, since: date) -> Sequence[OperationUse]:
        """What was asked on a day or later, each operation by each client once, in no order.

        Raises:
            UnavailableError: if the store cannot be reached.
        """


def by_coordinate(uses: Iterable[OperationUse]) -> Mapping[str, CoordinateUse]:
    """Uses of each coordinate that was asked for, by name."""
    found: dict[str, list[OperationUse]] = {}
    for use in uses:
        for coordinate in use.coordinates:
            found.setdefault(coordinate, []).append(use)
    return {name: _summed(name, found[name]) for name in sorted(found)}


def _summed(coordinate: str, uses: Sequence[OperationUse]) -> CoordinateUse:
    clients: dict[tuple[str, str], int] = {}
    operations: dict[tuple[str, str], int] = {}
    for use in uses:
        client, operation = (use.client, use.version), (use.operation, use.name)
        clients[client] = clients.get(client, 0) + use.count
        operations[operation] = operations.get(operation, 0) + use.count
    return CoordinateUse(
        coordinate,
        sum(use.count for use in uses),
        max(use.last_day for use in uses),
        tuple(ClientUse(*who, n) for who, n in sorted(clients.items(), key=_most_first)),
        tuple(OperationCount(*what, n) for what, n in sorted(operations.items(), key=_most_first)),
    )


def _most_first(item: tuple[tuple[str, str], int]) -> tuple[int, tuple[str, str]]:
    return (-item[1], item[0])
