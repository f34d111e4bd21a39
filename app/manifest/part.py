"""What all parts of a manifest have in common."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Part(BaseModel):
    """Base of everything in a manifest: no key goes unread, and no value into a message."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )


Exact = Annotated[
    Decimal,
    BeforeValidator(
        lambda v: repr(v) if isinstance(v, float) else v, json_schema_input_type=float | str
    ),
]
"""A number that is kept digit for digit."""
