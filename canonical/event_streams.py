"""The streams that events stand in: of each entity, and of what this service itself keeps."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from canonical.entities import EntityName
from canonical.recommendations import OWN_SYSTEM

PREFIX: Final = "supplygraph"
SERVICE: Final = OWN_SYSTEM
"""The system that events come from which tell of what this service itself keeps."""


class OwnStream(StrEnum):
    """Streams of what this service itself keeps: no system supplies it, and none may report it."""

    EXCEPTION = "exception"


StreamName = EntityName | OwnStream
"""A stream: of an entity, or of our own."""


class EventData(Struct, frozen=True, kw_only=True):
    """What an event says beside its envelope. Decimals travel as text."""
