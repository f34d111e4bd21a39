"""The published schema, put together."""

from functools import cache

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from runtime.security.access_table import AccessTable
from schema.access import access_over, declare_access
from schema.costs import show_costs
from schema.events import Subscription
from schema.federation import REPRESENTATION, federated, subgraph_sdl
from schema.mutations import Mutation
from schema.ownership import declare_owners
from schema.publishing import read_column
from schema.query import Query
from schema.scalars import SCALARS


def build_schema(access: AccessTable | None = None, *, subgraph: bool = True) -> strawberry.Schema:
    """Make the schema. Its resolvers expect a `resolvers.context.RequestContext` as context.

    Args:
        access: What the manifest says about access, over what is shipped; the SDL shows it.
        subgraph: Whether a gateway may ask what it asks of the subgraphs of a federation.
    """
    sdl = cache(lambda: subgraph_sdl(schema.as_str()))  # at the first question: it takes a while
    query = federated(Query, sdl) if subgraph else Query
    scalars = {**SCALARS, **REPRESENTATION}
    config = StrawberryConfig(default_resolver=read_column, scalar_map=scalars)
    schema = strawberry.Schema(query, Mutation, Subscription, config=config)
    inner = types_of(schema)
    declare_access(inner, access_over(inner, access))
    declare_owners(inner)
    show_costs(inner)
    return schema


def types_of(schema: strawberry.Schema) -> GraphQLSchema:
    """A schema as graphql-core has it."""
    return schema._schema  # noqa: SLF001  # strawberry has no public name for it


@cache
def published() -> GraphQLSchema:
    """The schema as it is shipped: what rules, owners and documents are compared with."""
    return types_of(build_schema())
