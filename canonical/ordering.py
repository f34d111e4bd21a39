"""Ordering, as callers ask for it: what is wanted, what was found wrong, and the port.

Findings are told all at once. An order with findings that refuse it is made nowhere.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Protocol

from msgspec import Meta, Struct

from canonical.criteria import Criteria
from canonical.values import Money
from canonical.writing import Promise


class WantedLine(Struct, frozen=True, kw_only=True):
    """A line as it is asked for, in the item's unit; without a price, by the supplier's terms."""

    item: str
    quantity: Decimal
    due_on: date
    ship_to: str
    unit_price: Decimal | None = None


class WantedOrder(Struct, frozen=True, kw_only=True):
    """An order as it is asked for.

    Attributes:
        supplier: Code of the supplier.
        lines: What is wanted.
        currency: ISO 4217; None for that of the supplier's terms.
        note: A text for the supplier.
    """

    supplier: str
    lines: tuple[WantedLine, ...]
    currency: str | None = None
    note: str | None = None


class FindingCode(StrEnum):
    """What is wrong with an order."""

    SUPPLIER_UNKNOWN = "SUPPLIER_UNKNOWN"
    SUPPLIER_NOT_APPROVED = "SUPPLIER_NOT_APPROVED"
    ITEM_UNKNOWN = "ITEM_UNKNOWN"
    ITEM_NOT_ACTIVE = "ITEM_NOT_ACTIVE"
    ITEM_NOT_FROM_SUPPLIER = "ITEM_NOT_FROM_SUPPLIER"
    PRICE_OUT_OF_TOLERANCE = "PRICE_OUT_OF_TOLERANCE"
    PRICE_UNKNOWN = "PRICE_UNKNOWN"
    QUANTITY_INVALID = "QUANTITY_INVALID"
    QUANTITY_BELOW_MINIMUM = "QUANTITY_BELOW_MINIMUM"
    LOCATION_UNKNOWN = "LOCATION_UNKNOWN"
    LOCATION_INVALID = "LOCATION_INVALID"
    CURRENCY_INVALID = "CURRENCY_INVALID"
    DUE_DATE_INVALID = "DUE_DATE_INVALID"
    BUDGET_EXCEEDED = "BUDGET_EXCEEDED"
    NO_LINES = "NO_LINES"
    TOO_MANY_LINES = "TOO_MANY_LINES"
    LEAD_TIME_TOO_SHORT = "LEAD_TIME_TOO_SHORT"
    NOT_CHECKED = "NOT_CHECKED"
    REJECTED = "REJECTED"
    CALLED_OFF = "CALLED_OFF"


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is wrong with an order.

    Attributes:
        code: What.
        message: What is wrong and what to do, for people.
        field: Path in the input: `("lines", "0", "quantity")`.
    """

    code: FindingCode
    message: str
    field: tuple[str, ...] = ()


class PreviewLine(Struct, frozen=True, kw_only=True):
    """A line as it would be ordered."""

    line_number: Annotated[int, Meta(description="Its number within the order.")]
    item: Annotated[str, Meta(description="Sku of the item.")]
    quantity: Annotated[Decimal, Meta(description="Quantity, in `unit`.")]
    unit: Annotated[str, Meta(description="Unit of the quantity and of the price.")]
    unit_price: Annotated[Money, Meta(description="Price of one unit.")]
    net: Annotated[Money, Meta(description="Quantity times price, rounded to the currency.")]
    due_on: Annotated[date, Meta(description="Day on which the goods are wanted.")]
    ship_to: Annotated[str, Meta(description="Code of the location that receives.")]


class OrderPreview(Struct, frozen=True, kw_only=True):
    """An order as it would be made."""

    supplier: Annotated[str, Meta(description="Code of the supplier.")]
    currency: Annotated[str, Meta(description="ISO 4217 code.")]
    lines: Annotated[tuple[PreviewLine, ...], Meta(description="What would be ordered.")]
    total: Annotated[Money, Meta(description="Net value of the lines.")]
    systems: Annotated[
        tuple[str, ...],
        Meta(description="The systems that it would be made in, the leading one first."),
    ]


class Validated(Struct, frozen=True, kw_only=True):
    """What was found of a wish for an order.

    Attributes:
        findings: Why it would be refused; none if it would be made.
        warnings: What somebody should know, though it would be made.
        order: What would be made; None if it would be refused.
    """

    findings: Sequence[Finding] = ()
    warnings: Sequence[Finding] = ()
    order: OrderPreview | None = None


