"""What operators do with the event log: decide on dead letters, give events once more."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from runtime.events.ledger import Ledger
from runtime.events.letters import Letters
from workflows.ingestion.intake import Intake
from workflows.letters import DeadLetterDesk, Rereading
from workflows.replays import Consumer, LogReplays

CACHES: Final = "caches"
"""The consumer that drops what events touch."""


class Operating(Struct, frozen=True):
    """The log, and what may be done with it.

    Attributes:
        ledger: The log.
        letters: Dead letters, to look at.
        dead_letters: Decides on them.
        replays: Gives events once more.
    """

    ledger: Ledger
    letters: Letters
    dead_letters: DeadLetterDesk
    replays: LogReplays


def operating_on(
    ledger: Ledger,
    intake: Intake,
    consumers: Mapping[str, Consumer],
    readings: Mapping[str, Rereading],
) -> Operating:
    """What may be done with a log."""
    desk = DeadLetterDesk(ledger, intake, readings)
    return Operating(ledger, Letters(ledger.store), desk, LogReplays(ledger, consumers))
