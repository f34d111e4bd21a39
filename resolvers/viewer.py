"""Who is asking."""

from collections.abc import Sequence

from msgspec import Struct

from execution.fields import Asked
from resolvers.context import RequestContext
from resolvers.visibility import sees_everything


class Viewer(Struct, frozen=True):
    """Who is asking, and what they may see."""

    subject: str
    roles: Sequence[str]
    suppliers: Sequence[str] | None


async def viewer(context: RequestContext, parents: Sequence[None], asked: Asked) -> list[Viewer]:
    """The caller. `suppliers` is None where the view is not limited to some."""
    caller = context.caller
    context.operation.personal = True
    suppliers = None if sees_everything(caller) else list(caller.suppliers or ())
    made = Viewer(caller.subject, sorted(r.value.upper() for r in caller.roles), suppliers)
    return [made for _ in parents]
