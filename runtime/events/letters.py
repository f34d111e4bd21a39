"""Dead letters: what came and could not be understood, byte for byte, until somebody decides."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct


class LetterStatus(StrEnum):
    """What has become of a dead letter."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


class DeadLetter(Struct, frozen=True, kw_only=True):
    """One delivery, or part of one, that could not be understood.

    Attributes:
        system: The backend that it came from.
        way: How it came: `webhook`, `watcher`, `bulk` or `mutation`.
        reason: Why it lies here, as a short code.
        message: Why, for people.
        body: What came, byte for byte.
        content_type: Of the body, where known.
        headers: Those that are needed to understand it again; never signatures or credentials.
        letter_id: Given by the log; empty before.
        received_at: When it came; given by the log where it is not said.
        status: What has become of it.
        decided_by: Who replayed or discarded it.
        decided_at: When.
        note: Why it was discarded, or what was corrected.
        result: What the replay led to.
    """

    system: str
    way: str
    reason: str
    message: str
    body: bytes
    content_type: str | None = None
    headers: Mapping[str, str] = {}
    letter_id: str = ""
    received_at: datetime | None = None
    status: LetterStatus = LetterStatus.OPEN
    decided_by: str | None = None
    decided_at: datetime | None = None
    note: str | None = None
    result: str | None = None


HEADERS: Final = msgspec.json.Decoder(dict[str, str])
