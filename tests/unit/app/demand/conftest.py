"""The published schema, and texts over it."""

import pytest
from graphql import GraphQLSchema

from tests.fakes.desk import SCHEMA


@pytest.fixture(scope="session")
def schema() -> GraphQLSchema:
    return SCHEMA._schema
