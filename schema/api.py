"""The published schema, put together."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.costs import show_costs
from schema.events import Subscription
from schema.mutations import Mutation
from schema.publishing import read_column
from schema.query import Query
from schema.scalars import SCALARS


def build_schema() -> strawberry.Schema:
    """Make the schema. Its resolvers expect a `resolvers.context.RequestContext` as context."""
    config = StrawberryConfig(default_resolver=read_column, scalar_map=dict(SCALARS))
    schema = strawberry.Schema(Query, Mutation, Subscription, config=config)
    show_costs(schema)
    return schema
