"""How bad a trouble is for the business, who has to look at it, and by when.

Severity is the worst of what the category says, what the value at risk says and what the days of
cover lost say. A value in a currency without thresholds says nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from canonical.exceptions import RANKS, ExceptionCategory, ExceptionSeverity, Trouble, named

_C, _S = ExceptionCategory, ExceptionSeverity

CATEGORIES: Final[Mapping[ExceptionCategory, ExceptionSeverity]] = MappingProxyType(
    {
        _C.BACKEND_UNAVAILABLE: _S.HIGH,
        _C.IN_DOUBT: _S.HIGH,
        _C.VALIDATION_REFUSED: _S.MEDIUM,
        _C.MAPPING_MISSING: _S.MEDIUM,
        _C.CONFLICT: _S.MEDIUM,
        _C.LATE_ACKNOWLEDGEMENT: _S.MEDIUM,
        _C.LATE_DELIVERY: _S.MEDIUM,
        _C.QUANTITY_DEVIATION: _S.LOW,
        _C.APPROVAL_OVERDUE: _S.MEDIUM,
        _C.STOCKOUT_RISK: _S.HIGH,
        _C.INTERNAL: _S.HIGH,
    }
)
"""How bad troubles are at least, whatever is at stake."""

HOURS: Final[Mapping[ExceptionSeverity, Decimal]] = MappingProxyType(
    {_S.CRITICAL: Decimal(4), _S.HIGH: Decimal(24), _S.MEDIUM: Decimal(72)}
)
"""Within how many hours they are to be over; what is not named may take any time."""


class Thresholds(Struct, frozen=True):
    """From which amount on something is how bad; None where no amount is.

    Attributes:
        medium: From here on it is at least medium.
        high: From here on it is at least high.
        critical: From here on it is critical.
    """

    medium: Decimal | None = None
    high: Decimal | None = None
    critical: Decimal | None = None

    def severity(self, amount: Decimal) -> ExceptionSeverity:
        """How bad an amount is."""
        steps = ((_S.CRITICAL, self.critical), (_S.HIGH, self.high), (_S.MEDIUM, self.medium))
        return next((s for s, least in steps if least is not None and amount >= least), _S.LOW)


class OwnerRule(Struct, frozen=True, kw_only=True):
    """Whose troubles are that satisfy all that it says; what it leaves empty may be anything.

    Attributes:
        owner: Whose.
        categories: Of these categories.
        regions: About one of these regions.
        suppliers: About one of these suppliers.
        item_categories: About one of these categories of items.
        severities: So bad.
    """

    owner: str
    categories: frozenset[ExceptionCategory] = frozenset()
    regions: frozenset[str] = frozenset()
    suppliers: frozenset[str] = frozenset()
    item_categories: frozenset[str] = frozenset()
    severities: frozenset[ExceptionSeverity] = frozenset()

    def fits(self, trouble: Trouble, severity: ExceptionSeverity) -> bool:
        """Whether a trouble is for this owner."""
        return all(
            not wanted or not wanted.isdisjoint(found)
            for wanted, found in (
                (self.categories, (trouble.category,)),
                (self.severities, (severity,)),
                (self.regions, named(trouble.subjects, "region")),
                (self.suppliers, named(trouble.subjects, "supplier")),
                (self.item_categories, named(trouble.subjects, "category")),
            )
        )


class Rules(Struct, frozen=True, kw_only=True):
    """What is made of troubles.

    Attributes:
        categories: How bad they are at least.
        values: How bad a value at risk is, by currency.
        cover: How bad days of cover lost are.
        owners: Whose they are; the first that fits.
        owner: Whose they are otherwise; None for nobody's.
        hours: Within how many hours they are to be over, by severity.
    """

    categories: Mapping[ExceptionCategory, ExceptionSeverity] = CATEGORIES
    values: Mapping[str, Thresholds] = {}
    cover: Thresholds = Thresholds(Decimal(3), Decimal(7), Decimal(14))
    owners: Sequence[OwnerRule] = ()
    owner: str | None = None
    hours: Mapping[ExceptionSeverity, Decimal] = HOURS

    def severity(self, trouble: Trouble) -> ExceptionSeverity:
        """How bad a trouble is."""
        found = [self.categories.get(trouble.category, CATEGORIES[trouble.category])]
        money, days = trouble.value_at_risk, trouble.days_of_cover_lost
        if money is not None and money.currency in self.values:
            found.append(self.values[money.currency].severity(money.amount))
        if days is not None:
            found.append(self.cover.severity(days))
        return max(found, key=RANKS.__getitem__)

    def owner_of(self, trouble: Trouble, severity: ExceptionSeverity) -> str | None:
        """Who has to look at a trouble that is so bad."""
        fitting = (rule.owner for rule in self.owners if rule.fits(trouble, severity))
        return next(fitting, self.owner)

    def due_at(self, severity: ExceptionSeverity, since: datetime) -> datetime | None:
        """By when what came up at a moment is to be over; None for any time."""
        hours = self.hours.get(severity)
        return None if hours is None else since + timedelta(hours=float(hours))
