"""Thresholds of stock: who falls below one is told once, and once more when it has recovered.

    available < threshold                      breached, if it was not
    available >= threshold x `recover_at`      recovered, if it was breached

In between nothing changes, so stock that moves around a threshold does not tell of it each time.

Decided are changes of stock that counted, in their order, each with what the item's master says at
that time: a threshold that was changed counts from the next change of stock on. What was decided is
kept in the log's states, under a system name that no backend can have: so it is locked and kept
with the stock that it was decided by, and a crossing is told once, whichever process hears of it.

- A position that is first heard of and is short is told of. One that was taken note of silently (a
  baseline) and was short then already is not: it had not crossed anything that we have seen.
- A position that its system no longer has is one with nothing available.
- What cannot be decided now (the item cannot be read, its unit is another and no conversion is
  declared) stays as it was, and is decided by the next change.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

import msgspec
import structlog
from msgspec import Struct

from canonical.absent import is_absent
from canonical.entities import EntityName
from canonical.errors import UnitMismatchError
from canonical.events import (
    INVENTORY_CHANGED,
    THRESHOLD_BREACHED,
    THRESHOLD_RECOVERED,
    Event,
    InventoryChanged,
    InventoryThreshold,
)
from canonical.inventory import InventoryPosition
from canonical.items import Item
from canonical.records import Record
from canonical.values import convert
from runtime.events.writing import Key, Known, Writing
from workflows.ingestion.intake import Delivery
from workflows.ingestion.states import decode_state

_STATES: Final = "/thresholds"
"""After a backend's name, which has no slash: where decisions about its positions are kept."""
_MOST_LOGGED: Final = 1_000
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Level(StrEnum):
    """Quantities of an item's master that stock is held against."""

    SAFETY_STOCK = "safety_stock"
    REORDER_POINT = "reorder_point"


class Rule(Struct, frozen=True, kw_only=True):
    """A threshold, and the positions that it is for. Empty conditions are for all.

    Attributes:
        name: What events call it. Of several rules of a name the first that is for a position
            counts.
        below: What stock may not fall below: a quantity of the item's master, or a fixed one, in
            the item's base unit.
        recover_at: How many times the threshold must be there again; 1 or more.
        items: Skus.
        categories: Categories of items.
        locations: Codes of locations.
        regions: Regions of locations.
    """

    name: str
    below: Level | Decimal = Level.SAFETY_STOCK
    recover_at: Decimal = Decimal("1.1")
    items: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    locations: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()


class Figures(Protocol):
    """Reads the masters that thresholds are decided by. What cannot be read is left out."""

    async def items(self, skus: Iterable[str]) -> Mapping[str, Item]:
        """Items with category, unit, all conversions, safety stock and reorder point, by sku."""

    async def regions(self, codes: Iterable[str]) -> Mapping[str, str | None]:
        """Regions of locations, by code; None for one that has none."""


class Remembered(Protocol):
    """Knows what was last heard of records: a `Ledger`."""

    async def known(self, entity: EntityName, keys: Iterable[Key]) -> Mapping[Key, Known]:
        """States of records, as intake keeps them; what is not known is left out."""


class Prepared(Struct, frozen=True):
    """What was read before the transaction."""

    items: Mapping[str, Item]
    regions: Mapping[str, str | None]


_Decided: TypeAlias = dict[str, bool]
"""By name of rule, whether it is breached."""
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Decided).decode


class _UndecidedError(Exception):
    """What deciding needs is not known now."""


