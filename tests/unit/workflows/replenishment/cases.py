"""Cases as a planner would write them, as inputs of the calculation; and any number of others."""

from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

from hypothesis import strategies as st

from bench.replenishment.independent import Case, Seller, Week
from canonical.suppliers import SupplierStatus
from canonical.values import Money, Quantity, UnitConversion
from workflows.replenishment.calendars import Calendar
from workflows.replenishment.inputs import (
    DemandInput,
    Inputs,
    SourceInput,
    StockInput,
    SupplyInput,
)
from workflows.replenishment.policy import Policy, Preference, Rounding, Sizing, Trigger

T = TypeVar("T")

TODAY = date(2026, 11, 25)
"""A Wednesday."""


def inputs_of(case: Case) -> Inputs:
    """The same, as it is gathered from systems."""
    calendars = {"receiving": _calendar(case.receiving)}
    calendars |= {s.code: _calendar(s.week) for s in case.sellers}
    return Inputs(
        today=case.today,
        item="SKU-1",
        location="DC-1",
        unit=case.unit,
        conversions=tuple(
            UnitConversion(unit, Decimal(n), Decimal(d)) for unit, (n, d) in case.units.items()
        ),
        safety_stock=_decimal(case.safety_stock),
        reorder_point=_decimal(case.reorder_point),
        minimum=_decimal(case.minimum),
        stock=tuple(StockInput("erp", Decimal(amount), unit) for amount, unit in case.stock),
        supplies=tuple(
            SupplyInput("erp", f"PO-{n}", day, Decimal(q), unit, (Quantity(Decimal(r), unit),))
            for n, (day, q, r, unit) in enumerate(case.orders, 1)
        ),
        demands=tuple(
            DemandInput("plan", start, end, Decimal(amount), unit)
            for start, end, amount, unit in case.forecasts
        ),
        sources=tuple(_source(s) for s in case.sellers),
        policy=policy_of(case),
        calendars=calendars,
        receiving="receiving",
    )


def policy_of(case: Case) -> Policy:
    """The policy of a case."""
    limits = () if case.maximum_cost is None else (Money(Decimal(case.maximum_cost), "EUR"),)
    return Policy(
        trigger=Trigger(case.trigger),
        sizing=Sizing(case.sizing),
        weeks=case.weeks,
        maximum_stock=_decimal(case.maximum_stock),
        review_days=case.review_days,
        horizon_days=case.horizon_days,
        lot_size=Decimal(case.lot),
        rounding=Rounding(case.rounding),
        maximum_quantity=_decimal(case.maximum),
        maximum_cost=limits,
        overdue_for_days=case.overdue_for_days,
        suppliers=tuple(map(Preference, case.preferences)),
    )


def _source(seller: Seller) -> SourceInput:
    status = SupplierStatus.APPROVED if seller.approved else SupplierStatus.ON_HOLD
    price = None if seller.price is None else Money(Decimal(seller.price), seller.currency)
    return SourceInput(
        supplier=seller.code,
        system="erp",
        status=status,
        preferred=seller.preferred,
        price=price,
        lead_time_days=seller.days,
        minimum=_decimal(seller.minimum),
        calendar=seller.code,
    )


def _calendar(week: Week) -> Calendar:
    return Calendar(
        working_days=tuple(sorted(set(range(7)) - week.free_weekdays)),
        holidays=tuple(sorted(week.holidays)),
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _maybe(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    return st.none() | strategy


_amounts = st.decimals(0, 5_000, places=3).map(str) | st.integers(0, 500).map(str)
_positive = st.decimals("0.001", 400, places=3).map(str) | st.integers(1, 200).map(str)
_prices = st.decimals("0.01", 900, places=4).map(str)
_units = st.sampled_from(["PC", "BOX", "KG"])
_days = st.integers(-20, 80).map(lambda n: TODAY + timedelta(days=n))
_weeks = st.builds(
    Week,
    st.frozensets(st.integers(0, 6), max_size=6),
    st.frozensets(_days, max_size=5),
)
_forecasts = st.builds(
    lambda start, length, amount, unit: (start, start + timedelta(days=length), amount, unit),
    _days,
    st.integers(1, 40),
    _amounts,
    _units,
)
_sellers = st.lists(
    st.builds(
        Seller,
        st.sampled_from(["ACME", "BETA", "CORP", "DELTA"]),
        st.booleans() | st.just(value=True),
        _maybe(st.integers(0, 60)),
        _maybe(_prices),
        st.sampled_from(["EUR", "EUR", "USD"]),
        _maybe(_amounts),
        st.booleans(),
        _weeks,
    ),
    max_size=3,
    unique_by=lambda s: s.code,
)
any_cases = st.builds(
    Case,
    today=st.just(TODAY),
    stock=st.lists(st.tuples(_amounts, _units), max_size=2),
    orders=st.lists(st.tuples(_maybe(_days), _amounts, _amounts, _units), max_size=4),
    forecasts=st.lists(_forecasts, max_size=8),
    sellers=_sellers,
    units=st.just({"BOX": ("12", "1"), "KG": ("10", "3")}),
    safety_stock=_maybe(_amounts),
    reorder_point=_maybe(_amounts),
    minimum=_maybe(_amounts),
    receiving=_weeks,
    trigger=st.sampled_from(Trigger).map(str),
    sizing=st.sampled_from(Sizing).map(str),
    weeks=st.integers(1, 12),
    maximum_stock=_maybe(_amounts),
    review_days=st.integers(0, 21),
    horizon_days=st.integers(1, 70),
    lot=_positive,
    rounding=st.sampled_from(Rounding).map(str),
    maximum=_maybe(_amounts),
    maximum_cost=_maybe(_amounts),
    overdue_for_days=_maybe(st.integers(0, 20)),
    preferences=st.permutations([p.value for p in Preference]).map(tuple),
)
