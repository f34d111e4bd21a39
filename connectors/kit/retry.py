"""When a request is tried again, and after how long."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from connectors.kit.policy import CallPolicy

_SECONDS: Final = re.compile(r"\d{1,9}(\.\d{1,9})?")
_AGAIN: Final = frozenset({408, 425, 429, 502, 503, 504})


def is_retried(status: int, policy: CallPolicy) -> bool:
    """Tell whether a status may be different next time."""
    return status in _AGAIN or (status == 500 and policy.retry_500)  # noqa: PLR2004 HTTP status


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds from `now` that Retry-After asks for (RFC 9110: a number or a date), if it does."""
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())


def backoff_s(tries: int, policy: CallPolicy, random: Callable[[], float]) -> float:
    """How long to wait after a number of failed tries: full jitter under a doubling bound.

    Args:
        tries: Failed tries so far, at least 1.
        policy: Sets the bounds.
        random: Gives numbers from 0 up to 1.
    """
    return random() * min(policy.max_backoff_s, policy.backoff_s * 2.0 ** (tries - 1))
