"""One manifest with many mistakes over real systems: each is named, with its place and a remedy."""

import asyncio
from typing import Final

import pytest

from app.check import Report, check_installation
from canonical.ports import Finding, Severity
from tests.app.installed import LaidOut

# What stands there -> what stands there instead. Mistakes in the manifest itself come first.
MISTAKES: Final = {
    "version: 1\n": "version: 1\nlimts: {max_nodes: 10}\n",
    "  planning: # a frePPLe\n": """\
  spare: {preset: coupaa, url: "http://127.0.0.1:9"}
  archive:
    preset: frepple
    url: {env: ARCHIVE_URL}
  far: {preset: frepple, url: "http://127.0.0.1:9"}
  planning: # a frePPLe
""",
    "      scope:\n": """\
      scope: # below: a dataset and a value without a rule
""",
    "    preset: coupa\n": """\
    preset: coupa
    entities:
      receipt: {dataset: api/receivng_transactions}
      purchase_order:
        fields:
          status:
            rules: [{when: {status: issued}, then: SENT}]
            default: DRAFT
            known: {status: [issued]}
""",
    "    entities: # what differs here from the preset\n": """\
    entities:
      item: {fields: {category: PrductGroup}}
      inventory: {fields: {on_hnd: MatlWrhsStkQtyInMatlBaseUnit}}
""",
    "{sources: [erp], freshness_s: 60}": "{sources: [erp], freshness_s: .inf}",
    "  item: {sources: [erp]}": "  item: {sources: [erp, far, archive]}",
    "  forecast: {sources: [planning], freshness_s: 300}": "  forecast: {sources: [planing]}",
    "  supply_source: {sources: [erp]}": "  supply_source: {sources: [erp, planning]}",
    "  recommendation: {sources: [planning]}": "  recommendation: {sources: [procurement]}",
    "  location: {file: crosswalks/locations.csv}": "  location: {rows: [{canonical: A, epr: B}]}",
}

# Where a mistake is told (by its line where it is in the manifest), what is said, what is advised.
TOLD: Final = (
    ("manifest", "limts", "no such key", "did you mean 'limits'"),
    ("manifest", "backends.spare.preset", "no preset 'coupaa'", "did you mean 'coupa'"),
    ("manifest", "backends.archive.url", "ARCHIVE_URL is not set", "set it before the start"),
    ("manifest", "backends.erp.entities.inventory.fields.on_hnd", "no such column", "'on_hand'"),
    ("manifest", "entities.inventory.freshness_s", "must be finite", "seconds during which"),
    ("manifest", "entities.forecast.sources[0]", "no backend 'planing'", "mean 'planning'"),
    (
        "manifest",
        "entities.recommendation.sources[0]",
        "no mapping for 'recomm",
        "name another one",
    ),
    ("manifest", "crosswalks.location.rows[0].epr", "no backend 'epr'", "did you mean 'erp'"),
    ("erp", "item.category", "does not have the path PrductGroup", "Correct the path"),
    ("far", "connection", "", "Check `url`"),
    ("planning", "auth", "", "Check `auth`"),
    ("procurement", "dataset", "api/receivng_transactions", "Correct `dataset`"),
    ("procurement", "purchase_order.status", "seen but not mapped", "by rules and `known`"),
)


@pytest.fixture
def report(installed: LaidOut) -> Report:
    spoiled = installed.rewritten(MISTAKES)
    environ = {**spoiled.environ, "DEMO_PLANNING_PASSWORD": "wrong"}
    return asyncio.run(check_installation(spoiled.manifest, environ))


def test_every_mistake_is_named_with_its_place_and_what_to_do(report: Report) -> None:
    findings = report.all_findings()

    missing = [told for told in TOLD if not any(_is(f, told) for f in findings)]
    assert missing == [], findings
    assert not report.ok


def test_nothing_else_is_complained_about(report: Report) -> None:
    complaints = [f for f in report.all_findings() if f.severity is not Severity.OK]

    assert [f for f in complaints if not any(_is(f, told) for told in TOLD)] == []
    assert all(f.remedy for f in complaints)


def test_mistakes_in_the_manifest_are_told_with_their_line(
    installed: LaidOut, report: Report
) -> None:
    lines = {p.path: p.line for p in report.problems}

    assert lines["limts"] == installed.line_of("limts")
    assert lines["backends.archive.url"] == installed.line_of("ARCHIVE_URL")
    assert lines["entities.forecast.sources[0]"] == installed.line_of("[planing]")
    assert lines["crosswalks.location.rows[0].epr"] == installed.line_of("epr: B")


def test_a_sound_manifest_is_well(installed: LaidOut) -> None:
    report = asyncio.run(check_installation(installed.manifest, installed.environ))

    assert report.ok
    assert [f for f in report.all_findings() if f.severity is not Severity.OK] == []
    assert {f.system for f in report.findings} == {"erp", "procurement", "planning"}


def test_a_backend_that_nothing_comes_from_is_a_warning(installed: LaidOut) -> None:
    installed.rewritten(
        {
            "  forecast: {sources: [planning], freshness_s: 300}\n": "",
            "  recommendation: {sources: [planning]}\n": "",
            "    watch: {forecast: {}}\n": "    watch: {}\n",
            "  replenishment: {debounce_s: 2, wait_at_most_s: 10, nightly_at: null}\n": "",
            "  forecasts: {system: planning}\n": "",
        }
    )
    report = asyncio.run(check_installation(installed.manifest, installed.environ))

    assert report.ok
    (warning,) = [f for f in report.findings if f.severity is Severity.WARNING]
    assert (warning.system, warning.where) == ("planning", "entities")
    assert "sources" in warning.remedy


def test_no_secret_is_told(installed: LaidOut, report: Report) -> None:
    text = repr(report.all_findings())
    secrets = [v for name, v in installed.environ.items() if name.endswith(("PASSWORD", "KEY"))]

    assert [s for s in (*secrets, "wrong") if f"'{s}'" in text or f" {s}" in text] == []


def _is(finding: Finding, told: tuple[str, str, str, str]) -> bool:
    system, where, message, remedy = told
    return (
        finding.system == system
        and finding.where.endswith(where)
        and message in finding.message
        and remedy in finding.remedy
        and finding.severity is not Severity.OK
    )
