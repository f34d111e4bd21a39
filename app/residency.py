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
from app.manifest.model import EntityConfig, Manifest
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
    manifest = declared.manifest
    here = declared.vault.environ.get(PROCESS_REGION) or None
    sources = [s for e in manifest.entities.values() for s in e.sources]
    known = frozenset({*manifest.regions, *(s.region for s in sources if s.region)})
    closed = {r for r in known if not _may_ask(here, manifest.regions.get(r))}
    if not closed:
        return declared, Residence(manifest.regions, known)
    remaining = _without(manifest, closed)
    gone = {s.backend: s.region or "" for s in sources if s.backend not in remaining.backends}
    if not remaining.entities:
        raise InvalidInputError(
            f"no source of the manifest is for a process in region {here or 'none'!r}: set "
            f"{PROCESS_REGION}, or name it under `regions`"
        )
    return replace(declared, manifest=remaining), Residence(
        manifest.regions, known, gone, narrow=True
    )


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


def _may_ask(here: str | None, config: RegionConfig | None) -> bool:
    return config is None or config.processes is None or here in config.processes


def _without(manifest: Manifest, closed: Collection[str]) -> Manifest:
    """A manifest without the sources of some regions, and what nothing comes from then."""
    entities: dict[str, EntityConfig] = {}
    for name, entity in manifest.entities.items():
        left = tuple(s for s in entity.sources if s.region not in closed)
        if left:
            entities[name] = entity.model_copy(update={"sources": left})
    before = {s.backend for e in manifest.entities.values() for s in e.sources}
    used = {s.backend for e in entities.values() for s in e.sources}
    backends = {n: b for n, b in manifest.backends.items() if n in used or n not in before}
    ingestion = {n: i for n, i in manifest.ingestion.items() if n in backends}
    return manifest.model_copy(
        update={"entities": entities, "backends": backends, "ingestion": ingestion}
    )
