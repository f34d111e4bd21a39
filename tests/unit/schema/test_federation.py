"""The SDL of the subgraph is the published one, with what composition has to know."""

import re

import pytest
from graphql import BreakingChangeType, GraphQLUnionType, build_schema, find_breaking_changes

from execution.engine import Engine
from resolvers.entities import KEYS
from schema import api
from schema.federation import subgraph_sdl
from tests.fakes.desk import ENGINE, SCHEMA, Desk

SDL = subgraph_sdl(SCHEMA.as_str())


def test_it_is_linked_to_the_oldest_federation_that_has_what_is_used() -> None:
    assert SDL.splitlines()[0] == (
        'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", '
        'import: ["@cost", "@key", "@listSize", "@shareable"])'
    )
    costly = subgraph_sdl(
        "directive @cost(weight: Int!) on FIELD_DEFINITION\n"
        "directive @owner(team: String!) on OBJECT\n"
        'type Item @owner(team: "stock") { sku: ID @cost(weight: 2) }'
    )
    assert costly == (
        'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", '
        'import: ["@cost", "@key"])\n\n'
        "directive @owner(team: String!) on OBJECT\n\n"
        'type Item @owner(team: "stock") @key(fields: "sku") {\n'
        "  sku: ID @cost(weight: 2)\n}\n"
    )


def test_entities_have_their_keys_and_values_may_be_made_by_others() -> None:
    keys = re.findall(r'^type (\w+).* @key\(fields: "(\w+)"\) \{$', SDL, re.MULTILINE)
    assert dict(keys) == dict(KEYS)
    shareable = re.findall(r"^type (\w+) .*@shareable \{$", SDL, re.MULTILINE)
    assert shareable == ["Money", "PageInfo", "UnitConversion"]


def test_it_has_all_that_is_published_but_what_only_a_gateway_asks() -> None:
    without = api.build_schema(subgraph=False).as_str()
    plain = re.sub(r' @(?:shareable|key\(fields: "\w+"\))(?= \{$)', "", SDL, flags=re.MULTILINE)
    plain = re.sub(r" @(?:cost|listSize)\([^)]*\)", "", plain)
    told, known = build_schema(plain.split("\n", 1)[1]), build_schema(without)
    assert set(told.type_map) == set(known.type_map)
    left_out = BreakingChangeType.DIRECTIVE_REMOVED  # those that federation defines
    assert [c for c in find_breaking_changes(known, told) if c.type is not left_out] == []


def test_the_entities_are_the_types_with_keys() -> None:
    union = SCHEMA._schema.type_map["_Entity"]
    assert isinstance(union, GraphQLUnionType)
    assert {t.name for t in union.types} == KEYS.keys()


@pytest.mark.parametrize("planned", [True, False])
async def test_a_gateway_is_told_it(planned: bool) -> None:
    desk = Desk()
    desk.engine = ENGINE if planned else Engine(SCHEMA._schema, planned=False)
    answer = await desk.ask("{ _service { sdl } }", None)
    assert (answer.errors, answer.data) == ((), {"_service": {"sdl": SDL}})
