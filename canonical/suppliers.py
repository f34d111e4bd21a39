"""Suppliers: who is bought from."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from canonical.absent import ABSENT
from canonical.records import Record


class SupplierStatus(StrEnum):
    """Whether a supplier may be bought from."""

    APPROVED = "APPROVED"
    ON_HOLD = "ON_HOLD"
    BLOCKED = "BLOCKED"


class Supplier(Record, frozen=True, kw_only=True):
    """A company that is bought from, known by its code."""

    code: Annotated[
        str, Meta(description="The supplier's natural key, as the enterprise uses it.")
    ] = ABSENT
    name: Annotated[str, Meta(description="Name of the company.")] = ABSENT
    status: Annotated[SupplierStatus, Meta(description="Whether it may be bought from.")] = ABSENT
    country: Annotated[str | None, Meta(description="ISO 3166-1 alpha-2 code.")] = ABSENT
    currency: Annotated[str | None, Meta(description="Currency of its orders, ISO 4217.")] = ABSENT
    payment_terms: Annotated[
        str | None, Meta(description="Terms of payment, as the system names them.")
    ] = ABSENT
    lead_time_days: Annotated[
        int | None, Meta(description="Usual delivery time in calendar days.")
    ] = ABSENT
    email: Annotated[str | None, Meta(description="Address for orders.")] = ABSENT
