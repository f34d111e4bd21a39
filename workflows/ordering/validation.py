"""Judging an order by what its systems say: everything that is wrong with it, at once.

Nothing is read here. The same order, facts and rules give the same judgement: for callers who
order, for those who only try, and for the process that makes the order.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from msgspec import Struct

from canonical.absent import is_absent
from canonical.entities import EntityName
from canonical.errors import SupplygraphError, UnavailableError
from canonical.ordering import (
    Finding,
    FindingCode,
    OrderPreview,
    PreviewLine,
    Validated,
    WantedOrder,
)
from canonical.suppliers import SupplierStatus
from canonical.values import ZERO, Money, rounded
from canonical.writing import NewOrder, NewOrderLine
from workflows.ordering.currencies import CODES
from workflows.ordering.facts import Facts, SpentLine, known
from workflows.ordering.findings import Findings, price_text
from workflows.ordering.handing import subjects_of
from workflows.ordering.lines import JudgedLine, LineJudge
from workflows.ordering.rules import Budget, OrderRules, Route, Routes

_STEP: Final = 10


class Planned(Struct, frozen=True, kw_only=True):
    """An order as it is to be made.

    Attributes:
        wanted: As it was asked for.
        currency: ISO 4217 code.
        ordered_on: Day of the order.
        lines: Lines with units and prices.
        route: The systems that it is made in.
        regions: Of the locations that receive, sorted.
        categories: Of the items, sorted.
    """

    wanted: WantedOrder
    currency: str
    ordered_on: date
    lines: tuple[NewOrderLine, ...]
    route: Route
    regions: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def subjects(self) -> tuple[str, ...]:
        """What it is about."""
        regions = [f"region:{region}" for region in self.regions]
        categories = [f"category:{category}" for category in self.categories]
        return (*subjects_of(self.wanted), *regions, *categories)

    def order(self, key: str, system: str, number: str | None = None) -> NewOrder:
        """The order as a system is told of it: under a key of ours, with the leading one's number.

        Args:
            key: Ours.
            system: Which system.
            number: The number that the leading system gave it; None there.
        """
        return NewOrder(
            key=key,
            supplier=self.wanted.supplier,
            currency=self.currency,
            ordered_on=self.ordered_on,
            lines=self.lines,
            number=number,
            company=self.route.companies.get(system),
            note=self.wanted.note,
        )

    def preview(self) -> OrderPreview:
        """The same, for people."""
        lines = tuple(
            PreviewLine(
                line_number=x.line_number,
                item=x.item,
                quantity=x.quantity,
                unit=x.unit,
                unit_price=x.unit_price,
                net=Money(rounded(x.quantity * x.unit_price.amount, self.currency), self.currency),
                due_on=x.due_on,
                ship_to=x.ship_to,
            )
            for x in self.lines
        )
        return OrderPreview(
            supplier=self.wanted.supplier,
            currency=self.currency,
            lines=lines,
            total=Money(sum((x.net.amount for x in lines), ZERO), self.currency),
            systems=self.route.systems,
        )


class Judgement(Struct, frozen=True, kw_only=True):
    """What an order is found to be.

    Attributes:
        findings: Why it is refused.
        warnings: What somebody should know.
        planned: How it is to be made; None if it is refused.
        unavailable: A system that could not be asked, if nothing else refuses the order.
    """

    findings: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()
    planned: Planned | None = None
    unavailable: UnavailableError | None = None

    def validated(self) -> Validated:
        """The same, for callers."""
        order = None if self.planned is None else self.planned.preview()
        return Validated(findings=self.findings, warnings=self.warnings, order=order)


def shape(wanted: WantedOrder, rules: OrderRules) -> tuple[Finding, ...]:
    """What is wrong with an order before anything is read for it."""
    findings = Findings()
    if not wanted.lines:
        findings.refuse(
            FindingCode.NO_LINES, "an order has at least one line: say what is wanted", "lines"
        )
    if len(wanted.lines) > rules.lines:
        findings.refuse(
            FindingCode.TOO_MANY_LINES,
            f"an order has at most {rules.lines} lines, not {len(wanted.lines)}: make several",
            "lines",
        )
    return tuple(findings.refusing)


def judge(wanted: WantedOrder, facts: Facts, rules: OrderRules, routes: Routes) -> Judgement:
    """Everything that is wrong with an order, in the order of the input; or how it is made."""
    findings = Findings()
    _judge_supplier(wanted, facts, findings)
    judging = LineJudge(wanted, facts, rules, findings)
    lines = [judging.judge(i, line) for i, line in enumerate(wanted.lines)]
    currency = _currency(wanted, facts, lines, findings)
    prices = [judging.price(line, currency or "") for line in lines]
    route = _route(lines, routes, findings)
    planned: Planned | None = None
    if currency is not None:
        ours = [b for b in rules.budgets if b.currency == currency]
        _judge_budgets(lines, prices, ours, facts, findings)
    if currency is not None and route is not None and not findings.refusing:
        made = tuple(_line(x, p) for x, p in zip(lines, prices, strict=True))
        planned = Planned(
            wanted=wanted,
            currency=currency,
            ordered_on=facts.today,
            lines=made,
            route=route,
            regions=_sorted(known(x.location.region) for x in lines if x.location is not None),
            categories=_sorted(known(x.item.category) for x in lines if x.item is not None),
        )
    certain = any(f.code is not FindingCode.NOT_CHECKED for f in findings.refusing)
    unavailable = None if certain or not findings.unavailable else findings.unavailable[0]
    return Judgement(
        findings=tuple(findings.refusing),
        warnings=tuple(findings.warnings),
        planned=planned,
        unavailable=unavailable,
    )


def _sorted(names: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if name is not None}))


def _judge_supplier(wanted: WantedOrder, facts: Facts, findings: Findings) -> None:
    supplier = facts.suppliers.get(wanted.supplier)
    unread = facts.unread.get((EntityName.SUPPLIER, wanted.supplier))
    called = f"supplier {wanted.supplier!r}"
    if unread is not None:
        findings.unread(called, unread, "supplier")
    elif supplier is None:
        findings.refuse(
            FindingCode.SUPPLIER_UNKNOWN,
            f"there is no {called}: check the code, or have the supplier created",
            "supplier",
        )
    elif is_absent(supplier.status):
        system = supplier.provenance.system
        findings.untold(f"the status of {called}", system, "supplier.status", "supplier")
    elif supplier.status is not SupplierStatus.APPROVED:
        said = supplier.status.value.lower().replace("_", " ")
        findings.refuse(
            FindingCode.SUPPLIER_NOT_APPROVED,
            f"{called} is {said}: order from another one, or have it approved",
            "supplier",
        )


def _currency(
    wanted: WantedOrder, facts: Facts, lines: Sequence[JudgedLine], findings: Findings
) -> str | None:
    """The order's currency: as given, else that of the terms, else the supplier's."""
    if wanted.currency is not None and wanted.currency not in CODES:
        findings.refuse(
            FindingCode.CURRENCY_INVALID,
            f"{wanted.currency!r} is no currency of ISO 4217: write it like EUR, or leave it out",
            "currency",
        )
        return None
    supplier = facts.suppliers.get(wanted.supplier)
    agreed = [x.agreed.currency for x in lines if x.agreed is not None]
    found: list[str | None] = [wanted.currency, *agreed[:1]]
    found.append(None if supplier is None else known(supplier.currency))
    currency = next((c for c in found if c is not None), None)
    if currency is None and supplier is not None and not facts.unread:
        findings.refuse(
            FindingCode.CURRENCY_INVALID,
            f"neither the terms nor supplier {wanted.supplier!r} have a currency: say it",
            "currency",
        )
    for line in lines:
        if line.agreed is not None and line.agreed.currency != currency:
            findings.refuse(
                FindingCode.CURRENCY_INVALID,
                f"the terms of item {line.wanted.item!r} are in {line.agreed.currency}, and the "
                f"order is in {currency}: order what is in one currency together",
                *("lines", str(line.number)),
            )
    return currency


def _route(lines: Sequence[JudgedLine], routes: Routes, findings: Findings) -> Route | None:
    """The systems that the order is made in; None if that cannot be told."""
    first: Route | None = None
    for line in lines:
        if line.location is None:
            continue
        region = known(line.location.region)
        route = routes.of(region)
        path = ("lines", str(line.number), "shipTo")
        if route is None:
            findings.refuse(
                FindingCode.LOCATION_INVALID,
                f"location {line.wanted.ship_to!r} is in {_region(region)}, for which no system "
                f"makes orders here: declare a route for it in the manifest",
                *path,
            )
        elif first is not None and route is not first:
            findings.refuse(
                FindingCode.LOCATION_INVALID,
                f"orders for {_region(region)} are made in {route.lead}, and the lines before in "
                f"{first.lead}: order them separately",
                *path,
            )
        elif missing := routes.out_of_reach(route):
            findings.refuse(
                FindingCode.LOCATION_INVALID,
                f"orders for {_region(region)} are made in {', '.join(missing)} too, where this "
                f"server makes none: order at one of that region, or have writes declared there",
                *path,
            )
        first = first or route
    return first


def _region(region: str | None) -> str:
    return "no region" if region is None else f"region {region}"


def _judge_budgets(
    lines: Sequence[JudgedLine],
    prices: Sequence[Money | None],
    budgets: Sequence[Budget],
    facts: Facts,
    findings: Findings,
) -> None:
    """Hold an order against the budgets of its currency, with all that was ordered before."""
    for budget in budgets:
        asked = ZERO
        for line, price in zip(lines, prices, strict=True):
            region = None if line.location is None else known(line.location.region)
            category = None if line.item is None else known(line.item.category)
            if price is not None and budget.covers(region, category):
                asked += rounded(line.wanted.quantity * price.amount, budget.currency)
        if asked <= 0:
            continue
        if isinstance(facts.spent, SupplygraphError):
            findings.unread(f"budget {budget.name!r}", facts.spent, "lines")
        else:
            _judge_budget(budget, asked, (facts.today, facts.spent), findings)


def _judge_budget(
    budget: Budget,
    asked: Decimal,
    before: tuple[date, Sequence[SpentLine]],
    findings: Findings,
) -> None:
    today, lines = before
    begin, end = budget.period.span(today)
    spent = sum(
        (
            x.net
            for x in lines
            if x.currency == budget.currency
            and begin <= x.ordered_on < end
            and budget.covers(x.region, x.category)
        ),
        ZERO,
    )
    left = budget.amount - spent
    if asked > left:
        amounts = [price_text(max(x, ZERO)) for x in (asked, left, budget.amount)]
        findings.refuse(
            FindingCode.BUDGET_EXCEEDED,
            f"these lines cost {amounts[0]} {budget.currency}, and {amounts[1]} are left of budget "
            f"{budget.name!r}, which is {amounts[2]} from {begin} until {end}: order less, or have "
            f"the budget raised",
            "lines",
        )


def _line(line: JudgedLine, price: Money | None) -> NewOrderLine:
    """A line as it is made; all of it is known where nothing refuses the order."""
    item, wanted = line.item, line.wanted
    if item is None or price is None:
        raise ValueError(line.number)
    return NewOrderLine(
        line_number=_STEP * (line.number + 1),
        item=wanted.item,
        quantity=wanted.quantity,
        unit=item.unit,
        unit_price=price,
        due_on=wanted.due_on,
        ship_to=wanted.ship_to,
    )
