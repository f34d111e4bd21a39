"""What a manifest says of the audit and of owners, and what is wrong with it."""

from pathlib import Path

import pytest

from app.governance.redaction import BUSINESS
from tests.unit.app.manifest.sound import SOUND, load, wrong


def test_defaults_are_safe(tmp_path: Path) -> None:
    manifest = load(tmp_path).manifest
    assert manifest.audit.redact == BUSINESS
    assert (manifest.audit.exports_from_rows, manifest.audit.retention_days) == (10_000, 2557)
    assert (manifest.governance.owners, manifest.governance.usage_days) == ({}, 400)


def test_owners_are_named_by_types_that_there_are(tmp_path: Path) -> None:
    said = "version: 1\ngovernance: {owners: {Money: finance, Itm: stock}}"
    [problem] = wrong(tmp_path, ("version: 1", said))
    assert problem == ("2: governance.owners.Itm: there is no type 'Itm'; did you mean 'Item'?")
    found = load(tmp_path, SOUND + "governance: {owners: {Money: finance}}\n")
    assert found.manifest.governance.owners == {"Money": "finance"}


@pytest.mark.parametrize(
    "said", ["audit: {exports_from_rows: 0}", "audit: {retention_days: 0}", "audit: {redact: ['']}"]
)
def test_what_makes_no_sense_is_told(tmp_path: Path, said: str) -> None:
    assert len(wrong(tmp_path, ("version: 1", f"version: 1\n{said}"))) == 1
