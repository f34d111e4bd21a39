"""Who is asking, and on whose behalf."""

from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated

import msgspec
from msgspec import Meta, Struct


class Role(StrEnum):
    """What a caller is to the distributor. A caller may be several of them."""

    PLANNER = "planner"
    BUYER = "buyer"
    SUPPLIER = "supplier"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    MACHINE = "machine"


Identity = tuple[str, str]
"""The issuer and the subject: issuers do not know of each other, and may use the same names."""


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
    issuer: Annotated[str, Meta(description="Who vouches for it; with `subject`, who it is.")] = ""
    scopes: Annotated[
        frozenset[str], Meta(description="What it was granted beside its roles: `orders:read`.")
    ] = frozenset()
    regions: Annotated[
        tuple[str, ...] | None,
        Meta(description="Regions whose data it may see, sorted; None for all."),
    ] = None
    companies: Annotated[
        tuple[str, ...] | None,
        Meta(description="Companies whose data it may see, sorted; None for all."),
    ] = None
    key_id: Annotated[
        str, Meta(description="Id of the API key that it presented; empty with a token.")
    ] = ""

    @property
    def identity(self) -> Identity:
        """Who it is, among the callers of all issuers."""
        return (self.issuer, self.subject)


def bound_to(roles: frozenset[Role], suppliers: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The bound of somebody with some roles: a supplier that is bound to nobody sees nothing."""
    return () if suppliers is None and Role.SUPPLIER in roles else suppliers


def scope_key(principal: Principal) -> bytes:
    """A name for what a caller may see; callers with the same one see the same.

    All that decisions about a caller may rest on is in it. What depends on more, such as the
    subject, is personal, and its answer is never given to another caller.
    """
    return _scope_key(
        principal.roles,
        principal.scopes,
        principal.suppliers,
        principal.regions,
        principal.companies,
    )


@lru_cache(maxsize=4_096)
def _scope_key(
    roles: frozenset[Role], scopes: frozenset[str], *bounds: tuple[str, ...] | None
) -> bytes:
    return msgspec.json.encode((sorted(roles), sorted(scopes), bounds))
