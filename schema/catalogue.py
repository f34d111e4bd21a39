"""The catalogue, and how the schema is used: what a page about this service is made from."""

from datetime import date
from typing import Final

import strawberry

from canonical import catalogue as records
from canonical import usage as uses
from execution.links import Argument, column, link
from resolvers import catalogue, usage
from resolvers.usage import DAYS, UsageFilter
from schema.publishing import published


@published(records.SystemOfRecord)
class CatalogSystem:
    """A system that supplies an entity here."""


@published(records.TypeSource)
class CatalogSource:
    """Where the objects of a type come from."""


@published(records.Deprecation)
class CatalogDeprecation:
    """Something that is to go."""


@published(records.CatalogueField)
class CatalogField:
    """A field of a type."""


@published(records.CatalogueType)
class CatalogType:
    """A type of the schema."""


@published(records.CatalogueEvent)
class CatalogEvent:
    """A type of event."""


@published(records.CatalogueContent)
class Catalog:
    """What the schema is made of, whose it is, and where it comes from here."""


@published(uses.ClientUse)
class ClientUse:
    """How often one version of one client has asked for something."""


@published(uses.OperationCount)
class OperationCount:
    """How often an operation has asked for something."""


@published(uses.CoordinateUse)
class CoordinateUse:
    """How often a field or an argument was asked for."""


@strawberry.type(description="How the schema was used in some days.")
class SchemaUsage:
    """How it was used."""

    since: date = column("The first of the days.")
    operations: int = column("How many operations were asked.")
    not_told_apart: int = column(
        "How many of them were so many different ones that what they asked for is not known."
    )
    coordinates: list[CoordinateUse] = column("What was asked for; or what was not, if so wanted.")


@strawberry.input(description="Which uses of the schema; all that is given must hold.")
class SchemaUsageFilter:
    """Which uses."""

    coordinate: list[str] | None = strawberry.field(
        default=None, description="Of these: `Item.sku`, `Query.items(first:)`."
    )
    client: str | None = strawberry.field(default=None, description="By this client alone.")
    days: int = strawberry.field(default=DAYS, description="In so many last days.")
    unused: bool = strawberry.field(
        default=False, description="Instead, the fields that nobody asked for in that time."
    )

    def canonical(self) -> UsageFilter:
        """The filter as the resolver has it."""
        return UsageFilter(
            coordinates=None if self.coordinate is None else tuple(self.coordinate),
            client=self.client,
            days=self.days,
            unused=self.unused,
        )


CATALOG: Final = link(
    catalogue.catalog,
    Catalog,
    "What the schema is made of, whose it is, and where it comes from here. Not for suppliers.",
)
SCHEMA_USAGE: Final = link(
    usage.schema_usage,
    SchemaUsage,
    "Which clients ask for what. For operators.",
    arguments={"filter": Argument(SchemaUsageFilter | None, "Which uses.")},
)
