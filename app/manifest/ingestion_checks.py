"""Whether what a manifest says of ingestion fits the rest of it."""

from collections.abc import Iterator, Mapping

from app.manifest.backends import Supplying
from app.manifest.ingestion import SystemIngestion
from app.manifest.parts import Parts
from app.manifest.problems import Path, Problem, suggestion
from app.manifest.references import missing_in
from app.manifest.watching import UNTRACKED
from canonical.entities import EntityName
from connectors.kit.secrets import SecretMissingError, Vault
from connectors.odata import Settings as ODataSettings
from workflows.ingestion.watches import By


def ingestion_wrong(
    parts: Parts, backends: Mapping[str, Supplying], vault: Vault
) -> Iterator[Problem]:
    """Systems that are no backend, entities that they do not supply, secrets that do not fit."""
    if parts.manifest is None:
        return
    for system, said in parts.manifest.ingestion.items():
        path: Path = ("ingestion", system)
        if system not in parts.declared:
            message = f"there is no backend {system!r}{suggestion(system, parts.declared)}"
            yield parts.document.problem(path, message)
            continue
        yield from _secrets_wrong(parts, vault, said, path)
        if system in backends:
            yield from _untracked(parts, backends[system], said, path)
        for entity, place in _entities(said):
            if not _supplies(parts, system, entity):
                message = (
                    f"{system!r} supplies no {entity.value}: name it under "
                    f"entities.{entity.value}.sources, or leave it out here"
                )
                yield parts.document.problem((*path, *place), message)


def _entities(said: SystemIngestion) -> Iterator[tuple[EntityName, Path]]:
    """The entities that come in, with where each is named."""
    if said.webhook is not None and said.webhook.entity is not None:
        yield said.webhook.entity, ("webhook", "entity")
    for entity in said.watch:
        yield entity, ("watch", entity.value)


def _untracked(
    parts: Parts, backend: Supplying, said: SystemIngestion, path: Path
) -> Iterator[Problem]:
    """Watches by delta links of a system that has none."""
    protocol = backend.resolved.protocol
    if isinstance(protocol, ODataSettings) and protocol.version == "v4":
        return
    for entity, watch in said.watch.items():
        if watch.by is By.DELTA:
            place = (*path, "watch", entity.value, "by")
            message = UNTRACKED.format(system=backend.resolved.name)
            yield parts.document.problem(place, message)


def _supplies(parts: Parts, system: str, entity: EntityName) -> bool:
    found = parts.entities.get(entity)
    return found is not None and any(s.backend == system for s in found.sources)


def _secrets_wrong(
    parts: Parts, vault: Vault, said: SystemIngestion, path: Path
) -> Iterator[Problem]:
    if said.signing is None:
        return
    place = (*path, "signing")
    missing = list(missing_in(said.signing, place, parts.document, vault))
    yield from missing
    try:
        if not missing:
            said.signing.keys(vault)
    except (SecretMissingError, ValueError) as exc:
        yield parts.document.problem((*place, "secrets"), str(exc))
