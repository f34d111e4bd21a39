"""An installation opens everything that its manifest declares, and closes it again."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.demo import lay_out
from app.installation import open_installation
from app.manifest.loading import load_manifest
from app.residency import PROCESS_REGION
from canonical.entities import EntityName
from canonical.errors import UnauthenticatedError
from canonical.ports import Ask
from execution.scheduling import LevelScheduler
from loaders.context import ReadContext
from loaders.journal import Journal
from runtime.security.development import mint_development_token, new_development_key
from runtime.security.principal import Principal, Role
from sandbox.launch import Sandbox, start_one

SECRET = "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cw=="


@pytest.fixture(scope="module")
def planning() -> Iterator[Sandbox]:
    with start_one("frepple", size=0.02) as running:
        yield running


MANIFEST = """\
version: 1
identity: {development_key: {env: SUPPLYGRAPH_DEVELOPMENT_KEY}}
backends:
  planning:
    preset: frepple
    url: {env: DEMO_PLANNING_URL}
    auth:
      kind: basic
      username: {env: DEMO_PLANNING_USER}
      password: {env: DEMO_PLANNING_PASSWORD}
entities:
  item: {sources: [{backend: planning, columns: [name]}], freshness_s: 7}
  supplier: {sources: [planning]}
crosswalks:
  item: {rows: [{canonical: OURS, planning: %s}]}
units: {conversions: [{unit: BOX, base: PC, numerator: 12}]}
limits: {max_nodes: 3, operation_timeout_s: 4, max_query_depth: 5, max_query_kilobytes: 6}
"""


ELSEWHERE = """\
  resident:
    preset: frepple
    url: http://127.0.0.1:1
    settings: {time_zone: UTC}
entities:
  forecast: {sources: [{backend: resident, region: EU}]}
"""


async def test_a_manifest_becomes_readers_limits_and_health(
    planning: Sandbox, tmp_path: Path
) -> None:
    key = new_development_key()
    file, environ = lay_out(planning, tmp_path, key, SECRET)
    number = planning.world.items[0].number
    file.write_text(MANIFEST % f"'{number}'", encoding="utf-8")
    async with open_installation(load_manifest(file, environ)) as opened:
        loop = asyncio.get_running_loop()
        journal = Journal()
        context = ReadContext(Ask(loop.time() + 10, "test", journal), journal)
        reads = opened.reads(LevelScheduler(), context)
        found = await reads.many(EntityName.ITEM, "sku", ["OURS"], frozenset({"sku", "name"}))
        (item,) = found["OURS"].records

        assert (item.sku, item.provenance.key) == ("OURS", number)  # type: ignore[attr-defined]  # an item
        (supply,) = opened.catalog.supplies(EntityName.ITEM)
        assert supply.columns == {"sku", "name"}
        assert opened.catalog.freshness(EntityName.ITEM).fresh_s == 7
        assert not opened.catalog.has(EntityName.FORECAST)
        assert opened.limits.max_nodes == 3
        limits = opened.operation_limits
        assert (limits.timeout_s, limits.max_bytes) == (4, 6 * 1024)
        assert limits.demand.base.bounds.depth == 5
        assert list(opened.units) == [("", "PC")]
        token = mint_development_token(key, "me", [Role.BUYER], None, 60)
        assert (await opened.tokens.verify(token)).roles == {Role.BUYER}
        with pytest.raises(UnauthenticatedError):
            await opened.tokens.verify(token[:-4])
        health = opened.health()
        assert health["backends"]["planning"]["state"] == "ok"
        assert health["cache"]["connected"]
        assert health["identity"] == {"issuers": {"development": {"keys": "shared"}}}


async def test_a_system_of_another_region_is_not_opened(planning: Sandbox, tmp_path: Path) -> None:
    file, environ = lay_out(planning, tmp_path, new_development_key(), SECRET)
    text = (MANIFEST % "x").replace("entities:\n", ELSEWHERE) + "regions: {EU: {processes: [EU]}}\n"
    file.write_text(text, encoding="utf-8")
    caller = Principal("x", frozenset({Role.PLANNER}), None, datetime(2100, 1, 1, tzinfo=UTC))
    seen = {}
    for region in ("US", "EU"):
        declared = load_manifest(file, {**environ, PROCESS_REGION: region})
        async with open_installation(declared) as opened:
            health = opened.health()
            seen[region] = sorted(opened.backends), health.get("elsewhere")
            assert sorted(health["backends"]) == sorted(opened.backends)
            assert opened.territory(caller).narrow is (region == "US")
    assert seen == {
        "US": (["planning"], {"resident": "EU"}),
        "EU": (["planning", "resident"], None),
    }


async def test_nothing_is_left_open(planning: Sandbox, tmp_path: Path) -> None:
    file, environ = lay_out(planning, tmp_path, new_development_key(), SECRET)
    file.write_text(MANIFEST % "x", encoding="utf-8")
    declared = load_manifest(file, environ)
    counts = []
    for _ in range(3):
        async with open_installation(declared) as opened:
            await opened.cache.get_many(["a"])
        gc.collect()  # what was cut off in the middle of a question is closed with its objects
        counts.append(len(_open_files()))
    assert counts[1] == counts[2]


def _open_files() -> list[str]:
    found = []
    for file in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # that of the folder itself, which is closed by now
            found.append(str(file.readlink()))
    return found
