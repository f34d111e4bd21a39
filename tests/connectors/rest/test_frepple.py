"""Every entity of the frePPLe preset agrees with the world; whole tables are cut by its filters."""

from collections import Counter
from datetime import UTC, datetime, time
from decimal import Decimal

import pytest

from canonical.criteria import Condition, Op, Range, Sort
from canonical.entities import EntityName
from canonical.errors import InvalidInputError
from canonical.locations import LocationKind
from canonical.values import Money, Quantity
from connectors.kit.rows import Dataset, RowQuery
from sandbox.launch import Sandbox
from sandbox.world import World
from tests.connectors.rest.opening import Opened, opened

pytestmark = pytest.mark.xdist_group("rest")  # one start of each simulator
FORECAST, ORDER = EntityName.FORECAST, EntityName.PURCHASE_ORDER


async def test_items(frepple: Opened, world: World) -> None:
    found = [(r.sku, r.name, r.category, r.unit) for r in await frepple.all(EntityName.ITEM)]
    assert Counter(found) == Counter(
        (i.number, i.name, i.category, i.base_unit) for i in world.items
    )


async def test_suppliers(frepple: Opened, world: World) -> None:
    found = [(r.code, r.name) for r in await frepple.all(EntityName.SUPPLIER)]
    assert Counter(found) == Counter((s.planning_name, s.name) for s in world.suppliers)


async def test_locations(frepple: Opened, world: World) -> None:
    found = {r.code: (r.kind, r.region) for r in await frepple.all(EntityName.LOCATION)}
    plants = {p.name: (LocationKind(p.kind.upper()), p.region) for p in world.plants}
    regions = {r.code: (LocationKind.VIRTUAL, None) for r in world.regions}
    assert found == {**plants, **regions}


async def test_supply_sources_with_the_currency_of_the_model(
    frepple_sandbox: Sandbox, world: World
) -> None:
    price = {"money": {"amount": "cost", "currency": {"const": "EUR"}}}
    overrides = {"entities": {"supply_source": {"fields": {"price": price}}}}
    names = {s.number: s.planning_name for s in world.suppliers}
    async with opened(frepple_sandbox.frepple, overrides) as frepple:
        found = [
            (r.item, r.supplier, r.lead_time_days, r.minimum_order_quantity, r.preferred, r.price)
            for r in await frepple.all(EntityName.SUPPLY_SOURCE)
        ]
    assert Counter(found) == Counter(
        (
            item.number,
            names[s.supplier],
            s.lead_days,
            s.minimum,
            s.preferred,
            Money(Decimal(f"{s.price / s.price_quantity:.8f}"), "EUR"),
        )
        for item in world.items
        for s in item.sources
        if not s.deleted
    )


async def test_inventory(frepple: Opened, world: World) -> None:
    on_hand: dict[tuple[str, str], Decimal] = {}
    names = {p.code: p.name for p in world.plants}
    for item in world.items:
        on_hand.update({(item.number, names[at.plant]): Decimal(0) for at in item.plants})
    for stock in world.stock:
        key = (stock.item, names[stock.plant])
        if stock.kind == "01" and not stock.special and key in on_hand:
            on_hand[key] += stock.quantity
    found = await frepple.all(EntityName.INVENTORY)

    assert {(r.item, r.location): r.on_hand for r in found} == on_hand
    assert all((r.reserved, r.available) == (0, r.on_hand) for r in found)
    assert {r.unit for r in found} <= {i.base_unit for i in world.items}
    assert {r.as_of for r in found} == {datetime.combine(world.today, time(), UTC)}


async def test_forecasts(frepple: Opened, world: World) -> None:
    names = {p.code: p.name for p in world.plants}
    units = {i.number: i.base_unit for i in world.items}
    found = [
        (r.item, r.location, r.period_start, r.period_end, r.quantity, r.unit)
        for r in await frepple.all(FORECAST)
    ]
    assert Counter(found) == Counter(
        (f.item, names[f.plant], f.starts_on, f.ends_on, f.quantity, units[f.item])
        for f in world.forecasts
    )


