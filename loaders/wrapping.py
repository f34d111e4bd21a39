"""What sources that stand around another one have in common: they are that one's."""

from canonical.entities import EntityName
from canonical.ports import Source


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
