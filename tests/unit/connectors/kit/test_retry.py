"""What is tried again, and when."""

from datetime import UTC, datetime

import pytest

from connectors.kit.policy import CallPolicy
from connectors.kit.retry import backoff_s, is_retried, retry_after_s

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("120", 120.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        ("Mon, 05 Jan 2026 12:00:30 GMT", 30.0),
        ("Mon, 05 Jan 2026 11:00:00 GMT", 0.0),
        ("Mon, 05 Jan 2026 13:00:30 +0100", 30.0),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("inf", None),
        ("9" * 400, None),
        ("Mon, 99 Jan 2026 11:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_where_it_can_be(text: str, seconds: float | None) -> None:
    assert retry_after_s({"retry-after": text}, NOW) == seconds


def test_waits_double_under_full_jitter_up_to_a_bound() -> None:
    policy = CallPolicy(backoff_s=0.5, max_backoff_s=3)
    assert [backoff_s(n, policy, lambda: 1.0) for n in (1, 2, 3, 4, 5)] == [0.5, 1, 2, 3, 3]
    assert backoff_s(3, policy, lambda: 0.0) == 0
    assert backoff_s(3, policy, lambda: 0.25) == 0.5


def test_statuses_that_may_pass() -> None:
    statuses = [s for s in range(100, 600) if is_retried(s, CallPolicy())]
    assert statuses == [408, 425, 429, 502, 503, 504]
    assert is_retried(500, CallPolicy(retry_500=True))
