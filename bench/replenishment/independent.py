"""What has to be bought, worked out another way: plain fractions, every day by itself, no records.

Shares nothing with `workflows/replenishment`, so that each can find the other's mistakes. A case is
what people would write on paper: amounts as texts, days as dates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from math import ceil, floor

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Week:
    """Which days are worked."""

    free_weekdays: frozenset[int] = frozenset()
    holidays: frozenset[date] = frozenset()

    def works(self, day: date) -> bool:
        """Whether a day is worked."""
        return day.weekday() not in self.free_weekdays and day not in self.holidays


@dataclass(frozen=True)
class Seller:
    """Somebody who sells the item."""

    code: str
    approved: bool
    days: int | None
    price: str | None = None
    currency: str = "EUR"
    minimum: str | None = None
    preferred: bool = False
    week: Week = Week()
    lot: str | None = None


@dataclass(frozen=True)
class Case:
    """One item at one location."""

    today: date
    stock: Sequence[tuple[str, str]]
    """Amount, unit."""
    orders: Sequence[tuple[date | None, str, str, str]]
    """Day, ordered, received, unit."""
    forecasts: Sequence[tuple[date, date, str, str]]
    """From, until (exclusive), amount, unit."""
    sellers: Sequence[Seller]
    unit: str = "PC"
    units: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Base units in a unit, as numerator and denominator."""
    safety_stock: str | None = None
    reorder_point: str | None = None
    minimum: str | None = None
    standard_cost: str | None = None
    receiving: Week = Week()
    trigger: str = "safety_stock"
    sizing: str = "weeks_of_cover"
    weeks: int = 4
    maximum_stock: str | None = None
    review_days: int = 7
    horizon_days: int = 182
    lot: str = "1"
    rounding: str = "up"
    maximum: str | None = None
    maximum_cost: str | None = None
    overdue_for_days: int | None = None
    preferences: tuple[str, ...] = ("preferred", "price", "lead_time")


@dataclass(frozen=True)
class Buy:
    """What is to be bought."""

    supplier: str
    quantity: Fraction
    need_by: date
    order_by: date
    cost: tuple[Fraction, str] | None
    urgent: bool
    stockout_on: date | None


@dataclass(frozen=True)
class Lack:
    """What runs out whatever is done."""

    stockout_on: date
    days: int
    amount: Fraction


@dataclass(frozen=True)
class Answer:
    """What comes of a case."""

    buy: Buy | None = None
    lack: Lack | None = None
    problem: bool = False


def solve(case: Case) -> Answer:
    """Work a case out."""
    if case.trigger == "reorder_point" and case.reorder_point is None:
        return Answer(problem=True)
    stock = stock_by_day(case)
    days = list(stock)
    safety = Fraction(case.safety_stock or 0)
    low = next((d for d in days if stock[d] < safety), None)
    out = next((d for d in days if stock[d] < 0), None)
    position = _base_sum(case, case.stock) + sum(_still_to_come(case).values(), Fraction(0))
    by_point = (
        case.trigger != "safety_stock"
        and case.reorder_point is not None
        and position <= Fraction(case.reorder_point)
    )
    sellers = [s for s in case.sellers if s.approved and s.days is not None]
    if not sellers:
        limit = case.today + timedelta(days=case.review_days)
        due = case.trigger != "reorder_point" and low is not None and low <= limit
        return Answer(problem=by_point or due)
    arrivals = {s.code: arrival(case, s, case.today) for s in sellers}
    lack = _lack(stock, out, min(arrivals.values()))
    seller = min(sellers, key=lambda s: _rank(case, s, sellers, low, arrivals))
    first = arrivals[seller.code]
    if not by_point and not _due(case, seller, stock, safety, first):
        return Answer(lack=lack)
    need = low or first
    wanted = _wanted(case, stock, safety, max(need, first))
    if wanted is not None and wanted <= 0 and not by_point:
        return Answer(lack=lack)
    quantity = None if wanted is None else _quantity(case, seller, max(wanted, Fraction(0)))
    if quantity is None:
        return Answer(problem=True)
    cost = None
    if seller.price is not None:
        cost = (_cents(quantity * Fraction(seller.price)), seller.currency)
    bought = Buy(
        seller.code, quantity, need, _order_by(case, seller, need), cost, first > need, out
    )
    return Answer(buy=bought, lack=lack)


def stock_by_day(case: Case) -> dict[date, Fraction]:
    """Stock at the end of each day of the horizon."""
    coming, going = _still_to_come(case), _needed(case)
    stock = _base_sum(case, case.stock)
    found: dict[date, Fraction] = {}
    for number in range(case.horizon_days):
        day = case.today + timedelta(days=number)
        stock += coming.get(day, 0) - going.get(day, 0)
        found[day] = stock
    return found


def _needed(case: Case) -> dict[date, Fraction]:
    """What is needed on each day, from today on."""
    found: dict[date, Fraction] = {}
    for start, end, amount, unit in case.forecasts:
        whole = _base(case, amount, unit)
        day = max(start, case.today)
        before = _fallen(whole, start, end, day)
        while day < end:
            after = _fallen(whole, start, end, day + DAY)
            found[day] = found.get(day, Fraction(0)) + after - before
            day, before = day + DAY, after
    return found


