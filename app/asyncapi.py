"""The AsyncAPI 3.0 document: what this service tells, by stream, and what it may be told.

Made from the table of event types alone, so it is the same for every installation.
"""

from typing import Any, Final

from canonical.cloud_events import as_cloud_event
from canonical.event_examples import EXAMPLES
from canonical.event_schemas import envelope
from canonical.events import EVENT_TYPES, STREAMS

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
_PLAIN: Final = "application/json"
_INGEST: Final = "ingest"
_DELIVERY: Final = "Delivery"
_ATTRIBUTES: Final = {"id": True, "source": True, "type": True, "time": False, "subject": False}
"""CloudEvents attributes of deliveries, and whether they must be there beside `specversion`."""


def asyncapi() -> dict[str, Any]:
    """The document; every reference in it stays within it."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Supplygraph events",
            "version": "1.0.0",
            "description": (
                "Business events of ERP, procurement and planning systems as CloudEvents 1.0. "
                "Each type carries its version in its name; within a version, only optional "
                "fields are added: pass over those that you do not know."
            ),
        },
        "defaultContentType": STRUCTURED,
        "servers": {
            "service": {
                "host": "{host}",
                "protocol": "https",
                "description": "The service that this document was read from.",
                "variables": {"host": {"default": "supplygraph.example.com"}},
            }
        },
        "channels": {**{s.value: _stream(s.value) for s in STREAMS}, _INGEST: _ingest()},
        "operations": _operations(),
        "components": {
            "messages": {**_event_messages(), **_delivery_messages()},
            "messageTraits": {"structured": _structured(STRUCTURED)},
            "schemas": {
                **{name: envelope(kind) for name, kind in EVENT_TYPES.items()},
                _DELIVERY: _delivery(),
            },
        },
    }


def _types(stream: str) -> list[str]:
    return [name for name, kind in EVENT_TYPES.items() if kind.stream.value == stream]


def _named(names: list[str]) -> dict[str, Any]:
    return {name: _ref("components", "messages", name) for name in names}


def _stream(stream: str) -> dict[str, Any]:
    return {
        "address": None,
        "description": (
            f"The stream `{stream}` of the log: its events in order, without gaps. "
            "It is heard of through GraphQL subscriptions at `/graphql`."
        ),
        "messages": _named(_types(stream)),
    }


def _ingest() -> dict[str, Any]:
    return {
        "address": "/ingest/{system}",
        "description": "Where systems report changes; answered when they are in the log.",
        "parameters": {"system": {"description": "Name of the system in the manifest."}},
        "messages": _named(["delivery", "delivery_batch", "delivery_binary"]),
    }


def _operations() -> dict[str, Any]:
    told = {
        f"send_{s.value}": {
            "action": "send",
            "channel": _ref("channels", s.value),
            "messages": [_ref("channels", s.value, "messages", n) for n in _types(s.value)],
        }
        for s in STREAMS
    }
    heard = {
        "action": "receive",
        "channel": _ref("channels", _INGEST),
        "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
    }
    return {**told, "receive_deliveries": heard}


def _event_messages() -> dict[str, Any]:
    return {
        name: {
            "name": name,
            "title": f"{kind.stream.value} {kind.name}".replace("_", " "),
            "summary": kind.data.__doc__,
            "contentType": STRUCTURED,
            "traits": [_ref("components", "messageTraits", "structured")],
            "payload": _ref("components", "schemas", name),
            "examples": [
                {
                    "headers": {"content-type": STRUCTURED},
                    "payload": as_cloud_event(EXAMPLES[name]),
                }
            ],
        }
        for name, kind in EVENT_TYPES.items()
    }


def _delivery_messages() -> dict[str, Any]:
    one, whole = _ref("components", "schemas", _DELIVERY), {"type": "object"}
    return {
        "delivery": {
            "title": "One report, as a CloudEvent in structured mode",
            "contentType": STRUCTURED,
            "traits": [_structured(STRUCTURED)],
            "payload": one,
        },
        "delivery_batch": {
            "title": "Several reports, taken whole or not at all",
            "contentType": BATCH,
            "traits": [_structured(BATCH)],
            "payload": {"type": "array", "items": one},
        },
        "delivery_binary": {
            "title": "One report, its attributes in headers and its data as the body",
            "contentType": _PLAIN,
            "headers": _binary_headers(),
            "payload": whole,
        },
    }


def _structured(content_type: str) -> dict[str, Any]:
    return {
        "headers": {
            "type": "object",
            "properties": {"content-type": {"type": "string", "const": content_type}},
            "required": ["content-type"],
        }
    }


def _binary_headers() -> dict[str, Any]:
    attributes = {f"ce-{name}": {"type": "string"} for name in _ATTRIBUTES}
    return {
        "type": "object",
        "properties": {"ce-specversion": {"type": "string", "const": "1.0"}, **attributes},
        "required": ["ce-specversion", *(f"ce-{n}" for n, needed in _ATTRIBUTES.items() if needed)],
    }


def _delivery() -> dict[str, Any]:
    """A CloudEvent of a system: what its data looks like is the system's affair."""
    attributes = {name: {"type": "string", "minLength": 1} for name in _ATTRIBUTES}
    return {
        "description": "A CloudEvent of a system; the manifest says how its data is read.",
        "type": "object",
        "properties": {
            "specversion": {"type": "string", "const": "1.0"},
            **attributes,
            "data": {"description": "As the system writes it."},
        },
        "required": ["specversion", *(name for name, needed in _ATTRIBUTES.items() if needed)],
    }


def _ref(*path: str) -> dict[str, str]:
    return {"$ref": "#/" + "/".join(path)}
