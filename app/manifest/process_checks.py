"""Whether what a manifest says of processes fits the rest of it."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from app.manifest.backends import Supplying
from app.manifest.parts import Parts
from app.manifest.problems import Path, Problem, suggestion
from canonical.entities import EntityName
from connectors.kit.secrets import Vault

_HERE: Path = ("processes",)
_FORECAST = EntityName.FORECAST


def processes_wrong(
    parts: Parts, backends: Mapping[str, Supplying], vault: Vault
) -> Iterator[Problem]:
    """Systems that are no backend or cannot be told, and secrets that are not there."""
    config = None if parts.manifest is None else parts.manifest.processes
    if config is None:
        return
    if config.forecasts is not None:
        place = (*_HERE, "forecasts", "system")
        yield from _not_published(parts, backends, config.forecasts.system, place)
    if config.notifications is not None:
        try:
            config.notifications.ways(vault, lambda: datetime.now(UTC))
        except ValueError as exc:
            yield parts.document.problem((*_HERE, "notifications", "channels"), str(exc))


def _not_published(
    parts: Parts, backends: Mapping[str, Supplying], system: str, place: Path
) -> Iterator[Problem]:
    if system not in parts.declared:
        message = f"there is no backend {system!r}{suggestion(system, parts.declared)}"
        yield parts.document.problem(place, message)
        return
    found = parts.entities.get(_FORECAST)
    if found is None or system not in {source.backend for source in found.sources}:
        message = (
            f"{system!r} is no source of forecast: name it under entities.forecast.sources, so "
            "that what is published can be read back"
        )
        yield parts.document.problem(place, message)
    if system not in backends or _FORECAST in backends[system].broken:
        return
    mapping = backends[system].resolved.preset.entities.get(_FORECAST)
    if mapping is not None and (mapping.writes is None or mapping.writes.publish is None):
        message = (
            f"{system!r} takes no forecasts: say how it is told under backends.{system}.entities"
            ".forecast.writes.publish"
        )
        yield parts.document.problem(place, message)
