"""Positions are in the order of commits, without gaps, whoever gives up or is cut off."""

import asyncio

import sqlalchemy as sa

from canonical.entities import EntityName
from runtime.events.ledger import Ledger
from runtime.events.writing import Writing
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from tests.events.making import item_event, order_event

ORDERS, ITEMS = EntityName.PURCHASE_ORDER, EntityName.ITEM
WRITERS, TURNS = 8, 6


class Work:
    """One event for each of two streams; its connection is cut once, or it gives up, by number."""

    def __init__(self, number: int, killer: Store) -> None:
        self.number = number
        self.killer = killer
        self.fails = number % 7 == 3
        self.to_be_cut = number % 5 == 4

    async def __call__(self, writing: Writing) -> None:
        await writing.append([order_event(self.number), item_event(self.number)])
        if self.to_be_cut and self.killer.dialect == "postgresql":
            self.to_be_cut = False
            pid = await writing.connection.scalar(sa.text("SELECT pg_backend_pid()"))
            kill = sa.text("SELECT pg_terminate_backend(:pid)").bindparams(pid=pid)
            await self.killer.read(lambda connection: connection.execute(kill))
        if self.fails:
            raise LookupError


class Reader:
    """Reads on and on, from where it has come to."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.seen: list[int] = []
        self.ending = False

    async def run(self) -> None:
        while True:
            last = self.ending
            events = await self.ledger.read(ORDERS, len(self.seen), 50)
            self.seen.extend(event.position for event in events)
            if last and not events:
                return


async def write(ledger: Ledger, killer: Store, writer: int) -> set[int]:
    kept = set()
    for number in range(1000 * writer, 1000 * writer + TURNS):
        work = Work(number, killer)
        try:
            await ledger.write(work)
            kept.add(number)
        except LookupError:
            assert work.fails
    return kept


async def test_positions_have_no_gaps_as_readers_see_them(address: str) -> None:
    stores = [Store(StoreSettings(url=address, pool_size=4)) for _ in range(3)]
    ledgers = [Ledger(store) for store in stores]
    reader = Reader(ledgers[2])
    following = asyncio.create_task(reader.run())

    kept = await asyncio.gather(
        *(write(ledgers[writer % 2], stores[2], writer) for writer in range(WRITERS))
    )
    reader.ending = True
    await following

    wanted = set().union(*kept)
    events = await ledgers[0].read(ORDERS, 0, 1000)
    assert reader.seen == list(range(1, len(wanted) + 1))
    assert sorted(int(event.key) for event in events) == sorted(wanted)
    assert await ledgers[0].heads() == {ORDERS: len(wanted), ITEMS: len(wanted)}
    for store in stores:
        await store.aclose()
