"""The world as planning sees it: base units, its own names for some suppliers and all plants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sandbox.frepple.tables import Row, Table, decimal, duration, moment
from sandbox.world import World
from sandbox.world.records import Forecast, Item, ItemPlant, Line, Order, Proposal, Supplier

_LIVE_STATES = frozenset({"approved", "sent", "acknowledged", "partially_received"})
_CUSTOMER = "All customers"


def make_tables(world: World) -> dict[str, Table]:
    """All tables, by the path that they are read at."""
    tables = (
        Table("item", "name", _ITEM, _items(world)),
        Table("supplier", "name", _PLACE, _suppliers(world)),
        Table("location", "name", _PLACE, _locations(world)),
        Table("itemsupplier", "id", _ITEM_SUPPLIER, _item_suppliers(world)),
        Table("buffer", "id", _BUFFER, _buffers(world)),
        Table("purchaseorder", "reference", _PURCHASE_ORDER, _purchase_orders(world)),
        Table("demand", "name", _DEMAND, _demands(world)),
    )
    plan = Table("forecastplan", "id", _FORECAST_PLAN, _forecast_plan(world))
    return {**{f"input/{table.name}": table for table in tables}, "forecast/forecastplan": plan}


_ITEM = (
    "name:t owner:k description:t category:t subcategory:t cost:n volume:n weight:n uom:t"
    " type:t source:t lastmodified:d"
)
_PLACE = "name:t owner:k description:t category:t subcategory:t available:k source:t lastmodified:d"
_ITEM_SUPPLIER = (
    "id:n supplier:k item:k location:k leadtime:p sizeminimum:n sizemultiple:n sizemaximum:n"
    " cost:n priority:n effective_start:d effective_end:d fence:p source:t lastmodified:d"
)
_BUFFER = (
    "id:n item:k location:k batch:t description:t category:t subcategory:t onhand:n minimum:n"
    " minimum_calendar:k maximum:n maximum_calendar:k min_interval:p source:t lastmodified:d"
)
_PURCHASE_ORDER = (
    "reference:t status:t item:k supplier:k location:k startdate:d enddate:d quantity:n"
    " quantity_received:n batch:t criticality:n delay:p feasible:b source:t lastmodified:d"
)
_DEMAND = (
    "name:t description:t category:t item:k customer:k location:k due:d status:t quantity:n"
    " priority:n minshipment:n maxlateness:p batch:t source:t lastmodified:d"
)
_FORECAST_PLAN = (
    "id:n item:k location:k customer:k startdate:d enddate:d forecasttotal:n forecastbaseline:n"
    " forecastoverride:n orderstotal:n source:t lastmodified:d"
)


def _items(world: World) -> Iterator[Mapping[str, Any]]:
    return map(item_row, world.items)


def item_row(item: Item) -> Row:
    """A row of item."""
    return {
        "name": item.number,
        "description": item.name,
        "category": item.category,
        "subcategory": item.group,
        "cost": decimal(item.cost),
        "weight": decimal(item.weight),
        "uom": item.base_unit,
        "type": "make to stock",
        "source": "erp",
        "lastmodified": moment(item.changed_at),
    }


def _suppliers(world: World) -> Iterator[Mapping[str, Any]]:
    return map(supplier_row, world.suppliers)


def supplier_row(supplier: Supplier) -> Row:
    """A row of supplier."""
    return {
        "name": supplier.planning_name,
        "description": supplier.name,
        "category": supplier.country,
        "source": "erp",
        "lastmodified": moment(supplier.changed_at),
    }


def _locations(world: World) -> Iterator[Mapping[str, Any]]:
    """The regions are locations too: the owners of the plants."""
    modified = moment(world.today - timedelta(days=400))
    for region in world.regions:
        yield {"name": region.code, "category": "region", "lastmodified": modified}
    for plant in world.plants:
        yield {
            "name": plant.name,
            "owner": plant.region,
            "description": f"{plant.city}, {plant.country}",
            "category": plant.kind,
            "available": "working days",
            "source": "erp",
            "lastmodified": modified,
        }


def _item_suppliers(world: World) -> Iterator[Mapping[str, Any]]:
    number = 0
    for item in world.items:
        for source in item.sources:
            if source.deleted:
                continue
            number += 1
            yield {
                "id": number,
                "supplier": world.suppliers_by_number[source.supplier].planning_name,
                "item": item.number,
                "leadtime": duration(source.lead_days),
                "sizeminimum": decimal(source.minimum),
                "sizemultiple": decimal(1),
                "cost": decimal(source.price / source.price_quantity),
                "priority": 1 if source.preferred else 2,
                "source": "erp",
                "lastmodified": moment(item.changed_at),
            }


def _buffers(world: World) -> Iterator[Mapping[str, Any]]:
    """On hand is what the ERP has unrestricted and owns, as of this morning."""
    on_hand: dict[tuple[str, str], Decimal] = {}
    for stock in world.stock:
        if stock.kind == "01" and not stock.special:
            key = (stock.item, stock.plant)
            on_hand[key] = on_hand.get(key, Decimal(0)) + stock.quantity
    planned = ((item, at) for item in world.items for at in item.plants)
    for number, (item, at) in enumerate(planned, start=1):
        yield _buffer(world, number, item, at, on_hand.get((item.number, at.plant), Decimal(0)))


def _buffer(world: World, number: int, item: Item, at: ItemPlant, on_hand: Decimal) -> Row:
    return {
        "id": number,
        "item": item.number,
        "location": world.plants_by_code[at.plant].name,
        "batch": "",
        "onhand": decimal(on_hand),
        "minimum": decimal(at.safety_stock),
        "source": "erp",
        "lastmodified": moment(world.today),
    }


def _purchase_orders(world: World) -> Iterator[Mapping[str, Any]]:
    """Planning's own proposals, and what is on order in the two buying systems."""
    for proposal in world.proposals:
        yield _proposal(world, proposal)
    for order in world.orders:
        yield from order_rows(world, order)


