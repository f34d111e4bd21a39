"""The AsyncAPI document and the schemas of events are sound, and served to anybody."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from app.asyncapi import asyncapi
from app.cli import app
from canonical.event_schemas import data_schema, event_schema, event_schemas
from canonical.events import EVENT_TYPES, STATUS_CHANGED, STREAMS
from tests.fakes.serving import Site

OFFICIAL = json.loads(
    (Path(__file__).parents[2] / "fixtures" / "asyncapi" / "3.0.0.json").read_text()
)
NAME = STATUS_CHANGED.type


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from references(part)


def test_the_document_is_asyncapi() -> None:
    document, official = asyncapi(), jsonschema.Draft7Validator(OFFICIAL)
    assert [e.message for e in official.iter_errors(document)] == []
    document["operations"]["receive_deliveries"]["action"] = "hear"
    assert [list(e.path)[:2] for e in official.iter_errors(document)] == [
        ["operations", "receive_deliveries"]
    ]


def test_every_reference_leads_somewhere() -> None:
    document = asyncapi()
    found = list(references(document))
    for reference in found:
        node: Any = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
    assert len(found) > 3 * len(EVENT_TYPES)


def test_every_example_fits_its_payload_and_headers() -> None:
    parts = asyncapi()["components"]
    seen = 0
    for name in EVENT_TYPES:
        for example in parts["messages"][name]["examples"]:
            jsonschema.validate(example["payload"], parts["schemas"][name])
            headers = parts["messageTraits"]["structured"]["headers"]
            jsonschema.validate(example["headers"], headers)
            seen += 1
    assert seen == len(EVENT_TYPES)


def test_each_type_is_sent_in_its_stream() -> None:
    document = asyncapi()
    sent = {
        message["$ref"].split("/")[-1]: operation["channel"]["$ref"]
        for operation in document["operations"].values()
        if operation["action"] == "send"
        for message in operation["messages"]
    }
    assert sent == {n: f"#/channels/{t.stream.value}" for n, t in EVENT_TYPES.items()}
    assert set(document["channels"]) == {*(s.value for s in STREAMS), "ingest"}


@pytest.mark.parametrize(
    "path, content, kind",
    [
        ("/asyncapi.json", asyncapi(), "application/json"),
        (f"/schemas/events/{NAME}", event_schema(STATUS_CHANGED), "application/schema+json"),
        (f"/schemas/events/{NAME}/data", data_schema(STATUS_CHANGED), "application/schema+json"),
    ],
)
async def test_documents_are_served_without_a_token_and_kept(
    site: Site, path: str, content: dict[str, Any], kind: str
) -> None:
    first = await site.client.get(path)
    assert (first.status_code, first.json()) == (200, content)
    assert first.headers["content-type"] == kind
    assert first.headers["cache-control"] == "public, max-age=300"
    tag = first.headers["etag"]
    again = await site.client.get(path, headers={"If-None-Match": f'"x", W/{tag}'})
    assert (again.status_code, again.content) == (304, b"")
    other = await site.client.get(path, headers={"If-None-Match": '"x"'})
    assert other.status_code == 200


async def test_the_index_leads_to_each_type(site: Site) -> None:
    types = (await site.client.get("/schemas/events")).json()["types"]
    assert [t["type"] for t in types] == sorted(EVENT_TYPES)
    for entry in types:
        schema = (await site.client.get(entry["schema"])).json()
        assert schema["$id"] == f"urn:supplygraph:event:{entry['type']}"


@pytest.mark.parametrize("rest", ["", "/data"])
async def test_a_type_that_there_is_not_is_told_so(site: Site, rest: str) -> None:
    response = await site.client.get(f"/schemas/events/supplygraph.no.v1{rest}")
    assert response.status_code == 404
    assert "GET /schemas/events lists" in response.json()["error"]


def test_commands_print_what_is_served() -> None:
    run = CliRunner().invoke
    assert json.loads(run(app, ["asyncapi"]).stdout) == asyncapi()
    text = run(app, ["asyncapi", "--yaml"]).stdout
    assert "&id" not in text
    assert yaml.safe_load(text) == asyncapi()
    assert json.loads(run(app, ["event-schemas"]).stdout) == event_schemas()
    one = run(app, ["event-schemas", "--type", NAME]).stdout
    assert json.loads(one) == event_schema(STATUS_CHANGED)


def test_schemas_are_written_into_a_folder(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["event-schemas", "--out", str(tmp_path / "new")])
    assert result.exit_code == 0, result.output
    files = {p.name for p in (tmp_path / "new").iterdir()}
    assert files == {f"{n}{rest}.json" for n in EVENT_TYPES for rest in ("", ".data")}
    data = json.loads((tmp_path / "new" / f"{NAME}.data.json").read_text())
    assert data == data_schema(STATUS_CHANGED)


def test_the_check_ends_with_1_and_says_what_would_break() -> None:
    published = event_schemas()
    run = CliRunner().invoke
    good = run(app, ["event-schemas", "--check", "-"], input=json.dumps(published))
    assert (good.exit_code, good.stdout) == (0, "Readers of 13 types can go on reading.\n")
    published["supplygraph.item.lost.v1"] = {}
    bad = run(app, ["event-schemas", "--check", "-"], input=json.dumps(published))
    assert bad.exit_code == 1
    assert bad.stderr == (
        "supplygraph.item.lost.v1: the type was removed; keep it beside its next version\n"
    )


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--type", "x"], "there is no type 'x'"),
        (["--check", "-"], "is not a file of event schemas"),
        (["--check", "-", "--type", NAME], "leave out --type and --out"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["event-schemas", *arguments], input="[1]")
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())
