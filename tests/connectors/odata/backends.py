"""What the tests of OData say about the systems that they read."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx

from canonical.ports import Ask
from connectors.odata import ODataReader
from sandbox.launch import Simulator

ROOT = "sap/opu/odata/sap"
Opened = Callable[..., ODataReader]


class Meter:
    def __init__(self) -> None:
        self.calls = 0

    def called(self, system: str, *, milliseconds: float, rows: int, failed: bool = False) -> None:
        self.calls += 1


def ask(seconds: float = 20.0) -> Ask:
    """A question that may take so long."""
    deadline = asyncio.get_running_loop().time() + seconds
    return Ask(deadline=deadline, correlation_id="c-1", meter=Meter())


class Control:
    """The simulator's controls."""

    def __init__(self, simulator: Simulator) -> None:
        self._url = simulator.control_url

    def log(self) -> list[dict[str, Any]]:
        """Requests since the test began."""
        entries: list[dict[str, Any]] = httpx.get(f"{self._url}log").json()
        return entries

    def queries(self) -> list[dict[str, str]]:
        """Their decoded query options."""
        return [entry["query"] for entry in self.log()]

    def stats(self) -> dict[str, Any]:
        """Counts since the test began."""
        counts: dict[str, Any] = httpx.get(f"{self._url}stats").json()
        return counts

    def fault(self, **rule: Any) -> None:
        httpx.put(f"{self._url}faults", json=[rule]).raise_for_status()

    def limits(self, **changes: float) -> None:
        httpx.put(f"{self._url}limits", json=changes).raise_for_status()

    def put(self, name: str, content: Any) -> None:
        """Set one of the simulator's own controls."""
        httpx.put(f"{self._url}{name}", json=content).raise_for_status()
