"""The schemas of events say what events really look like."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from canonical.cloud_events import as_cloud_event
from canonical.event_compatibility import breaking_changes
from canonical.event_examples import EXAMPLES
from canonical.event_schemas import data_schema, event_schema, event_schemas
from canonical.events import EVENT_TYPES, FORECAST_REVISED, STATUS_CHANGED, Replay

ROOT = Path(__file__).parents[3]
PUBLISHED = ROOT / "tests" / "schema" / "events.json"
Checker = jsonschema.Draft202012Validator


def problems(schema: dict[str, Any], value: object) -> list[str]:
    checker = Checker(schema, format_checker=Checker.FORMAT_CHECKER)
    return [e.json_path for e in checker.iter_errors(value)]


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_an_event_of_each_type_fits_its_schemas(name: str) -> None:
    event, kind = as_cloud_event(EXAMPLES[name]), EVENT_TYPES[name]
    for schema in (event_schema(kind), data_schema(kind)):
        Checker.check_schema(schema)
        assert "$ref" not in json.dumps(schema)
    assert problems(event_schema(kind), event) == []
    assert problems(data_schema(kind), event["data"]) == []
    assert event["dataschema"] == data_schema(kind)["$id"]


@pytest.mark.parametrize(
    "place, value",
    [
        ("quantity", "12,5"),
        ("quantity", 12.5),
        ("period_start", "2026-02-30"),
        ("item", None),
        ("previous_quantity", "x"),
    ],
)
def test_what_no_event_looks_like_does_not_fit(place: str, value: object) -> None:
    event = as_cloud_event(EXAMPLES[FORECAST_REVISED.type])
    event["data"][place] = value
    assert problems(event_schema(FORECAST_REVISED), event) == [f"$.data.{place}"]


def test_a_status_that_there_is_not_does_not_fit() -> None:
    event = as_cloud_event(EXAMPLES[STATUS_CHANGED.type])
    event["data"]["status"] = "LOST"
    assert problems(event_schema(STATUS_CHANGED), event) == ["$.data.status"]


def test_schemas_carry_name_and_rules() -> None:
    schema = data_schema(STATUS_CHANGED)
    assert (
        schema["$id"] == "urn:supplygraph:event-data:supplygraph.purchase_order.status_changed.v1"
    )
    assert schema["description"] == "An order came to another status."
    assert (schema["x-owner"], schema["x-retention-days"]) == ("purchasing", 2557)
    assert schema["x-replay"] == Replay.ALWAYS.value


def test_readers_of_what_was_published_can_go_on() -> None:
    assert breaking_changes(json.loads(PUBLISHED.read_text()), event_schemas()) == []


def test_what_is_published_is_what_there_is() -> None:
    """A change is seen in review: `supplygraph event-schemas > tests/schema/events.json`."""
    text = json.dumps(event_schemas(), indent=2, ensure_ascii=False) + "\n"
    assert PUBLISHED.read_text() == text


def test_the_page_of_events_names_each_type_with_its_rules() -> None:
    rows = [
        r for r in (ROOT / "docs" / "events.md").read_text().splitlines() if "`supplygraph." in r
    ]
    assert [r for r in rows if r.startswith("|")] == [
        f"| `{k.type}` | {(k.data.__doc__ or '').strip()} | {k.owner} | {k.retention_days} days "
        f"| {k.replay.value} | {'yes' if k.coalesces else 'no'} |"
        for k in EVENT_TYPES.values()
    ]
