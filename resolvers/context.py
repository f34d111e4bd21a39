"""What every resolver gets: who is asking, how to read, and what time it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from msgspec import Struct

from canonical.dead_letters import DeadLetters, Replays
from canonical.errors import UnauthenticatedError
from canonical.histories import EventHistory, NoHistory
from canonical.values import UnitConversion
from execution.operation import Operation
from loaders.reads import Reads
from runtime.security.principal import Principal

DeclaredUnits = Mapping[tuple[str, str], tuple[UnitConversion, ...]]
"""Conversions by sku and base unit; the sku is empty where they hold for all items of that base."""


class Limits(Struct, frozen=True):
    """What one question may ask for.

    Attributes:
        default_page_size: Records of a list where `first` is not given.
        max_page_size: Most records of a list.
        max_nodes: Most ids of `nodes`.
        max_weeks: Longest projection.
        max_representations: Most representations of `_entities`.
    """

    default_page_size: int = 50
    max_page_size: int = 2_000
    max_nodes: int = 500
    max_weeks: int = 104
    max_representations: int = 2_000


@dataclass(frozen=True, kw_only=True)
class RequestContext:
    """One operation's context.

    Attributes:
        operation: Its batches and problems.
        principal: Who is asking; None if nobody said.
        reads: Its loaders.
        now: The moment that it is answered for.
        correlation_id: Ties its logs together.
        limits: What it may ask for.
        units: Conversions declared in the manifest, by sku ("" for all items) and base unit.
        history: The event log.
        dead_letters: What could not be understood; None where no events are taken in.
        replays: Gives events once more; None as above.
    """

    operation: Operation
    principal: Principal | None
    reads: Reads
    now: datetime
    correlation_id: str
    limits: Limits = field(default_factory=Limits)
    units: DeclaredUnits = field(default_factory=dict)
    history: EventHistory = field(default_factory=NoHistory)
    dead_letters: DeadLetters | None = None
    replays: Replays | None = None

    @property
    def today(self) -> date:
        """The business date that it is answered for."""
        return self.now.date()

    @property
    def caller(self) -> Principal:
        """Who is asking.

        Raises:
            UnauthenticatedError: if nobody said who they are.
        """
        if self.principal is None:
            raise UnauthenticatedError(
                "no token: send one in the header `Authorization: Bearer <token>`"
            )
        return self.principal
