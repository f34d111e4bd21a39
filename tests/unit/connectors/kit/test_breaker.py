"""When a circuit opens, is probed and closes."""

from connectors.kit.breaker import Breaker, Circuit, Permit
from connectors.kit.policy import BreakerPolicy


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def made(**policy: float) -> tuple[Breaker, Clock]:
    clock = Clock()
    return Breaker(BreakerPolicy.model_validate(policy), clock), clock


def entered(breaker: Breaker) -> Permit:
    permit = breaker.enter()
    assert permit is not None
    return permit


def test_failures_in_a_row_open_it() -> None:
    breaker, _ = made(failures=3, open_s=10)
    for outcome in ("failed", "failed", "succeeded", "failed", "failed"):
        getattr(entered(breaker), outcome)()
    assert str(breaker.state) == Circuit.CLOSED
    entered(breaker).failed()
    assert str(breaker.state) == Circuit.OPEN
    assert breaker.enter() is None
    assert breaker.retry_after_s() == 10


def test_a_high_share_of_failures_opens_it() -> None:
    breaker, clock = made(failures=100, failure_rate=0.5, min_calls=10, window_s=30)
    for i in range(9):
        (entered(breaker).failed if i % 2 else entered(breaker).succeeded)()
        clock.at += 1
    assert str(breaker.state) == Circuit.CLOSED
    entered(breaker).failed()
    assert str(breaker.state) == Circuit.OPEN


def test_old_outcomes_leave_the_window() -> None:
    breaker, clock = made(failures=100, failure_rate=0.5, min_calls=4, window_s=30)
    for _ in range(3):
        entered(breaker).failed()
    clock.at += 31
    for outcome in ("succeeded", "succeeded", "succeeded", "failed"):
        getattr(entered(breaker), outcome)()
    assert str(breaker.state) == Circuit.CLOSED


def test_one_probe_at_a_time_decides() -> None:
    breaker, clock = made(failures=1, open_s=10)
    entered(breaker).failed()
    clock.at += 10
    assert str(breaker.state) == Circuit.HALF_OPEN
    probe = entered(breaker)
    assert breaker.enter() is None
    probe.succeeded()
    assert str(breaker.state) == Circuit.CLOSED
    assert breaker.retry_after_s() is None


def test_failed_probes_wait_ever_longer_but_not_for_ever() -> None:
    breaker, clock = made(failures=1, open_s=10)
    waits = []
    for _ in range(6):
        entered(breaker).failed()
        waits.append(breaker.retry_after_s())
        clock.at += waits[-1] or 0
    assert waits == [10, 20, 40, 80, 80, 80]


def test_an_abandoned_probe_leaves_room_for_the_next() -> None:
    breaker, clock = made(failures=1, open_s=10)
    entered(breaker).failed()
    clock.at += 10
    entered(breaker).abandoned()
    entered(breaker).succeeded()
    assert str(breaker.state) == Circuit.CLOSED


def test_outcomes_of_calls_from_before_do_not_count() -> None:
    breaker, clock = made(failures=2, open_s=10)
    late = [entered(breaker) for _ in range(4)]
    late[0].failed()
    late[1].failed()
    assert str(breaker.state) == Circuit.OPEN
    late[2].succeeded()
    assert str(breaker.state) == Circuit.OPEN
    clock.at += 10
    probe = entered(breaker)
    late[3].failed()
    probe.succeeded()
    assert str(breaker.state) == Circuit.CLOSED
