"""JSON Schemas (2020-12) of the events, made from the table of types.

Of each type there are two: of its data alone, and of the whole CloudEvent in structured mode. Both
stand by themselves: nothing in them refers to elsewhere. They are open: readers must pass over
fields that they do not know, for a type may gain optional ones.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from canonical.cloud_events import DATA_SCHEMA
from canonical.events import EVENT_TYPES, EventType

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
EVENT_SCHEMA: Final = "urn:supplygraph:event:"
DECIMAL: Final = r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"

_DEFS: Final = "#/$defs/"
_Schema = dict[str, Any]


def data_schema(kind: EventType) -> _Schema:
    """The schema of what an event of a type says beside its envelope."""
    return {"$schema": DIALECT, "$id": DATA_SCHEMA + kind.type, **_data(kind), **_rules(kind)}


def event_schema(kind: EventType) -> _Schema:
    """The schema of a whole event of a type: a CloudEvent in structured mode."""
    return {"$schema": DIALECT, "$id": EVENT_SCHEMA + kind.type, **envelope(kind)}


def event_schemas() -> dict[str, _Schema]:
    """The schemas of the whole events, by type, sorted. This is what is published."""
    return {name: event_schema(EVENT_TYPES[name]) for name in sorted(EVENT_TYPES)}


def envelope(kind: EventType) -> _Schema:
    """As `event_schema`, without the names that make it a document of its own."""
    attributes: dict[str, _Schema] = {
        "specversion": {"const": "1.0"},
        "id": _text("Given by the log; names the event for good.", minLength=1),
        "source": _text("The system that it comes from.", format="uri-reference", minLength=1),
        "type": {"const": kind.type},
        "subject": _text("Business key of the record, e.g. `purchase_order:4500001`."),
        "time": _text("When it happened, as its system says.", format="date-time"),
        "datacontenttype": {"const": "application/json"},
        "dataschema": {"const": DATA_SCHEMA + kind.type},
        "correlationid": _text("Ties everything about it together."),
        "sequence": _text("Place in its stream, from 1 on without gaps.", pattern="^[0-9]+$"),
        "applied": {
            "type": "boolean",
            "description": "False if it came after a newer one: it moves nothing back.",
        },
        "data": _data(kind),
    }
    optional: dict[str, _Schema] = {
        "traceparent": _text("W3C trace context that it came with."),
        "recordedtime": _text("When the log took it.", format="date-time"),
    }
    return {
        "title": kind.type,
        "description": _data(kind)["description"],
        "type": "object",
        "properties": attributes | optional,
        "required": sorted(attributes),
        **_rules(kind),
    }


def _rules(kind: EventType) -> _Schema:
    return {
        "x-owner": kind.owner,
        "x-stream": kind.stream.value,
        "x-retention-days": kind.retention_days,
        "x-replay": kind.replay.value,
        "x-coalesces": kind.coalesces,
    }


def _text(description: str, **more: Any) -> _Schema:
    return {"type": "string", "description": description, **more}


def _data(kind: EventType) -> _Schema:
    (schema,), parts = msgspec.json.schema_components([kind.data], ref_template=_DEFS + "{name}")
    whole: _Schema = _inlined(schema, parts)
    return whole


def _inlined(node: Any, parts: Mapping[str, Any]) -> Any:
    """The node with its parts in place. No data refers to itself, hence this ends."""
    if isinstance(node, list | tuple):
        return [_inlined(n, parts) for n in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        part = parts[node["$ref"].removeprefix(_DEFS)]
        node = {**part, **{k: v for k, v in node.items() if k != "$ref"}}
    found = {key: _inlined(value, parts) for key, value in node.items()}
    if found.get("format") == "decimal":
        found["pattern"] = DECIMAL
    if "enum" in found:
        found["type"] = "string"
    return found
