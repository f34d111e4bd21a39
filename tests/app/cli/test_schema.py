"""`supplygraph schema`: what it says of a new version, and of who asks for what."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runtime.events.leases import Leases
from runtime.events.ledger import Ledger
from runtime.usage.shared import Batch, Counted, Described
from runtime.usage.stored import LEASE, UsageKeeper
from tests.app.cli.logged import Logged

TODAY = datetime.now(UTC).date().isoformat()
OLD = 'type Query { item(sku: String!): Item } type Item { sku: String!  "x" name: String }'
NEW = "type Query { item(sku: String!): Item  a: Int } type Item { sku: String! }"


async def _count(ledger: Ledger) -> None:
    leases = Leases(ledger.store, now=lambda: datetime.now(UTC))
    lease = await leases.acquire(LEASE, "test", 60)
    assert lease is not None
    await UsageKeeper(ledger, leases, "test")._keep(
        lease,
        Batch(
            "b1",
            {Counted(TODAY, "o1", "portal", "2.1"): 7, Counted(TODAY, "o1", "planner", ""): 1},
            {"o1": Described("Items", "query", ("Item.sku", "Query.item", "Query.item(sku:)"))},
        ),
    )


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Logged:
    logged = Logged(tmp_path_factory.mktemp("logged"))
    assert logged.run("migrate").exit_code == 0
    logged.write(_count)
    (logged.manifest.parent / "old.graphql").write_text(OLD, encoding="utf-8")
    (logged.manifest.parent / "new.graphql").write_text(NEW, encoding="utf-8")
    (logged.manifest.parent / "sku.graphql").write_text(
        NEW.replace("sku: String! }", "x: Int }"), encoding="utf-8"
    )
    return logged


def _files(logged: Logged, *names: str) -> list[str]:
    folder: Path = logged.manifest.parent
    old, new = (str(folder / f"{name}.graphql") for name in names)
    return ["schema", "check", old, "--against", new]


def test_check_tells_changes_and_ends_by_what_they_do(logged: Logged) -> None:
    done = logged.run(*_files(logged, "old", "new"))
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "breaking   FIELD_REMOVED                  Field Item.name was removed.",
        "safe       FIELD_ADDED                    Field Query.a was added.",
        "1 breaking, 0 dangerous, 1 safe",
    ]
    assert logged.run(*_files(logged, "new", "new")).exit_code == 0
    told = json.loads(logged.run(*_files(logged, "old", "new"), "--json").stdout)
    assert (told["breaks"], told["days"]) == (True, None)
    assert told["changes"][0] == {
        "level": "breaking",
        "kind": "FIELD_REMOVED",
        "coordinate": "Item.name",
        "message": "Field Item.name was removed.",
        "promised_until": None,
        "usage": None,
    }
    wrong = logged.run("schema", "check", str(logged.manifest))
    assert (wrong.exit_code, "this is no SDL" in wrong.stderr) == (1, True)


def test_this_release_breaks_nothing_of_itself(logged: Logged) -> None:
    published = Path(__file__).parents[2] / "schema" / "published.graphql"
    done = logged.run("schema", "check", str(published))
    assert (done.exit_code, done.stdout) == (0, "0 breaking, 0 dangerous, 0 safe\n")


def test_check_says_whom_a_change_breaks(logged: Logged) -> None:
    unused = logged.run(*_files(logged, "old", "new"), "--usage", "--days", "7")
    assert (unused.exit_code, "nobody asked for it in 7 days" in unused.stdout) == (1, True)
    assert logged.run(*_files(logged, "old", "new"), "--usage", "--allow-unused").exit_code == 0
    used = logged.run(*_files(logged, "old", "sku"), "--usage", "--allow-unused")
    assert used.exit_code == 1
    said = f"asked for 8 times, last on {TODAY}, by portal 2.1 (7), planner (1); in Items"
    assert said in used.stdout
    assert logged.run(*_files(logged, "old", "new"), "--allow-unused").exit_code == 2


def test_usage_is_printed(logged: Logged) -> None:
    done = logged.run("schema", "usage", "--field", "Item.sku")
    assert done.stdout.splitlines() == [
        f"         8  Item.sku  last on {TODAY}  portal 2.1 (7), planner (1)"
    ]
    assert done.stderr.startswith("8 operations since ")
    mine = logged.run("schema", "usage", "--client", "planner", "--json")
    told = json.loads(mine.stdout)
    assert [(one["coordinate"], one["count"]) for one in told["coordinates"]] == [
        ("Item.sku", 1),
        ("Query.item", 1),
        ("Query.item(sku:)", 1),
    ]
    unused = logged.run("schema", "usage", "--unused").stdout.splitlines()
    assert "         0  Item.name" in unused
    assert "         0  Item.sku" not in unused


def test_the_catalogue_is_printed(logged: Logged) -> None:
    told = json.loads(logged.run("catalog").stdout)
    [forecast] = [kind for kind in told["types"] if kind["name"] == "Forecast"]
    assert (forecast["owner"], forecast["source"]["fresh_seconds"]) == ("planning", 60.0)
    assert [s["system"] for s in forecast["source"]["systems"]] == ["planning"]
    assert len(told["events"]) == 13
