"""Money and quantities: exact decimals that never travel without their currency or unit."""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal, DefaultContext
from functools import lru_cache
from typing import Annotated, Final

from msgspec import Meta, Struct

from canonical.errors import UnitMismatchError

ZERO: Final = Decimal(0)
_STEP: Final = Decimal("0.000001")
_WIDE: Final = Context(prec=2 * DefaultContext.prec)

# ISO 4217 currencies whose minor unit is not a hundredth (amendment list as of 2026).
_MINOR_DIGITS: Final = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND"),
        0,
    ),
    **dict.fromkeys(("VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}


class Money(Struct, frozen=True, gc=False):
    """An amount with its currency."""

    amount: Annotated[Decimal, Meta(description="The amount in major units, exact.")]
    currency: Annotated[str, Meta(description="ISO 4217 code.")]


class Quantity(Struct, frozen=True, gc=False):
    """An amount with the unit it is counted in."""

    amount: Annotated[Decimal, Meta(description="How many of the unit, exact.")]
    unit: Annotated[str, Meta(description="The unit that the amount counts.")]


class UnitConversion(Struct, frozen=True, gc=False):
    """What another unit holds: 1 `unit` = `numerator` / `denominator` base units."""

    unit: Annotated[str, Meta(description="The unit that is converted.")]
    numerator: Annotated[Decimal, Meta(description="Base units in `denominator` of this unit.")]
    denominator: Annotated[Decimal, Meta(description="Units that `numerator` base units make.")] = (
        Decimal(1)
    )


def minor_digits(currency: str) -> int:
    """Digits after the decimal point of a currency (ISO 4217); two unless known to differ."""
    return _MINOR_DIGITS.get(currency, 2)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Round an amount half-even to its currency's minor unit."""
    return amount.quantize(_minor_unit(currency), ROUND_HALF_EVEN)


@lru_cache(256)
def _minor_unit(currency: str) -> Decimal:
    return Decimal(1).scaleb(-minor_digits(currency))


def convert(
    amount: Decimal,
    unit: str,
    target: str,
    base: str,
    conversions: Iterable[UnitConversion],
    *,
    item: str,
) -> Decimal:
    """Express an amount in another unit of the same item.

    The result is exact where a finite decimal can say it; else rounded half-even to six decimals.

    Args:
        amount: How many of `unit`.
        unit: The unit of `amount`.
        target: The unit wanted.
        base: The item's base unit, which each conversion refers to.
        conversions: What the item declares of its other units; the last one of a unit counts.
        item: The item's sku, for the error.

    Raises:
        UnitMismatchError: if either unit has no declared conversion. A quantity is never read in
            another unit.
    """
    if unit == target:
        return amount
    known = {base: UnitConversion(base, Decimal(1)), **{c.unit: c for c in conversions}}
    if unit not in known or target not in known:
        raise UnitMismatchError(item=item, unit=unit, target=target, base=base)
    source, wanted = known[unit], known[target]
    dividend = amount * source.numerator * wanted.denominator
    divisor = source.denominator * wanted.numerator
    quotient = dividend / divisor
    # A product that is rounded itself would seem exact.
    is_exact = _WIDE.multiply(quotient, divisor) == dividend
    return quotient if is_exact else quotient.quantize(_STEP)
