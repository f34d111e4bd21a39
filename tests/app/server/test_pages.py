"""GraphiQL's page comes from our own files, under a policy, and nothing else does."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from app.server.pages import FILES, POLICY
from app.server.ports import DemoToken, GraphiQLConfig, GraphiQLTab
from tests.fakes.serving import FakeServing, Site, running

CONFIG = GraphiQLConfig(
    (GraphiQLTab("Items", "{ items { nodes { sku } } }", '{"a": 1}'),), (DemoToken("planner", "t"),)
)


@pytest.fixture
async def pages(serving: FakeServing) -> AsyncIterator[Site]:
    async with running(serving, graphiql=CONFIG) as site:
        yield site


@pytest.mark.parametrize(
    "path, kind",
    [
        ("/graphiql", "text/html; charset=utf-8"),
        ("/graphiql/", "text/html; charset=utf-8"),
        ("/graphiql/icon.svg", "image/svg+xml"),
        ("/graphiql/licenses.md", "text/markdown; charset=utf-8"),
        ("/graphiql/config.json", "application/json"),
    ],
)
async def test_each_part_of_the_page_is_there_under_the_policy(
    pages: Site, path: str, kind: str
) -> None:
    response = await pages.client.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == kind
    assert response.headers["content-security-policy"] == POLICY
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.content


async def test_all_that_the_page_names_is_there_and_kept_for_good(pages: Site) -> None:
    page = (await pages.client.get("/graphiql")).text
    names = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(names) >= 3
    for name in names:
        assert name.startswith("/graphiql/")
        response = await pages.client.get(name)
        assert response.status_code == 200
        if "/assets/" in name:
            assert "immutable" in response.headers["cache-control"]
            assert response.headers["content-security-policy"] == POLICY


async def test_what_is_not_there_is_not_kept(pages: Site) -> None:
    response = await pages.client.get("/graphiql/assets/gone-abc.js")
    assert response.status_code == 404
    assert "immutable" not in response.headers.get("cache-control", "")


async def test_the_root_leads_to_the_page(pages: Site) -> None:
    response = await pages.client.get("/")
    assert (response.status_code, response.headers["location"]) == (307, "/graphiql")


async def test_the_page_is_told_its_endpoint_tabs_and_tokens(pages: Site) -> None:
    response = await pages.client.get("/graphiql/config.json")
    assert response.json() == {
        "endpoint": "/graphql",
        "tabs": [
            {"title": "Items", "query": "{ items { nodes { sku } } }", "variables": '{"a": 1}'}
        ],
        "tokens": [{"role": "planner", "token": "t"}],
    }
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "/graphiql/assets/../index.html",
        "/graphiql/assets/../../../pyproject.toml",
        "/graphiql/assets/%2e%2e/%2e%2e/%2e%2e/%2e%2e/pyproject.toml",
        "/graphiql/assets/..%2f..%2f..%2f..%2fpyproject.toml",
        "/graphiql/assets//etc/passwd",
        "/graphiql/assets/%2fetc%2fpasswd",
        "/graphiql/assets/..%5c..%5cpyproject.toml",
        "/graphiql/assets/%00",
        "/graphiql/assets/",
        "/graphiql/assets",
        "/graphiql/../pages.py",
        "/graphiql/index.html",
    ],
)
async def test_no_way_leads_out_of_the_files(pages: Site, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", pages.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    status = int(answer.split(b" ", 2)[1])
    assert status in {307, 404, 405}
    for inside in (b"[project]", b"root:", b"<!doctype", str(FILES.parent).encode()):
        assert inside not in answer


async def test_without_graphiql_there_is_no_page(site: Site) -> None:
    for path in ("/", "/graphiql", "/graphiql/config.json", "/graphiql/assets/x.js"):
        assert (await site.client.get(path)).status_code == 404
