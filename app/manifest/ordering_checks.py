"""Whether what a manifest says of ordering fits the rest of it."""

from collections.abc import Iterator, Mapping
from typing import Final

from app.manifest.backends import Supplying
from app.manifest.ordering import OrderingConfig, RouteConfig
from app.manifest.parts import Parts
from app.manifest.problems import Path, Problem, suggestion
from canonical.entities import EntityName

_HERE: Final[Path] = ("processes", "ordering")
_ORDER: Final = EntityName.PURCHASE_ORDER
_CHECKED_BY: Final = (EntityName.SUPPLIER, EntityName.ITEM, EntityName.LOCATION)


def ordering_wrong(parts: Parts, backends: Mapping[str, Supplying]) -> Iterator[Problem]:
    """Systems that are no backend or take no orders, and what orders cannot be checked without."""
    processes = None if parts.manifest is None else parts.manifest.processes
    if processes is None or processes.ordering is None:
        return
    config = processes.ordering
    for system, place, leads in _systems(config):
        if system not in parts.declared:
            message = f"there is no backend {system!r}{suggestion(system, parts.declared)}"
            yield parts.document.problem(place, message)
            continue
        if system in backends and not _takes_orders(backends[system]):
            message = (
                f"{system!r} takes no orders: its mapping has no `writes` with `create` under "
                f"backends.{system}.entities.{_ORDER.value}"
            )
            yield parts.document.problem(place, message)
        if leads and not _supplies(parts, system, _ORDER):
            message = (
                f"{system!r} supplies no {_ORDER.value}, so that nobody would see what is ordered: "
                f"name it under entities.{_ORDER.value}.sources"
            )
            yield parts.document.problem(place, message)
    terms = (EntityName.SUPPLY_SOURCE,) if config.terms_required else ()
    for entity in (*_CHECKED_BY, *terms):
        if entity not in parts.entities:
            message = f"orders are checked by their {entity.value}: name sources of it"
            yield parts.document.problem(_HERE, f"{message} under entities.{entity.value}")


def _systems(config: OrderingConfig) -> Iterator[tuple[str, Path, bool]]:
    """Each system that is named, where, and whether it leads."""
    routes: list[tuple[RouteConfig, Path]] = [(config, _HERE)]
    routes += [(route, (*_HERE, "routes", i)) for i, route in enumerate(config.routes)]
    for route, path in routes:
        yield route.lead, (*path, "lead"), True
        for i, system in enumerate(route.follow):
            yield system, (*path, "follow", i), False


def _takes_orders(backend: Supplying) -> bool:
    if _ORDER in backend.broken:
        return True  # what is wrong with it is said already
    mapping = backend.resolved.preset.entities.get(_ORDER)
    return mapping is not None and mapping.writes is not None and mapping.writes.create is not None


def _supplies(parts: Parts, system: str, entity: EntityName) -> bool:
    found = parts.entities.get(entity)
    return found is not None and any(s.backend == system for s in found.sources)
