"""From what was gathered to the inputs of one item at one location."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final

from msgspec import Struct

from canonical.absent import is_absent
from canonical.errors import InvalidInputError, NotFoundError
from canonical.inventory import InventoryPosition
from canonical.items import Item, ItemStatus
from canonical.purchase_orders import OPEN_STATUSES, PurchaseOrderStatus
from canonical.supply_sources import SupplySource
from canonical.values import ZERO
from workflows.replenishment.calendars import Calendar, Calendars
from workflows.replenishment.gathering import Gathered, known
from workflows.replenishment.inputs import (
    DemandInput,
    Inputs,
    SourceInput,
    StockInput,
    SupplyInput,
)
from workflows.replenishment.policy import Place, Policies, Policy, Stock

_COUNTED: Final = OPEN_STATUSES | {PurchaseOrderStatus.PENDING_APPROVAL}


class House(Struct, frozen=True, kw_only=True):
    """What a house has settled.

    Attributes:
        policies: How is replenished.
        calendars: Who works when.
        statuses: Statuses of orders that are counted on. One that waits to be approved is, or else
            the same would be proposed again while it waits.
    """

    policies: Policies
    calendars: Calendars = Calendars()
    statuses: frozenset[PurchaseOrderStatus] = _COUNTED


class Assembler:
    """Makes inputs of what was gathered.

    Args:
        house: What is settled.
        gathered: What is known.
        today: The day that it is true for.
    """

    def __init__(self, house: House, gathered: Gathered, today: date) -> None:
        self._house = house
        self._gathered = gathered
        self._today = today

    def inputs_of(self, sku: str, location: str) -> Inputs:
        """Everything that is known of an item at a location.

        Raises:
            NotFoundError: if there is no such item.
            InvalidInputError: if it has no unit.
        """
        item = self._gathered.items.get(sku)
        if item is None:
            raise NotFoundError(f"item {sku!r} is not known in any system")
        if not known(item.unit):
            raise InvalidInputError(f"item {sku!r} has no unit: give it one in its system")
        where = self._gathered.locations.get(location)
        region, country = (known(where.region), known(where.country)) if where else (None, None)
        place = Place(sku, location, known(item.category), region)
        policy = self._house.policies.of(place)
        name, calendar = self._house.calendars.of_location(location, country)
        calendars = {name: calendar}
        sources = tuple(self._sources(item, place, policy, calendars))
        lead_time_days = known(item.lead_time_days)
        return Inputs(
            today=self._today,
            item=sku,
            location=location,
            category=place.category,
            region=region,
            unit=item.unit,
            conversions=known(item.unit_conversions) or (),
            active=is_absent(item.status) or item.status is ItemStatus.ACTIVE,
            safety_stock=known(item.safety_stock),
            reorder_point=known(item.reorder_point),
            minimum=known(item.minimum_order_quantity),
            standard_cost=known(item.standard_cost),
            lead_time_days=policy.lead_time_days if lead_time_days is None else lead_time_days,
            sole=self._is_sole(sku, location),
            stock=tuple(self._stock(sku, location, policy)),
            supplies=tuple(self._supplies(sku, location)),
            demands=tuple(self._demands(sku, location)),
            sources=sources,
            policy=policy,
            calendars=calendars,
            receiving=name,
        )

    def _is_sole(self, sku: str, location: str) -> bool:
        """Whether an item has to do with no other location."""
        return all(place == location for place in self._gathered.places.get(sku, ()))

    def _stock(self, sku: str, location: str, policy: Policy) -> Iterator[StockInput]:
        for position in self._gathered.stock.get((sku, location), ()):
            amount = _usable(position, policy.stock)
            yield StockInput(position.provenance.system, amount, position.unit)

    def _supplies(self, sku: str, location: str) -> Iterator[SupplyInput]:
        for where in (location, None):
            for found in self._gathered.lines.get((sku, where), ()):
                line, order = found.line, found.order
                yield SupplyInput(
                    system=order.provenance.system,
                    name=f"{known(order.number) or order.provenance.key} line {line.line_number}",
                    day=known(line.confirmed_on) or known(line.due_on),
                    quantity=line.quantity,
                    unit=line.unit,
                    received=known(line.received) or (),
                    unlocated=where is None,
                )

    def _demands(self, sku: str, location: str) -> Iterator[DemandInput]:
        for where in (location, None):
            for forecast in self._gathered.forecasts.get((sku, where), ()):
                yield DemandInput(
                    forecast.provenance.system,
                    forecast.period_start,
                    forecast.period_end,
                    forecast.quantity,
                    forecast.unit,
                    where is None,
                )

    def _sources(
        self, item: Item, place: Place, policy: Policy, calendars: dict[str, Calendar]
    ) -> Iterator[SourceInput]:
        preferred = known(item.preferred_supplier)
        sources = self._gathered.sources.get(item.sku, ())
        named: list[tuple[str, SupplySource | None]] = [(s.supplier, s) for s in sources]
        if not named and preferred is not None:
            named = [(preferred, None)]
        for code, source in named:
            supplier = self._gathered.suppliers.get(code)
            country = None if supplier is None else known(supplier.country)
            name, calendar = self._house.calendars.of_supplier(code, country)
            calendars[name] = calendar
            own = self._house.policies.of(place, code)
            lead_times = (
                None if source is None else known(source.lead_time_days),
                known(item.lead_time_days),
                None if supplier is None else known(supplier.lead_time_days),
            )
            yield SourceInput(
                supplier=code,
                system=None if source is None else source.provenance.system,
                status=None if supplier is None else known(supplier.status),
                preferred=code == preferred
                or (source is not None and known(source.preferred) is True),
                price=None if source is None else known(source.price),
                lead_time_days=next((days for days in lead_times if days is not None), None),
                minimum=None if source is None else known(source.minimum_order_quantity),
                calendar=name,
                policy=None if own is policy else own,
            )


def _usable(position: InventoryPosition, stock: Stock) -> Decimal:
    available = known(position.available)
    if stock is Stock.AVAILABLE and available is not None:
        return available
    reserved = (known(position.reserved) or ZERO) if stock is Stock.AVAILABLE else ZERO
    return position.on_hand - reserved
