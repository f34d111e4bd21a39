"""Planning's nights: its table is revised, and the whole of it is sent as a file.

GET  nights  what was sent     POST night  {"share": "0.01", "form": "csv"}
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from msgspec import Struct

from sandbox.changes import first_moment
from sandbox.frepple.nightly import CONTENT_TYPES, Form, revise, write_rows
from sandbox.frepple.tables import Row, Table
from sandbox.kit.sending import BulkTarget, send_file

_KEPT = 100


class Night(Struct, frozen=True, forbid_unknown_fields=True):
    """One to come: the share of the plan that is revised, and the file's form."""

    share: Decimal = Decimal("0.01")
    form: Form = "csv"


class Sent(Struct, frozen=True):
    """A file that was sent; `status` is None if nobody answered."""

    night: int
    id: str
    rows: int
    revised: int
    size_bytes: int
    status: int | None


class Nights:
    """Has nights one after the other, on demand or every so many seconds.

    A night comes at the time of the last change, `now`, so that what changes later is newer.
    """

    def __init__(self, plan: Table, today: date) -> None:
        self.target: BulkTarget | None = None
        self.every_s = 0.0
        self._plan = plan
        self.now = first_moment(today)
        self._last = self.now - timedelta(seconds=1)
        self._night = 0
        self._asked: asyncio.Queue[Night] = asyncio.Queue()
        self._sent: deque[Sent] = deque(maxlen=_KEPT)

    def commands(self) -> Mapping[str, Callable[[bytes], Any]]:
        """The controls above."""
        return {
            "GET nights": lambda _: list(self._sent),
            "POST night": lambda body: self._ask(msgspec.json.decode(body or b"{}", type=Night)),
        }

    async def run(self) -> None:
        """Have nights, until cancelled."""
        while True:
            try:
                night = await asyncio.wait_for(self._asked.get(), self.every_s or None)
            except TimeoutError:
                night = Night()
            if self.target is not None:
                self._sent.append(await self._pass(night, self.target))

    def _ask(self, night: Night) -> dict[str, int]:
        if self.target is None:
            raise ValueError("there is nowhere to send a file to: start with --bulk-url")
        if not 0 <= night.share <= 1:
            raise ValueError(f"the share must be from 0 to 1, not {night.share}")
        self._asked.put_nowait(night)
        return {"waiting": self._asked.qsize()}

    async def _pass(self, night: Night, target: BulkTarget) -> Sent:
        self._night += 1
        counts, size = {"rows": 0, "revised": 0}, 0
        with TemporaryDirectory(prefix="sandbox-night-") as folder:
            path = Path(folder) / f"forecast.{night.form}"
            with path.open("wb") as file:
                for piece in write_rows(self._revised(night, counts), night.form):
                    size += file.write(piece)
                    await asyncio.sleep(0)  # others are answered meanwhile
            name, status = await send_file(path, CONTENT_TYPES[night.form], target)
        return Sent(
            night=self._night,
            id=name,
            rows=counts["rows"],
            revised=counts["revised"],
            size_bytes=size,
            status=status,
        )

    def _revised(self, night: Night, counts: dict[str, int]) -> Iterator[Row]:
        """The rows as they are sent; those that are new are put into the table too."""
        self.now = max(self.now, self._last + timedelta(seconds=1))
        self._last = self.now
        for row, is_new in revise(self._plan.rows, night.share, self.now):
            counts["rows"] += 1
            if is_new:
                counts["revised"] += 1
                self._plan.put(row)
            yield row
