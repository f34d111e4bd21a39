"""The catalog: which systems supply which entity, in which order, how old it may be."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from canonical.entities import EntityName
from canonical.errors import UnsupportedError
from canonical.ports import Source


class Supply(Struct, frozen=True):
    """One system's supply of an entity.

    Attributes:
        source: Where records are read, in canonical keys.
        region: Region that it is in charge of, if the manifest names one.
        columns: Columns that it is asked for; what the source has, unless the manifest names fewer.
    """

    source: Source
    region: str | None
    columns: frozenset[str]

    @property
    def system(self) -> str:
        """The backend's name in the manifest."""
        return self.source.system


class Freshness(Struct, frozen=True):
    """How old records of an entity may be. All finite.

    Attributes:
        fresh_s: Seconds during which a record is served without asking again. 0 means that nothing
            is ever kept, whatever the rest says: every operation asks the system.
        grace_s: Seconds past that during which it is served, marked stale, while its system cannot
            be asked.
        absent_s: Seconds during which it is remembered that a key has no record.
        patience_s: Seconds that a slow system is waited for while a stale record is at hand.
    """

    fresh_s: float
    grace_s: float
    absent_s: float
    patience_s: float

    @property
    def kept(self) -> bool:
        """Whether records are kept at all."""
        return self.fresh_s > 0

    @property
    def lifetime_s(self) -> float:
        """How long a record is kept."""
        return self.fresh_s + self.grace_s


class Catalog:
    """Supplies and freshness of every entity."""

    def __init__(
        self,
        supplies: Mapping[EntityName, Sequence[Supply]],
        freshness: Mapping[EntityName, Freshness],
    ) -> None:
        self._supplies = {name: tuple(found) for name, found in supplies.items()}
        self._freshness = dict(freshness)

    def supplies(self, entity: EntityName, system: str | None = None) -> tuple[Supply, ...]:
        """Supplies of an entity, leading first; of one system only, where it is named.

        Raises:
            UnsupportedError: if no system supplies the entity.
        """
        found = self._supplies.get(entity, ())
        if not found:
            raise UnsupportedError(
                f"no system supplies {entity.value!r} here; name one under entities.{entity.value}"
                ".sources in the manifest"
            )
        if system is not None:
            found = tuple(s for s in found if s.system == system)
        return found

    def has(self, entity: EntityName) -> bool:
        """Tell whether any system supplies an entity."""
        return bool(self._supplies.get(entity))

    def freshness(self, entity: EntityName) -> Freshness:
        """How old records of an entity may be."""
        return self._freshness[entity]
