"""What callers may still send over all their sockets, and what is held of them."""

from app.server.message_rates import MessageRates, per_minute

PIA, OLE = ("house", "pia"), ("house", "ole")


def test_each_caller_has_its_own_allowance_which_grows_back() -> None:
    rates = MessageRates(per_minute(60))
    assert [rates.takes(PIA, 0.0) for _ in range(61)] == [True] * 60 + [False]
    assert rates.takes(OLE, 0.0)
    assert [rates.takes(PIA, 2.0) for _ in range(3)] == [True, True, False]


def test_what_is_full_again_is_forgotten() -> None:
    rates = MessageRates(per_minute(60))
    for _ in range(60):
        rates.takes(PIA, 3_600.0)
    for n in range(10_000):
        rates.takes(("house", str(n)), 3_600.0 + n)
    assert len(rates) <= 1_024
    late = MessageRates(per_minute(60))
    assert all(late.takes(PIA, 0.0) for _ in range(60))
    for n in range(1_500):
        late.takes(("house", str(n)), 0.5)
    assert not late.takes(PIA, 0.5)
