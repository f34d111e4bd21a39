"""Whether what a manifest says of processes fits the rest of it."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from app.manifest.backends import Supplying
from app.manifest.ordering import RouteConfig
from app.manifest.parts import Parts
from app.manifest.problems import Path, Problem, suggestion
from app.manifest.processes import ProcessesConfig
from canonical.entities import EntityName
from connectors.kit.mapping.writes import Writes
from connectors.kit.secrets import Vault

_HERE: Path = ("processes",)
_ORDER, _FORECAST = EntityName.PURCHASE_ORDER, EntityName.FORECAST


def processes_wrong(
    parts: Parts, backends: Mapping[str, Supplying], vault: Vault
) -> Iterator[Problem]:
    """Systems that are no backend or cannot be told, and secrets that are not there."""
    config = None if parts.manifest is None else parts.manifest.processes
    if config is None:
        return
    for place, system in _ordering(config):
        yield from _told(parts, backends, system, place, _ORDER)
    if config.forecasts is not None:
        place = (*_HERE, "forecasts", "system")
        yield from _told(parts, backends, config.forecasts.system, place, _FORECAST)
    if config.notifications is not None:
        try:
            config.notifications.ways(vault, lambda: datetime.now(UTC))
        except ValueError as exc:
            yield parts.document.problem((*_HERE, "notifications", "channels"), str(exc))


def _ordering(config: ProcessesConfig) -> Iterator[tuple[Path, str]]:
    """The systems that orders are made in, with where each is named."""
    if config.ordering is None:
        return
    here: Path = (*_HERE, "ordering")
    routes: list[tuple[Path, RouteConfig]] = [(here, config.ordering)]
    routes += [((*here, "routes", i), each) for i, each in enumerate(config.ordering.routes)]
    for path, route in routes:
        yield (*path, "lead"), route.lead
        for i, system in enumerate(route.follow):
            yield (*path, "follow", i), system


def _told(
    parts: Parts,
    backends: Mapping[str, Supplying],
    system: str,
    place: Path,
    entity: EntityName,
) -> Iterator[Problem]:
    if system not in parts.declared:
        message = f"there is no backend {system!r}{suggestion(system, parts.declared)}"
        yield parts.document.problem(place, message)
        return
    found = parts.entities.get(entity)
    if found is None or system not in {source.backend for source in found.sources}:
        message = (
            f"{system!r} is no source of {entity.value}: name it under entities.{entity.value}"
            ".sources, so that what it is told can be read back"
        )
        yield parts.document.problem(place, message)
    if system not in backends or entity in backends[system].broken:
        return
    mapping = backends[system].resolved.preset.entities.get(entity)
    if mapping is not None and not _is_told(mapping.writes, entity):
        what = "publish" if entity is _FORECAST else "create"
        message = (
            f"{system!r} cannot be told of a {entity.value}: say how under backends.{system}"
            f".entities.{entity.value}.writes.{what}"
        )
        yield parts.document.problem(place, message)


def _is_told(writes: Writes | None, entity: EntityName) -> bool:
    if writes is None:
        return False
    return (writes.publish if entity is _FORECAST else writes.create) is not None
