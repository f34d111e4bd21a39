"""The published schema keeps what clients were promised, and explains itself."""

from pathlib import Path

import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    find_breaking_changes,
)

from tests.fakes.desk import SCHEMA

ROOT = Path(__file__).parents[3]
CONTRACT = ROOT / "tests" / "schema" / "contract.graphql"
SHARED = ROOT.parent / "shared" / "contract" / "schema.graphql"


@pytest.fixture(scope="module")
def published() -> GraphQLSchema:
    return build_schema(SCHEMA.as_str())


def test_the_schema_is_a_superset_of_the_contract(published: GraphQLSchema) -> None:
    contract = build_schema(CONTRACT.read_text())
    assert [c.description for c in find_breaking_changes(contract, published)] == []


def test_our_copy_of_the_contract_is_current() -> None:
    if SHARED.exists():
        assert CONTRACT.read_text() == SHARED.read_text()


def test_a_missing_field_would_be_noticed(published: GraphQLSchema) -> None:
    poorer = build_schema(SCHEMA.as_str().replace("openQuantity: Decimal!", "stillOpen: Decimal!"))
    assert [c.description for c in find_breaking_changes(published, poorer)]


def test_every_type_field_and_argument_is_described(published: GraphQLSchema) -> None:
    missing: list[str] = []
    for name, kind in published.type_map.items():
        if name.startswith("__") or name in {"String", "Int", "Float", "Boolean", "ID"}:
            continue
        if not kind.description:
            missing.append(name)
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in kind.fields.items():
                if not field.description:
                    missing.append(f"{name}.{field_name}")
                missing += [
                    f"{name}.{field_name}({a})" for a, d in field.args.items() if not d.description
                ]
        if isinstance(kind, GraphQLInputObjectType):
            missing += [f"{name}.{f}" for f, d in kind.fields.items() if not d.description]
    assert missing == []


def test_the_sdl_is_what_was_last_published() -> None:
    """A change is seen in review: `supplygraph sdl > tests/schema/published.graphql`."""
    assert (ROOT / "tests" / "schema" / "published.graphql").read_text() == SCHEMA.as_str() + "\n"
