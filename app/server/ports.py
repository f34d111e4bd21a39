"""What the HTTP side needs of an installation, and how it is set up itself."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from app.demand.figures import Demand
from app.governance.auditing import Auditing, NoAuditing
from app.ingest.desks import Ingestion
from app.processes.running import RunningProcesses
from app.server.edge import Edge
from app.server.known_operations import KnownOperations
from canonical.dead_letters import DeadLetters, Replays
from canonical.histories import EventHistory, NoHistory
from execution.scheduling import LevelScheduler
from loaders.catalog import Territory
from loaders.context import ReadContext
from loaders.reads import Reads
from resolvers.context import DeclaredUnits, Governing, Limits
from runtime.cache.answers import AnswerCache
from runtime.cache.persisted import PersistedTexts
from runtime.limits.rates import SharedRates
from runtime.security.access_table import AccessTable
from runtime.security.principal import Principal
from runtime.usage.counting import UsageCounter
from runtime.usage.shared import SharedUsage


class Tokens(Protocol):
    """Tells who a token or an API key stands for."""

    async def verify(self, credential: str) -> Principal:
        """The principal of a token or key.

        Raises:
            UnauthenticatedError: if it is not valid now.
            UnavailableError: if it cannot be checked now.
        """


class OperationLimits(Struct, frozen=True):
    """What one request may take.

    Attributes:
        timeout_s: Longest time for one operation.
        max_bytes: Largest request.
        demand: What operations may hold and cost, and how much may be asked, by caller.
    """

    timeout_s: float = 15.0
    max_bytes: int = 256 * 1024
    demand: Demand = Demand()


class Serves(Struct, frozen=True):
    """How answers are kept and sent.

    Attributes:
        answers: Keeps whole answers; None keeps and shares none.
        known: Documents that clients may name instead of sending them, and who may send others.
        share_in_flight: Whether one execution answers all who ask the same at the same time.
        gzip_from_bytes: Length from which an answer is compressed for whoever takes that; None
            compresses none.
        traces: Whether gateways that ask for a trace get one.
        rates: Accounts of callers that all processes share; None if this one is alone.
    """

    answers: AnswerCache | None = None
    known: KnownOperations = msgspec.field(
        default_factory=lambda: KnownOperations(learned=PersistedTexts(None))
    )
    share_in_flight: bool = True
    gzip_from_bytes: int | None = 64 * 1024
    traces: bool = False
    rates: SharedRates | None = None


class EventDesk(Struct, frozen=True):
    """What operations ask of the event log.

    Attributes:
        history: What has happened.
        dead_letters: What could not be understood; None where no events are taken in.
        replays: Gives events once more; None as above.
    """

    history: EventHistory = msgspec.field(default_factory=NoHistory)
    dead_letters: DeadLetters | None = None
    replays: Replays | None = None


class Governance(Struct, frozen=True):
    """What operations are audited by, and how the schema's use is counted.

    Attributes:
        auditing: Audits operations.
        usage: Counts them.
        shared: Where the counts of all processes are added up; None where they are not kept.
        governing: What resolvers read of it.
    """

    auditing: Auditing = msgspec.field(default_factory=NoAuditing)
    usage: UsageCounter = msgspec.field(default_factory=UsageCounter)
    shared: SharedUsage | None = None
    governing: Governing = Governing()


class Serving(Protocol):
    """An installation as requests see it; `app.installation.Installation` is one."""

    @property
    def limits(self) -> Limits:
        """What one question may ask for."""

    @property
    def operation_limits(self) -> OperationLimits:
        """What one request may take."""

    @property
    def serves(self) -> Serves:
        """How answers are kept and sent."""

    @property
    def edge(self) -> Edge:
        """What is taken over HTTP."""

    @property
    def units(self) -> DeclaredUnits:
        """Conversions declared in the manifest."""

    @property
    def tokens(self) -> Tokens:
        """Tells who is asking."""

    @property
    def access(self) -> AccessTable | None:
        """What is said about access, over what is shipped."""

    def territory(self, principal: Principal | None) -> Territory:
        """Where a caller may look."""

    @property
    def events(self) -> EventDesk:
        """What has happened."""

    @property
    def governance(self) -> Governance:
        """What operations are audited by."""

    @property
    def processes(self) -> RunningProcesses:
        """Processes that cross systems."""

    @property
    def ingestion(self) -> Ingestion | None:
        """What takes in what systems send; None where nothing does."""

    def reads(self, scheduler: LevelScheduler, context: ReadContext) -> Reads:
        """The loaders of one operation."""

    def health(self) -> Mapping[str, Any]:
        """State of all dependencies, unasked: {"cache", "events", "backends": {name: {...}}}."""


class GraphiQLTab(Struct, frozen=True):
    """A question that GraphiQL opens with."""

    title: str
    query: str
    variables: str = ""


class DemoToken(Struct, frozen=True):
    """A token that GraphiQL offers, for demonstrations only."""

    role: str
    token: str


class GraphiQLConfig(Struct, frozen=True):
    """What GraphiQL opens with."""

    tabs: Sequence[GraphiQLTab] = ()
    tokens: Sequence[DemoToken] = ()
