"""Samples count for the part of the house that their innermost known frame belongs to."""

from bench.processes import ROOT
from bench.profiling import by_part, told

STARTED = "main (/x/site-packages/uvicorn/main.py:1);run (/usr/lib/asyncio/runners.py:118)"


def test_the_innermost_frame_of_a_part_decides_and_what_started_the_server_does_not() -> None:
    loaders = f"read ({ROOT}/loaders/keyed.py:9)"
    mapping = f"records ({ROOT}/connectors/kit/mapping/batch.py:3)"
    stacks = [
        f"{STARTED};{loaders};{mapping} 3",
        f"{STARTED};{loaders};wait_for (/usr/lib/asyncio/tasks.py:4) 2",
        f"{STARTED};{loaders};get (/x/site-packages/aiohttp/client.py:7) 4",
        f"{STARTED} 1",
    ]
    found = by_part(stacks)

    assert found == {
        "decoding and mapping of rows": 3,
        "loaders and caches": 2,
        "calls to systems": 4,
        "event loop and the rest": 1,
    }
    assert next(iter(told(found))).split() == ["40.0%", "calls", "to", "systems"]
