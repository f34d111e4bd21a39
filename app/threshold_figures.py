"""The masters that thresholds of stock are decided by, read through the loaders."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import uuid4

import structlog

from app.declared_units import with_declared_units
from app.manifest.model import Manifest
from app.manifest.thresholds import rules_of
from canonical.absent import is_absent
from canonical.entities import EntityName
from canonical.errors import SupplygraphError
from canonical.items import Item
from canonical.ports import Ask
from loaders.context import ReadContext
from loaders.journal import Journal
from loaders.keyed import KeyedReader, KeyQuestion
from resolvers.context import DeclaredUnits
from runtime.events.ledger import Ledger
from workflows.ingestion.thresholds import Thresholds

_DEADLINE_S: Final = 3.0
"""How long reports wait for masters at most: whoever sends them waits for us."""
_ITEM: Final = frozenset(
    {"sku", "category", "unit", "unit_conversions", "safety_stock", "reorder_point"}
)
_LOCATION: Final = frozenset({"code", "region"})
_SHOWN: Final = 5
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class ThresholdFigures:
    """Masters, as they are kept or as their systems say; what cannot be read is left out.

    Args:
        keyed: Reads records by key.
        units: Conversions declared in the manifest.
    """

    def __init__(self, keyed: KeyedReader, units: DeclaredUnits) -> None:
        self._keyed = keyed
        self._units = units

    async def items(self, skus: Iterable[str]) -> Mapping[str, Item]:
        """Items by sku, with the conversions that the manifest declares."""
        found = await self._read(EntityName.ITEM, "sku", skus, _ITEM)
        return {sku: with_declared_units(item, self._units) for sku, item in found.items()}

    async def regions(self, codes: Iterable[str]) -> Mapping[str, str | None]:
        """Regions of locations by code."""
        found = await self._read(EntityName.LOCATION, "code", codes, _LOCATION)
        return {c: place.region for c, place in found.items() if not is_absent(place.region)}

    async def _read(
        self, entity: EntityName, column: str, keys: Iterable[str], columns: frozenset[str]
    ) -> Mapping[str, Any]:
        journal = Journal()
        deadline = asyncio.get_running_loop().time() + _DEADLINE_S
        ask = Ask(deadline, uuid4().hex, journal, interactive=False)
        question = KeyQuestion(entity, column, columns)
        try:
            found = await self._keyed.read(question, keys, ReadContext(ask, journal))
        except SupplygraphError as exc:
            _log.warning("thresholds are not decided now", entity=entity.value, error=exc.message)
            return {}
        missed = [key for key, each in found.items() if each.problems or not each.records]
        if missed:
            problem = next((p.message for k in missed for p in found[k].problems), "not known")
            _log.warning(
                "thresholds of some positions are not decided now",
                entity=entity.value,
                count=len(missed),
                keys=missed[:_SHOWN],
                error=problem,
            )
        return {key: each.records[0] for key, each in found.items() if each.records}


def crossings_of(manifest: Manifest, keyed: KeyedReader, ledger: Ledger) -> Thresholds | None:
    """What tells of thresholds; None where none is declared, or no system has stock and items."""
    rules = rules_of(manifest.thresholds)
    if not rules or not {EntityName.INVENTORY, EntityName.ITEM} <= manifest.entities.keys():
        return None
    return Thresholds(rules, ThresholdFigures(keyed, manifest.units.declared()), ledger)
