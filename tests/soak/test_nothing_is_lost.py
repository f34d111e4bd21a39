"""Processes are killed, Redis goes away, PostgreSQL hangs up: each event is heard, and once."""

from pathlib import Path

from bench.soak.run import Soak

EVENTS = 2_000


async def test_each_event_is_logged_once_and_heard_once_in_order(
    postgres_url: str, tmp_path: Path
) -> None:
    came = await Soak(postgres_url, tmp_path, EVENTS, troubles=4).run()
    assert came.problems == ()
    assert (came.accepted, came.logged) == (EVENTS, EVENTS)
    assert came.troubles == ("cut", "end_first", "away", "end_second")
    assert came.repeated > 0
    assert came.resumed > 0
