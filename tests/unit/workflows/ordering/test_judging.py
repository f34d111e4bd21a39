"""Policies of validation, and what could not be checked."""

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from canonical.entities import EntityName
from canonical.errors import InvalidInputError, Reason, UnavailableError
from canonical.ordering import FindingCode
from canonical.records import Provenance
from canonical.values import Money
from tests.fakes.desk import NOW
from tests.unit.workflows.ordering.house import (
    TODAY,
    judged,
    line,
    records,
    said,
    supplier,
    wanted,
)
from workflows.ordering.rules import LeadTimePolicy


@pytest.mark.parametrize("price", ["9.50", "10.50", "10"])
async def test_prices_within_the_tolerance_are_taken(price: str) -> None:
    found = await judged(wanted(line(unit_price=Decimal(price))))
    assert found.order is not None
    assert found.order.lines[0].unit_price == Money(Decimal(price), "EUR")


async def test_the_greater_of_two_tolerances_counts() -> None:
    order = wanted(line(unit_price=Decimal("12.50")))
    assert (await judged(order, price_absolute=Decimal("2.50"))).findings == ()
    assert len((await judged(order, price_absolute=Decimal("2.49"))).findings) == 1


async def test_a_short_lead_time_warns_refuses_or_is_nothing() -> None:
    order = wanted(line(due_on=TODAY + timedelta(days=4)))
    warned = await judged(order)
    assert warned.findings == ()
    [warning] = warned.warnings
    assert (warning.code, warning.field) == ("LEAD_TIME_TOO_SHORT", ("lines", "0", "dueOn"))
    assert warning.message == (
        "2026-11-27 is before 2026-11-28, when item 'I1' ordered today can be there by its lead "
        "time: want it later, or agree on it with the supplier"
    )
    refused = await judged(order, lead_time=LeadTimePolicy.REFUSE)
    assert (refused.findings, refused.warnings) == ((warning,), ())
    ignored = await judged(order, lead_time=LeadTimePolicy.IGNORE)
    assert (ignored.findings, ignored.warnings) == ((), ())


async def test_an_order_without_lines_or_with_too_many_is_refused_before_anything_is_read() -> None:
    there = records()
    assert said(await judged(replace(wanted(), lines=()), there)) == [
        ("NO_LINES", ("lines",), "an order has at least one line: say what is wanted")
    ]
    assert said(await judged(wanted(line(), line(), line()), there, lines=2)) == [
        ("TOO_MANY_LINES", ("lines",), "an order has at most 2 lines, not 3: make several")
    ]
    assert there.reads == []


async def test_everything_wrong_is_found_at_once() -> None:
    found = await judged(
        wanted(
            line(item="I9", quantity=Decimal(-1), ship_to="L9"),
            line(unit_price=Decimal(20), due_on=TODAY - timedelta(days=3)),
            supplier="HELD",
            currency="XXX",
        )
    )
    assert [f.code.value for f in found.findings] == [
        "SUPPLIER_NOT_APPROVED",
        "ITEM_UNKNOWN",
        "LOCATION_UNKNOWN",
        "QUANTITY_INVALID",
        "ITEM_NOT_FROM_SUPPLIER",
        "DUE_DATE_INVALID",
        "CURRENCY_INVALID",
    ]


@pytest.mark.parametrize(
    "entity, path, what",
    [
        (EntityName.SUPPLIER, ("supplier",), "supplier 'S1'"),
        (EntityName.ITEM, ("lines", "0", "item"), "item 'I1'"),
        (EntityName.SUPPLY_SOURCE, ("lines", "0", "item"), "terms of item 'I1'"),
        (EntityName.LOCATION, ("lines", "0", "shipTo"), "location 'L1'"),
    ],
)
async def test_nothing_is_ordered_on_what_could_not_be_read(
    entity: EntityName, path: tuple[str, ...], what: str
) -> None:
    there = records()
    there.failures[entity] = UnavailableError("erp", Reason.TIMEOUT, "no answer within 5 s")
    assert said(await judged(wanted(), there)) == [
        (
            "NOT_CHECKED",
            path,
            (
                f"{what} was not checked, because erp could not be asked (timeout): nothing is "
                f"ordered on what could not be checked; try again later"
            ),
        )
    ]


async def test_what_is_served_stale_counts_as_not_read() -> None:
    there = records(supplier(provenance=Provenance("erp", "S1", NOW, stale=True)))
    [found] = (await judged(wanted(), there)).findings
    assert (found.code, found.field) == (FindingCode.NOT_CHECKED, ("supplier",))
    assert "because erp could not be asked (connection)" in found.message


async def test_what_cannot_be_asked_at_all_says_why() -> None:
    there = records()
    there.failures[EntityName.LOCATION] = InvalidInputError("no system can be asked by code")
    [found] = (await judged(wanted(), there)).findings
    assert found.message == (
        "location 'L1' was not checked: no system can be asked by code; nothing is ordered on what "
        "could not be checked"
    )
