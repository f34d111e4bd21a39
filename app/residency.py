"""Data residency: where this process may look, and where its callers may.

A source in a region that is not for this process is not there for it: its backend is not opened,
nothing of it is read from the cache, and no change of it is taken in here.
"""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from app.manifest.loading import Declaration
from app.manifest.model import EntityConfig, Manifest, SourceConfig
from app.manifest.regions import RegionConfig
from canonical.errors import InvalidInputError
from loaders.catalog import EVERYWHERE, Territory
from runtime.security.principal import Principal

PROCESS_REGION: Final = "SUPPLYGRAPH_REGION"
"""Environment variable that says in which region a process runs."""

Policy = Mapping[str, RegionConfig]


class Residence(Struct, frozen=True):
    """Where this process and its callers may look.

    Attributes:
        policy: What the manifest says, by region.
        known: All regions that it names.
        elsewhere: Backends that are not for this process, and their regions.
        narrow: Whether there are sources that are not for this process.
    """

    policy: Policy
    known: frozenset[str]
    elsewhere: Mapping[str, str] = {}
    narrow: bool = False

    def territory(self, principal: Principal) -> Territory:
        """Where a caller may look."""
        territory = territory_of(principal, self.policy, self.known)
        return replace(territory, narrow=True) if self.narrow else territory


def settled(declared: Declaration) -> tuple[Declaration, Residence]:
    """What of a manifest is there for this process.

    Raises:
        InvalidInputError: if nothing is.
    """
    manifest, environ = declared.manifest, declared.vault.environ
    known = frozenset({*manifest.regions, *(s.region for s in _sources(manifest) if s.region)})
    closed = _closed(manifest, environ)
    if not closed:
        return declared, Residence(manifest.regions, known)
    remaining, gone = _without(manifest, closed), elsewhere(manifest, environ)
    if not remaining.entities:
        raise InvalidInputError(
            f"no source of the manifest is for a process in region "
            f"{environ.get(PROCESS_REGION) or 'none'!r}: set {PROCESS_REGION}, or name it under "
            "`regions`"
        )
    return replace(declared, manifest=remaining), Residence(
        manifest.regions, known, gone, narrow=True
    )


def elsewhere(manifest: Manifest, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Backends that are not for this process, and their regions: nothing of them is left here."""
    remaining = _without(manifest, _closed(manifest, environ)).backends
    return {s.backend: s.region or "" for s in _sources(manifest) if s.backend not in remaining}


def territory_of(principal: Principal, policy: Policy, known: frozenset[str]) -> Territory:
    """Where a caller may look, by its token's regions and companies and the manifest's policy."""
    companies = None if principal.companies is None else frozenset(principal.companies)
    if principal.regions is None and companies is None and not policy:
        return EVERYWHERE
    guarded = tuple((r, p.principals) for r, p in policy.items() if p.principals is not None)
    return Territory(_readable(principal.regions, guarded, known), companies)


@lru_cache(maxsize=1_024)
def _readable(
    claimed: tuple[str, ...] | None,
    guarded: tuple[tuple[str, tuple[str, ...]], ...],
    known: frozenset[str],
) -> frozenset[str] | None:
    """Regions whose data a caller may see; None for all."""
    own = set(claimed or ())
    opened = {region for region, principals in guarded if own & set(principals)}
    closed = {region for region, _ in guarded} - opened
    if claimed is None:
        return frozenset(known - closed) if closed else None
    return frozenset((own | opened) - closed)


def _closed(manifest: Manifest, environ: Mapping[str, str]) -> frozenset[str]:
    """Regions whose systems this process may not ask."""
    here = environ.get(PROCESS_REGION)
    return frozenset(
        region
        for region, config in manifest.regions.items()
        if config.processes is not None and here not in config.processes
    )


def _sources(manifest: Manifest) -> list[SourceConfig]:
    return [s for e in manifest.entities.values() for s in e.sources]


def _without(manifest: Manifest, closed: Collection[str]) -> Manifest:
    """A manifest without the sources of some regions, and what nothing comes from then."""
    entities: dict[str, EntityConfig] = {}
    for name, entity in manifest.entities.items():
        left = tuple(s for s in entity.sources if s.region not in closed)
        if left:
            entities[name] = entity.model_copy(update={"sources": left})
    before = {s.backend for s in _sources(manifest)}
    used = {s.backend for e in entities.values() for s in e.sources}
    backends = {n: b for n, b in manifest.backends.items() if n in used or n not in before}
    ingestion = {n: i for n, i in manifest.ingestion.items() if n in backends}
    return manifest.model_copy(
        update={"entities": entities, "backends": backends, "ingestion": ingestion}
    )
