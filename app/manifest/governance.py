"""What a manifest says about the audit, and about whose the types of the schema are."""

from typing import Annotated, Final

from pydantic import Field

from app.governance.redaction import BUSINESS
from app.manifest.part import Part

_SEVEN_YEARS: Final = 2_557
_TEAM: Final = r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$"
_TYPE: Final = r"^[A-Za-z_][A-Za-z0-9_]*$"


class AuditConfig(Part):
    """What is written down of changes, exports and refusals."""

    redact: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=100)], ...],
        Field(
            description="Names of variables, and of fields in them, whose values are not kept; `*` "
            "and `?` stand for other letters. Passwords, secrets, tokens and keys never are."
        ),
    ] = BUSINESS
    exports_from_rows: Annotated[
        int,
        Field(
            ge=1,
            le=1_000_000,
            description="Objects from which on an answer is an export.",
        ),
    ] = 10_000
    retention_days: Annotated[
        int, Field(ge=1, le=36_500, description="Days that entries are kept.")
    ] = _SEVEN_YEARS


class GovernanceConfig(Part):
    """Whose the types of the schema are, and how long its use is remembered."""

    owners: Annotated[
        dict[
            Annotated[str, Field(pattern=_TYPE)],
            Annotated[str, Field(pattern=_TEAM)],
        ],
        Field(description="Teams by type of the schema, where they are not what is shipped."),
    ] = {}
    usage_days: Annotated[
        int,
        Field(ge=1, le=3_650, description="Days for which it is known who has asked for what."),
    ] = 400
