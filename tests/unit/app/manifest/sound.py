"""A small sound manifest, and what comes of changes in it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from app.manifest.loading import Declaration, load_manifest
from app.manifest.problems import ManifestError

SOUND: Final = """\
version: 1
identity:
  development_key: {env: KEY}
backends:
  erp:
    preset: sap_s4hana
    url: https://erp.example
    auth: {kind: basic, username: me, password: {env: ERP_PASSWORD}}
    policy: {timeout_s: 5}
  planning:
    preset: frepple
    url: {env: PLANNING_URL}
    settings: {time_zone: UTC}
    entities:
      forecast: {fields: {version: {const: v1}}}
entities:
  item: {sources: [erp, {backend: planning, region: EU, columns: [sku, name]}]}
  forecast:
    sources: [planning]
    freshness_s: 60
crosswalks:
  item: {rows: [{canonical: A, planning: a}]}
units:
  conversions:
    - {unit: BOX, base: PC, numerator: 12}
"""
ENVIRON: Final[Mapping[str, str]] = {
    "KEY": "development-only-" + "k" * 40,
    "ERP_PASSWORD": "hunter2",
    "PLANNING_URL": "http://127.0.0.1:1",
}


def load(folder: Path, text: str = SOUND, environ: Mapping[str, str] = ENVIRON) -> Declaration:
    """Load a manifest from a text."""
    file = folder / "supplygraph.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    return load_manifest(file, environ)


def wrong(
    folder: Path, *changes: tuple[str, str], environ: Mapping[str, str] = ENVIRON
) -> list[str]:
    """What is said of the sound manifest after changes: `line: path: message`."""
    text = SOUND
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    try:
        load(folder, text, environ)
    except ManifestError as exc:
        return [line.removeprefix(f"{exc.file}:") for line in exc.message.splitlines()]
    return []
