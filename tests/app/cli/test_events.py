"""`supplygraph migrate` and `supplygraph events`: what they print of a real log."""

import json
import os
import pwd
import signal
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from canonical.audit import AuditEntry
from canonical.events import Event
from runtime.events.ledger import Ledger
from tests.app.cli.logged import Logged
from tests.app.cli.processes import Running
from tests.events.making import NOON, item_event, order_event
from tests.fakes.acts import audited
from tests.ingestion.rereading import BAD, GOOD, bury, letter
from tests.unit.app.manifest.sound import ENVIRON

LATER = NOON + timedelta(hours=1)


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Logged:
    """Three orders at noon, a fourth and an item an hour later; to be read."""
    logged = Logged(tmp_path_factory.mktemp("logged"))
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
    made, again = logged.run("migrate"), logged.run("migrate")

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
    logged = logged.copied(tmp_path)
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


ORDERS = ("events", "replay", "--consumer", "caches", "--type", "status_changed")


async def _audit(ledger: Ledger) -> Sequence[AuditEntry]:
    return await audited(ledger.store)


def test_replay_gives_events_to_a_consumer_in_the_name_of_the_user(
    logged: Logged, tmp_path: Path, valkey_url: str
) -> None:
    logged = logged.copied(tmp_path)
    dry = logged.run(*ORDERS, "--dry-run", redis_url=valkey_url)
    assert dry.stdout == "4 would be given to caches; 0 left out by the rule of their type\n"
    assert logged.write(_audit) == []
    key = ("--key", "purchase_order:2")
    done = logged.run(*ORDERS, *key, redis_url=valkey_url)
    assert done.stdout == "1 given to caches; 0 left out by the rule of their type\n"
    [entry] = logged.write(_audit)
    assert (entry.action, entry.subject) == ("events.replayed", "caches")
    assert entry.actor == pwd.getpwuid(os.getuid()).pw_name


def test_replay_refuses_what_it_cannot_do(logged: Logged) -> None:
    nobody = logged.run(*ORDERS)
    assert nobody.exit_code == 1
    assert "there is no consumer 'caches'" in nobody.stderr
    assert logged.run(*ORDERS[:4]).exit_code == 2


def _buried(logged: Logged) -> tuple[str, ...]:
    async def work(ledger: Ledger) -> Sequence[str]:
        return await bury(ledger, letter(), letter(b"\xff\x1b[2J", name="d\x1b2"))

    return tuple(logged.write(work))


def test_dead_letters_are_listed_shown_and_discarded(logged: Logged, tmp_path: Path) -> None:
    logged = logged.copied(tmp_path)
    first, second = _buried(logged)
    listed = logged.run("events", "dead-letters", "list", "--json")
    assert [json.loads(x)["size"] for x in listed.stdout.splitlines()] in ([37, 5], [5, 37])
    assert listed.stderr == "2 in all\n"
    shown = json.loads(logged.run("events", "dead-letters", "show", first).stdout)
    assert (shown["body"], shown["reason"]) == (BAD.decode(), "schema")
    raw = logged.run("events", "dead-letters", "show", "--raw", second)
    assert raw.stdout_bytes == b"\xff\x1b[2J"

    done = logged.run("events", "dead-letters", "discard", first, "--reason", "a test")
    assert done.stdout == f"Dead letter {first} is discarded.\n"
    left = logged.run("events", "dead-letters", "list").stdout
    assert f"{second}  " in left
    assert "open  erp by webhook  5 bytes  schema: no such status" in left
    assert first not in left
    again = logged.run("events", "dead-letters", "discard", first, "--reason", "a test")
    assert (again.exit_code, "is discarded already" in again.stderr) == (1, True)
    [entry] = logged.write(_audit)
    assert entry.actor == pwd.getpwuid(os.getuid()).pw_name


@pytest.mark.parametrize("options", [(), ("--preview",)], ids=["replay", "preview"])
def test_a_letter_that_nobody_can_read_stays_open(
    logged: Logged, tmp_path: Path, options: Sequence[str]
) -> None:
    logged = logged.copied(tmp_path)
    first, _ = _buried(logged)
    (tmp_path / "order.json").write_bytes(GOOD)
    file = str(tmp_path / "order.json")
    refused = logged.run("events", "dead-letters", "correct", first, file, *options)
    assert refused.exit_code == 1
    assert "takes no webhooks from erp any more" in refused.stderr
    assert logged.run("events", "dead-letters", "list").stderr == "2 in all\n"
