"""What sources that stand around another one have in common: they are that one's."""

from canonical.entities import EntityName
from canonical.errors import UnsupportedError
from canonical.ports import Ask, Changes, Source, TrackedSource


class WrappedSource:
    """Base of a source that changes what another one is asked, or what it answers.

    Args:
        source: The other one.
    """

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def system(self) -> str:
        """The backend's name in the manifest."""
        return self._source.system

    @property
    def entity(self) -> EntityName:
        """What it supplies."""
        return self._source.entity

    @property
    def columns(self) -> frozenset[str]:
        """Canonical columns that the system has."""
        return self._source.columns

    @property
    def tracks_changes(self) -> bool:
        """Whether the system can be asked what has changed."""
        return isinstance(self._source, TrackedSource) and self._source.tracks_changes

    async def _changes(
        self, link: str | None, columns: frozenset[str], limit: int, ask: Ask
    ) -> Changes:
        """As `canonical.ports.TrackedSource.changes`, of the other one."""
        if not isinstance(self._source, TrackedSource):
            raise UnsupportedError(f"{self.system} keeps no track of changes of {self.entity}")
        return await self._source.changes(link, columns, limit, ask)
