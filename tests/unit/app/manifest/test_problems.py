"""What is said of a manifest: line, key path, remedy; everything at once, and no secret."""

from pathlib import Path

import pytest

from app.manifest.loading import load_manifest
from app.manifest.problems import ManifestError
from tests.unit.app.manifest.sound import ENVIRON, SOUND, load, wrong


def test_a_sound_manifest_has_no_problems(tmp_path: Path) -> None:
    assert wrong(tmp_path) == []


@pytest.mark.parametrize(
    "old, new, said",
    [
        ("version: 1", "version: 2", "1: version: must be at most 1; this is: version of"),
        ("version: 1", "#", "1: version: is missing; this is: version of the manifest's own form"),
        ("units:", "unitz:", "23: unitz: there is no such key; did you mean 'units'?"),
        (
            "policy: {timeout_s: 5}",
            "policy: {timeout: 5}",
            "9: backends.erp.policy.timeout: there is no such key; did you mean 'timeout_s'?",
        ),
        (
            "timeout_s: 5",
            "timeout_s: soon",
            "9: backends.erp.policy.timeout_s: wants a number, found 'soon'; this is: longest time",
        ),
        (
            "kind: basic",
            "kind: basics",
            "8: backends.erp.auth.kind: there is no kind 'basics'; did you mean 'basic'?",
        ),
        ("kind: basic, ", "", "8: backends.erp.auth: does not say its 'kind'; there is: api_key"),
        (
            "username: me, ",
            "",
            "8: backends.erp.auth.username: is missing; this is: user name",
        ),
        (
            "password: {env: ERP_PASSWORD}",
            "password: hunter2",
            "8: backends.erp.auth.password: a secret is not written into the manifest",
        ),
        (
            "{env: ERP_PASSWORD}",
            "{env: ERP_PASSWORD, file: x}",
            "8: backends.erp.auth.password: name the place of the value by exactly one of",
        ),
        (
            "{env: ERP_PASSWORD}",
            "{env: NONE}",
            "8: backends.erp.auth.password: the environment variable NONE is not set",
        ),
        (
            "{env: ERP_PASSWORD}",
            "{file: none}",
            "8: backends.erp.auth.password: the file none cannot be read",
        ),
        (
            "preset: frepple",
            "preset: frepl",
            "11: backends.planning.preset: there is no preset 'frepl'; did you mean 'frepple'?",
        ),
        (
            "preset: frepple",
            "preset: frepple\n    protocol: rest",
            "10: backends.planning: say how the system speaks by exactly one of",
        ),
        (
            "url: https://erp.example",
            "url: erp.example",
            "7: backends.erp.url: is no address of a web service",
        ),
        (
            "url: https://erp.example",
            "url: https://me:secret@erp.example",
            "7: backends.erp.url: holds credentials",
        ),
        (
            "url: https://erp.example",
            "url: https://[erp.example",
            "7: backends.erp.url: is no address that can be read",
        ),
        (
            "url: https://erp.example",
            "url: https://erp.example:http",
            "7: backends.erp.url: is no address that can be read",
        ),
        (
            "settings: {time_zone: UTC}",
            "settings: {pagez: {}}",
            "13: backends.planning.settings.pagez: there is no such key; did you mean 'pages'?",
        ),
        (
            "forecast: {fields: {version: {const: v1}}}",
            "forecast: {fields: {versoin: {const: v1}}}",
            "15: backends.planning.entities.forecast.fields.versoin: Forecast has no such column",
        ),
        (
            "forecast: {fields: {version: {const: v1}}}",
            "forecast: {writes: {publish: {columns: [item, quantiy]}}}",
            "15: backends.planning.entities.forecast.writes.publish.columns: nothing that is",
        ),
        (
            "forecast: {fields: {version: {const: v1}}}",
            "forecast: {writes: {publish: {sent: {}}}}",
            "15: backends.planning.entities.forecast.writes.publish.sent: there is no such key",
        ),
        (
            "forecast: {fields: {version: {const: v1}}}",
            "forecast: {writes: {cancelled: {a: b}}}",
            "15: backends.planning.entities.forecast.writes.cancelled: belongs to orders: of",
        ),
        (
            "forecast: {fields: {version: {const: v1}}}",
            "forecats: {fields: {version: {const: v1}}}",
            "15: backends.planning.entities.forecats: there is no entity 'forecats'; did you mean",
        ),
        (
            "  planning:\n    preset",
            "  supplygraph: {preset: coupa, url: {env: PLANNING_URL}}\n  planning:\n    preset",
            "10: backends.supplygraph: no backend may be called so: it is what records and events",
        ),
        (
            "item: {sources: [erp, ",
            "item: {sources: [epr, ",
            "17: entities.item.sources[0]: there is no backend 'epr'; did you mean 'erp'?",
        ),
        (
            "{backend: planning, region",
            "{backend: plannin, region",
            "17: entities.item.sources[1].backend: there is no backend 'plannin'; did you mean",
        ),
        (
            "{backend: planning, region",
            "{backend: erp, region",
            "17: entities.item.sources[1].backend: backend 'erp' is named twice",
        ),
        (
            "columns: [sku, name]",
            "columns: [sku, nam]",
            "17: entities.item.sources[1].columns[1]: item has no column 'nam'; did you mean",
        ),
        (
            "columns: [sku, name]",
            "columns: [sku, standard_cost]",
            "17: entities.item.sources[1].columns[1]: backend 'planning' has no field 'standard_c",
        ),
        (
            "    freshness_s: 60",
            "  recommendation: {sources: [erp]}",
            "20: entities.recommendation.sources[0]: backend 'erp' has no mapping for 'recommend",
        ),
        ("sources: [planning]", "sources: []", "19: entities.forecast.sources: "),
        (
            "sources: [planning]",
            "sources: planning",
            "19: entities.forecast.sources: wants a list",
        ),
        (
            "freshness_s: 60",
            "freshness_s: -1",
            "20: entities.forecast.freshness_s: must be at least",
        ),
        (
            "freshness_s: 60",
            "freshness_s: .inf",
            "20: entities.forecast.freshness_s: must be finite",
        ),
        (
            "freshness_s: 60",
            "grace_s: 604801",
            "20: entities.forecast.grace_s: must be at most 604800",
        ),
        (
            "{canonical: A, planning: a}",
            "{canonical: A, planing: a}",
            "22: crosswalks.item.rows[0].planing: there is no backend 'planing'; did you mean",
        ),
        (
            "item: {rows: [{canonical: A, planning: a}]}",
            "forecast: {rows: []}",
            "22: crosswalks.forecast: no other record refers to a forecast by key",
        ),
        (
            "numerator: 12",
            "numerator: 0",
            "25: units.conversions[0].numerator: must be more than 0",
        ),
        ("base: PC", "base: BOX", "25: units.conversions[0]: converts a unit into itself"),
        ("base: PC", "base: NO, item: 7", "25: units.conversions[0].item: wants a text, and YAML"),
        (
            "development_key: {env: KEY}",
            "development_key: {env: ERP_PASSWORD}",
            "2: identity: tokens are made with development keys alone",
        ),
        (
            "development_key: {env: KEY}",
            "issuers: {staff: {issuer: 'https://login.example'}}",
            "3: identity.issuers.staff.audience: is missing; this is: what `aud` must be",
        ),
        (
            "development_key: {env: KEY}",
            "issuers: {staff: {issuer: supplygraph-keys, audience: a, static_key: {env: KEY}}}",
            "3: identity.issuers.staff: supplygraph-keys is the issuer of keys and tokens that are",
        ),
        (
            "development_key: {env: KEY}",
            "issuers: {staff: {issuer: staff, audience: sg}}",
            "3: identity.issuers.staff: say where its keys are: jwks_url or static_key",
        ),
        (
            "development_key: {env: KEY}",
            "issuers: {a: {issuer: a, audience: a, roles: {claim: g, map: {a: planer}}}}",
            "3: identity.issuers.a.roles.map.a: cannot be 'planer'; did you mean 'planner'?",
        ),
        (
            "development_key: {env: KEY}",
            "issuers: {staff: {issuer: 'https://a.example', audience: sg, suppliers: {clam: g}}}",
            "3: identity.issuers.staff.suppliers.clam: there is no such key; did you mean 'claim'",
        ),
        (
            "development_key: {env: KEY}",
            "issuers: {staff: {issuer: a, audience: sg, static_key: {env: ERP_PASSWORD}}}",
            "2: identity: issuer staff: static_key is shorter than 32 bytes",
        ),
        (
            "development_key: {env: KEY}",
            "development_key: {env: KEY}\n  issuers: {}",
            "2: identity: say whose tokens are accepted by exactly one of development_key",
        ),
        (
            "units:",
            "cache: {redis_url: {env: ERP_PASSWORD}}\nunits:",
            "23: cache.redis_url: :// is not an address of Redis",
        ),
    ],
)
def test_a_mistake_is_told_with_line_path_and_remedy(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    found = wrong(tmp_path, (old, new))

    assert [line for line in found if line.startswith(said)], found
    assert len(found) == 1, found


def test_everything_is_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = wrong(
        tmp_path,
        ("timeout_s: 5", "timeout_s: 0"),
        ("{const: v1}", "{cnst: v1}"),
        ("item: {sources: [erp, ", "item: {sources: [epr, "),
        ("{canonical: A, planning: a}", "{canonical: A, planing: a}"),
        ("numerator: 12", "numerator: x"),
        ("version: 1", "verzion: 1"),
    )

    lines = [int(line.split(":", 1)[0]) for line in found]
    assert lines == sorted(lines)
    assert set(lines) == {1, 9, 15, 17, 22, 25}


def test_a_backend_with_one_wrong_key_is_looked_through_nonetheless(tmp_path: Path) -> None:
    found = wrong(
        tmp_path, ("preset: frepple", "preset: frepple\n    polcy: {}"), ("v1}", "v1, x: y}")
    )

    assert [line.split(": ", 2)[1] for line in found] == [
        "backends.planning.polcy",
        "backends.planning.entities.forecast.fields.version.x",
    ]


def test_an_entity_that_is_wrong_in_its_backend_is_not_complained_about_twice(
    tmp_path: Path,
) -> None:
    assert len(wrong(tmp_path, ("{const: v1}", "{cnst: v1}"))) == 1


@pytest.mark.parametrize(
    "change",
    [
        ("password: {env: ERP_PASSWORD}", "password: hunter2"),
        ("password: {env: ERP_PASSWORD}", "password: [hunter2]"),
        ("{kind: basic, username: me, password: {env: ERP_PASSWORD}}", "hunter2"),
        ("url: https://erp.example", "url: https://me:hunter2@erp.example"),
        ("url: https://erp.example", "url: https://me:hunter2"),
        (
            "development_key: {env: KEY}",
            "issuers: {a: {issuer: a, audience: a, static_key: hunter2}}",
        ),
        ("development_key: {env: KEY}", "development_key: {env: ERP_PASSWORD}"),
    ],
)
def test_no_secret_is_repeated(tmp_path: Path, change: tuple[str, str]) -> None:
    found = wrong(tmp_path, change)

    assert found
    assert "hunter2" not in "".join(found)


def test_redis_url_from_the_environment_is_looked_at_too(tmp_path: Path) -> None:
    found = wrong(tmp_path, environ={**ENVIRON, "REDIS_URL": "http://x"})

    (line,) = found
    assert line.startswith("1: cache.redis_url: REDIS_URL: http:// is not an address of Redis")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"none.yaml:1: cannot be read: No such file"):
        load_manifest(tmp_path / "none.yaml", {})


def test_what_a_loaded_manifest_says(tmp_path: Path) -> None:
    declared = load(tmp_path, SOUND)

    assert list(declared.manifest.backends) == ["erp", "planning"]
    assert declared.redis_url is None
    assert load(tmp_path, SOUND, {**ENVIRON, "REDIS_URL": "redis://r"}).redis_url == "redis://r"
