"""The account of a rate, against a bucket that fills by the fraction."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from runtime.limits.rates import Account, Rate, Taken

US = 1_000_000


class Bucket:
    """A reference: units in a bucket, which fills evenly and spills over."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self.units = Fraction(rate.burst)
        self.at_us = 0
        self.takes = 0

    def free(self, now_us: int) -> Fraction:
        grown = Fraction(self.rate.per_s) * (now_us - self.at_us) / US
        self.units, self.at_us = min(Fraction(self.rate.burst), self.units + grown), now_us
        return self.units

    def check(self, taken: Taken, least: int, most: int) -> None:
        """See to it that what was taken could be.

        Of moments in microseconds a double holds eighths: so much may be lost each time.
        """
        self.takes += 1
        off = Fraction(1, 10**6) + Fraction(self.rate.per_s) * self.takes / (8 * US)
        free = self.free(taken.at_us)
        if taken.granted == 0 and least > 0:
            assert free < least + off
            after = free + Fraction(self.rate.per_s) * Fraction(taken.wait_s)
            assert after > least - off - Fraction(self.rate.per_s) / US
            assert after < least + off + Fraction(self.rate.per_s) * 2 / US
        else:
            assert least <= taken.granted <= most
            assert taken.granted <= free + off
            assert taken.granted == most or taken.granted > free - 1 - off
            self.units = min(Fraction(self.rate.burst), free - taken.granted)
            assert abs(taken.left - self.units) <= 1 + off


rates = st.builds(
    Rate,
    st.floats(0.01, 1e6, allow_nan=False).map(lambda f: float(f"{f:.3g}")),
    st.integers(1, 10**6),
)
steps = st.lists(
    st.tuples(st.integers(0, 20 * US), st.integers(1, 1_000), st.integers(0, 1_000)), max_size=30
)


@given(rates, steps)
def test_an_account_grants_what_has_grown_again(
    rate: Rate, steps: list[tuple[int, int, int]]
) -> None:
    account, bucket, now_us = Account(), Bucket(rate), 10**15
    bucket.at_us = now_us
    for later_us, least, more in steps:
        now_us += later_us
        bucket.check(account.take(rate, least, least + more, now_us), least, least + more)


@given(rates, st.integers(1, 1_000))
def test_what_is_put_back_can_be_taken_again(rate: Rate, units: int) -> None:
    account, now_us = Account(), 10**15
    taken = account.take(rate, 1, units, now_us)
    account.take(rate, -taken.granted, -taken.granted, now_us)
    assert account.take(rate, 1, units, now_us).granted == taken.granted


def test_nothing_is_put_back_beyond_the_burst() -> None:
    account, rate = Account(), Rate(1.0, 10)
    account.take(rate, -50, -50, US)
    assert account.take(rate, 1, 50, US) == Taken(10, 0, 0.0, US)
    assert account.take(rate, 3, 3, US) == Taken(0, 0, 3.0, US)
    assert account.take(rate, 3, 3, 4 * US).granted == 3
