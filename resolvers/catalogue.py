"""What the schema is made of, for those who work here: suppliers do not need to know."""

from collections.abc import Sequence
from typing import Final

from canonical.catalogue import CatalogueContent
from canonical.errors import RefusedError, UnsupportedError
from execution.fields import Asked
from resolvers.context import RequestContext
from resolvers.visibility import sees_everything
from runtime.security.principal import Role

_READERS: Final = frozenset({Role.OPERATOR, Role.AUDITOR, Role.PLANNER, Role.BUYER})


async def catalog(
    context: RequestContext, parents: Sequence[None], asked: Asked
) -> list[CatalogueContent]:
    """The catalogue."""
    caller = context.caller
    context.operation.personal = True
    granted = bool(_READERS & caller.roles) or "catalog:read" in caller.scopes
    if not granted or not sees_everything(caller):
        raise RefusedError("only those who work here may see the catalogue")
    if context.governing.catalogue is None:
        raise UnsupportedError("this installation has no catalogue")
    content = await context.governing.catalogue.content()
    return [content for _ in parents]
