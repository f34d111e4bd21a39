"""What the reads of one operation have in common."""

from msgspec import Struct

from canonical.ports import Ask
from loaders.journal import Journal


class ReadContext(Struct):
    """One operation's terms for reading.

    Attributes:
        ask: Deadline, correlation id and meter, sent along to the systems.
        journal: Where costs and ages are written down.
        max_staleness_s: No record older than this is of use to the caller; None leaves it to the
            manifest.
    """

    ask: Ask
    journal: Journal
    max_staleness_s: float | None = None

    def demand(self, max_staleness_s: float | None) -> None:
        """Narrow what age is acceptable for whatever is read from now on."""
        if max_staleness_s is not None:
            limits = [x for x in (self.max_staleness_s, max_staleness_s) if x is not None]
            self.max_staleness_s = min(limits)