def order_rows(world: World, order: Order) -> Iterator[Row]:
    """Rows of purchaseorder for what of an order is still to come."""
    if order.state not in _LIVE_STATES:
        return
    for line in order.lines:
        if not line.deleted and not line.completed and line.received < line.quantity:
            yield _confirmed(world, order, line)


def _proposal(world: World, proposal: Proposal) -> Row:
    return {
        "reference": proposal.reference,
        "status": proposal.status,
        "item": proposal.item,
        "supplier": world.suppliers_by_number[proposal.supplier].planning_name,
        "location": world.plants_by_code[proposal.plant].name,
        "startdate": moment(proposal.order_on),
        "enddate": moment(proposal.receive_on),
        "quantity": decimal(proposal.quantity),
        "quantity_received": decimal(0),
        "batch": "",
        "criticality": decimal(proposal.criticality),
        "delay": duration(proposal.delay_days),
        "feasible": proposal.delay_days == 0,
        "lastmodified": moment(proposal.revised_at),
    }


def reference(line: Line) -> str:
    """What an order line is called here."""
    return f"{line.order}-{line.number}"


def _confirmed(world: World, order: Order, line: Line) -> Row:
    base = Decimal(line.numerator) / line.denominator
    return {
        "reference": reference(line),
        "status": "confirmed",
        "item": line.item,
        "supplier": world.suppliers_by_number[order.supplier].planning_name,
        "location": world.plants_by_code[line.plant].name,
        "startdate": moment(order.ordered_on),
        "enddate": moment(line.confirmed_on or line.due_on),
        "quantity": decimal(line.quantity * base),
        "quantity_received": decimal(line.received * base),
        "batch": "",
        "criticality": decimal(999),
        "delay": duration(0),
        "feasible": True,
        "source": order.system,
        "lastmodified": moment(order.changed_at or order.created_at),
    }


def _demands(world: World) -> Iterator[Mapping[str, Any]]:
    for demand in world.demands:
        yield {
            "name": demand.name,
            "item": demand.item,
            "customer": demand.customer,
            "location": world.plants_by_code[demand.plant].name,
            "due": moment(demand.due_on),
            "status": demand.status,
            "quantity": decimal(demand.quantity),
            "priority": demand.priority,
            "batch": "",
            "source": "erp",
            "lastmodified": moment(demand.revised_at),
        }


def _forecast_plan(world: World) -> Iterator[Mapping[str, Any]]:
    names = {plant.code: plant.name for plant in world.plants}
    for number, forecast in enumerate(world.forecasts, start=1):
        yield bucket(number, names[forecast.plant], forecast)


def bucket(number: int, location: str, forecast: Forecast) -> Row:
    """A row of forecastplan."""
    override = forecast.override
    return {
        "id": number,
        "item": forecast.item,
        "location": location,
        "customer": _CUSTOMER,
        "startdate": moment(forecast.starts_on),
        "enddate": moment(forecast.ends_on),
        "forecasttotal": decimal(forecast.quantity),
        "forecastbaseline": decimal(forecast.baseline),
        "forecastoverride": None if override is None else decimal(override),
        "orderstotal": decimal(0),
        "lastmodified": moment(forecast.revised_at),
    }
