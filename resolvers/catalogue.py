"""What the schema is made of, for those who work here: suppliers do not need to know."""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from canonical.catalogue import CatalogueContent, CatalogueType
from canonical.entities import EntityName
from canonical.errors import RefusedError, UnsupportedError
from execution.fields import Asked
from loaders.catalog import EVERYWHERE
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
    if context.reads.context.territory != EVERYWHERE:
        content = replace(content, types=tuple(_seen(context, t) for t in content.types))
    return [content for _ in parents]


def _seen(context: RequestContext, kind: CatalogueType) -> CatalogueType:
    """A type without systems where the caller may not look."""
    source, catalog = kind.source, context.reads.catalog
    if source is None or source.entity is None:
        return kind
    entity = EntityName(source.entity)
    seen = {s.system for s in catalog.supplies(entity)} if catalog.has(entity) else ()
    systems = tuple(s for s in source.systems if s.system in seen)
    return replace(kind, source=replace(source, systems=systems))
