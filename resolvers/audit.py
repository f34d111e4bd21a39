"""What auditors see: who did what. Operators, whose own acts are in it, do not."""

from collections.abc import Sequence
from typing import Any, Final

from canonical.audit import AuditFilter
from canonical.errors import InvalidInputError, RefusedError, UnsupportedError
from execution.fields import Asked
from loaders.lists import Listed
from resolvers.connections import Connection, page_size
from resolvers.context import RequestContext
from resolvers.visibility import sees_everything
from runtime.security.principal import Role

_ALL: Final = AuditFilter()


async def audit_entries(
    context: RequestContext,
    parents: Sequence[None],
    asked: Asked,
    *,
    filter: AuditFilter | None = None,
    first: int | None = None,
    after: str | None = None,
) -> list[Connection]:
    """A page of the audit, the latest first. Nothing of it is shared or kept."""
    caller = context.caller
    context.operation.personal = True
    audits = Role.AUDITOR in caller.roles or "audit:read" in caller.scopes
    if not audits or not sees_everything(caller):
        raise RefusedError("only auditors, not bound to suppliers, may see the audit")
    trail = context.governing.trail
    if trail is None:
        raise UnsupportedError("this installation keeps no audit")
    found = await trail.page(filter or _ALL, first=page_size(first, context), before=_before(after))
    cursors = [str(entry.position) for entry in found.entries]
    shown: Sequence[Any] = found.entries
    listed = Listed(shown, cursors, found.more, found.total, (), after is not None)
    return [Connection(listed, shown) for _ in parents]


def _before(after: str | None) -> int | None:
    if after is None:
        return None
    if not (after.isascii() and after.isdigit() and len(after) < 19):  # noqa: PLR2004  # fits 63 bits
        raise InvalidInputError("`after` is no cursor of this list: pass one as it was read")
    return int(after)
