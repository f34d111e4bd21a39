"""Senders of webhooks and files: what they send, and their signature (Standard Webhooks)."""

import base64
import hmac
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

BATCH_KIND: Final = "application/cloudevents-batch+json"
EVENT_KIND: Final = "application/cloudevents+json"


class Posting(Struct, frozen=True):
    """One delivery, which may be sent several times.

    Attributes:
        path: Where to.
        body: What.
        kind: Of what type the body is.
        name: Id of the delivery, the same each time.
        count: How many changes it tells of that nothing else does.
    """

    path: str
    body: bytes
    kind: str
    name: str
    count: int


def new_secret() -> str:
    """A secret as manifests want it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


def signed(posting: Posting, secret: str) -> dict[str, str]:
    """The headers of a delivery, signed at this moment."""
    stamp = str(int(time.time()))
    text = f"{posting.name}.{stamp}.".encode() + posting.body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, text, "sha256").digest()
    return {
        "content-type": posting.kind,
        "webhook-id": posting.name,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def order_event(number: str, supplier: str, at: str, status: str = "SENT") -> dict[str, Any]:
    """A CloudEvent of an order's status."""
    return {
        "specversion": "1.0",
        "id": f"{number}:{status}",
        "source": "urn:bench:procurement",
        "type": "supplygraph.purchase_order.status_changed.v1",
        "time": at,
        "data": {"number": number, "supplier": supplier, "status": status},
    }


def posting_of(
    path: str, content: Mapping[str, Any] | Sequence[Any], kind: str, name: str, count: int
) -> Posting:
    """A delivery of JSON."""
    return Posting(path, json.dumps(content).encode(), kind, name, count)
