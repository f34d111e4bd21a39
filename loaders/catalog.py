"""The catalog: which systems supply which entity, in which order, how old it may be."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from canonical.entities import EntityName
from canonical.errors import UnsupportedError
from canonical.ports import Source


class Supply(Struct, frozen=True):
    """One system's supply of an entity.

    Attributes:
        source: Where records are read, in canonical keys.
        region: Region that it is in charge of, if the manifest names one.
        company: Company whose records it has, if the manifest names one.
        columns: Columns that it is asked for; what the source has, unless the manifest names fewer.
    """

    source: Source
    region: str | None
    columns: frozenset[str]
    company: str | None = None

    @property
    def system(self) -> str:
        """The backend's name in the manifest."""
        return self.source.system


class Territory(Struct, frozen=True):
    """Where a caller may look: who may not look there is not told that there is anything.

    Attributes:
        regions: Regions; None for all.
        companies: Companies; None for all.
        narrow: Whether this process has only a part of the sources: what others take in of the
            rest is not told here.
    """

    regions: frozenset[str] | None = None
    companies: frozenset[str] | None = None
    narrow: bool = False

    def covers(self, supply: Supply) -> bool:
        """Tell whether a supply may be asked; one without a region belongs to all of them."""
        return _within(supply.region, self.regions) and _within(supply.company, self.companies)


EVERYWHERE: Final = Territory()
_MOST_PARTS: Final = 256


def _within(place: str | None, allowed: frozenset[str] | None) -> bool:
    return place is None or allowed is None or place in allowed


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
        self._parts: dict[Territory, Catalog] = {}

    def within(self, territory: Territory) -> "Catalog":
        """The part of it in a territory: what lies outside is not there."""
        if territory == EVERYWHERE:
            return self
        part = self._parts.get(territory)
        if part is None:
            if len(self._parts) >= _MOST_PARTS:
                self._parts.clear()
            part = self._parts[territory] = Catalog(
                {n: [s for s in f if territory.covers(s)] for n, f in self._supplies.items()},
                self._freshness,
            )
        return part

    def supplies(self, entity: EntityName, system: str | None = None) -> tuple[Supply, ...]:
        """Supplies of an entity, leading first; of one system only, where it is named.

        Raises:
            UnsupportedError: if no system supplies the entity.
        """
        found = self._supplies.get(entity)
        if found is None:
            raise UnsupportedError(
                f"no system supplies {entity.value!r} here; name one under entities.{entity.value}"
                ".sources in the manifest"
            )
        if system is not None:
            found = tuple(s for s in found if s.system == system)
        return found

    def has(self, entity: EntityName) -> bool:
        """Tell whether any system supplies an entity."""
        return entity in self._supplies

    def freshness(self, entity: EntityName) -> Freshness:
        """How old records of an entity may be."""
        return self._freshness[entity]
