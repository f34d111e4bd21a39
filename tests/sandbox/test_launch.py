"""Simulators start quickly, say where they are, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from sandbox.launch import Process, Sandbox, start_one
from tests.fixtures.living import gone, lives

_PARENT = """
import os, time
from sandbox.launch import start_one
from tests.fixtures.living import gone, lives
sandbox = start_one("frepple", size=0.01)
sandbox.start()
print(sandbox.frepple.pid, flush=True)
time.sleep(60)
"""


async def test_all_three_come_and_go() -> None:
    async with Sandbox(size=0.01, options={"s4": ["--page-size", "7"]}) as sandbox:
        simulators = dict(sandbox.simulators)
        assert set(simulators) == {"s4", "coupa", "frepple"}
        assert all(s.url.startswith("http://127.0.0.1:") for s in simulators.values())
        async with httpx.AsyncClient(auth=(sandbox.s4.user, sandbox.s4.password)) as client:
            root = f"{sandbox.s4.url}/sap/opu/odata/sap"
            url = f"{root}/API_PRODUCT_SRV/A_Product?$format=json"
            assert len((await client.get(url)).json()["d"]["results"]) == 7
    assert not any(lives(simulator.pid) for simulator in simulators.values())


def test_what_does_not_start_says_why() -> None:
    process = Process("coupa", options=["--nonsense"])
    process.start()
    with pytest.raises(RuntimeError, match=r"(?s)coupa did not become ready.*--nonsense"):
        process.wait_until_ready()


def test_links_can_name_another_host() -> None:
    options = ["--link-host", "erp.example:8443", "--page-size", "5"]
    with start_one("s4", size=0.01, options=options) as sandbox:
        url = f"{sandbox.s4.url}/sap/opu/odata/sap/API_PRODUCT_SRV/A_Product?$format=json"
        page = httpx.get(url, auth=(sandbox.s4.user, sandbox.s4.password)).json()
    assert page["d"]["__next"].startswith("http://erp.example:8443/sap/opu/odata/sap/")


def test_a_simulator_ends_with_its_parent() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert gone([pid], 5)
