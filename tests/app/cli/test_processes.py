"""`serve` and `demo` as processes: they answer, they stop when told, and leave nothing behind."""

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import httpx
import pytest

from app.demo import KEY
from runtime.security.development import mint_development_token
from runtime.security.principal import Role
from tests.app.cli.processes import Running, ask, refused
from tests.app.installed import LaidOut
from tests.fixtures.living import gone

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")

ITEMS = "{ items(first: 3) { nodes { sku } } }"
ORDERS = "{ purchaseOrders(first: 50) { nodes { supplier { code } } } }"
Start = Callable[[Sequence[str], Mapping[str, str]], Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Running] = []
    folder = tmp_path / "tmp"
    folder.mkdir()

    def one(arguments: Sequence[str], environ: Mapping[str, str]) -> Running:
        started.append(Running(arguments, environ, folder))
        return started[-1]

    yield one
    for each in started:
        each.close()


@pytest.mark.parametrize(
    "workers, number", [(1, signal.SIGINT), (1, signal.SIGTERM), (2, signal.SIGTERM)]
)
def test_serve_answers_and_stops_when_told(
    start: Start, installed: LaidOut, tmp_path: Path, workers: int, number: signal.Signals
) -> None:
    with installed.manifest.open("a") as manifest:
        manifest.write("\nfederation: {enabled: false}\n")
    arguments = ["serve", "-m", str(installed.manifest), "--port", "0", "--workers", str(workers)]
    running = start(arguments, installed.environ)
    running.until("Ctrl-C stops it")
    url = running.found(r"listens on (\S+)/graphql")
    token = mint_development_token(installed.environ[KEY], "me", [Role.PLANNER], None, 600)

    assert len(ask(f"{url}/graphql", token, ITEMS)["items"]["nodes"]) == 3
    sdl = {"query": "{ _service { sdl } }"}
    refused = httpx.post(f"{url}/graphql", json=sdl, timeout=30).json()
    assert "Cannot query field '_service'" in refused["errors"][0]["message"]
    assert httpx.get(f"{url}/readyz").json()["cache"]["connected"]
    family = running.family()
    assert running.end(number) == 0
    assert gone(family)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_serve_says_that_a_port_is_taken(start: Start, installed: LaidOut) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        arguments = ["serve", "-m", str(installed.manifest), "--port", port]
        running = start(arguments, installed.environ)

        said = running.until("choose another with --port")
    assert f"127.0.0.1:{port} cannot be listened on" in said
    assert "Traceback" not in said
    assert running.process.wait(10) == 1


def test_serve_says_what_keeps_a_backend_from_being_opened(
    start: Start, installed: LaidOut
) -> None:
    (installed.manifest.parent / "ca.pem").write_text("no certificate", encoding="utf-8")
    installed.rewritten({"    preset: frepple\n": "    preset: frepple\n    ca_file: ca.pem\n"})
    running = start(["serve", "-m", str(installed.manifest), "--port", "0"], installed.environ)

    said = running.until("no certificates")
    assert "backend planning: ca_file: holds no certificates" in said
    assert running.process.wait(10) == 1
    assert "Traceback" not in said


HIDDEN = ("inventory {", "forecasts {")
"""Lines of the first question that are not a supplier's business, as the demo says."""


@pytest.mark.timeout(180)
@pytest.mark.parametrize("dead", [False, True], ids=["all alive", "a child dead"])
def test_demo_answers_its_first_question_and_leaves_nothing_behind(
    start: Start, tmp_path: Path, dead: bool
) -> None:
    running = start(["demo", "--size", "0.02", "--port", "0", "--no-browser"], {})
    running.until("Ctrl-C stops everything.")
    page = running.found(r"^GraphiQL +(\S+)$")
    setup = httpx.get(f"{page}/config.json").json()
    tokens = {each["role"]: each["token"] for each in setup["tokens"]}

    assert set(tokens) == {"planner", "buyer", "supplier", "operator", "auditor"}
    assert all(token in running.said for token in tokens.values())
    assert running.said.count("\n1. ") == running.said.count("\n3. ") == 1
    url = running.found(r"^GraphQL +(\S+)$")
    asked = [tab for tab in setup["tabs"] if "\nquery " in f"\n{tab['query']}"]
    assert len(asked) == len(setup["tabs"]) - 2  # one is heard, over a socket, and one decides
    for tab in asked:
        variables = json.loads(tab["variables"] or "{}")
        assert ask(url, tokens["planner"], tab["query"], **variables)
    first = setup["tabs"][0]["query"]
    assert refused(url, tokens["supplier"], first) == {"Item.inventory", "Item.forecasts"}
    hers = "\n".join(x for x in first.splitlines() if not x.strip().startswith(HIDDEN))
    assert ask(url, tokens["supplier"], hers)["purchaseOrders"]["nodes"]
    orders = ask(url, tokens["supplier"], ORDERS)["purchaseOrders"]["nodes"]
    bound = running.found(r"^supplier of (\S+):$")
    assert {order["supplier"]["code"] for order in orders} == {bound}

    family = running.family()
    assert len(family) >= 4
    if dead:
        os.kill(max(family), signal.SIGKILL)
    assert running.end(signal.SIGINT) == 0
    assert gone(family)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_demo_ends_its_processes_even_when_it_is_killed(start: Start) -> None:
    running = start(["demo", "--size", "0.02", "--port", "0", "--no-browser"], {})
    running.until("Ctrl-C stops everything.")
    family = running.family()

    running.end(signal.SIGKILL)
    assert gone(family)
