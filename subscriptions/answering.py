"""The port to what answers: opening a subscription operation, and running it for events.

Implemented over the engine. It may be exchanged while subscriptions go on, when a manifest is
loaded anew: nothing here hangs on one engine.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from graphql import DocumentNode
from msgspec import Struct

from canonical.criteria import Criteria
from resolvers.context import RequestContext
from resolvers.events import Shown
from runtime.security.principal import Principal

T = TypeVar("T")


class SubscriptionRequest(Struct, frozen=True):
    """What a client asks to hear.

    Attributes:
        query: The document's text.
        variables: Values of its variables, as the client sent them.
        operation_name: Which operation, where it has several.
        principal: Who asks; None if nobody said.
        correlation_id: Ties logs of the subscription together.
        max_staleness_s: No record older than this is of use to the caller.
    """

    query: str
    variables: Mapping[str, Any]
    operation_name: str | None
    principal: Principal | None
    correlation_id: str
    max_staleness_s: float | None = None


class Opened(Struct, frozen=True):
    """A subscription operation that may be run.

    Attributes:
        tree: The document, valid.
        field: Name of the root field in the schema.
        criteria: Its `filter`, as conditions IN.
        after: Its `after`.
        snapshot: Its `snapshot`.
        handle: What `Answering` needs to run it.
    """

    tree: DocumentNode
    field: str
    criteria: Criteria = ()
    after: str | None = None
    snapshot: bool = False
    handle: Any = None


class Refused(Struct, frozen=True):
    """An operation that is not run: JSON of the list of errors."""

    errors: bytes


class Asker(Struct, frozen=True):
    """For whom an operation is run, and on which terms."""

    principal: Principal
    correlation_id: str
    max_staleness_s: float | None = None


class Answers(Struct, frozen=True):
    """What came of running an operation for events.

    Attributes:
        payloads: For each event JSON of an object with `data` and perhaps `errors`; empty for one
            that is about a record which the caller may not see: it is not told of it.
        personal: Whether they are about the caller alone, and no other caller's with the same
            rights.
    """

    payloads: Sequence[bytes]
    personal: bool = False


class Answering(Protocol):
    """Answers operations. What fails in one stands in its answers, which always come in time."""

    def open(self, request: SubscriptionRequest) -> Opened | Refused:
        """Check and plan an operation; it is a subscription, or refused."""

    async def execute(self, opened: Opened, shown: Sequence[Shown], asker: Asker) -> Answers:
        """Run an operation for each of some events, reading for all of them together."""

    async def read(self, reading: Callable[[RequestContext], Awaitable[T]], asker: Asker) -> T:
        """Do a reading with loaders of its own, within the time of an operation."""

    def told(self, problem: Exception, correlation_id: str) -> bytes:
        """JSON of the list of errors that tells a problem, and no more than its client may know."""

    def refused(self, problem: Exception, request: SubscriptionRequest) -> bytes:
        """The same for a subscription that is not begun."""
        return self.told(problem, request.correlation_id)
