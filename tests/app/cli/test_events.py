"""`supplygraph migrate` and `supplygraph events`: what they print of a real log."""

import json
import signal
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from canonical.events import Event
from runtime.events.ledger import Ledger
from tests.app.cli.logged import Logged
from tests.app.cli.processes import Running
from tests.events.making import NOON, item_event, order_event
from tests.unit.app.manifest.sound import ENVIRON

LATER = NOON + timedelta(hours=1)


@pytest.fixture
def logged(tmp_path: Path) -> Logged:
    """Three orders at noon, a fourth and an item an hour later."""
    logged = Logged(tmp_path)
    assert logged.run("migrate").exit_code == 0
    for events, at in (
        ([order_event(n) for n in (1, 2, 3)], NOON),
        ([order_event(4), item_event(1)], LATER),
    ):

        async def append(ledger: Ledger, events: Sequence[Event] = events) -> None:
            await ledger.write(lambda writing: writing.append(events))

        logged.write(append, at)
    return logged


def test_migrate_says_from_where_to_where(tmp_path: Path) -> None:
    logged = Logged(tmp_path)
    refused = logged.run("events", "tail")
    made, again = logged.run("migrate"), logged.run("migrate")

    assert refused.exit_code == 1
    assert "run `supplygraph migrate`" in refused.stderr
    revision = made.stdout.removeprefix("The tables were made: revision ").strip(".\n")
    assert again.stdout == f"The tables are up to date: revision {revision}.\n"


def test_tail_prints_the_last_of_each_stream(logged: Logged) -> None:
    printed = logged.run("events", "tail", "-n", "2").stdout.splitlines()

    assert sorted(" ".join(line.split()[2:5]) for line in printed) == [
        "item#1 changed item:SKU-1",
        "purchase_order#3 status_changed purchase_order:3",
        "purchase_order#4 status_changed purchase_order:4",
    ]


@pytest.mark.parametrize(
    "options, keys",
    [
        (("--stream", "item"), ["1"]),
        (("--type", "status_changed"), ["1", "2", "3", "4"]),
        (("--subject", "supplier:S-1"), ["1", "4"]),
        (("--since", LATER.isoformat(), "--stream", "purchase_order"), ["4"]),
        (("--since", (LATER + timedelta(hours=1)).isoformat()), []),
    ],
)
def test_tail_selects(logged: Logged, options: Sequence[str], keys: Sequence[str]) -> None:
    printed = logged.run("events", "tail", "--json", *options).stdout.splitlines()
    assert [json.loads(line)["key"] for line in printed] == keys


@pytest.mark.parametrize(
    "options, told",
    [
        (("--stream", "orders"), "there is no stream 'orders'"),
        (("--type", "sent"), "there is no type 'sent'"),
        (("--since", "yesterday"), "'yesterday' is no moment"),
        (("--since", "2026-03-01T12:00"), "is no moment with its zone"),
    ],
)
def test_tail_refuses_what_there_is_not(logged: Logged, options: Sequence[str], told: str) -> None:
    refused = logged.run("events", "tail", *options)
    assert refused.exit_code == 2
    assert told in " ".join(refused.stderr.replace("│", " ").split())


def test_show_prints_events_whole(logged: Logged) -> None:
    by_subject = logged.run("events", "show", "--subject", "purchase_order:4", "--json")
    event = json.loads(by_subject.stdout)
    assert event["data"] == {"number": "4", "status": "SENT", "supplier": "S-1"} | {
        "previous_status": None
    }
    assert (event["stream"], event["position"]) == ("purchase_order", 4)
    by_id = logged.run("events", "show", event["event_id"])
    assert json.loads(by_id.stdout) == event
    related = logged.run("events", "show", "--correlation", "c-1", "--json").stdout.splitlines()
    assert [json.loads(line)["key"] for line in related] == ["1", "1"]


def test_show_says_that_there_is_none(logged: Logged) -> None:
    gone = logged.run("events", "show", "nothing")
    assert (gone.exit_code, gone.stdout) == (1, "")
    assert "no such event" in gone.stderr
    assert logged.run("events", "show").exit_code == 2


def test_tail_follows_until_it_is_interrupted(logged: Logged, tmp_path: Path) -> None:
    environ = {**ENVIRON, "SUPPLYGRAPH_MANIFEST": str(logged.manifest)}
    running = Running(["events", "tail", "-n", "1", "--follow"], environ, tmp_path)
    try:
        running.until("purchase_order#4 ")
        assert "purchase_order#3 " not in running.said

        async def append(ledger: Ledger) -> None:
            await ledger.write(lambda writing: writing.append([order_event(5)]))

        logged.write(append)
        running.until("purchase_order#5 ")
        assert running.end(signal.SIGINT) == 130
    finally:
        running.close()
