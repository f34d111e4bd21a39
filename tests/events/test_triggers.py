"""Events set processes off: each is reacted to, whoever dies meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from random import Random

import pytest

from canonical.entities import EntityName
from canonical.errors import Reason, UnavailableError
from canonical.events import Event
from canonical.exceptions import Trouble
from runtime.events.leases import Leases
from runtime.events.ledger import Ledger
from runtime.store.store import Store
from tests.events.making import item_event, order_event
from tests.fixtures.waiting import until
from workflows.triggers import Reaction, Triggers, TriggerTiming

ORDERS, ITEMS = EntityName.PURCHASE_ORDER, EntityName.ITEM


class Told:
    """Troubles that were reported."""

    def __init__(self) -> None:
        self.troubles: list[Trouble] = []

    async def report(self, trouble: Trouble) -> str:
        self.troubles.append(trouble)
        return trouble.cause

    async def over(self, cause: str, *, why: str) -> None:
        raise AssertionError


class Reacting:
    """Keeps what it was given; breaks where a test says so."""

    def __init__(self) -> None:
        self.given: list[str] = []
        self.broken: frozenset[str] = frozenset()
        self.away = 0

    async def __call__(self, events: Sequence[Event]) -> None:
        if self.away:
            self.away -= 1
            raise UnavailableError("erp", Reason.TIMEOUT, "no answer")
        if self.broken & {e.key for e in events}:
            raise ZeroDivisionError
        self.given += [e.key for e in events]


@pytest.fixture
async def ledger(store: Store) -> AsyncIterator[Ledger]:
    ledger = Ledger(store)
    yield ledger
    await ledger.aclose()


def started(
    ledger: Ledger, reaction: Reaction, told: Told, holder: str = "one", lease_s: float = 0.3
) -> tuple[Triggers, "asyncio.Task[None]"]:
    triggers = Triggers(
        ledger,
        Leases(ledger.store, now=lambda: datetime.now(UTC)),
        {ORDERS: [reaction]},
        told,
        holder=holder,
        random=Random(1),
        timing=TriggerTiming(look_s=0.02, lease_s=lease_s),
    )
    return triggers, asyncio.create_task(triggers.run())


async def stop(*tasks: "asyncio.Task[None]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def append(ledger: Ledger, *events: Event) -> None:
    await ledger.write(lambda writing: writing.append(list(events)))


async def followed(ledger: Ledger) -> None:
    """Wait until somebody has looked at the log for the first time."""
    leases = Leases(ledger.store, now=lambda: datetime.now(UTC))

    async def known() -> bool:
        return await leases.position("triggers") is not None

    async with asyncio.timeout(20):
        while not await known():  # noqa: ASYNC110  # what is waited for sets no event
            await asyncio.sleep(0.01)


async def test_what_is_new_is_reacted_to_in_order_and_what_is_past_is_not(ledger: Ledger) -> None:
    await append(ledger, order_event(1))
    reacting = Reacting()
    _, task = started(ledger, reacting, Told())
    await followed(ledger)
    await append(ledger, order_event(2), item_event(3), order_event(4))
    await append(ledger, order_event(5))
    await until(lambda: len(reacting.given) == 3)
    await stop(task)
    assert reacting.given == ["2", "4", "5"]


async def test_another_goes_on_where_one_died(ledger: Ledger) -> None:
    first, second = Reacting(), Reacting()
    _, task = started(ledger, first, Told())
    await followed(ledger)
    await append(ledger, order_event(1))
    await until(lambda: first.given == ["1"])
    await stop(task)
    await append(ledger, order_event(2))
    _, other = started(ledger, second, Told(), "two")
    await until(lambda: "2" in second.given)
    await stop(other)
    assert second.given[-1:] == ["2"]
    assert second.given in (["2"], ["1", "2"])  # the first may have died before it wrote it down


async def test_a_system_that_is_away_is_waited_for(ledger: Ledger) -> None:
    reacting, told = Reacting(), Told()
    reacting.away = 2
    _, task = started(ledger, reacting, told)
    await followed(ledger)
    await append(ledger, order_event(1), order_event(2))
    await until(lambda: reacting.given == ["1", "2"])
    await stop(task)
    assert told.troubles == []


async def test_an_event_on_which_it_breaks_is_reported_and_holds_up_no_other(
    ledger: Ledger,
) -> None:
    reacting, told = Reacting(), Told()
    reacting.broken = frozenset({"2"})
    _, task = started(ledger, reacting, told)
    await followed(ledger)
    await append(ledger, order_event(1), order_event(2), order_event(3))
    await until(lambda: reacting.given == ["1", "3"])
    await until(lambda: len(told.troubles) == 1)
    await stop(task)
    [trouble] = told.troubles
    assert trouble.message.startswith("No process was set off by the event supplygraph.")
    assert "purchase_order:2" in trouble.message
    assert trouble.correlation_id == "c-2"
