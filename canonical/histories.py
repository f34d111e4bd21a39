"""The port to what has happened: events that are kept, found by what they are about.

`Event.subjects` and `Event.correlation_id` are what they are found by.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from canonical.events import Event


class EventHistory(Protocol):
    """The event log, as questions about the past read it. Late events are told too.

    What cannot be read now is an `UnavailableError`.
    """

    async def of_subjects(
        self,
        subjects: Collection[str],
        *,
        types: Collection[str] = (),
        newest: int | None = None,
    ) -> Mapping[str, Sequence[Event]]:
        """Events about each subject, in the order in which they were recorded, in one reading.

        Args:
            subjects: As in `Event.subjects`.
            types: Only these; all if empty.
            newest: For each subject only so many, the newest; all if None.

        Returns:
            A list for each subject, perhaps empty.
        """

    async def of_correlation(self, correlation_id: str, *, limit: int = 1_000) -> Sequence[Event]:
        """The first events of a correlation id, in the order in which they were recorded."""


class NoHistory:
    """A log in which nothing stands, where there is none."""

    async def of_subjects(
        self,
        subjects: Collection[str],
        *,
        types: Collection[str] = (),  # noqa: ARG002  # as the port has it
        newest: int | None = None,  # noqa: ARG002  # as above
    ) -> Mapping[str, Sequence[Event]]:
        """Nothing about each."""
        return dict.fromkeys(subjects, ())

    async def of_correlation(self, correlation_id: str, *, limit: int = 1_000) -> Sequence[Event]:  # noqa: ARG002  # as above
        """Nothing."""
        return ()
