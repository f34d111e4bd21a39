"""Units: quantities in different units are put together by declared conversions only."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, TypeVar

from canonical.absent import is_absent
from canonical.entities import EntityName
from canonical.errors import NotFoundError, SupplygraphError, UnitMismatchError
from canonical.items import Item
from canonical.values import UnitConversion, convert
from resolvers.context import RequestContext

T = TypeVar("T")


class Units:
    """What is known of the units of some items, for one field of one operation."""

    def __init__(self, context: RequestContext) -> None:
        self._context = context
        self._items: dict[str, Item | SupplygraphError] = {}

    async def learn(self, skus: Iterable[str]) -> None:
        """Read the units of items."""
        wanted = sorted(set(skus) - self._items.keys())
        if not wanted:
            return
        columns = frozenset({"sku", "unit", "unit_conversions"})
        found = await self._context.reads.many(EntityName.ITEM, "sku", wanted, columns)
        for sku, at_key in found.items():
            item = next((r for r in at_key.records if isinstance(r, Item)), None)
            problem = at_key.problems[0] if at_key.problems else None
            self._items[sku] = item or problem or NotFoundError(f"item {sku!r} is not known")

    def convert(self, amount: Decimal, unit: str, target: str, sku: str) -> Decimal:
        """Express an amount of an item, learned before if the units differ, in another unit.

        Raises:
            UnitMismatchError: if no conversion is declared.
            SupplygraphError: if the item's units could not be read.
        """
        if unit == target:
            return amount
        item = self._items.get(sku)
        if isinstance(item, SupplygraphError):
            raise item
        if item is None:
            raise UnitMismatchError(item=sku, unit=unit, target=target, base="unknown")
        return convert(amount, unit, target, item.unit, self._conversions(item), item=sku)

    def guarded(self, work: Callable[..., T], *args: Any) -> T | SupplygraphError:
        """The result of some work, or the error that it ended with."""
        try:
            return work(*args)
        except SupplygraphError as exc:
            return exc

    def _conversions(self, item: Item) -> tuple[UnitConversion, ...]:
        declared = self._context.units
        own = () if is_absent(item.unit_conversions) else item.unit_conversions or ()
        general = declared.get(("", item.unit), ())
        return (*general, *own, *declared.get((item.sku, item.unit), ()))
