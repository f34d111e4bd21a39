"""Tells who is asking, by whatever they present: a token of an issuer, or a key of ours."""

from runtime.security.api_keys import APIKeys
from runtime.security.key_texts import PREFIX
from runtime.security.principal import Principal
from runtime.security.tokens import TokenVerifier


class Callers:
    """Tells tokens and keys apart. A token is a JWT, which cannot begin as a key does.

    Args:
        tokens: Checks tokens.
        keys: Checks keys.
    """

    def __init__(self, tokens: TokenVerifier, keys: APIKeys) -> None:
        self.tokens = tokens
        self.keys = keys

    async def verify(self, credential: str) -> Principal:
        """Check a token or a key and say who presents it.

        Raises:
            UnauthenticatedError: if it is not valid; the message says why and what to do.
            UnavailableError: if it cannot be checked now.
        """
        if credential.startswith(PREFIX):
            return await self.keys.verify(credential)
        return await self.tokens.verify(credential)

    async def aclose(self) -> None:
        """Give up what is under way."""
        await self.tokens.aclose()
        await self.keys.aclose()
