"""Events as CloudEvents 1.0 in the structured mode: what an event looks like outside."""

from typing import Any, Final

import msgspec

from canonical.events import Event, encode_data

DATA_SCHEMA: Final = "urn:supplygraph:event-data:"
"""With the type behind it, the `$id` of the schema of its data."""


def as_cloud_event(event: Event) -> dict[str, Any]:
    """The event as a JSON object; attributes that it does not have are left out.

    `sequence` is the position in the stream as text, as the CloudEvents extension has it.
    """
    found = {
        "specversion": "1.0",
        "id": event.event_id,
        "source": event.system,
        "type": event.type,
        "subject": event.business_key,
        "time": event.occurred_at.isoformat(),
        "datacontenttype": "application/json",
        "dataschema": DATA_SCHEMA + event.type,
        "correlationid": event.correlation_id,
        "sequence": str(event.position),
        "applied": event.applied,
        "data": msgspec.json.decode(encode_data(event.data)),
    }
    if event.traceparent is not None:
        found["traceparent"] = event.traceparent
    if event.recorded_at is not None:
        found["recordedtime"] = event.recorded_at.isoformat()
    return found
