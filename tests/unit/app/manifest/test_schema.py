"""The manifest's JSON Schema takes what the loader takes, and refuses what it refuses."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest

from app.manifest.document import read_document
from app.manifest.schema import manifest_schema
from connectors.kit.mapping.presets import PRESETS, preset_names
from tests.unit.app.manifest.sound import SOUND

DEMO: Final = Path(__file__).parents[4] / "app" / "demo_manifest.yaml"
VALIDATOR: Final = jsonschema.Draft202012Validator(manifest_schema())


def read(text: str) -> Any:
    return read_document(text.encode(), "m.yaml").data


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(manifest_schema())


@pytest.mark.parametrize("text", [SOUND, DEMO.read_text("utf-8")], ids=["small", "demo"])
def test_sound_manifests_are_taken(text: str) -> None:
    assert list(VALIDATOR.iter_errors(read(text))) == []


def test_rules_of_claims_have_short_forms() -> None:
    terms = {"roles": {"claim": "g", "map": {"a": "planner"}}, "suppliers": "vendor"}
    issuer = {"issuer": "a", "audience": "b", "static_key": {"env": "KEY"}, **terms}
    written = around({"preset": "frepple", "url": "https://x"})
    written["identity"] = {"issuers": {"staff": issuer}, "api_keys": {"max_days": 30}}

    assert list(VALIDATOR.iter_errors(written)) == []


@pytest.mark.parametrize("preset", preset_names())
def test_a_whole_preset_is_taken_as_what_a_manifest_changes(preset: str) -> None:
    written = read((PRESETS / f"{preset}.yaml").read_text("utf-8"))
    parts = ("settings", "policy", "units", "entities")
    backend = {"preset": preset, "url": "https://x", **{p: written.get(p, {}) for p in parts}}

    assert list(VALIDATOR.iter_errors(around(backend))) == []


@pytest.mark.parametrize(
    "override",
    [
        None,
        {"fields": {"sku": "name"}},
        {"fields": {"sku": None, "name": {"template": "{a}-{b}"}}},
        {"key": "id"},
        {"key": ["a", {"path": "b", "type": "integer"}]},
        {"where": {"a": {"null": False}, "or": [{"b": 1}, {"c": [1, 2]}]}},
        {"related": {"x": None}, "lookups": {}},
        {"fields": {"status": {"map": {"A": "ACTIVE"}, "path": "s", "default": "BLOCKED"}}},
    ],
)
def test_short_forms_and_removals_are_taken(override: Mapping[str, Any] | None) -> None:
    backend = {"preset": "frepple", "url": {"env": "X"}, "entities": {"item": override}}

    assert list(VALIDATOR.iter_errors(around(backend))) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"preset": "frepl"},
        {"protocol": "rest"},
        {"url": 7},
        {"auth": {"kind": "basic", "username": "me", "password": "secret"}},
        {"auth": {"kind": "basic", "username": "me", "password": {"env": "A", "file": "b"}}},
        {"auth": {"kind": "magic"}},
        {"policy": {"timeout_s": 0}},
        {"policy": {"timeout": 1}},
        {"settings": {"pagez": {}}},
        {"polcy": {}},
        {"entities": {"itme": {}}},
        {"entities": {"item": {"feilds": {}}}},
        {"entities": {"item": {"fields": {"sku": {"pth": "x"}}}}},
        {"entities": {"item": {"fields": {"sku": 7}}}},
    ],
)
def test_broken_backends_are_refused(changes: Mapping[str, Any]) -> None:
    backend = {"preset": "frepple", "url": "https://x", **changes}

    assert list(VALIDATOR.iter_errors(around(backend)))


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"version": None},
        {"identity": {}},
        {"identity": {"development_key": "secret"}},
        {"identity": {"development_key": {"env": "KEY"}, "issuers": {}}},
        {"identity": {"issuers": {"a b": {"issuer": "a", "audience": "b"}}}},
        {"identity": {"issuers": {"a": {"issuer": "a"}}}},
        {"identity": {"issuers": {"a": {"issuer": "a", "audience": "b", "roles": {"map": 7}}}}},
        {"entities": {}},
        {"entities": {"item": {"sources": []}}},
        {"entities": {"item": {"sources": "a"}}},
        {"entities": {"item": {"sources": ["a"], "freshness_s": -1}}},
        {"entities": {"item": {"sources": ["a"], "grace_s": 1e9}}},
        {"crosswalks": {"item": {"file": "x", "rows": []}}},
        {"cache": {"redis_url": "redis://x"}},
        {"cache": {"answers": {"megabytes": 0}}},
        {"cache": {"answers": {"enabld": False}}},
        {"http": {"gzip_from_kilobytes": 0}},
        {"http": {"gzip": True}},
        {"limits": {"max_page_size": 0}},
        {"limts": {}},
    ],
)
def test_broken_manifests_are_refused(changes: Mapping[str, Any]) -> None:
    manifest = {**around({"preset": "frepple", "url": "https://x"}), **changes}

    assert list(VALIDATOR.iter_errors(manifest))


def test_every_key_is_described() -> None:
    definitions = {"Manifest": manifest_schema(), **manifest_schema()["$defs"]}
    silent = [
        f"{name}.{key}"
        for name, schema in definitions.items()
        for key, field in schema.get("properties", {}).items()
        if not {"description", "const", "$ref"} & field.keys()
    ]
    assert silent == []


def around(backend: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest with one backend."""
    return {
        "version": 1,
        "identity": {"development_key": {"env": "KEY"}},
        "backends": {"a": backend},
        "entities": {"item": {"sources": ["a"]}},
    }
