"""Each kind of change that breaks readers is found, and no other."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canonical.event_compatibility import breaking_changes
from canonical.event_schemas import event_schemas
from canonical.events import ACKNOWLEDGED, FORECAST_REVISED, STATUS_CHANGED

ORDER, FORECAST, PROMISE = STATUS_CHANGED.type, FORECAST_REVISED.type, ACKNOWLEDGED.type
Schemas = dict[str, Any]
Change = Callable[[Schemas], object]


def data(schemas: Schemas, name: str) -> Schemas:
    found: Schemas = schemas[name]["properties"]["data"]
    return found


def fields(schemas: Schemas, name: str) -> Schemas:
    found: Schemas = data(schemas, name)["properties"]
    return found


def lines(schemas: Schemas) -> Schemas:
    found: Schemas = fields(schemas, PROMISE)["lines"]["items"]
    return found


def after(change: Change) -> list[str]:
    before = event_schemas()
    changed = copy.deepcopy(before)
    change(changed)
    assert changed != before
    return breaking_changes(before, changed)


BREAKING: dict[str, tuple[Change, str]] = {
    "type removed": (lambda s: s.pop(ORDER), "the type was removed"),
    "field removed": (lambda s: fields(s, ORDER).pop("previous_status"), "was removed"),
    "attribute removed": (lambda s: s[ORDER]["properties"].pop("traceparent"), "`traceparent`"),
    "type changed": (lambda s: fields(s, FORECAST)["item"].update(type="integer"), "its `type`"),
    "null allowed": (
        lambda s: fields(s, FORECAST).update(
            item={"anyOf": [{"type": "string"}, {"type": "null"}]}
        ),
        "`data.item` changed what it may be",
    ),
    "null refused": (
        lambda s: fields(s, FORECAST)["unit"]["anyOf"].pop(),
        "`data.unit` changed what it may be",
    ),
    "new required field": (
        lambda s: (
            fields(s, ORDER).update(buyer={"type": "string"}),
            data(s, ORDER)["required"].append("buyer"),
        ),
        "`data.buyer` became required",
    ),
    "field became required": (
        lambda s: data(s, ORDER)["required"].append("previous_status"),
        "`data.previous_status` became required",
    ),
    "field became optional": (
        lambda s: data(s, ORDER)["required"].remove("number"),
        "`data.number` is no longer required",
    ),
    "enum gained": (lambda s: fields(s, ORDER)["status"]["enum"].append("LOST"), "gained `LOST`"),
    "enum lost": (lambda s: fields(s, ORDER)["status"]["enum"].remove("SENT"), "lost `SENT`"),
    "enum opened": (
        lambda s: fields(s, ORDER)["status"].pop("enum"),
        "`data.status` is no longer a list of values",
    ),
    "enum closed": (
        lambda s: fields(s, ORDER)["number"].update(enum=["1"]),
        "`data.number` became a list of values",
    ),
    "enum behind null": (
        lambda s: fields(s, ORDER)["previous_status"]["anyOf"][0]["enum"].append("LOST"),
        "`data.previous_status` gained `LOST`",
    ),
    "format": (
        lambda s: fields(s, FORECAST)["period_start"].update(format="date-time"),
        "changed its `format` from `date` to `date-time`",
    ),
    "pattern": (lambda s: fields(s, FORECAST)["quantity"].pop("pattern"), "its `pattern`"),
    "default": (lambda s: fields(s, FORECAST)["unit"].update(default="EA"), "its `default`"),
    "closed to more": (lambda s: data(s, ORDER).update(additionalProperties=False), "`data`"),
    "within a list": (
        lambda s: lines(s)["properties"].pop("confirmed_on"),
        "`data.lines[].confirmed_on` was removed",
    ),
    "list of anything": (lambda s: fields(s, PROMISE)["lines"].pop("items"), "a list of"),
}

ALLOWED: dict[str, Change] = {
    "new optional field": lambda s: fields(s, ORDER).update(buyer={"type": "string"}),
    "new optional field in a list": lambda s: lines(s)["properties"].update(a={"type": "null"}),
    "new optional attribute": lambda s: s[ORDER]["properties"].update(tenant={"type": "string"}),
    "new type": lambda s: s.update({"supplygraph.order.lost.v1": {"type": "object"}}),
    "new version": lambda s: s.update({ORDER[:-1] + "2": {"type": "object"}}),
    "description": lambda s: fields(s, ORDER)["number"].update(description="Another."),
    "title": lambda s: data(s, ORDER).update(title="Another"),
    "rules": lambda s: s[ORDER].update({"x-owner": "sales", "x-retention-days": 1}),
    "order of values": lambda s: fields(s, ORDER)["status"]["enum"].reverse(),
    "order of choices": lambda s: fields(s, FORECAST)["unit"]["anyOf"].reverse(),
    "a field called title": lambda s: fields(s, ORDER).update(title={"type": "string"}),
}


@pytest.mark.parametrize("kind", BREAKING)
def test_a_change_that_breaks_readers_is_found_once_and_named(kind: str) -> None:
    change, said = BREAKING[kind]
    (message,) = after(change)
    assert said in message
    assert message.startswith("supplygraph.")


@pytest.mark.parametrize("kind", ALLOWED)
def test_a_change_that_readers_bear_passes(kind: str) -> None:
    assert after(ALLOWED[kind]) == []


def test_the_message_says_what_to_do() -> None:
    assert after(lambda s: fields(s, ORDER).pop("number"))[0] == (
        f"{ORDER}: `data.number` was removed; make it a new version beside this one"
    )


@settings(max_examples=20)
@given(st.lists(st.sampled_from(sorted(ALLOWED)), min_size=1, unique=True))
def test_changes_that_readers_bear_pass_together(kinds: list[str]) -> None:
    before = event_schemas()
    changed = copy.deepcopy(before)
    for kind in kinds:
        ALLOWED[kind](changed)
    assert breaking_changes(before, changed) == []