def arrival(case: Case, seller: Seller, ordered: date) -> date:
    """When an order of a day is there."""
    while not seller.week.works(ordered):
        ordered += DAY
    day = ordered + timedelta(days=seller.days or 0)
    while not case.receiving.works(day):
        day += DAY
    return day


def _order_by(case: Case, seller: Seller, need: date) -> date:
    while not case.receiving.works(need):
        need -= DAY
    day = need - timedelta(days=seller.days or 0)
    while not seller.week.works(day):
        day -= DAY
    return day


def _fallen(amount: Fraction, start: date, end: date, day: date) -> Fraction:
    if day >= end:
        return amount
    part = amount * (day - start).days / (end - start).days
    return Fraction(round(part * 1_000_000), 1_000_000)  # round() takes halves to the even


def _base(case: Case, amount: str, unit: str) -> Fraction:
    if unit == case.unit:
        return Fraction(amount)
    numerator, denominator = case.units[unit]
    exact = Fraction(amount) * Fraction(numerator) / Fraction(denominator)
    rest = exact.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    # What no finite decimal says is kept to six digits.
    return exact if rest == 1 else Fraction(round(exact * 1_000_000), 1_000_000)


def _base_sum(case: Case, amounts: Sequence[tuple[str, str]]) -> Fraction:
    return sum((_base(case, amount, unit) for amount, unit in amounts), Fraction(0))


def _still_to_come(case: Case) -> dict[date, Fraction]:
    found: dict[date, Fraction] = {}
    for day, ordered, received, unit in case.orders:
        late = 0 if day is None else (case.today - day).days
        if case.overdue_for_days is not None and late > case.overdue_for_days:
            continue
        when = case.today if day is None or day < case.today else day
        rest = max(Fraction(0), _base(case, ordered, unit) - _base(case, received, unit))
        found[when] = found.get(when, Fraction(0)) + rest
    return found


def _rank(
    case: Case, seller: Seller, sellers: Sequence[Seller], low: date | None, at: Mapping[str, date]
) -> tuple[object, ...]:
    currencies = {s.currency for s in sellers if s.price is not None}
    price = Fraction(10**30) if seller.price is None else Fraction(seller.price)
    ranks = {
        "preferred": not seller.preferred,
        "in_time": low is not None and at[seller.code] > low,
        "price": price if len(currencies) == 1 else 0,
        "lead_time": seller.days,
    }
    return (*(ranks[p] for p in case.preferences), seller.code)


def _due(
    case: Case, seller: Seller, stock: Mapping[date, Fraction], safety: Fraction, first: date
) -> bool:
    if case.trigger == "reorder_point":
        return False
    following = arrival(case, seller, case.today + timedelta(days=case.review_days))
    low = next((d for d, amount in stock.items() if amount < safety), None)
    if low is not None and low < first:
        low = next((d for d, amount in stock.items() if amount < safety and d >= first), None)
    return low is not None and low <= following


def _wanted(
    case: Case, stock: Mapping[date, Fraction], safety: Fraction, since: date
) -> Fraction | None:
    last_day = case.today + timedelta(days=case.horizon_days - 1)
    since = min(since, last_day)
    if case.sizing in ("to_max", "up_to_reorder"):
        level = case.maximum_stock if case.sizing == "to_max" else case.reorder_point
        return None if level is None else Fraction(level) - stock[since]
    days = 7 * case.weeks if case.sizing == "weeks_of_cover" else max(1, case.review_days)
    until = since + timedelta(days=days)
    return safety - min(amount for d, amount in stock.items() if since <= d < until)


def _quantity(case: Case, seller: Seller, wanted: Fraction) -> Fraction | None:
    lot = Fraction(seller.lot or case.lot)
    least = max(Fraction(seller.minimum or 0), Fraction(case.minimum or 0))
    lots = max(wanted, least) / lot
    count = ceil(lots) if case.rounding == "up" else floor(lots + Fraction(1, 2))
    count = max(count, ceil(least / lot), 1)
    limits = [] if case.maximum is None else [floor(Fraction(case.maximum) / lot)]
    if case.maximum_cost is not None and seller.price is not None and Fraction(seller.price) > 0:
        limits.append(floor(Fraction(case.maximum_cost) / (Fraction(seller.price) * lot)))
    if limits and count > min(limits):
        count = min(limits)
        if count * lot < max(least, lot):
            return None
    return count * lot


def _cents(amount: Fraction) -> Fraction:
    return Fraction(round(amount * 100), 100)


def _lack(stock: Mapping[date, Fraction], out: date | None, first: date) -> Lack | None:
    if out is None or out >= first:
        return None
    end = max(stock) + DAY
    back = next((d for d, amount in stock.items() if d > out and amount >= 0), first)
    back = min(back, first, end)
    amount = -min(amount for d, amount in stock.items() if out <= d < back)
    return Lack(out, (back - out).days, amount)
