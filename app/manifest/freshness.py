"""How old the records of each entity may be, where the manifest says nothing else."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from canonical.entities import EntityName
from loaders.catalog import Freshness

_DAY_S: Final = 86_400.0
MAX_FRESHNESS_S: Final = _DAY_S
MAX_GRACE_S: Final = 7 * _DAY_S
"""Longest grace; together with the longest freshness it is what the record cache takes."""

_ABSENT_S: Final = 30.0
_PATIENCE_S: Final = 1.5

DEFAULT_FRESHNESS: Final[Mapping[EntityName, Freshness]] = MappingProxyType(
    {
        name: Freshness(fresh_s, grace_s, _ABSENT_S, _PATIENCE_S)
        for name, fresh_s, grace_s in (
            (EntityName.ITEM, 900.0, 7 * _DAY_S),
            (EntityName.SUPPLY_SOURCE, 900.0, 7 * _DAY_S),
            (EntityName.SUPPLIER, 900.0, 7 * _DAY_S),
            (EntityName.LOCATION, 3_600.0, 7 * _DAY_S),
            (EntityName.INVENTORY, 60.0, _DAY_S),
            (EntityName.PURCHASE_ORDER, 60.0, _DAY_S),
            (EntityName.RECEIPT, 60.0, _DAY_S),
            (EntityName.FORECAST, 300.0, _DAY_S),
            (EntityName.RECOMMENDATION, 60.0, _DAY_S),
        )
    }
)
"""Every entity's default: what moves by the minute is asked for by the minute."""
