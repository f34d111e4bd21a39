"""Orders made on request, modelled on the newest order of a system."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

from msgspec.structs import replace

from sandbox.world.records import Line, Order, Schedule

if TYPE_CHECKING:
    from sandbox.world import World

_KNOWN = frozenset({"number", "supplier", "item", "ordered_on", "quantity"})


class WishedOrders:
    """Makes approved one-line orders; numbers go on where the world's end."""

    def __init__(self, world: World, system: Literal["erp", "procurement"]) -> None:
        self._world = world
        own = [order for order in world.orders if order.system == system]
        if not own:
            raise ValueError(f"the world is too small: no order lives in {system}")
        self._model = own[-1]
        prefix = "PO-" if system == "procurement" else ""
        last = int(self._model.number.removeprefix(prefix))
        self._numbers = (f"{prefix}{n}" for n in count(last + 1))

    def grant(self, wish: Mapping[str, Any]) -> Order:
        """Make an order.

        Args:
            wish: Any of number, supplier, item (the ERP's keys), ordered_on (ISO date) and
                quantity; what is left out is as in the newest order, with the next number.

        Raises:
            ValueError: the wish holds an unknown word, or a key that the world does not have.
        """
        unknown = set(wish) - _KNOWN
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        model = self._model
        supplier = str(wish.get("supplier", model.supplier))
        item = str(wish.get("item", model.lines[0].item))
        if supplier not in self._world.suppliers_by_number:
            raise ValueError(f"no supplier {supplier}")
        if item not in self._world.items_by_number:
            raise ValueError(f"no item {item}")
        ordered_on = date.fromisoformat(wish.get("ordered_on", self._world.today.isoformat()))
        number = str(wish.get("number") or next(self._numbers))
        quantity = Decimal(str(wish.get("quantity", model.lines[0].quantity)))
        moment = datetime.combine(ordered_on, time(18), UTC)
        return replace(
            model,
            number=number,
            supplier=supplier,
            state="approved",
            ordered_on=ordered_on,
            created_at=moment,
            changed_at=moment,
            acknowledged_at=None,
            lines=(self._line(number, item, quantity, ordered_on + timedelta(days=14)),),
        )

    def _line(self, order: str, item: str, quantity: Decimal, due_on: date) -> Line:
        """A line in the item's base unit, at the newest order's plant and price."""
        unit = self._world.items_by_number[item].base_unit
        return replace(
            self._model.lines[0],
            order=order,
            item=item,
            quantity=quantity,
            unit=unit,
            numerator=1,
            denominator=1,
            price_unit=unit,
            price_factor=(1, 1),
            schedule=(Schedule(due_on, quantity, None, None),),
            received=Decimal(0),
            deleted=False,
            completed=False,
            invoiced=False,
        )
