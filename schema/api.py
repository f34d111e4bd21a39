"""The published schema, put together."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from runtime.security.access_table import AccessTable
from schema.access import access_over, declare_access
from schema.events import Subscription
from schema.mutations import Mutation
from schema.publishing import read_column
from schema.query import Query
from schema.scalars import SCALARS


def build_schema(access: AccessTable | None = None) -> strawberry.Schema:
    """Make the schema. Its resolvers expect a `resolvers.context.RequestContext` as context.

    Args:
        access: What the manifest says about access, over what is shipped; the SDL shows it.
    """
    config = StrawberryConfig(default_resolver=read_column, scalar_map=dict(SCALARS))
    schema = strawberry.Schema(Query, Mutation, Subscription, config=config)
    inner = schema._schema  # noqa: SLF001  # it is what is printed
    declare_access(inner, access_over(inner, access))
    return schema
