"""Judging the lines of an order, each by itself."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from msgspec import Struct

from canonical.absent import is_absent
from canonical.entities import EntityName
from canonical.items import Item, ItemStatus
from canonical.locations import Location
from canonical.ordering import FindingCode, WantedLine, WantedOrder
from canonical.supply_sources import SupplySource
from canonical.values import Money
from workflows.ordering.facts import Facts, known
from workflows.ordering.findings import NAMES, Findings, plain, price_text
from workflows.ordering.rules import LeadTimePolicy, OrderRules

_SHOWN: Final = 5
_PERCENT: Final = Decimal("0.1")
_PRICE_DECIMALS: Final = 6


class JudgedLine(Struct, frozen=True):
    """A line, with what the systems say of it; None for what they do not have.

    Attributes:
        number: Its place in the input, from 0 on.
        wanted: The line as it is asked for.
        item: The item.
        terms: The supplier's terms.
        location: The location that receives.
    """

    number: int
    wanted: WantedLine
    item: Item | None
    terms: SupplySource | None
    location: Location | None

    @property
    def agreed(self) -> Money | None:
        """The price of the terms."""
        price: Money | None = None if self.terms is None else known(self.terms.price)
        return price

    @property
    def lead_time_days(self) -> int | None:
        """How long it takes, by the terms, else by the item."""
        for record in (self.terms, self.item):
            days: int | None = None if record is None else known(record.lead_time_days)
            if days is not None:
                return days
        return None


class LineJudge:
    """Judges the lines of one order.

    Args:
        wanted: The order.
        facts: What it is judged by.
        rules: The policies.
        findings: Where to tell what is found.
    """

    def __init__(
        self, wanted: WantedOrder, facts: Facts, rules: OrderRules, findings: Findings
    ) -> None:
        self._wanted = wanted
        self._facts = facts
        self._rules = rules
        self._findings = findings

    def judge(self, number: int, line: WantedLine) -> JudgedLine:
        """Tell what is wrong with a line but for its price, which needs the order's currency."""
        item = self._item(number, line)
        terms = self._terms(number, line, item)
        judged = JudgedLine(number, line, item, terms, self._location(number, line))
        self._quantity(judged)
        self._due(judged)
        return judged

    def _item(self, number: int, line: WantedLine) -> Item | None:
        item = self._facts.items.get(line.item)
        unread = self._facts.unread.get((EntityName.ITEM, line.item))
        path = (*_place(number), "item")
        if unread is not None:
            self._findings.unread(f"item {line.item!r}", unread, *path)
        elif item is None:
            self._findings.refuse(
                FindingCode.ITEM_UNKNOWN,
                f"there is no item {line.item!r}: check the sku, or have the item created",
                *path,
            )
        elif is_absent(item.status) or is_absent(item.unit):
            column = "status" if is_absent(item.status) else "unit"
            system = item.provenance.system
            self._findings.untold(
                f"the {column} of item {line.item!r}", system, f"item.{column}", *path
            )
        elif item.status is not ItemStatus.ACTIVE:
            said = item.status.value.lower().replace("_", " ")
            self._findings.refuse(
                FindingCode.ITEM_NOT_ACTIVE,
                f"item {line.item!r} is {said}: order another one, or have it released",
                *path,
            )
        return item

    def _terms(self, number: int, line: WantedLine, item: Item | None) -> SupplySource | None:
        supplier = self._wanted.supplier
        terms = self._facts.terms.get((line.item, supplier))
        unread = self._facts.unread.get((EntityName.SUPPLY_SOURCE, line.item))
        path = (*_place(number), "item")
        if unread is not None:
            what = f"{NAMES[EntityName.SUPPLY_SOURCE]} {line.item!r}"
            self._findings.unread(what, unread, *path)
        elif terms is None and item is not None and self._needs_terms():
            others = sorted(s for sku, s in self._facts.terms if sku == line.item)
            shown = ", ".join(others[:_SHOWN]) + (" and others" if len(others) > _SHOWN else "")
            instead = f"order it from {shown}" if others else "no supplier has any"
            self._findings.refuse(
                FindingCode.ITEM_NOT_FROM_SUPPLIER,
                f"there are no terms for item {line.item!r} with supplier {supplier!r}: {instead}, "
                f"or have terms maintained",
                *path,
            )
        return terms

    def _needs_terms(self) -> bool:
        return self._rules.terms_required and self._wanted.supplier in self._facts.suppliers

    def _location(self, number: int, line: WantedLine) -> Location | None:
        location = self._facts.locations.get(line.ship_to)
        unread = self._facts.unread.get((EntityName.LOCATION, line.ship_to))
        path = (*_place(number), "shipTo")
        if unread is not None:
            self._findings.unread(f"location {line.ship_to!r}", unread, *path)
        elif location is None:
            self._findings.refuse(
                FindingCode.LOCATION_UNKNOWN,
                f"there is no location {line.ship_to!r}: check the code",
                *path,
            )
        elif is_absent(location.kind):
            system = location.provenance.system
            self._findings.untold(
                f"the kind of location {line.ship_to!r}", system, "location.kind", *path
            )
        elif location.kind not in self._rules.receiving:
            kinds = ", ".join(sorted(_words(k.value) for k in self._rules.receiving))
            self._findings.refuse(
                FindingCode.LOCATION_INVALID,
                f"location {line.ship_to!r} is a {_words(location.kind.value)}, which receives no "
                f"goods: ship to one of these kinds: {kinds}",
                *path,
            )
        return location

    def _quantity(self, line: JudgedLine) -> None:
        quantity, path = line.wanted.quantity, (*_place(line.number), "quantity")
        message = self._wrong_quantity(quantity)
        if message is not None:
            self._findings.refuse(FindingCode.QUANTITY_INVALID, message, *path)
            return
        least, whose = self._least(line)
        if least is not None and quantity < least:
            unit = "" if line.item is None else f" {known(line.item.unit) or ''}".rstrip()
            self._findings.refuse(
                FindingCode.QUANTITY_BELOW_MINIMUM,
                f"{plain(quantity)}{unit} of item {line.wanted.item!r} are less than {whose} "
                f"minimum of {plain(least)}{unit}: order at least that",
                *path,
            )

    def _wrong_quantity(self, quantity: Decimal) -> str | None:
        if not quantity.is_finite() or quantity <= 0:
            return f"a quantity is more than 0, not {quantity}: mend it, or leave the line out"
        if quantity > self._rules.most:
            return (
                f"{plain(quantity)} is more than one line may have, which is "
                f"{plain(self._rules.most)}: check it, or order in several lines"
            )
        if _decimals(quantity) > self._rules.decimals:
            return (
                f"{plain(quantity)} has more than {self._rules.decimals} digits behind the point: "
                f"round it"
            )
        return None

    def _least(self, line: JudgedLine) -> tuple[Decimal | None, str]:
        """Least quantity, by the terms, else by the item; and whose it is."""
        for record, whose in ((line.terms, "the supplier's"), (line.item, "the item's")):
            least = None if record is None else known(record.minimum_order_quantity)
            if least is not None:
                return least, whose
        return None, ""

    def _due(self, line: JudgedLine) -> None:
        due, today = line.wanted.due_on, self._facts.today
        path = (*_place(line.number), "dueOn")
        if due < today:
            self._findings.refuse(
                FindingCode.DUE_DATE_INVALID,
                f"{due} is past: today is {today}; say a day from today on",
                *path,
            )
            return
        days = line.lead_time_days
        if days is not None and self._rules.lead_time is not LeadTimePolicy.IGNORE:
            self._lead_time(line.wanted.item, due, today + timedelta(days=days), path)

    def _lead_time(self, sku: str, due: date, earliest: date, path: tuple[str, ...]) -> None:
        if due >= earliest:
            return
        refuses = self._rules.lead_time is LeadTimePolicy.REFUSE
        tell = self._findings.refuse if refuses else self._findings.warn
        tell(
            FindingCode.LEAD_TIME_TOO_SHORT,
            f"{due} is before {earliest}, when item {sku!r} ordered today can be there by its lead "
            f"time: want it later, or agree on it with the supplier",
            *path,
        )

    def price(self, line: JudgedLine, currency: str) -> Money | None:
        """Price of a line in the order's currency; None where there is none that may be paid."""
        wanted, agreed = line.wanted.unit_price, line.agreed
        path = (*_place(line.number), "unitPrice")
        if wanted is None and agreed is None:
            if line.terms is not None or not (line.item is None or self._rules.terms_required):
                self._findings.refuse(
                    FindingCode.PRICE_UNKNOWN,
                    f"the terms of supplier {self._wanted.supplier!r} have no price for item "
                    f"{line.wanted.item!r}: say a unit price, or have the terms maintained",
                    *path,
                )
            return None
        if wanted is None:
            return agreed
        message = self._wrong_price(wanted, agreed, currency)
        if message is not None:
            self._findings.refuse(FindingCode.PRICE_OUT_OF_TOLERANCE, message, *path)
        return Money(wanted, currency)

    def _wrong_price(self, wanted: Decimal, agreed: Money | None, currency: str) -> str | None:
        if not wanted.is_finite() or wanted <= 0 or _decimals(wanted) > _PRICE_DECIMALS:
            return (
                f"a price is more than 0 and has at most {_PRICE_DECIMALS} digits behind the "
                f"point: {wanted} is none"
            )
        if agreed is None or agreed.currency != currency:
            return None
        off, allowed = abs(wanted - agreed.amount), self._rules.tolerance(agreed.amount)
        if off <= allowed:
            return None
        side = "above" if wanted > agreed.amount else "below"
        share = f" ({_percent(off, agreed.amount)} %)" if agreed.amount else ""
        return (
            f"{price_text(wanted)} {currency} is {price_text(off)}{share} {side} the "
            f"{price_text(agreed.amount)} {currency} of the terms, and {price_text(allowed)} are "
            f"allowed: leave the price out for that of the terms, or have the terms changed"
        )


def _place(number: int) -> tuple[str, str]:
    return ("lines", str(number))


def _words(value: str) -> str:
    return value.lower().replace("_", " ")


def _decimals(amount: Decimal) -> int:
    return len(plain(amount).partition(".")[2])


def _percent(part: Decimal, whole: Decimal) -> str:
    return plain((part / whole * 100).quantize(_PERCENT))
