"""Processes are killed, Redis goes away, PostgreSQL hangs up: each event is heard, and once."""

from pathlib import Path

from bench.soak.run import Soak

EVENTS = 4_000


async def test_each_change_is_logged_once_and_heard_once_in_order_whichever_way_it_comes(
    postgres_url: str, tmp_path: Path
) -> None:
    came = await Soak(postgres_url, tmp_path, EVENTS, troubles=4).run()
    assert came.problems == ()
    assert came.accepted == {"webhook": 1_200, "watcher": 800, "bulk": 2_000}
    assert came.logged == {"purchase_order": 2_000, "forecast": 2_000}
    assert came.troubles == ("cut", "end_first", "away", "end_second")
    # Two hear all orders, ten those of a supplier, one all forecasts, two a tenth of them.
    assert came.heard == 3 * 2_000 + 2_000 + 2 * 200
    assert came.repeated > 0
    assert came.resumed > 0
