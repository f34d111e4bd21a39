"""Tokens that are checked, and whose refusal is audited: wherever a caller says who it is."""

from typing_extensions import override

from app.governance.auditing import Auditing, Concerned
from app.server.ports import Tokens
from canonical.errors import UnauthenticatedError
from runtime.security.principal import Principal


class AuditedTokens(Tokens):
    """Tells who a bearer token stands for.

    Args:
        tokens: Checks tokens.
        auditing: Is told of those that are not valid.
    """

    def __init__(self, tokens: Tokens, auditing: Auditing) -> None:
        self._tokens = tokens
        self._auditing = auditing

    @override
    async def verify(self, token: str) -> Principal:
        try:
            return await self._tokens.verify(token)
        except UnauthenticatedError as exc:
            self._auditing.refused(Concerned(None, ""), [exc.code])
            raise
