"""The nightly forecast file: all buckets of the plan, of which only a few are new.

    python -m sandbox.frepple.nightly --rows 200000 --out forecast.csv

Columns and values are those of `forecast/forecastplan`; the rows are made one by one, so that a
file of any length takes the same memory. `.ndjson` as the file's ending gives a JSON object a line.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Literal

import msgspec

from sandbox.changes import first_moment, make_changes
from sandbox.frepple.rows import bucket
from sandbox.frepple.tables import Row, decimal, moment
from sandbox.world import DEFAULT_SEED, DEFAULT_TODAY, World
from sandbox.world.records import Forecast

Form = Literal["csv", "ndjson"]

CONTENT_TYPES: Mapping[Form, str] = {"csv": "text/csv", "ndjson": "application/x-ndjson"}
COLUMNS = (
    "item", "location", "customer", "startdate", "enddate", "forecasttotal", "forecastbaseline",
    "forecastoverride", "lastmodified",
)  # fmt: skip
_AT_ONCE = 500
_TENTH = Decimal("0.1")
_ROWS_AT_FULL_SIZE = 63_000


def night_of(today: date, after: int, night: int) -> datetime:
    """When a file is made: at the last of so many changes, one a second, or some seconds later.

    Whatever changes afterwards is newer than the file; nights count from 1.
    """
    return first_moment(today) + timedelta(seconds=after + night - 1)


def plan_rows(world: World, after: int = 0) -> Iterator[Row]:
    """The buckets of the plan in the order of their ids.

    Args:
        world: Whose.
        after: How many changes of the clock have happened; these are kept in memory.
    """
    revised: dict[int, Forecast] = {}
    for change in islice(make_changes(world) if after else (), after):
        if change.forecast is not None:
            revised[change.forecast_index] = change.forecast
    names = {plant.code: plant.name for plant in world.plants}
    for index, planned in enumerate(world.each_forecast()):
        forecast = revised.get(index, planned)
        yield bucket(index + 1, names[forecast.plant], forecast)


def revise(rows: Iterable[Row], share: Decimal, night: datetime) -> Iterator[tuple[Row, bool]]:
    """Revise a share of the rows, spread evenly over them.

    Args:
        rows: What is planned now; they stay as they are.
        share: From 0 to 1. Of n rows it is n times the share, rounded down or up.
        night: When; it decides which rows, and what is planned then.

    Yields:
        Each row, and whether it is a new one.
    """
    rng = Random(night.isoformat())
    offset = rng.randrange(1_000)
    for place, row in enumerate(rows, start=offset):
        if int((place + 1) * share) > int(place * share):
            yield _revised(rng, row, night), True
        else:
            yield row, False


def _revised(rng: Random, row: Row, night: datetime) -> Row:
    before = Decimal(row["forecasttotal"])
    after = int(before * rng.randint(5, 15)) * _TENTH
    total = decimal(after if after != before else before + 1)
    return {
        **row,
        "forecasttotal": total,
        "forecastoverride": total,
        "lastmodified": moment(night),
    }


def write_rows(rows: Iterable[Row], form: Form) -> Iterator[bytes]:
    """The file, some hundred rows at a time."""
    if form == "csv":
        yield ",".join(COLUMNS).encode() + b"\r\n"
    left = iter(rows)
    while some := list(islice(left, _AT_ONCE)):
        yield _csv(some) if form == "csv" else _ndjson(some)


def _csv(rows: Iterable[Row]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([row[name] for name in COLUMNS] for row in rows)
    return text.getvalue().encode()


def _ndjson(rows: Iterable[Row]) -> bytes:
    return b"".join(
        msgspec.json.encode({name: row[name] for name in COLUMNS}) + b"\n" for row in rows
    )


def write_file(path: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Write a night's file.

    Returns:
        How many rows it has, and how many of them are revised.

    Raises:
        ValueError: the world has fewer rows than asked for.
    """
    world = _world(options)
    form: Form = "ndjson" if path.suffix == ".ndjson" else "csv"
    rows = islice(plan_rows(world, options.after), options.rows)
    at = night_of(options.today, options.after, options.night)
    counts = {"rows": 0, "revised": 0}

    def counted() -> Iterator[Row]:
        for row, is_new in revise(rows, options.revised, at):
            counts["rows"] += 1
            counts["revised"] += is_new
            yield row

    with path.open("wb") as file:
        file.writelines(write_rows(counted(), form))
    return {**counts, "size": world.size}


def _world(options: argparse.Namespace) -> World:
    """The world asked for; without a size, the smallest that has the rows."""
    if options.size is not None:
        world = World(options.seed, options.size, options.today)
        if options.rows is not None and world.forecast_count() < options.rows:
            raise ValueError(
                f"a world of size {world.size:g} has {world.forecast_count()} forecasts,"
                f" not {options.rows}: leave --size out, or make it larger"
            )
        return world
    size = 1.0 if options.rows is None else options.rows / _ROWS_AT_FULL_SIZE
    world = World(options.seed, size, options.today)
    while world.forecast_count() < (options.rows or 0):
        size *= 1.02
        world = World(options.seed, size, options.today)
    return world


def parser() -> argparse.ArgumentParser:
    """The command line of this module."""
    arguments = argparse.ArgumentParser(prog="python -m sandbox.frepple.nightly")
    add = arguments.add_argument
    add("--out", type=Path, required=True, help=".csv or .ndjson")
    add("--rows", type=int, help="how many; all that the world has if left out")
    add("--revised", type=Decimal, default=Decimal("0.01"), help="share that is new, 0 to 1")
    add("--seed", type=int, default=DEFAULT_SEED)
    add("--size", type=float, help="of the world; the smallest that has the rows if left out")
    add("--today", type=date.fromisoformat, default=DEFAULT_TODAY)
    add("--night", type=int, default=1, help="another one has other new rows")
    add("--after", type=int, default=0, help="how many changes of the clock have happened")
    return arguments


if __name__ == "__main__":
    chosen = parser().parse_args()
    print(msgspec.json.encode(write_file(chosen.out, chosen)).decode())