async def test_recommendations(frepple: Opened, world: World) -> None:
    suppliers = {s.number: s.planning_name for s in world.suppliers}
    names = {p.code: p.name for p in world.plants}
    found = {r.provenance.key: r for r in await frepple.all(EntityName.RECOMMENDATION)}
    proposed = {p.reference: p for p in world.proposals if p.status == "proposed"}

    assert set(found) == set(proposed)
    for reference, proposal in proposed.items():
        record = found[reference]
        assert (record.item, record.location, record.supplier, record.quantity) == (
            proposal.item,
            names[proposal.plant],
            suppliers[proposal.supplier],
            proposal.quantity,
        )
        assert record.need_by == proposal.receive_on
        assert record.created_at == proposal.revised_at
        assert f"delay P{proposal.delay_days}D" in record.reason
        assert record.correlation_id == f"frepple:{reference}"


async def test_purchase_orders(frepple: Opened, world: World) -> None:
    found = {r.number: r for r in await frepple.all(ORDER)}
    approved = {p.reference for p in world.proposals if p.status == "approved"}
    live = {"approved", "sent", "acknowledged", "partially_received"}
    lines = {
        f"{order.number}-{x.number}": (order, x)
        for order in world.orders
        if order.state in live
        for x in order.lines
        if not x.deleted and not x.completed and x.received < x.quantity
    }
    assert set(found) == approved | set(lines)
    assert {found[r].status.value for r in approved} == {"PENDING_APPROVAL"}
    for reference, (order, expected) in lines.items():
        record, line = found[reference], found[reference].lines[0]
        base = Decimal(expected.numerator) / expected.denominator
        assert (record.status.value, record.ordered_on) == ("APPROVED", order.ordered_on)
        assert line.quantity == Decimal(f"{expected.quantity * base:.8f}")
        received = Decimal(f"{expected.received * base:.8f}")
        assert line.received == ((Quantity(received, line.unit),) if received else ())
        assert line.due_on == (expected.confirmed_on or expected.due_on)


async def test_many_keys_are_sliced_by_hundreds(frepple: Opened, world: World) -> None:
    skus = [i.number for i in world.items]
    found = await frepple.keyed(FORECAST, "item", [*skus, "nothing"], ("item", "quantity"))

    assert len(found) == len(world.forecasts)
    asked = [e["query"] for e in frepple.log()]
    sizes = [len((q.get("item__in") or q["item"]).split(",")) for q in asked]
    assert sorted(sizes) == [len(skus) - 99, 100]
    assert all(e["path"] == "/api/forecast/forecastplan/" for e in frepple.log())


async def test_filters_are_frepples_own_and_order_and_page_are_made_here(
    frepple: Opened, world: World
) -> None:
    items = tuple(i.number for i in world.items[:3])
    first, last = world.forecasts[0].starts_on, world.forecasts[8].starts_on
    criteria = (
        Condition("item", Op.IN, items),
        Condition("period_start", Op.RANGE, Range(first, last)),
    )
    order = (Sort("period_start", descending=True),)
    page = await frepple.page(FORECAST, criteria, order, limit=5, columns=("period_start", "item"))

    assert frepple.log()[0]["query"] == {
        "format": "json",
        "item__in": ",".join(items),
        "startdate__gte": f"{first}T00:00:00",
        "startdate__lt": f"{last}T00:00:00",
    }
    wanted = sorted(
        (f.starts_on for f in world.forecasts if f.item in items and first <= f.starts_on < last),
        reverse=True,
    )
    assert page.more
    assert [r.period_start for r in page.records] == wanted[:5]


async def test_a_single_value_and_a_key_are_filters_too(frepple: Opened, world: World) -> None:
    await frepple.page(EntityName.RECOMMENDATION, columns=("quantity",))
    await frepple.keyed(EntityName.ITEM, "key", [world.items[0].number], ("name",))

    queries = [e["query"] for e in frepple.log()]
    assert queries[0]["status"] == "proposed"
    assert queries[1]["name"] == world.items[0].number


async def test_frepples_errors_are_told_in_its_own_words(frepple: Opened) -> None:
    wrong = Dataset("api/input/item/", ("name",), {"query": {"colour__gte": "red"}})
    with pytest.raises(InvalidInputError, match="colour__gte: Unknown filter field"):
        await frepple.reader.page(RowQuery(wrong), None, frepple.ask())

    missing = await frepple.reader.describe(
        Dataset("api/input/thing/", ("name",)), ("name",), frepple.ask()
    )
    assert not missing.exists
    assert "Not found." in missing.message
