"""Numbers that a system keeps as binary floats, as the decimals that were meant."""

from decimal import Context, Decimal
from typing import Final

_CERTAIN: Final = Context(prec=15)
_WHOLE: Final = 10**15


def exact(text: str) -> Decimal:
    """A float of a reply as a decimal: `70.0` is 70, `0.30000000000000004` is 0.3.

    A double holds 15 digits for certain; what it shows beyond is the noise of binary arithmetic.
    """
    number = _CERTAIN.create_decimal(text)
    whole = number.to_integral_value()
    if number == whole and abs(whole) < _WHOLE:
        return whole.quantize(Decimal(1)) + 0  # never the zero that is negative
    return number.normalize()
