"""What all parts of a manifest have in common."""

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """Base of everything in a manifest: no key goes unread, and no value into a message."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )
