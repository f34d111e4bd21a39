"""`supplygraph audit`: what it prints of a real chain, and how it ends."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from canonical.audit import AuditEntry, AuditKind
from runtime.audit.log import AuditLog
from runtime.events.ledger import Ledger
from runtime.store.tables import AUDIT
from tests.app.cli.logged import Logged
from tests.events.making import NOON

ENTRIES = (
    AuditEntry(actor="olga", action="dead_letter.discarded", subject="l1", correlation_id="c-1"),
    AuditEntry(kind=AuditKind.CHANGE_BEGUN, actor="pia", action="Order", objects=("Item:I\x1b1",)),
    AuditEntry(kind=AuditKind.REFUSAL, decision="UNAUTHENTICATED"),
)


async def _append(ledger: Ledger) -> None:
    log = AuditLog(ledger.store, now=lambda: NOON)
    await log.append(*ENTRIES)
    await log.aclose()


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Logged:
    logged = Logged(tmp_path_factory.mktemp("logged"))
    assert logged.run("migrate").exit_code == 0
    logged.write(_append)
    return logged


def test_verify_prints_the_head_which_is_an_anchor_later(logged: Logged, tmp_path: Path) -> None:
    done = logged.run("audit", "verify")
    first, second = done.stdout.splitlines()
    assert (done.exit_code, first) == (0, "3 entries, 1 to 3: unchanged")
    head = second.removeprefix("head ")
    for anchor in (head, head.removeprefix("3:")):
        assert logged.run("audit", "verify", "--anchor", anchor).exit_code == 0
    wrong = logged.run("audit", "verify", "--anchor", head[:-8] + "00000000", "--json")
    found = json.loads(wrong.stdout)
    assert (wrong.exit_code, found["unchanged"], found["head"]) == (1, False, head)
    assert logged.run("audit", "verify", "--anchor", "x").exit_code == 2

    spoiled = logged.copied(tmp_path)

    async def spoil(ledger: Ledger) -> None:
        statement = sa.delete(AUDIT).where(AUDIT.c.position == 2)
        await ledger.store.write(lambda connection: connection.execute(statement))

    spoiled.write(spoil)
    told = spoiled.run("audit", "verify")
    assert (told.exit_code, told.stdout.splitlines()[0]) == (1, "2 entries, 1 to 3: changed")
    assert told.stderr.splitlines()[0] == "entry 3: missing before it: entry 2"


def test_tail_and_export_print_entries(logged: Logged) -> None:
    lines = logged.run("audit", "tail", "-n", "2").stdout.splitlines()
    assert lines == [
        "#2 2026-03-01 12:00:00+0000  change.begun  pia  allowed  Order Item:I\ufffd1",
        "#3 2026-03-01 12:00:00+0000  refusal  somebody  UNAUTHENTICATED",
    ]
    unfinished = logged.run("audit", "tail", "--unfinished", "--json").stdout.splitlines()
    assert [json.loads(line)["action"] for line in unfinished] == ["Order"]
    named = logged.run("audit", "tail", "--kind", "act", "--actor", "olga", "--correlation", "c-1")
    assert (len(named.stdout.splitlines()), named.stderr) == (1, "1 in all\n")
    assert logged.run("audit", "tail", "--kind", "no").exit_code == 2
    exported = logged.run("audit", "export", "--after", "1").stdout.splitlines()
    found = [json.loads(line) for line in exported]
    assert [(one["position"], len(one["hash"])) for one in found] == [(2, 64), (3, 64)]
