"""Rows as a system holds them, and the questions that a protocol can put to it.

The mapping translates canonical questions into these and the answers back
(`connectors.kit.source`); each protocol implements `RowReader` and knows nothing of the business
objects. Paths are written with dots in a row's own names:
`to_PurchaseOrderItem.to_ScheduleLine.ScheduleLineDeliveryDate`, `order-lines.item.item-number`,
`party.code`. A reader gives rows as plain nested dicts and lists along these paths, whatever
envelope its wire format uses.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, Protocol, runtime_checkable

from msgspec import Struct, field

from canonical.criteria import Op
from canonical.errors import SupplygraphError
from canonical.ports import Ask

Row = dict[str, Any]
"""One row: vendor names to values as decoded (JSON numbers with a fraction are Decimal)."""


class Bounds(NamedTuple):
    """What a RANGE test is given: from `gte` or beyond `gt`, up to `lte` or below `lt`.

    Open ends are None.

    Reads like `canonical.criteria.Range`, with an exclusive lower and an inclusive upper end
    besides.
    """

    gte: Any | None = None
    lt: Any | None = None
    gt: Any | None = None
    lte: Any | None = None


class Test(Struct, frozen=True):
    """One comparison in a system's own names.

    `value` is as in `canonical.criteria.Condition` (`Bounds` for RANGE), with its scalars already
    converted to what the system holds (codes, keys), still as Python values. `kind` is the
    mapping's type of the field (`string`, `integer`, `decimal`, `date`, `datetime`, `boolean`), for
    wire formats whose literals differ by type. A `negated` test holds where the comparison does
    not, null included: not (x IN (a, b)) holds for null.
    """

    __test__ = False  # not a test case, whatever pytest makes of the name

    path: str
    op: Op
    value: Any
    kind: str = "string"
    negated: bool = False


Clause = tuple[Test, ...]
"""Tests of which at least one must hold."""


class Push(StrEnum):
    """What a system can do with a test."""

    EXACT = "exact"
    SUPERSET = "superset"
    NO = "no"


class Dataset(Struct, frozen=True):
    """A collection of rows in a system.

    Attributes:
        name: Its address as the protocol spells it: `API_PRODUCT_SRV/A_Product`, `/api/items`,
            `product.product`, a table.
        key: Paths that together identify a row, in order.
        options: Protocol-specific settings of the dataset, as the preset gives them.
        version: Path of what changes whenever a row does, where the mapping names one.
        parts: Datasets of rows that are written within a row of this one, by where they stand in
            it. Named only where they are datasets of their own; protocols of documents, in which
            such rows are a part of the document, need not look at them.
    """

    name: str
    key: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    version: str | None = None
    parts: Mapping[str, "DatasetPart"] = field(default_factory=dict)


class DatasetPart(Struct, frozen=True):
    """A dataset whose rows belong to a row of another one.

    Attributes:
        dataset: The dataset.
        joins: Path there to the path of the equal value in the row that it belongs to.
    """

    dataset: Dataset
    joins: Mapping[str, str]


class RowQuery(Struct, frozen=True):
    """A list of rows.

    Attributes:
        dataset: Where.
        where: Clauses that must all hold. Only tests that the reader said it can push are given.
        sort: Paths with their direction (True: descending), all of them sortable by the reader.
        columns: Paths wanted. The reader asks the system for just these where it can.
        limit: About how many rows are wanted in all, None for everything. Only a hint for page
            sizes: a listing never ends because of it, and `next` goes on for as long as there are
                rows.
        count: Whether a total is wanted (of all that match `where`).
    """

    dataset: Dataset
    where: tuple[Clause, ...] = ()
    sort: tuple[tuple[str, bool], ...] = ()
    columns: tuple[str, ...] = ()
    limit: int | None = None
    count: bool = False


class RowPage(Struct, frozen=True):
    """One page as the system cut it. Its rows belong to the caller, who may add to them.

    Attributes:
        rows: The rows.
        next: What to pass as `cursor` for the following page; None after the last.
        total: All rows that match, where asked for and known.
    """

    rows: Sequence[Row]
    next: str | None = None
    total: int | None = None


class RowBatch(Struct, frozen=True):
    """Rows found for many values, and the values whose chunk failed."""

    rows: Sequence[Row]
    failures: Mapping[str, SupplygraphError] = field(default_factory=dict)


class RowChanges(Struct, frozen=True):
    """What a system says has changed in a dataset.

    Attributes:
        rows: All rows, whole, if it is the list that all begins with; else rows that came or
            changed, with their key fields at least.
        removed: Key fields of rows that went.
        whole: Whether `rows` are whole.
        link: Where it goes on; None if what has changed cannot be told from here.
        more: Whether something is there to go on with now.
    """

    rows: Sequence[Row] = ()
    removed: Sequence[Row] = ()
    whole: bool = False
    link: str | None = None
    more: bool = False


class DatasetInfo(Struct, frozen=True):
    """What a system says of a dataset.

    Attributes:
        exists: Whether it is there and may be read.
        paths: Paths that are known to exist with the system's name of their type, if it publishes
            them; else None.
        sample: Up to a page of rows, for checks that need values.
        message: What the system said, where `exists` is false.
    """

    exists: bool
    paths: Mapping[str, str] | None = None
    sample: Sequence[Row] = ()
    message: str = ""


class RowReader(Protocol):
    """A protocol, spoken to one system."""

    def push(self, dataset: Dataset, test: Test) -> Push:
        """Tell whether the system can apply a test, exactly or giving some rows too many."""

    def push_any(self, dataset: Dataset, clause: Clause) -> Push:
        """Tell whether the system can apply an OR of tests, each of which it can push alone."""

    def sorts(self, dataset: Dataset, sort: tuple[tuple[str, bool], ...]) -> bool:
        """Tell whether the system can sort by these paths together, wherever it puts nulls."""

    def given_order(self, dataset: Dataset) -> tuple[str, ...]:
        """Paths in whose ascending order lists come without being asked; empty where in none."""

    async def page(self, query: RowQuery, cursor: str | None, ask: Ask) -> RowPage:
        """Read one page; `cursor` is the `next` of the page before.

        Raises:
            UnavailableError, BadAnswerError, MisconfiguredError: as the transport does.
        """

    async def by_values(  # noqa: PLR0913 - one question to a system has these parts
        self,
        dataset: Dataset,
        path: str,
        values: Sequence[Any],
        columns: tuple[str, ...],
        ask: Ask,
        *,
        where: tuple[Clause, ...] = (),
        kind: str = "string",
    ) -> RowBatch:
        """Read every row whose value at `path` is one of many, in as few requests as possible.

        The reader splits the values by key count, URL length and page size, sends the chunks
        concurrently within the backend's limits, and follows pages within each chunk. A failed
        chunk fails its values only.
        """

    async def describe(self, dataset: Dataset, columns: tuple[str, ...], ask: Ask) -> DatasetInfo:
        """Look whether a dataset exists, and with which fields."""

    async def aclose(self) -> None:
        """Let go of connections."""


@runtime_checkable
class RowTracker(Protocol):
    """A protocol in which systems may keep track of changes."""

    def tracks(self, dataset: Dataset) -> bool:
        """Whether the system may be asked what has changed in a dataset."""

    async def changes(self, query: RowQuery, link: str | None, ask: Ask) -> RowChanges:
        """What has changed behind a link; the rows of a query without one.

        Raises:
            UnavailableError, BadAnswerError, MisconfiguredError: as the transport does.
            UnsupportedError: if the system does not keep track of it.
        """