class OrderReference(Struct, frozen=True):
    """An order in a system."""

    system: str
    key: str
    number: str | None = None


class Ordered(Struct, frozen=True, kw_only=True):
    """What came of a wish for an order.

    Attributes:
        findings: Why it was refused; none if it was made or is being made.
        warnings: What somebody should know, though it is made.
        order: The leading system's order, once it is made.
        process_id: The process that makes it; None if it was refused before one began.
        pending: Whether it is still being made: a system cannot be asked just now, or is in doubt.
    """

    findings: Sequence[Finding] = ()
    warnings: Sequence[Finding] = ()
    order: OrderReference | None = None
    process_id: str | None = None
    pending: bool = False


class OrderDesk(Protocol):
    """Orders for callers. What cannot be asked now is an `UnavailableError`: nothing was begun."""

    async def validate(self, wanted: WantedOrder, *, correlation_id: str) -> Validated:
        """All that is wrong with an order, and how it would be made; nothing is made."""

    async def create(
        self, wanted: WantedOrder, *, key: str, actor: str, correlation_id: str
    ) -> Ordered:
        """Make an order, once for each actor and key, however often it is asked for.

        It waits a while for the order to be made; a process that takes longer goes on by itself.

        Raises:
            ConflictError: if the key was used for another order.
        """

    async def cancel(
        self, order: OrderReference, reason: str, *, key: str, actor: str, correlation_id: str
    ) -> Ordered:
        """Call an order off in every system that has it; `pending` while one is to be told.

        The same actor and key count once. What a system says against it is a finding.

        Raises:
            ConflictError: if the key was used for something else.
        """


class AcknowledgementFinding(Struct, frozen=True, kw_only=True):
    """One thing that is wrong with an acknowledgement: a code, a message, a path in the input."""

    code: str
    message: str
    field: tuple[str, ...] = ()


class AcknowledgedWish(Struct, frozen=True, kw_only=True):
    """What a supplier says to an order, line by line in `canonical.writing.Promise`s."""

    number: str
    promises: tuple[Promise, ...]
    system: str | None = None
    note: str | None = None
    key: str | None = None


class AcknowledgementChoice(StrEnum):
    """What a buyer decides on an answer that is off."""

    ACCEPT = "ACCEPT"
    RENEGOTIATE = "RENEGOTIATE"
    SPLIT = "SPLIT"
    CANCEL = "CANCEL"


class AcknowledgementDecision(Struct, frozen=True, kw_only=True):
    """What a buyer says to an answer that is off.

    Attributes:
        number: The order's number.
        choice: What is to be done.
        system: The order's system, where several have the number.
        rest_on: Day on which the rest is wanted, of a split.
        note: A text for the supplier, or the reason.
        key: The same actor and key count once; None counts by itself.
    """

    number: str
    choice: AcknowledgementChoice
    system: str | None = None
    rest_on: date | None = None
    note: str | None = None
    key: str | None = None


class Acknowledged(Struct, frozen=True, kw_only=True):
    """What came of an acknowledgement.

    Attributes:
        findings: Why it was refused.
        order: The order.
        pending: Whether a buyer has to decide on it, or a system is still to be told.
    """

    findings: Sequence[AcknowledgementFinding] = ()
    order: OrderReference | None = None
    pending: bool = False


class Speaker(Struct, frozen=True, kw_only=True):
    """Who speaks, and for which orders; others are not found.

    Attributes:
        subject: Who it is.
        issuer: Who vouches for that; issuers may use the same names.
        criteria: What the orders satisfy.
        systems: Where they are; None for everywhere.
    """

    subject: str
    issuer: str = ""
    criteria: Criteria = ()
    systems: frozenset[str] | None = None


class AcknowledgementDesk(Protocol):
    """What suppliers say to orders, and what buyers say to that.

    What cannot be asked now is an `UnavailableError`. What the same speaker says with the same key
    counts once.
    """

    async def acknowledge(
        self, wish: AcknowledgedWish, *, speaker: Speaker, correlation_id: str
    ) -> Acknowledged:
        """Take an acknowledgement.

        Raises:
            NotFoundError: if there is no such order that may be spoken for.
            InvalidInputError: if several systems have one, and none is named.
            ConflictError: if the key was used for something else.
        """

    async def decide(
        self, decision: AcknowledgementDecision, *, speaker: Speaker, correlation_id: str
    ) -> Acknowledged:
        """Take a buyer's decision.

        Raises:
            As of `acknowledge`.
        """
