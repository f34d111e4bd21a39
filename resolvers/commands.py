"""Changes that clients ask for, where this installation takes none of them.

Each is refused in words, never half done.
"""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from execution.fields import Asked
from resolvers.context import RequestContext

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


class Refused(Struct, frozen=True):
    """The payload of a change that was not made, whichever it is."""

    user_errors: Sequence[UserError]
    purchase_order: None = None
    recommendation: None = None
    accepted: int = 0


async def refuse(
    context: RequestContext, parents: Sequence[None], asked: Asked, *, input: Any
) -> list[Refused]:
    """Refuse a change, for whoever may know that this service is here at all."""
    context.caller  # noqa: B018  # refuses who has not said who they are
    return [Refused([refused()]) for _ in parents]


def refused() -> UserError:
    """What is said where this installation takes no such changes."""
    return UserError("UNSUPPORTED", _REFUSAL)
