"""The wiring: a manifest becomes open systems, a cache, a catalog and the readers over them.

    manifest -> backends -> identity (crosswalks) -> catalog -> readers over the record cache -> reads of one operation

One installation belongs to one process and one event loop.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from canonical.values import UnitConversion
from execution.scheduling import LevelScheduler
from loaders.catalog import Catalog
from loaders.context import ReadContext
from loaders.keyed import KeyedReader
from loaders.lists import ListReader
from loaders.reads import Reads
from resolvers.context import Limits
from runtime.security.principal import Principal


class TokenVerifier(Protocol):
    """Tells who a bearer token stands for."""

    async def verify(self, token: str) -> Principal:
        """The principal of a token.

        Raises:
            UnauthenticatedError: if the token is not valid now.
        """


class Installation:
    """Everything that answers questions, opened by `app.installation.open_installation`.

    Attributes:
        catalog: Which systems supply what.
        limits: What one question may ask for.
        units: Conversions declared in the manifest, by sku; under "" for all items.
        tokens: Tells who is asking.
    """

    catalog: Catalog
    limits: Limits
    units: Mapping[str, tuple[UnitConversion, ...]]
    tokens: TokenVerifier
    _keyed: KeyedReader
    _lists: ListReader

    def reads(self, scheduler: LevelScheduler, context: ReadContext) -> Reads:
        """The loaders of one operation."""
        return Reads(self.catalog, self._keyed, self._lists, scheduler, context)

    def health(self) -> Mapping[str, Any]:
        """State of every dependency, without asking any: {"cache": {...}, "backends": {name: {...}}}."""
        raise NotImplementedError
