"""Changes that clients ask for, where this installation takes none of them.

Each is refused in words, never half done.
"""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

_REFUSAL: Final = (
    "this installation takes no such changes: nothing was done; make the change in the system "
    "itself"
)


class UserError(Struct, frozen=True):
    """A refusal that a person can act on."""

    code: str
    message: str
    field: Sequence[str] | None = None
    details: Any = None


def refused() -> UserError:
    """What is said where this installation takes no such changes."""
    return UserError("UNSUPPORTED", _REFUSAL)