class Thresholds:
    """Tells of stock that falls below thresholds, and recovers.

    Args:
        rules: What is watched, the first of a name before others.
        figures: Reads masters.
        remembered: Knows positions whose reports do not name them, such as that they are gone.
    """

    def __init__(self, rules: Sequence[Rule], figures: Figures, remembered: Remembered) -> None:
        self._rules: dict[str, list[Rule]] = {}
        for rule in rules:
            self._rules.setdefault(rule.name, []).append(rule)
        self._by_region = any(rule.regions for rule in rules)
        self._figures = figures
        self._remembered = remembered
        self._logged: set[tuple[str, str | None]] = set()

    async def prepare(self, deliveries: Sequence[Delivery]) -> Prepared:
        """Read the masters of all positions that are reported, each once."""
        positions = await self._positions(deliveries)
        skus = dict.fromkeys(p.item for p in positions if not is_absent(p.item))
        codes = dict.fromkeys(p.location for p in positions if not is_absent(p.location))
        items = await self._figures.items(skus) if skus else {}
        regions = await self._figures.regions(codes) if codes and self._by_region else {}
        return Prepared(items, regions)

    @staticmethod
    def joined(prepared: Sequence[Prepared]) -> Prepared:
        """What was read for several takes, for all of them."""
        return Prepared(
            {sku: item for each in prepared for sku, item in each.items.items()},
            {code: region for each in prepared for code, region in each.regions.items()},
        )

    async def _positions(self, deliveries: Sequence[Delivery]) -> list[InventoryPosition]:
        """The positions that are reported; as they were known where a report does not name them."""
        found: list[InventoryPosition] = []
        unnamed: dict[Key, None] = {}
        for delivery in deliveries:
            for o in delivery.observations:
                if isinstance(o.record, InventoryPosition):
                    found.append(o.record)
                if o.entity is EntityName.INVENTORY and not _is_named(o.record):
                    unnamed[o.system, o.key] = None
        if unnamed:
            known = await self._remembered.known(EntityName.INVENTORY, unnamed)
            found += [decode_state(EntityName.INVENTORY, k.data).record for k in known.values()]
        return found

    async def find(
        self, writing: Writing, events: Sequence[Event], prepared: Prepared
    ) -> list[Event]:
        """Crossings by the changes of stock among some events, in their order.

        What was decided is remembered with the rest of the transaction.
        """
        moves = [e for e in events if e.type == INVENTORY_CHANGED.type and e.applied]
        if not moves:
            return []
        known = await writing.known(EntityName.INVENTORY, [_place(e) for e in moves])
        decided = {place: _decode(state.data) for place, state in known.items()}
        moved: dict[Key, Known | None] = {}
        crossings: list[Event] = []
        for event in moves:
            place = _place(event)
            before = decided.get(place, {})
            after, told = self._decide(event, before, prepared)
            if after != before:
                decided[place] = after
                moved[place] = Known(event.occurred_at, _encode(after))
            crossings += told
        if moved:
            await writing.remember(EntityName.INVENTORY, moved)
        return crossings

    def _decide(
        self, event: Event, before: _Decided, prepared: Prepared
    ) -> tuple[_Decided, list[Event]]:
        """What is breached after an event, by rule, and what is to be told of it."""
        after = dict(before)
        told: list[Event] = []
        for name, rules in self._rules.items():
            try:
                found = self._threshold(rules, event.data, prepared)
            except _UndecidedError:
                # Not known to be breached: if the next change finds it so, that is told.
                after.setdefault(name, False)
                continue
            if found is None:
                continue
            threshold, recovery = found
            was = before.get(name, _was_short(event.data, threshold))
            after[name] = event.data.available < (recovery if was else threshold)
            if after[name] != was:
                told.append(_crossing(event, name, threshold, breached=after[name]))
        return after, told

    def _threshold(
        self, rules: Iterable[Rule], data: InventoryChanged, prepared: Prepared
    ) -> tuple[Decimal, Decimal] | None:
        """Where a position is short and where it has recovered, in its unit; None if nowhere.

        Raises:
            _UndecidedError: if that is not known now.
        """
        item = prepared.items.get(data.item)
        if item is None:
            raise _UndecidedError
        rule = next((r for r in rules if _is_for(r, data, item, prepared.regions)), None)
        if rule is None:
            return None
        below = getattr(item, rule.below) if isinstance(rule.below, Level) else rule.below
        if below is None:
            return None
        if is_absent(below):
            raise _UndecidedError
        threshold = self._in_unit(below, item, data.unit)
        return threshold, threshold * rule.recover_at

    def _in_unit(self, amount: Decimal, item: Item, unit: str | None) -> Decimal:
        """An amount of an item's base unit in a position's.

        Raises:
            _UndecidedError: if one of the units is not known, or no conversion is declared.
        """
        if unit is None or is_absent(item.unit):
            self._not_comparable(item, unit)
            raise _UndecidedError
        others = () if is_absent(item.unit_conversions) else item.unit_conversions
        try:
            return convert(amount, item.unit, unit, item.unit, others, item=item.sku)
        except UnitMismatchError:
            self._not_comparable(item, unit)
            raise _UndecidedError from None

    def _not_comparable(self, item: Item, unit: str | None) -> None:
        place = (item.sku, unit)
        if place in self._logged or len(self._logged) >= _MOST_LOGGED:
            return
        self._logged.add(place)
        base = None if is_absent(item.unit) else item.unit
        _log.warning(
            "stock is not held against thresholds: declare a conversion of its unit",
            item=item.sku,
            unit=unit,
            base=base,
        )


def _is_named(record: Record | None) -> bool:
    return isinstance(record, InventoryPosition) and not (
        is_absent(record.item) or is_absent(record.location)
    )


def _place(event: Event) -> Key:
    return f"{event.system}{_STATES}", event.key


def _was_short(data: InventoryChanged, threshold: Decimal) -> bool:
    """Whether a position of which nothing was decided was short before this change."""
    return data.previous_available is not None and data.previous_available < threshold


def _is_for(
    rule: Rule, data: InventoryChanged, item: Item, regions: Mapping[str, str | None]
) -> bool:
    """Whether a rule is for a position.

    Raises:
        _UndecidedError: if it goes by something that could not be read.
    """
    if rule.items and data.item not in rule.items:
        return False
    if rule.locations and data.location not in rule.locations:
        return False
    if rule.categories:
        if is_absent(item.category):
            raise _UndecidedError
        if item.category not in rule.categories:
            return False
    if rule.regions:
        if data.location not in regions:
            raise _UndecidedError
        return regions[data.location] in rule.regions
    return True


def _crossing(event: Event, rule: str, threshold: Decimal, *, breached: bool) -> Event:
    moved: InventoryChanged = event.data
    kind = THRESHOLD_BREACHED if breached else THRESHOLD_RECOVERED
    data = InventoryThreshold(
        item=moved.item,
        location=moved.location,
        threshold=threshold,
        available=moved.available,
        rule=rule,
        unit=moved.unit,
    )
    return msgspec.structs.replace(
        event, type=kind.type, source_event_id=f"{event.source_event_id}/{rule}", data=data
    )
