"""Whether what a manifest says of ingestion fits the rest of it."""

from collections.abc import Iterator

from app.manifest.ingestion import SystemIngestion
from app.manifest.parts import Parts
from app.manifest.problems import Path, Problem, suggestion
from app.manifest.references import missing_in
from canonical.entities import EntityName
from connectors.kit.secrets import SecretMissingError, Vault


def ingestion_wrong(parts: Parts, vault: Vault) -> Iterator[Problem]:
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
        entity = None if said.webhook is None else said.webhook.entity
        if entity is not None and not _supplies(parts, system, entity):
            message = (
                f"{system!r} supplies no {entity.value}: name it under "
                f"entities.{entity.value}.sources, or leave `entity` out"
            )
            yield parts.document.problem((*path, "webhook", "entity"), message)


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
