"""What subscribers are told that is no answer: too many, too much, a gap."""

from typing_extensions import override

from canonical.errors import SupplygraphError


class TooManySubscriptionsError(SupplygraphError):
    """A limit of subscriptions is reached."""

    code = "TOO_MANY_SUBSCRIPTIONS"


class SnapshotTooLargeError(SupplygraphError):
    """The present state is more than is sent at once."""

    code = "SNAPSHOT_TOO_LARGE"

    def __init__(self, most: int) -> None:
        super().__init__(
            f"more than {most} records match: narrow the filter, or read the list page by page and "
            "subscribe without `snapshot`"
        )


class StreamGapError(SupplygraphError):
    """Events were left out, for the client was too far behind.

    Attributes:
        cursor: Where the stream goes on.
        after: Cursor of the last event that was sent, or what the client began with.
        missed: Events of the stream between the two; the client wanted these or fewer.
    """

    code = "STREAM_GAP"

    def __init__(self, cursor: str, after: str, missed: int) -> None:
        super().__init__(
            "events were left out here, for this client was too far behind. The stream goes on "
            "from `cursor`; to be sent what was left out, subscribe again with `after`"
        )
        self.cursor = cursor
        self.after = after
        self.missed = missed

    @override
    def details(self) -> dict[str, object]:
        return {"cursor": self.cursor, "after": self.after, "missed": self.missed}
