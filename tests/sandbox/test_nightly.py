"""Planning's nightly file: the whole plan in its own words, a few rows of it new."""

from __future__ import annotations

import csv
import io
import time
import tracemalloc
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from sandbox.changes import make_changes
from sandbox.frepple.nightly import (
    COLUMNS,
    night_of,
    parser,
    plan_rows,
    revise,
    write_file,
    write_rows,
)
from sandbox.launch import Life, Sandbox
from sandbox.world import DEFAULT_TODAY, World
from tests.sandbox.receiver import SECRET, Receiver, listening, standard_signature
from tests.sandbox.ticking import Row, client_of, control, tick

_NIGHT = night_of(DEFAULT_TODAY, 0, 1)


def _read_csv(text: bytes) -> list[Row]:
    return list(csv.DictReader(io.StringIO(text.decode(), newline="")))


def _keys(rows: list[Row]) -> list[tuple[str, ...]]:
    return [(r["item"], r["location"], r["customer"], r["startdate"]) for r in rows]


def test_only_the_share_asked_for_is_new(world: World) -> None:
    rows = list(plan_rows(world))
    revised = list(revise(rows, Decimal("0.05"), _NIGHT))
    new = [(before, after) for before, (after, is_new) in zip(rows, revised, strict=True) if is_new]
    assert abs(len(new) - Decimal("0.05") * len(rows)) < 1
    for before, after in new:
        assert after["forecasttotal"] != before["forecasttotal"]
        assert after["forecasttotal"] == after["forecastoverride"]
        assert after["lastmodified"] == "2026-11-23T21:00:00"
        assert _keys([after]) == _keys([before])
    assert all(
        row is after for row, (after, is_new) in zip(rows, revised, strict=True) if not is_new
    )
    assert list(revise(rows, Decimal("0.05"), _NIGHT)) == revised
    assert list(revise(rows, Decimal("0.05"), night_of(DEFAULT_TODAY, 0, 2))) != revised
    assert not any(is_new for _, is_new in revise(rows, Decimal(0), _NIGHT))


def test_the_plan_is_the_present_one(world: World) -> None:
    changed = {
        change.forecast_index + 1: change.forecast
        for change in islice(make_changes(world), 50)
        if change.forecast is not None
    }
    before, after = list(plan_rows(world)), list(plan_rows(world, after=50))
    assert {row["id"] for row, old in zip(after, before, strict=True) if row != old} == set(changed)
    assert all(Decimal(after[n - 1]["forecasttotal"]) == f.quantity for n, f in changed.items())


@pytest.mark.parametrize("ending", ["csv", "ndjson"])
def test_the_command_writes_as_many_rows_as_asked_for(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"forecast.{ending}"
    options = ["--out", str(path), "--rows", "1500", "--revised", "0.02"]
    told = write_file(path, parser().parse_args(options))
    text = path.read_bytes()
    rows = _read_csv(text) if ending == "csv" else [*map(msgspec.json.decode, text.splitlines())]
    assert (told["rows"], told["revised"]) == (1500, 30)
    assert len(rows) == len(set(_keys(rows))) == 1500
    assert tuple(rows[0]) == COLUMNS
    assert sum(row["lastmodified"] == "2026-11-23T21:00:00" for row in rows) == 30
    assert datetime.fromisoformat(rows[0]["enddate"]) > datetime.fromisoformat(rows[0]["startdate"])


def test_a_world_that_is_too_small_is_said_to_be(tmp_path: Path) -> None:
    options = ["--out", str(tmp_path / "x.csv"), "--rows", "5000", "--size", "0.02"]
    with pytest.raises(ValueError, match=r"a world of size 0\.02 has 1255 forecasts, not 5000"):
        write_file(tmp_path / "x.csv", parser().parse_args(options))


def test_memory_does_not_grow_with_the_file() -> None:
    world = World(size=0.1)
    assert len(world.items) == 200
    peaks = []
    for count in (1_000, 6_000):
        rows = (row for row, _ in revise(islice(plan_rows(world), count), Decimal("0.01"), _NIGHT))
        tracemalloc.start()
        deque(write_rows(rows, "csv"), maxlen=0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2 < 2_000_000


@pytest.fixture(scope="module")
def nights() -> Iterator[tuple[Sandbox, Receiver]]:
    with listening() as receiver:
        life = Life(bulk_url=f"{receiver.url}/bulk", bulk_secret=SECRET)
        with Sandbox(size=0.02, names=["frepple"], life=life) as sandbox:
            yield sandbox, receiver


def _sent(sandbox: Sandbox, count: int) -> list[Row]:
    deadline = time.monotonic() + 10
    while len(sent := control(sandbox.frepple, "GET", "nights")) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return list(sent)


def test_a_night_sends_the_whole_plan_signed_and_the_table_agrees(
    nights: tuple[Sandbox, Receiver],
) -> None:
    sandbox, receiver = nights
    tick(sandbox.frepple, count=100)
    control(sandbox.frepple, "POST", "night", {"share": "0.1"})
    sent = _sent(sandbox, 1)[0]
    received = receiver.received[-1]
    assert received.headers["content-type"] == "text/csv"
    assert received.headers["webhook-signature"] == standard_signature(received)
    assert (received.id, len(received.body)) == (sent["id"], sent["size_bytes"])
    rows = _read_csv(received.body)
    assert (sent["rows"], sent["status"]) == (len(rows), 202)
    with client_of(sandbox.frepple, "/api/") as client:
        table = client.get("forecast/forecastplan/").json()
        newer = client.get(
            "forecast/forecastplan/", params={"lastmodified__gte": "2026-11-23T21:01:40"}
        ).json()
    shown = [{name: row[name] or "" for name in COLUMNS} for row in table]
    assert rows == shown
    assert len(newer) == sent["revised"] == 126


def test_a_file_that_was_not_taken_is_sent_again_under_the_same_id(
    nights: tuple[Sandbox, Receiver],
) -> None:
    sandbox, receiver = nights
    before = len(_sent(sandbox, 0))
    receiver.received.clear()
    receiver.answers = [503]
    control(sandbox.frepple, "POST", "night", {"form": "ndjson"})
    sent = _sent(sandbox, before + 1)[-1]
    first, second = receiver.received
    assert first.id == second.id == sent["id"]
    assert first.body == second.body
    assert second.headers["content-type"] == "application/x-ndjson"
    assert len(second.body.splitlines()) == sent["rows"]


@pytest.mark.parametrize("body", [{"share": "2"}, {"form": "xlsx"}, {"when": "now"}])
def test_nights_that_cannot_be_are_refused(nights: tuple[Sandbox, Receiver], body: Any) -> None:
    answer = httpx.post(f"{nights[0].frepple.control_url}night", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]
