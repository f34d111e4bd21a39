"""What all types share: nodes, provenance, money, and connections with their completeness."""

from typing import Any, TypeVar

import strawberry

from canonical.completeness import State
from canonical.records import Provenance as ProvenanceRecord
from canonical.values import Money as MoneyRecord
from canonical.values import Quantity as QuantityRecord
from canonical.values import UnitConversion as UnitConversionRecord
from execution.links import Argument, column
from schema.publishing import published, published_enum

T = TypeVar("T")


@strawberry.interface(description="A record with a global id.")
class Node:
    """Anything that `node` finds again by its id."""

    id: strawberry.ID = column("Opaque global id.")


@published(ProvenanceRecord)
class Provenance:
    """Where a record came from and how fresh it is."""


@published(MoneyRecord)
class Money:
    """An amount with its currency."""


@published(QuantityRecord)
class Quantity:
    """An amount with the unit that it is counted in."""


@published(UnitConversionRecord)
class UnitConversion:
    """What another unit holds: 1 `unit` = `numerator` / `denominator` base units."""


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """Relay's page info."""

    has_next_page: bool = column("Whether more records follow.")
    has_previous_page: bool = column("Whether the page was asked for after a cursor.")
    start_cursor: str | None = column("Cursor of the first record of the page.")
    end_cursor: str | None = column("Cursor of the last record: pass it as `after` to go on.")


@strawberry.type(description="How one system contributed to a list.")
class SystemState:
    """One system's part in a list."""

    system: str = column("The backend's name in the manifest.")
    state: published_enum(State) = column(  # type: ignore[valid-type]  # an enum made at run time
        "LIVE: asked just now; CACHED: fresh from the cache; STALE: past its freshness, because "
        "it could not be asked; MISSING: not in this page at all."
    )
    message: str | None = column("Why it is stale or missing, or what it had to leave out.")


@strawberry.type(description="How complete a list is.")
class Completeness:
    """Which systems answered for a list."""

    complete: bool = column("Whether every system in charge is in this page, with all its records.")
    systems: list[SystemState] = column("How each system in charge contributed.")


def connection_types(node: Any, name: str, plural: str) -> tuple[Any, Any]:
    """The connection and edge types of a node type.

    Args:
        node: The node type as an annotation.
        name: The node type's GraphQL name.
        plural: What the list is of, for descriptions.
    """
    edge = type(f"{name}Edge", (), {"__doc__": f"One of the {plural}, with its cursor."})
    edge.__annotations__ = {"cursor": str, "node": node}
    edge.cursor = column("Where the record stands: pass it as `after` to go on behind it.")  # type: ignore[attr-defined]  # made at run time
    edge.node = column("The record.", inside="")  # type: ignore[attr-defined]  # made at run time
    edge_type = strawberry.type(edge, description=edge.__doc__)
    made = type(f"{name}Connection", (), {"__doc__": f"A page of {plural}."})
    made.__annotations__ = {
        "edges": list[edge_type],  # type: ignore[valid-type]  # made at run time
        "nodes": list[node],
        "page_info": PageInfo,
        "total_count": int | None,
        "completeness": Completeness,
    }
    fields = {
        "edges": column("The records of the page with their cursors.", inside=""),
        "nodes": column("The records of the page.", inside=""),
        "page_info": column("Where the page stands in its list."),
        "total_count": column("How many records there are in all, where every system can tell."),
        "completeness": column("Which systems answered, and how."),
    }
    for field_name, field in fields.items():
        setattr(made, field_name, field)
    return strawberry.type(made, description=made.__doc__), edge_type


FIRST = Argument(int | None, "Most records wanted; bounded, see the error if it is too many.")
AFTER = Argument(str | None, "Cursor of the last record seen, from the same list.")
MAX_STALENESS = Argument(
    int | None,
    "Oldest age in seconds of any record that is read from here on; older is asked for again.",
)
