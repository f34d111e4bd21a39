"""Who is asking, and on whose behalf."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct


class Role(StrEnum):
    """What a caller is to the distributor. A caller may be several of them."""

    PLANNER = "planner"
    BUYER = "buyer"
    SUPPLIER = "supplier"
    OPERATOR = "operator"


class Principal(Struct, frozen=True):
    """A caller whose token was found valid."""

    subject: Annotated[str, Meta(description="Who it is, as the issuer of the token names it.")]
    roles: Annotated[frozenset[Role], Meta(description="What it is here; never empty.")]
    suppliers: Annotated[
        tuple[str, ...] | None,
        Meta(
            description="Codes of the suppliers whose data it may see, sorted; None for all. "
            "A caller that is only a supplier has a tuple always; an empty one sees nothing."
        ),
    ]
    expires_at: Annotated[datetime, Meta(description="When its token ends, in UTC.")]
