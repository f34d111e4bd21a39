"""Crosswalks: which keys in two systems mean the same thing.

A table has the canonical key and, for each system that spells it differently, that system's key.
Keys which are not in the table are the same everywhere, unless that would confuse two things: then
the system's key is shown with the system's name behind an `@`, and can still be asked for.
"""

from collections.abc import Iterable, Mapping

from canonical.entities import EntityName
from canonical.errors import InvalidInputError


class Crosswalk:
    """The keys of one entity in one system."""

    def __init__(self, system: str, pairs: Iterable[tuple[str, str]]) -> None:
        """Read (canonical, local) pairs.

        Raises:
            InvalidInputError: if a key stands twice on either side.
        """
        self.system = system
        self._local: dict[str, str] = {}
        self._canonical: dict[str, str] = {}
        for canonical, local in pairs:
            for table, key, side in (
                (self._local, canonical, "canonical key"),
                (self._canonical, local, f"key of {system}"),
            ):
                if key in table:
                    raise InvalidInputError(
                        f"crosswalk: the {side} {key!r} stands there twice; keep one of the rows"
                    )
            self._local[canonical] = local
            self._canonical[local] = canonical
        self._foreign = f"@{system}"

    @property
    def trivial(self) -> bool:
        """Whether every key is the same in the system."""
        return all(a == b for a, b in self._local.items())

    def to_local(self, canonical: str) -> str | None:
        """The system's key for a canonical key; None if the system cannot have it."""
        local = self._local.get(canonical)
        if local is not None:
            return local
        if canonical.endswith(self._foreign):
            return canonical.removesuffix(self._foreign)
        return None if canonical in self._canonical else canonical

    def to_canonical(self, local: str) -> str:
        """The canonical key for a system's key."""
        canonical = self._canonical.get(local)
        if canonical is not None:
            return canonical
        return local + self._foreign if local in self._local else local


Crosswalks = Mapping[EntityName, Crosswalk]
"""The crosswalks of one system, by the entity that they translate."""
