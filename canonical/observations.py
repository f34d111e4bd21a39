"""Observations: what a system said of a record, whichever way it was heard.

Webhooks, watchers, bulk files and changes of our own all become observations; only what differs
from what was known before becomes an event.
"""

from datetime import datetime
from typing import Any

from msgspec import Struct

from canonical.entities import EntityName
from canonical.records import Record


class Observation(Struct, frozen=True, kw_only=True):
    """What a system said of one record.

    Attributes:
        system: The backend.
        entity: What the record is.
        key: The record's key in its system.
        record: What was said, in canonical columns and natural keys; columns that were not said
            are absent and count as unchanged. None if the record is gone.
        occurred_at: When it became so, as the system says; None if it does not say, and then it
            counts as newer than all that was known.
        source_event_id: What names the report in its system: the delivery's id, or one made of the
            record's key and version. The same one counts once.
        correlation_id: From the source if it gives one; None to have one made.
        traceparent: W3C trace context that it came with.
        baseline: Whether a record that was not known before is merely taken note of. Else it is
            news.
        partial: Whether only a part was said even of lists: an order line that is not among those
            that were said counts as unchanged. Else it is no more.
    """

    system: str
    entity: EntityName
    key: str
    record: Record | None
    occurred_at: datetime | None
    source_event_id: str
    correlation_id: str | None = None
    traceparent: str | None = None
    baseline: bool = False
    partial: bool = False

    def said(self, column: str) -> Any:
        """A column's value, or ABSENT if nothing was said of it."""
        return getattr(self.record, column)
