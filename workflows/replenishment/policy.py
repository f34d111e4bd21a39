"""Policies: when is bought, how much and from whom; the most specific rule that says so counts.

A rule states conditions and changes. It is for an item at a location where all of its conditions
hold. Of those that are for it, each change is that of the most specific rule: one that names items
goes before one that names locations, then suppliers, categories, regions; of two alike, the first.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from canonical.values import Money

_MOST_KNOWN: Final = 10_000


class Trigger(StrEnum):
    """What calls for an order."""

    SAFETY_STOCK = "safety_stock"
    """Projected stock falls under the safety stock before a later order could prevent it."""
    REORDER_POINT = "reorder_point"
    """Stock and open orders together are at the reorder point or under it."""
    EITHER = "either"


class Sizing(StrEnum):
    """How much is ordered, before minimum, lot and maximum."""

    LOT_FOR_LOT = "lot_for_lot"
    """What keeps the safety stock until the order after this one."""
    WEEKS_OF_COVER = "weeks_of_cover"
    """What keeps the safety stock for some weeks."""
    UP_TO_REORDER = "up_to_reorder"
    """What brings stock up to the reorder point."""
    TO_MAX = "to_max"
    """What brings stock up to the maximum."""


class Rounding(StrEnum):
    """How a quantity comes to full lots."""

    UP = "up"
    NEAREST = "nearest"


class Stock(StrEnum):
    """Which stock counts."""

    AVAILABLE = "available"
    ON_HAND = "on_hand"


class Preference(StrEnum):
    """What puts one supplier before another."""

    PREFERRED = "preferred"
    IN_TIME = "in_time"
    PRICE = "price"
    LEAD_TIME = "lead_time"


class Policy(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an item at a location is replenished. Quantities are in the item's unit.

    Attributes:
        rules: Names of the rules that it comes from, the most specific first.
        off: Whether nothing is evaluated: somebody else sees to it.
        trigger: What calls for an order.
        sizing: How much is ordered.
        weeks: Of cover.
        maximum_stock: What stock is brought up to.
        safety_stock: Instead of the item's.
        reorder_point: Instead of the item's.
        review_days: After how many days one looks again.
        horizon_days: How far ahead is looked.
        lead_time_days: Where no system says one.
        lot_size: Quantities are multiples of it, in `lot_unit`.
        lot_unit: A unit that the item declares; None for the item's own.
        rounding: How quantities come to full lots.
        minimum_quantity: Least quantity of an order, beside those of supplier and item.
        maximum_quantity: Largest quantity of an order.
        maximum_cost: Largest cost of an order, by currency.
        suppliers: What puts one supplier before another, in order; at last its code.
        overdue_for_days: How long an order line that is overdue is still waited for; None for ever.
        stock: Which stock counts.
        unlocated_share: What share of a forecast that names no location is this one's. None: all
            of it where the item is at one location alone; else it is not known.
    """

    rules: tuple[str, ...] = ()
    off: bool = False
    trigger: Trigger = Trigger.SAFETY_STOCK
    sizing: Sizing = Sizing.WEEKS_OF_COVER
    weeks: int = 4
    maximum_stock: Decimal | None = None
    safety_stock: Decimal | None = None
    reorder_point: Decimal | None = None
    review_days: int = 7
    horizon_days: int = 182
    lead_time_days: int | None = None
    lot_size: Decimal = Decimal(1)
    lot_unit: str | None = None
    rounding: Rounding = Rounding.UP
    minimum_quantity: Decimal | None = None
    maximum_quantity: Decimal | None = None
    maximum_cost: tuple[Money, ...] = ()
    suppliers: tuple[Preference, ...] = (
        Preference.PREFERRED,
        Preference.PRICE,
        Preference.LEAD_TIME,
    )
    overdue_for_days: int | None = None
    stock: Stock = Stock.AVAILABLE
    unlocated_share: Decimal | None = None


class Rule(Struct, frozen=True, kw_only=True):
    """What is otherwise for some. Empty conditions are for all.

    Attributes:
        name: What explanations call it.
        changes: Fields of `Policy`.
        items: Skus.
        locations: Codes of locations.
        suppliers: Codes of suppliers: it is for orders from these.
        categories: Categories of items.
        regions: Regions of locations.
    """

    name: str
    changes: Mapping[str, Any]
    items: frozenset[str] = frozenset()
    locations: frozenset[str] = frozenset()
    suppliers: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()

    @property
    def rank(self) -> tuple[bool, ...]:
        """How specific it is."""
        named = (self.items, self.locations, self.suppliers, self.categories, self.regions)
        return tuple(map(bool, named))


class Place(Struct, frozen=True):
    """What rules go by."""

    item: str
    location: str
    category: str | None = None
    region: str | None = None


_ABOUT_THE_PLACE: Final = frozenset(
    {
        "off",
        "trigger",
        "review_days",
        "horizon_days",
        "suppliers",
        "overdue_for_days",
        "stock",
        "unlocated_share",
        "safety_stock",
        "reorder_point",
    }
)
ABOUT_A_SUPPLIER: Final = frozenset(Policy.__struct_fields__) - _ABOUT_THE_PLACE - {"rules"}
"""What a rule for a supplier may change: the rest is settled before a supplier is chosen."""


class Policies:
    """The policies of a house.

    Args:
        default: Where no rule says otherwise.
        rules: In the order in which they were written.
    """

    def __init__(self, default: Policy, rules: Sequence[Rule] = ()) -> None:
        self.default = default
        self._rules = sorted(rules, key=lambda rule: rule.rank, reverse=True)
        self._items = frozenset[str]().union(*(r.items for r in rules))
        self._suppliers = frozenset[str]().union(*(r.suppliers for r in rules))
        self._known: dict[tuple[str | None, ...], Policy] = {}
        self._made: dict[tuple[int, ...], Policy] = {}
        self.longest_horizon_days = max(
            [default.horizon_days, *(r.changes.get("horizon_days", 0) for r in rules)]
        )

    def of(self, place: Place, supplier: str | None = None) -> Policy:
        """The policy of an item at a location, for orders from a supplier if one is named."""
        key = (
            place.item if place.item in self._items else None,
            place.location,
            place.category,
            place.region,
            supplier if supplier in self._suppliers else None,
        )
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = self._known[key] = self._merged(place, supplier)
        return found

    def _merged(self, place: Place, supplier: str | None) -> Policy:
        """One and the same policy wherever the same rules hold."""
        numbers = tuple(n for n, r in enumerate(self._rules) if _holds(r, place, supplier))
        if numbers not in self._made:
            rules = [self._rules[n] for n in numbers]
            changes: dict[str, Any] = {}
            for rule in reversed(rules):
                changes |= rule.changes
            names = tuple(rule.name for rule in rules)
            self._made[numbers] = replace(self.default, rules=names, **changes)
        return self._made[numbers]


def _holds(rule: Rule, place: Place, supplier: str | None) -> bool:
    """Whether a rule is for an item at a location, for orders from a supplier."""
    conditions = (
        (rule.items, place.item),
        (rule.locations, place.location),
        (rule.suppliers, supplier),
        (rule.categories, place.category),
        (rule.regions, place.region),
    )
    return all(not names or value in names for names, value in conditions)
