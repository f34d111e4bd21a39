"""docs/connect.md is true: its manifest connects its system, its fragments are parts of it."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import graphql
import pytest
import yaml

from app.check import check_installation
from app.manifest.loading import load_manifest
from canonical.criteria import Condition, Op
from canonical.entities import KEY, EntityName
from canonical.items import ItemStatus
from canonical.locations import LocationKind
from canonical.ports import Ask, ListQuery
from canonical.values import UnitConversion
from connectors.backend import MappedBackend
from connectors.factory import open_backend
from connectors.kit.services import Services
from schema.api import build_schema
from tests.connectors.rest.nordkai import KEY as STORE_KEY
from tests.connectors.rest.nordkai import MATERIALS, STOCK, Nordkai
from tests.fakes.asks import NoMeter
from tests.fixtures.server import served

PAPER = Path(__file__).parents[3] / "docs" / "connect.md"
TEXT = PAPER.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
SAMPLES = re.findall(r"^```json\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
EXAMPLE = PAPER.parent / "examples" / "stores.yaml"
WHOLE = EXAMPLE.read_text(encoding="utf-8")
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.fixture
def nordkai() -> Nordkai:
    return Nordkai()


@pytest.fixture
async def environ(nordkai: Nordkai) -> AsyncIterator[Mapping[str, str]]:
    async with served(nordkai.app, ws="none", lifespan="off") as server:
        yield {
            "STORES_URL": f"{server.url}/svc",
            "STORES_KEY": STORE_KEY,
            "SUPPLYGRAPH_DEVELOPMENT_KEY": "development-only-" + "k" * 32,
            "SUPPLYGRAPH_DEVELOPMENT": "1",
        }


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return _written(tmp_path, WHOLE)


def _written(folder: Path, text: str) -> Path:
    file = folder / "stores.yaml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture
async def stores(environ: Mapping[str, str], manifest: Path) -> AsyncIterator[MappedBackend]:
    declaration = load_manifest(manifest, environ)
    services = Services(environ=environ, base_dir=manifest.parent, now=lambda: NOW)
    backend = await open_backend("stores", declaration.manifest.backends["stores"], services)
    yield backend
    await backend.aclose()


async def _all(backend: MappedBackend, entity: EntityName, *criteria: Condition) -> list[Any]:
    source = backend.sources[entity]
    query = ListQuery(criteria, (), 1_000, source.columns)
    page = await source.page(query, Ask(float("inf"), "walk", NoMeter()))
    assert (page.failures, page.more) == ({}, False)
    return list(page.records)


@pytest.mark.parametrize("fragment", [b for b in BLOCKS if b != WHOLE])
def test_every_fragment_is_a_part_of_the_whole(fragment: str) -> None:
    _assert_within(yaml.safe_load(fragment), yaml.safe_load(WHOLE), "")


def _assert_within(part: Any, whole: Any, place: str) -> None:
    if not isinstance(part, dict):
        assert part == whole, place
        return
    for name, value in part.items():
        assert name in whole, f"{place}/{name}"
        _assert_within(value, whole[name], f"{place}/{name}")


def test_the_whole_file_is_shown() -> None:
    assert WHOLE in BLOCKS


def test_the_samples_are_rows_of_the_system() -> None:
    material, bin_ = map(json.loads, SAMPLES)
    assert material == MATERIALS[16]
    assert bin_ in STOCK


def test_the_question_can_be_asked() -> None:
    (question,) = re.findall(r"^```graphql\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    schema = graphql.build_schema(build_schema().as_str())
    assert graphql.validate(schema, graphql.parse(question)) == []


async def test_items_are_read(stores: MappedBackend, nordkai: Nordkai) -> None:
    found = await _all(stores, EntityName.ITEM)

    assert [r.sku for r in found] == [row["mat_no"] for row in MATERIALS]
    seventeenth = found[16]
    assert (seventeenth.name, seventeenth.category, seventeenth.unit) == (
        "Screw 17",
        "Fasteners",
        "PC",
    )
    assert seventeenth.unit_conversions == (UnitConversion("CT", Decimal(24), Decimal(1)),)
    statuses = {10: "ACTIVE", 40: "ACTIVE", 70: "BLOCKED", 90: "PHASED_OUT"}
    assert [r.status for r in found] == [ItemStatus(statuses[row["sts"]]) for row in MATERIALS]
    assert [q.get("fromKey") for _, q in nordkai.log] == [None, ["200"], ["400"]]


async def test_inventory_is_read(stores: MappedBackend, nordkai: Nordkai) -> None:
    found = await _all(stores, EntityName.INVENTORY)

    assert len(found) == 120
    assert {(r.on_hand, r.reserved, r.available, r.unit) for r in found} == {
        (Decimal("15.500"), Decimal("3.500"), Decimal("12.000"), "PC")
    }
    assert {r.as_of for r in found if r.location == "N1"} == {
        datetime(2026, 11, 23, 5, 0, 10, tzinfo=UTC)
    }
    asked = [q for table, q in nordkai.log if table == "stock"]
    assert all(q["state"] == ["in:AV;RS"] for q in asked)
    assert [t for t, _ in nordkai.log].count("materials") == 1


async def test_locations_are_read(stores: MappedBackend) -> None:
    found = await _all(stores, EntityName.LOCATION)
    assert [(r.code, r.name, r.kind, r.country) for r in found] == [
        ("N1", "Nordkai 1", LocationKind.DISTRIBUTION_CENTER, "DE"),
        ("N2", "Nordkai 2", LocationKind.DISTRIBUTION_CENTER, "DE"),
    ]


async def test_keys_and_filters_are_asked_in_its_own_words(
    stores: MappedBackend, nordkai: Nordkai
) -> None:
    skus = [row["mat_no"] for row in MATERIALS[:300]]
    source = stores.sources[EntityName.ITEM]
    batch = await source.by_keys(KEY, skus, frozenset({"sku"}), Ask(1e12, "walk", NoMeter()))
    assert {r.provenance.key for r in batch.records} == set(skus)
    assert sorted(q["mat_no"][0].count(";") + 1 for _, q in nordkai.log) == [100, 100, 100]

    nordkai.log.clear()
    blocked = Condition("status", Op.IN, (ItemStatus.BLOCKED,))
    found = await _all(stores, EntityName.ITEM, blocked)
    assert {r.sku for r in found} == {r["mat_no"] for r in MATERIALS if r["sts"] == 70}
    assert nordkai.log[0][1]["sts"] == ["eq:70"]


async def test_check_finds_nothing_wrong(environ: Mapping[str, str], manifest: Path) -> None:
    report = await check_installation(manifest, environ)
    assert [f for f in report.all_findings() if f.severity.value != "ok"] == []
    assert report.ok


@pytest.mark.parametrize(
    "right, wrong, said",
    [
        ("sku: mat_no", "sku: mat_nr", "mat_nr"),
        ("next: /page/nextKey", "next: page/nextKey", "next"),
        ('eq: "{name}=eq:{value}"', 'eq: "{field}=eq:{value}"', "{name}"),
        ("then: BLOCKED", "then: BLOKED", "'BLOKED' is not one of ACTIVE, BLOCKED, PHASED_OUT"),
        ("known: {sts: [10, 40, 70, 90]}", "known: {sts: [10, 40, 70]}", "90"),
        ("dataset: warehouses", "dataset: warehouse", "no such service: warehouse"),
        ("header: X-Store-Key", "header: X-Shop-Key", "unknown key"),
    ],
)
async def test_check_names_each_mistake(
    environ: Mapping[str, str], tmp_path: Path, right: str, wrong: str, said: str
) -> None:
    assert right in WHOLE
    manifest = _written(tmp_path, WHOLE.replace(right, wrong))
    report = await check_installation(manifest, environ)
    texts = [f"{f.where} {f.message} {f.remedy}" for f in report.all_findings()]
    assert any(said in text for text in texts), texts
