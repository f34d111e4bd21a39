"""What every resolver gets: who is asking, how to read, and what time it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from msgspec import Struct

from canonical.audit import AuditTrail
from canonical.catalogue import Catalogue
from canonical.dead_letters import DeadLetters, Replays
from canonical.errors import UnauthenticatedError
from canonical.exceptions import ExceptionDesk
from canonical.forecast_publishing import ForecastDesk
from canonical.histories import EventHistory, NoHistory
from canonical.ordering import AcknowledgementDesk, OrderDesk
from canonical.processes import Processes
from canonical.replenishment import RecommendationDesk
from canonical.usage import UsageRecord
from canonical.values import UnitConversion
from execution.operation import Operation
from loaders.reads import Reads
from runtime.security.access import Access, rights_of
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


class Governing(Struct, frozen=True):
    """What may be read of how this service is used and governed; None where it is not kept.

    Attributes:
        trail: The audit.
        usage: How the schema is used.
        catalogue: What the schema is made of, and where it comes from.
    """

    trail: AuditTrail | None = None
    usage: UsageRecord | None = None
    catalogue: Catalogue | None = None


class Processing(Struct, frozen=True, kw_only=True):
    """What may be asked of processes; None where this installation runs none.

    Attributes:
        orders: Makes orders.
        acknowledgements: Takes what suppliers say to orders.
        recommendations: Decides on recommendations, and explains them.
        exceptions: What a person has to look at.
        processes: Processes, to look at.
        forecasts: Publishes forecasts.
    """

    orders: OrderDesk | None = None
    acknowledgements: AcknowledgementDesk | None = None
    recommendations: RecommendationDesk | None = None
    exceptions: ExceptionDesk | None = None
    processes: Processes | None = None
    forecasts: ForecastDesk | None = None


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
        governing: The audit, and what is like it.
        access: Who may see what of the schema; None for all of it.
        processing: Processes, and what they are asked for.
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
    governing: Governing = field(default_factory=Governing)
    access: Access | None = None
    processing: Processing = field(default_factory=Processing)

    def sees(self, coordinate: str) -> bool:
        """Whether the caller may see an object or a field at all.

        What is asked for by name was looked at before; this is for what turns up by itself.
        """
        return self.access is None or self.access.allows(coordinate, rights_of(self.caller))

    @property
    def forecast_weeks(self) -> int | None:
        """How many weeks ahead the caller sees forecasts; None for all."""
        return None if self.access is None else self.access.forecast_weeks(self.caller)

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
