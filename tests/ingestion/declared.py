"""What declares the nightly forecast file, for tests that need no system."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.ingest.files import digest_of
from app.manifest.bulk import RowsConfig, reading_of
from canonical.entities import EntityName
from runtime.security.development import new_development_key
from workflows.ingestion.bulk import BulkRun
from workflows.ingestion.row_records import Reports
from workflows.ingestion.rows import RowFile

ROOT = Path(__file__).parents[2]
FORECAST = EntityName.FORECAST
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ROWS = RowsConfig(
    columns={
        "item": "item",
        "location": "location",
        "period_start": "startdate",
        "period_end": "enddate",
        "quantity": "forecasttotal",
        "revised_at": "lastmodified",
    },
    key=("item", "location", "customer", "startdate"),
)

HEAD = "item,location,customer,startdate,enddate,forecasttotal,lastmodified\n"
_MANIFEST = """
version: 1
backends:
  planning:
    preset: frepple
    url: http://127.0.0.1:9/
    auth: {kind: basic, username: user, password: {env: PLANNING_PASSWORD}}
identity:
  development_key: {env: SUPPLYGRAPH_DEVELOPMENT_KEY}
entities:
  forecast: {sources: [planning]}
ingestion:
  planning:
    bulk:
      forecast:
        columns:
          item: item
          location: location
          period_start: startdate
          period_end: enddate
          quantity: forecasttotal
          revised_at: lastmodified
        key: [item, location, customer, startdate]
        max_megabytes: 1
"""


def line(item: str, quantity: str, at: str = "2026-11-21T02:30:00", day: str = "2026-11-23") -> str:
    """A row of the file."""
    return f"{item},DC,All,{day}T00:00:00,2026-11-30T00:00:00,{quantity},{at}\n"


def declared_in(folder: Path, **spoiled: str) -> tuple[Path, dict[str, str]]:
    """The manifest, with parts of it replaced, and the environment that it refers to."""
    text = _MANIFEST
    for old, new in spoiled.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    file = folder / "supplygraph.yaml"
    file.write_text(text, encoding="utf-8")
    given = {
        "PLANNING_PASSWORD": "x",
        "SUPPLYGRAPH_DEVELOPMENT_KEY": new_development_key(),
        "SUPPLYGRAPH_MANIFEST": str(file),
    }
    return file, {**os.environ, "DATABASE_URL": "", "REDIS_URL": "", **given}


def run_of(file: Path, rows: RowsConfig = ROWS, **more: Any) -> BulkRun:
    """What is to be taken in of a file."""
    digest = digest_of(file)
    reading = reading_of("planning", FORECAST, rows, more.pop("walks", {}))
    run = more.pop("run", digest[:24])
    baseline = more.pop("baseline", False)
    return BulkRun(
        file=RowFile(file),
        reports=Reports(reading=reading, run=run, baseline=baseline),
        digest=digest,
        **more,
    )


def written(folder: Path, content: str | bytes, name: str = "f.csv") -> Path:
    """A file of a content."""
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file
