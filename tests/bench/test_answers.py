"""Everybody who is measured gives the right answers, with the calls that are counted on."""

import importlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from graphql import parse, validate

from app.installation import open_installation
from app.manifest.loading import load_manifest
from app.server.application import create_app
from bench.backends import Systems, listening
from bench.contenders import DEVELOPMENT_KEY
from bench.data import World, make_world
from bench.kit.app import Bearing
from bench.manifests import HOUSE, KIT, Keeping, write_manifest
from bench.questions import Question, fields_in, questions
from canonical.entities import EntityName
from runtime.security.development import mint_development_token, new_development_key
from runtime.security.principal import Role
from schema.api import build_schema
from tests.fakes.desk import SCHEMA
from tests.fixtures.server import served

QUESTIONS: Final = questions()
OF_THE_KIT: Final = [q for q in QUESTIONS.values() if not q.house and q.name != "Join2000"]
OF_THE_HOUSE: Final = [q for q in QUESTIONS.values() if q.house]
FIELDS: Final = {
    "Q1": 31,
    "Q3": 2_322,
    "Q2": 23_202,
    "Join2000": 232_002,
    "Projection": 40_002,
    "OrderPage": 2_927,
    "ItemPage": 559,
}
BESIDE: Final = {
    "bench.peers.aggregator": OF_THE_KIT + OF_THE_HOUSE,
    "bench.peers.strawberry_app": OF_THE_KIT,
}


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(today=datetime.now(UTC).date())


@asynccontextmanager
async def _systems(world: World) -> AsyncIterator[tuple[Systems, dict[str, str]]]:
    systems = Systems(world)
    async with listening(systems, (0, 0, 0, 0)) as ports:
        yield (
            systems,
            {f"KIT_{name.upper()}": f"http://127.0.0.1:{port}" for name, port in ports.items()},
        )


async def _asked(url: str, question: Question) -> Mapping[str, Any]:
    async with httpx.AsyncClient(timeout=60) as client:
        headers = {"content-type": "application/json"}
        body = question.requests()[0]
        answer: Mapping[str, Any] = (
            await client.post(f"{url}/graphql", content=body, headers=headers)
        ).json()
    return answer


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=lambda q: q.name)
def test_a_question_is_one_that_the_published_schema_takes(question: Question) -> None:
    document = parse(question.body["query"])

    assert validate(build_schema()._schema, document) == []
    assert json.loads(question.requests()[0])["operationName"] == question.name


def test_answers_are_as_large_as_the_figures_say(world: World) -> None:
    assert {n: fields_in(q.answer(world)) for n, q in QUESTIONS.items()} == FIELDS


@pytest.mark.parametrize("question", [*OF_THE_KIT, *OF_THE_HOUSE], ids=lambda q: q.name)
async def test_this_server_answers_rightly_with_the_least_calls(
    question: Question, world: World, tmp_path: Path, valkey_url: str
) -> None:
    key = new_development_key()
    token = mint_development_token(key, "bench", [Role.PLANNER], None, 3_600)
    manifest = write_manifest(HOUSE if question.house else KIT, Keeping.ANSWERS, tmp_path)
    async with _systems(world) as (systems, environ):
        environ |= {DEVELOPMENT_KEY: key, "REDIS_URL": valkey_url}
        declared = load_manifest(manifest, environ)
        app = create_app(lambda: open_installation(declared), graphiql=None, schema=SCHEMA)
        async with served(Bearing(app, token)) as server:
            answer = await _asked(server.url, question)

    assert answer == {"data": question.answer(world)}
    assert systems.calls.total() == question.calls


@pytest.mark.parametrize("module, asked", BESIDE.items())
async def test_what_it_is_measured_beside_gives_the_same_answers(
    module: str, asked: list[Question], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _systems(world) as (systems, environ):
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        app = importlib.reload(importlib.import_module(module)).app
        async with served(app) as server:
            answers = {q.name: await _asked(server.url, q) for q in asked}

    assert answers == {q.name: {"data": q.answer(world)} for q in asked}
    assert systems.calls.total() == sum(q.calls for q in asked)


@pytest.mark.parametrize("source", [KIT, HOUSE], ids=lambda path: path.stem)
@pytest.mark.parametrize("keeping", Keeping)
def test_every_variant_of_a_manifest_can_be_opened(
    source: Path, keeping: Keeping, tmp_path: Path
) -> None:
    addresses = {f"KIT_{name}": "http://127.0.0.1:1" for name in ("ERP", "PROCUREMENT", "PLANNING")}
    manifest = write_manifest(source, keeping, tmp_path)
    declared = load_manifest(manifest, {**addresses, DEVELOPMENT_KEY: new_development_key()})

    kept = declared.manifest.entities[EntityName.ITEM].freshness(EntityName.ITEM)
    assert (kept.fresh_s < 1) is (keeping in {Keeping.NOTHING, Keeping.IN_FLIGHT})
