"""Everything that can be wrong with an order, and what people are told of it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from canonical.absent import ABSENT
from canonical.entities import EntityName
from canonical.items import ItemStatus
from canonical.locations import LocationKind
from canonical.ordering import FindingCode
from canonical.values import Money
from tests.unit.workflows.ordering.house import (
    TODAY,
    item,
    judged,
    line,
    location,
    records,
    said,
    supplier,
    terms,
    wanted,
)

USD = Money(Decimal(12), "USD")


async def test_a_sound_order_is_shown_as_it_would_be_made() -> None:
    found = await judged(
        wanted(line(), line(item="I2", quantity=Decimal("12.5"), unit_price=Decimal("10.333")))
    )
    assert (found.findings, found.warnings) == ((), ())
    assert found.order is not None
    first, second = found.order.lines
    assert (first.line_number, first.unit, first.unit_price) == (
        10,
        "PC",
        Money(Decimal(10), "EUR"),
    )
    assert (second.line_number, second.net) == (20, Money(Decimal("129.16"), "EUR"))
    assert found.order.total == Money(Decimal("329.16"), "EUR")
    assert found.order.systems == ("procurement", "erp")


async def test_what_is_read_does_not_grow_with_the_lines() -> None:
    there = records()
    await judged(wanted(*(line(item=f"I{i}") for i in range(150))), there)
    assert sorted(there.reads) == [
        (EntityName.ITEM, "sku"),
        (EntityName.LOCATION, "code"),
        (EntityName.SUPPLIER, "code"),
        (EntityName.SUPPLY_SOURCE, "item"),
    ]
    assert there.fresh == {e for e, _ in there.reads}


@pytest.mark.parametrize(
    "order, code, path, message",
    [
        (
            wanted(supplier="S9"),
            "SUPPLIER_UNKNOWN",
            ("supplier",),
            "there is no supplier 'S9': check the code, or have the supplier created",
        ),
        (
            wanted(line(item="I9")),
            "ITEM_UNKNOWN",
            ("lines", "0", "item"),
            "there is no item 'I9': check the sku, or have the item created",
        ),
        (
            wanted(supplier="S2"),
            "ITEM_NOT_FROM_SUPPLIER",
            ("lines", "0", "item"),
            (
                "there are no terms for item 'I1' with supplier 'S2': order it from S1, or have "
                "terms maintained"
            ),
        ),
        (
            wanted(line(unit_price=Decimal("12.50"))),
            "PRICE_OUT_OF_TOLERANCE",
            ("lines", "0", "unitPrice"),
            (
                "12.50 EUR is 2.50 (25 %) above the 10.00 EUR of the terms, and 0.50 are allowed: "
                "leave the price out for that of the terms, or have the terms changed"
            ),
        ),
        (
            wanted(line(unit_price=Decimal("1.00"))),
            "PRICE_OUT_OF_TOLERANCE",
            ("lines", "0", "unitPrice"),
            (
                "1.00 EUR is 9.00 (90 %) below the 10.00 EUR of the terms, and 0.50 are allowed: "
                "leave the price out for that of the terms, or have the terms changed"
            ),
        ),
        (
            wanted(line(unit_price=Decimal(-1))),
            "PRICE_OUT_OF_TOLERANCE",
            ("lines", "0", "unitPrice"),
            "a price is more than 0 and has at most 6 digits behind the point: -1 is none",
        ),
        (
            wanted(line(quantity=Decimal(0))),
            "QUANTITY_INVALID",
            ("lines", "0", "quantity"),
            "a quantity is more than 0, not 0: mend it, or leave the line out",
        ),
        (
            wanted(line(quantity=Decimal("10.0005"))),
            "QUANTITY_INVALID",
            ("lines", "0", "quantity"),
            "10.0005 has more than 3 digits behind the point: round it",
        ),
        (
            wanted(line(quantity=Decimal("1E+7"))),
            "QUANTITY_INVALID",
            ("lines", "0", "quantity"),
            (
                "10000000 is more than one line may have, which is 1000000: check it, or order in "
                "several lines"
            ),
        ),
        (
            wanted(line(), line(quantity=Decimal("9.50"))),
            "QUANTITY_BELOW_MINIMUM",
            ("lines", "1", "quantity"),
            (
                "9.5 PC of item 'I1' are less than the supplier's minimum of 10 PC: order at least "
                "that"
            ),
        ),
        (
            wanted(line(ship_to="L9")),
            "LOCATION_UNKNOWN",
            ("lines", "0", "shipTo"),
            "there is no location 'L9': check the code",
        ),
        (
            wanted(line(ship_to="AP1")),
            "LOCATION_INVALID",
            ("lines", "0", "shipTo"),
            (
                "location 'AP1' is in region APAC, for which no system makes orders here: declare "
                "a route for it in the manifest"
            ),
        ),
        (
            wanted(line(), line(ship_to="US1")),
            "LOCATION_INVALID",
            ("lines", "1", "shipTo"),
            (
                "orders for region US are made in erp-us, and the lines before in procurement: "
                "order them separately"
            ),
        ),
        (
            wanted(currency="EURO"),
            "CURRENCY_INVALID",
            ("currency",),
            "'EURO' is no currency of ISO 4217: write it like EUR, or leave it out",
        ),
        (
            wanted(currency="USD"),
            "CURRENCY_INVALID",
            ("lines", "0"),
            (
                "the terms of item 'I1' are in EUR, and the order is in USD: order what is in one "
                "currency together"
            ),
        ),
        (
            wanted(line(due_on=TODAY - timedelta(days=1))),
            "DUE_DATE_INVALID",
            ("lines", "0", "dueOn"),
            "2026-11-22 is past: today is 2026-11-23; say a day from today on",
        ),
    ],
)
async def test_each_refusal_says_what_to_do(
    order: Any, code: str, path: tuple[str, ...], message: str
) -> None:
    found = await judged(order)
    assert said(found) == [(code, path, message)]
    assert found.order is None


@pytest.mark.parametrize(
    "changed, order, code, path, message",
    [
        (
            item(status=ItemStatus.PHASED_OUT),
            wanted(),
            "ITEM_NOT_ACTIVE",
            ("lines", "0", "item"),
            "item 'I1' is phased out: order another one, or have it released",
        ),
        (
            terms(price=None),
            wanted(),
            "PRICE_UNKNOWN",
            ("lines", "0", "unitPrice"),
            (
                "the terms of supplier 'S1' have no price for item 'I1': say a unit price, or have "
                "the terms maintained"
            ),
        ),
        (
            terms("I2", price=None, minimum_order_quantity=None),
            wanted(line(item="I2", quantity=Decimal(1), unit_price=Decimal(-2))),
            "PRICE_OUT_OF_TOLERANCE",
            ("lines", "0", "unitPrice"),
            "a price is more than 0 and has at most 6 digits behind the point: -2 is none",
        ),
        (
            location(kind=LocationKind.SUPPLIER_SITE),
            wanted(),
            "LOCATION_INVALID",
            ("lines", "0", "shipTo"),
            (
                "location 'L1' is a supplier site, which receives no goods: ship to one of these "
                "kinds: distribution center, plant, store"
            ),
        ),
        (
            replace(terms("I2"), price=USD),
            wanted(line(), line(item="I2")),
            "CURRENCY_INVALID",
            ("lines", "1"),
            (
                "the terms of item 'I2' are in USD, and the order is in EUR: order what is in one "
                "currency together"
            ),
        ),
        (
            supplier(status=ABSENT),
            wanted(),
            "NOT_CHECKED",
            ("supplier",),
            (
                "the status of supplier 'S1' was not checked, because erp does not tell it: "
                "nothing is ordered on what could not be checked; map supplier.status in the "
                "manifest"
            ),
        ),
        (
            item(unit=ABSENT),
            wanted(),
            "NOT_CHECKED",
            ("lines", "0", "item"),
            (
                "the unit of item 'I1' was not checked, because erp does not tell it: nothing is "
                "ordered on what could not be checked; map item.unit in the manifest"
            ),
        ),
        (
            location(kind=ABSENT),
            wanted(),
            "NOT_CHECKED",
            ("lines", "0", "shipTo"),
            (
                "the kind of location 'L1' was not checked, because erp does not tell it: nothing "
                "is ordered on what could not be checked; map location.kind in the manifest"
            ),
        ),
    ],
)
async def test_each_refusal_for_what_is_there_says_what_to_do(
    changed: Any, order: Any, code: str, path: tuple[str, ...], message: str
) -> None:
    assert said(await judged(order, records(changed))) == [(code, path, message)]


async def test_a_supplier_that_is_not_approved_is_not_ordered_from() -> None:
    found = await judged(wanted(supplier="HELD"), records(terms(code="HELD")))
    assert said(found) == [
        (
            "SUPPLIER_NOT_APPROVED",
            ("supplier",),
            "supplier 'HELD' is on hold: order from another one, or have it approved",
        )
    ]


async def test_where_there_are_no_terms_a_price_must_be_said() -> None:
    nobody = records()
    nobody.records = [r for r in nobody.records if type(r).__name__ != "SupplySource"]
    assert [f.message for f in (await judged(wanted(), nobody)).findings] == [
        (
            "there are no terms for item 'I1' with supplier 'S1': no supplier has any, or have "
            "terms maintained"
        )
    ]
    found = await judged(wanted(), nobody, terms_required=False)
    assert [f.code for f in found.findings] == [FindingCode.PRICE_UNKNOWN]
    order = wanted(line(unit_price=Decimal("7.25")))
    made = (await judged(order, nobody, terms_required=False)).order
    assert made is not None
    assert made.total == Money(Decimal(145), "EUR")


async def test_a_currency_that_nobody_knows_must_be_said() -> None:
    there = records(supplier(currency=None), terms(price=None))
    order = wanted(line(unit_price=Decimal(3)))
    assert said(await judged(order, there)) == [
        ("CURRENCY_INVALID", ("currency",), ("neither the terms nor supplier 'S1' have a currency: "
         "say it"))
    ]  # fmt: skip
    assert (await judged(replace(order, currency="CHF"), there)).findings == ()


async def test_the_items_own_minimum_counts_where_the_terms_have_none() -> None:
    there = records(
        terms(minimum_order_quantity=None), item(minimum_order_quantity=Decimal(50), unit="KG")
    )
    [found] = (await judged(wanted(), there)).findings
    assert found.message == (
        "20 KG of item 'I1' are less than the item's minimum of 50 KG: order at least that"
    )
