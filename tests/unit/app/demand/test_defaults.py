"""The defaults let through what people are known to ask, and say so in the papers."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, get_introspection_query

from app.demand.figures import Demand
from app.demand.pricing import Prices
from app.manifest.limits import AnonymousConfig, DemandConfig, SpendingConfig
from app.server.documents import Documents
from tests.conventions.repository import ROOT

KIT: dict[str, Any] = json.loads((ROOT / "bench" / "kit" / "queries.json").read_text())
DEMO = sorted((ROOT / "app" / "queries").glob("*.graphql"))
INTROSPECTION = get_introspection_query(specified_by_url=True, input_value_deprecation=True)
PAGE = 50


def cost(schema: GraphQLSchema, text: str, variables: dict[str, Any]) -> int:
    demand = Demand()
    document = Documents(schema, demand.loosest()).get(text)
    assert document.errors == ()
    assert document.tree is not None
    [operation] = [d for d in document.tree.definitions if isinstance(d, OperationDefinitionNode)]
    return Prices(schema, PAGE).of(document.tree, operation).of(variables)


@pytest.mark.parametrize("file", DEMO, ids=lambda f: f.stem)
def test_the_questions_of_the_demo(schema: GraphQLSchema, file: Path) -> None:
    assert cost(schema, file.read_text(), {}) <= Demand().base.max_cost / 10


@pytest.mark.parametrize("name, first", [("Q1", 1), ("Q2", 200), ("Q2", 2_000), ("Q3", 20)])
def test_the_questions_of_the_benchmark(schema: GraphQLSchema, name: str, first: int) -> None:
    assert cost(schema, KIT[name]["query"], {"first": first}) <= Demand().base.max_cost


def test_the_introspection_of_tools_by_strangers_several_times(schema: GraphQLSchema) -> None:
    strangers = Demand().strangers
    assert strangers.rate is not None
    found = cost(schema, INTROSPECTION, {})
    assert found <= strangers.max_cost
    assert 4 * (found + len(INTROSPECTION) // 16 + 1) <= strangers.rate.burst


def test_the_papers_say_the_defaults() -> None:
    text = (ROOT / "docs" / "limits.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", text, re.MULTILINE))
    for name, field in DemandConfig.model_fields.items():
        assert rows.get(name) == f"{field.default:,.10g}", name
    for name in SpendingConfig.model_fields:
        default = AnonymousConfig.model_fields[name].default
        assert f"| `{name}` | {rows[name]} | {default:,.10g} |" in text, name
