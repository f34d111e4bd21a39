"""Ports: what the floors above ask of the systems, without knowing how they speak."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from msgspec import Struct, field

from canonical.criteria import Criteria, Sort
from canonical.entities import EntityName
from canonical.errors import SupplygraphError
from canonical.records import Record


class Meter(Protocol):
    """Counts what an operation cost. One for each operation; may be shared by concurrent calls."""

    def called(self, system: str, *, milliseconds: float, rows: int, failed: bool = False) -> None:
        """One request to a system has ended."""


class Ask(Struct, frozen=True):
    """What travels with every request to a system.

    Attributes:
        deadline: `loop.time()` by which the answer is of use; later ones are given up.
        correlation_id: Ties logs of all systems together; sent as X-Correlation-ID.
        meter: Where costs are counted.
        traceparent: W3C trace context to send on, if tracing is on.
        interactive: A person waits; such requests go before background work.
    """

    deadline: float
    correlation_id: str
    meter: Meter
    traceparent: str | None = None
    interactive: bool = True


class ListQuery(Struct, frozen=True):
    """One page of a list, in canonical columns and the system's own keys.

    Attributes:
        criteria: What every record must satisfy.
        order: Sort columns; ties and the empty order go by the record's key as text.
        limit: Most records wanted.
        columns: Canonical columns wanted (dotted for structured ones).
        after: Position of the last record already seen (`canonical.criteria.position_of`), or None
            from the start.
        count: Whether the total without limit and position is wanted too.
    """

    criteria: Criteria
    order: tuple[Sort, ...]
    limit: int
    columns: frozenset[str]
    after: tuple[Any, ...] | None = None
    count: bool = False


class Page(Struct, frozen=True):
    """One page: records in order, strictly after the position asked for.

    Attributes:
        records: At most `limit` records, each knowing at least the columns asked for that the
            source has.
        more: Whether further records follow.
        total: All records that satisfy the criteria, if asked for and the system tells.
        failures: By key, why a record that belongs here could not be read. It is left out of
            `records`.
    """

    records: Sequence[Record]
    more: bool
    total: int | None = None
    failures: Mapping[str, SupplygraphError] = field(default_factory=dict)


class Batch(Struct, frozen=True):
    """Records found for many keys at once.

    Attributes:
        records: In no particular order; several per key where the column is not unique. Keys
            without records are just missing.
        failures: For each key that could not be read, why.
    """

    records: Sequence[Record]
    failures: Mapping[str, SupplygraphError] = field(default_factory=dict)


class Changes(Struct, frozen=True):
    """What a system that keeps track of changes says has changed.

    Attributes:
        records: Records as they are now: all of them, or those that came or changed.
        gone: Keys of records that are there no longer.
        failures: By key, what could not be read.
        link: Where it goes on; None if what has changed cannot be told from here.
        more: Whether something is there to go on with now.
    """

    records: Sequence[Record] = ()
    gone: Sequence[str] = ()
    failures: Mapping[str, SupplygraphError] = field(default_factory=dict)
    link: str | None = None
    more: bool = False


class Severity(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Finding(Struct, frozen=True):
    """One thing that a probe found about a system.

    Attributes:
        system: The backend.
        where: What was looked at, e.g. `purchase_order.status`.
        severity: Whether it must be mended.
        message: What is so.
        remedy: What to do.
    """

    system: str
    where: str
    severity: Severity
    message: str
    remedy: str = ""


class Source(Protocol):
    """One system's supply of one entity. Keys and references are the system's own."""

    @property
    def system(self) -> str:
        """The backend's name in the manifest."""

    @property
    def entity(self) -> EntityName:
        """What it supplies."""

    @property
    def columns(self) -> frozenset[str]:
        """Canonical columns that the system has. Others stay None or absent in its records."""

    async def by_keys(
        self,
        column: str,
        keys: Sequence[str],
        columns: frozenset[str],
        ask: Ask,
        criteria: Criteria = (),
    ) -> Batch:
        """Read all records whose column is one of the keys.

        The column is `canonical.entities.KEY`, or one of the entity's lookups.

        Keys may be any in number; the source splits them as its system wants. Records also satisfy
        the criteria. Failures of one chunk are reported for its keys and leave the others alone.

        Raises:
            UnsupportedError: if the system cannot be asked by this column.
        """

    async def page(self, query: ListQuery, ask: Ask) -> Page:
        """Read one page of a list.

        Raises:
            UnavailableError: if the system could not be asked.
            UnsupportedError: if the criteria can neither be pushed down nor be applied here within
                the row budget.
        """

    async def read(
        self, rows: Sequence[Mapping[str, Any]], columns: frozenset[str], ask: Ask
    ) -> Batch:
        """Make records of rows that the system sent by itself, as it would answer them.

        What the columns need of other data of the system is read there. Rows that are no records of
        this entity are left out. Rows belong to the source from now on.

        Raises:
            BadAnswerError: if a row has no key. Other rows that cannot be read are told of in
                `failures`.
        """


@runtime_checkable
class TrackedSource(Source, Protocol):
    """A source that can tell what has changed, if its system keeps track of that."""

    @property
    def tracks_changes(self) -> bool:
        """Whether the system does."""

    async def changes(
        self, link: str | None, columns: frozenset[str], limit: int, ask: Ask
    ) -> Changes:
        """What has changed behind a link, page by page; all that there is without one.

        Args:
            link: Of the page before, or of the end of an earlier time.
            columns: What is to be known of each record.
            limit: About how many records of a page are wanted.
            ask: What travels with the request.

        Raises:
            UnavailableError: if the system could not be asked.
            UnsupportedError: if it does not keep track after all.
        """
