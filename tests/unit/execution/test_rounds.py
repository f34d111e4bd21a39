"""How often an operation waits for systems, and how often it asks them: as little as can be."""

import asyncio
from typing import Any

import pytest

from canonical.ports import Ask
from execution.engine import Engine
from schema.scalars import COLUMN_WRITERS
from tests.fakes.desk import SCHEMA, Desk
from tests.fakes.distributor import Distributor
from tests.fakes.sources import FakeSource

JOINED = """query ($first: Int!) { purchaseOrders(first: $first) { nodes { number
  supplier { code name }
  lines { quantity item { sku name inventory { onHand } forecasts { quantity } } } } } }"""
PROJECTED = """query ($first: Int!) { purchaseOrders(first: $first) { nodes {
  lines { item { name inventory { onHand } projectedInventory(weeks: 2) { closing } } } } } }"""
SMALL = """query ($first: Int!) { purchaseOrders(first: $first) { nodes { number
  supplier { name } lines { quantity item { name } } } } }"""


class Waits:
    """Counts calls, and the times when nothing was under way and a call began."""

    def __init__(self, sources: list[FakeSource]) -> None:
        self.calls = self.rounds = self._under_way = 0
        for source in sources:
            source._called = self._counted  # type: ignore[method-assign]  # looks over its shoulder

    async def _counted(self, ask: Ask) -> None:
        self.calls += 1
        self.rounds += not self._under_way
        self._under_way += 1
        await asyncio.sleep(0.02)
        self._under_way -= 1


@pytest.mark.parametrize("first", [1, 20])
@pytest.mark.parametrize(
    "question, calls, rounds",
    [(JOINED, 5, 2), (SMALL, 3, 2), (PROJECTED, 6, 4)],  # the last one for units of boxes
    ids=["joined", "small", "projected"],
)
async def test_rounds_and_calls(question: str, calls: int, rounds: int, first: int) -> None:
    world = Distributor()
    waits = Waits(world.sources)
    only = [s for s in world.sources if s is not world.procurement]
    answer = await Desk(*only).ask(question, first=first)
    assert answer.errors == ()
    assert (waits.calls, waits.rounds) == (calls, rounds)


async def test_graphql_core_asks_as_often_but_waits_once_more() -> None:
    world: Any = Distributor()
    waits = Waits(world.sources)
    desk = Desk(*(s for s in world.sources if s is not world.procurement))
    desk.engine = Engine(SCHEMA._schema, writers=COLUMN_WRITERS, planned=False)
    await desk.ask(JOINED, first=20)
    assert (waits.calls, waits.rounds) == (5, 3)
