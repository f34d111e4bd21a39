"""What confirmation needs of others: somebody who writes to suppliers."""

from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from canonical.ordering import OrderReference


class NoticeKind(StrEnum):
    """Why a supplier is written to."""

    REMINDER = "reminder"
    RENEGOTIATION = "renegotiation"


class SupplierNotice(Struct, frozen=True, kw_only=True):
    """What a supplier is written.

    Attributes:
        kind: Why.
        supplier: Code of the supplier.
        email: Its address for orders; None if nobody knows it.
        order: The order that it is about.
        text: What is to be done, for people.
        correlation_id: Ties it to what it is about.
        once: Names it: the same is sent once.
    """

    kind: NoticeKind
    supplier: str
    email: str | None
    order: OrderReference
    text: str
    correlation_id: str
    once: str


class SupplierNotices(Protocol):
    """Writes to suppliers, sooner or later."""

    async def send(self, notice: SupplierNotice) -> None:
        """Have a notice sent.

        Raises:
            UnavailableError: if that could not be kept.
        """
