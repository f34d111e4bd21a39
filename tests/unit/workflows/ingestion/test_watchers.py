"""How watchers keep away from systems in trouble, and what their position says."""

from datetime import UTC, datetime
from random import Random

import msgspec

from canonical.errors import Reason, UnavailableError
from workflows.ingestion.watchers import delay_s
from workflows.ingestion.watches import START, Progress, progress_of


def down(retry_after_s: float | None = None) -> UnavailableError:
    return UnavailableError("erp", Reason.SERVER_ERROR, "down", retry_after_s=retry_after_s)


def test_the_wait_doubles_up_to_a_minute_and_is_never_the_same() -> None:
    random = Random(7)
    waits = [delay_s(down(), n, random) for n in range(1, 40)]
    for n, wait in enumerate(waits):
        longest = min(60.0, 2.0**n)
        assert longest / 2 <= wait <= longest
    assert len(set(waits)) == len(waits)


def test_a_system_is_left_alone_for_as_long_as_it_asks() -> None:
    assert delay_s(down(retry_after_s=300.0), 1, Random(7)) == 300.0
    assert delay_s(down(retry_after_s=0.1), 1, Random(7)) >= 0.5
    assert delay_s(ValueError("mapping"), 7, Random(7)) >= 30.0


def test_a_position_is_read_as_it_was_written() -> None:
    at = datetime(2026, 11, 23, 8, 0, 0, 123, tzinfo=UTC)
    progress = Progress(mark=at, based=True, commits=7)
    kept = msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(progress)))
    assert progress_of(kept) == progress
    assert progress_of(None) == START
