"""Ordering on the engine that lasts: one order for each key, however many ask at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from canonical.errors import ConflictError
from canonical.ordering import Ordered
from runtime.processes.reading import StoredProcesses
from runtime.store.migrating import migrate
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from tests.processes.engine.scripts import Troubles
from tests.processes.ordering.house import House
from tests.unit.workflows.ordering.house import line, wanted
from workflows.engine.serving import open_engine
from workflows.engine.settings import EngineSettings
from workflows.ordering.desk import EngineOrderDesk
from workflows.ordering.rules import Timing


@asynccontextmanager
async def lasting(folder: Path) -> AsyncIterator[tuple[House, list[EngineOrderDesk]]]:
    """A house with a real engine, and two desks of it."""
    where = StoreSettings(file=folder / "ordering.db")
    store = Store(where)
    await migrate(store)
    house = House(timing=Timing(answer_s=20.0), confirms=False, processes=StoredProcesses(store))
    async with open_engine(house.kinds, store, where, EngineSettings(), Troubles()) as engine:
        yield house, [house.ordering.desk(engine) for _ in range(2)]
    await store.aclose()


async def test_two_hundred_callers_at_two_desks_make_one_order(tmp_path: Path) -> None:
    async with lasting(tmp_path) as (house, desks):
        answers = await asyncio.gather(
            *(
                desks[n % 2].create(wanted(), key="k", actor="bea", correlation_id=f"c-{n}")
                for n in range(200)
            )
        )
        assert len({(a.order, a.process_id, a.pending) for a in answers}) == 1
        assert (answers[0].pending, answers[0].findings) == (False, ())
        assert (len(house.procurement.orders), len(house.erp.orders)) == (1, 1)
        assert [m for m, _ in house.procurement.told + house.erp.told] == [
            "create",
            "release",
        ] * 2


async def test_another_order_under_the_same_key_is_a_conflict_whoever_is_first(
    tmp_path: Path,
) -> None:
    async with lasting(tmp_path) as (house, desks):
        orders = [wanted(line(quantity=line().quantity + n)) for n in range(2)]
        answers = await asyncio.gather(
            *(
                desk.create(order, key="k", actor="bea", correlation_id="c")
                for desk, order in zip(desks, orders, strict=True)
            ),
            return_exceptions=True,
        )
        assert sorted(type(a).__name__ for a in answers) == ["ConflictError", "Ordered"]
        assert isinstance(answers[0], Ordered | ConflictError)
        assert len(house.procurement.orders) == 1
        called_off = await desks[0].cancel(
            next(a.order for a in answers if isinstance(a, Ordered) and a.order),
            "not needed",
            key="k",
            actor="bea",
            correlation_id="c",
        )
        assert (called_off.findings, called_off.pending) == ((), False)
        systems = (house.procurement, house.erp)
        assert [o.cancelled for s in systems for o in s.orders.values()] == [True, True]
