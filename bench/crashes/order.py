"""A process that is killed: it checks, waits for a decision, and places two orders.

At each of its points it may be told to stop and wait for its death.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from msgspec import Struct

from bench.crashes.shop import told
from workflows.process import Process, ProcessKind

POINTS = (
    "begun",
    "checking",
    "checked",
    "waiting",
    "decided",
    "buy:before",
    "buy:slow",
    "buy:silent",
    "buy:told",
    "bought",
    "book:before",
    "book:slow",
    "book:silent",
    "book:told",
    "done",
)
"""Where it may die, in the order in which it comes there."""


UNDECIDED = frozenset({"begun", "checking", "checked", "waiting"})
"""Those at which it has not heard a decision."""


class Wanted(Struct):
    """What is ordered.

    Attributes:
        key: Names it in the shop.
    """

    key: str


class Decision(Struct):
    """Whether it may be ordered, by whom."""

    by: str


class Placed(Struct):
    """What came of it."""

    by: str
    orders: int


class Fate:
    """Where the processes of one server are to die.

    Args:
        shop: Address of the shop.
        points: The point of each process.

    Attributes:
        reached: Processes that wait for their death.
        gone: Processes that have ended: on a busy machine a system may answer so late that it is
            asked, and its answer never comes to the point at which a process is to die.
    """

    def __init__(self, shop: str, points: Mapping[str, str]) -> None:
        self.shop = shop
        self.reached: set[str] = set()
        self.gone: set[str] = set()
        self._points = points

    def kind(self) -> ProcessKind:
        """The process."""
        return ProcessKind("order", 1, Wanted, Placed, self._run)

    def how(self, process_id: str, name: str) -> str:
        """How the shop is to answer."""
        point = self._points.get(process_id, "")
        how = point.removeprefix(f"{name}:")
        return how if how in ("slow", "silent") else "quick"

    async def point(self, process_id: str, name: str) -> None:
        """A point: the end of a process that is to die here."""
        if self._points.get(process_id) == name:
            self.reached.add(process_id)
            await _for_ever()

    async def _run(self, process: Process, wanted: Wanted) -> Placed:
        here = process.id
        await self.point(here, "begun")

        async def check() -> Wanted:
            await self.point(here, "checking")
            return wanted

        checked = await process.step("check", check, Wanted)
        await self.point(here, "checked")
        decision = await process.wait("decision", None, Decision)
        assert decision is not None
        await self.point(here, "decided")
        orders = await self._place(process, "buy", f"{checked.key}/buy")
        await self.point(here, "bought")
        orders += await self._place(process, "book", f"{checked.key}/book")
        await self.point(here, "done")
        again = await process.wait("decision", await process.now(), Decision)
        self.gone.add(here)
        return Placed(decision.by if again is None else f"{decision.by}, {again.by}", orders)

    async def _place(self, process: Process, name: str, key: str) -> int:
        here = process.id

        async def tell() -> int:
            await self.point(here, f"{name}:before")
            how = self.how(here, name)
            if how != "quick":
                sending = asyncio.create_task(told(self.shop, "TELL", key, how))
                await asyncio.sleep(0)
                await self.point(here, f"{name}:{how}")
                await sending
            orders = await told(self.shop, "TELL", key)
            await self.point(here, f"{name}:told")
            return orders

        async def became() -> int | None:
            return await told(self.shop, "ASK", key) or None

        return await process.write(name, tell, became, int)


async def _for_ever() -> None:
    """Stand here until this server is killed: no deadline of the step moves it."""
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
