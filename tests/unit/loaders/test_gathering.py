"""Operations that run at the same time ask together; each gets what it would have got alone."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from typing_extensions import override

from canonical.criteria import Criteria
from canonical.entities import EntityName
from canonical.errors import BadAnswerError, Reason, SupplygraphError, UnavailableError
from canonical.ports import Ask, Batch
from execution.scheduling import LevelScheduler
from loaders.catalog import Supply
from loaders.gathering import ByKey, Gatherer
from loaders.journal import Journal
from loaders.questions import KeyQuestion
from tests.fakes.desk import Desk
from tests.fakes.distributor import ITEMS, Distributor, item
from tests.fakes.sources import FakeSource

ITEM = """query ($sku: String!) { item(sku: $sku) { name } }"""
COLUMNS = ("name", "category", "unit")


class Unreadable(FakeSource):
    """Cannot read the category of I3."""

    @override
    async def by_keys(
        self,
        column: str,
        keys: Sequence[str],
        columns: frozenset[str],
        ask: Ask,
        criteria: Criteria = (),
    ) -> Batch:
        batch = await super().by_keys(column, keys, columns, ask, criteria)
        if "I3" not in keys or "category" not in columns:
            return batch
        failure = BadAnswerError("erp", "I3: category: 7 is no text")
        return Batch([r for r in batch.records if r != item(3)], {"I3": failure})


def a_source() -> FakeSource:
    return Unreadable("erp", EntityName.ITEM, [item(n) for n in range(5)])


def an_ask(journal: Journal, seconds: float = 5.0) -> Ask:
    return Ask(asyncio.get_running_loop().time() + seconds, "test", journal)


async def ask(
    gatherer: Gatherer, source: FakeSource, keys: Sequence[str], columns: frozenset[str]
) -> ByKey | SupplygraphError:
    gatherer.attend(LevelScheduler())
    question = KeyQuestion(EntityName.ITEM, "sku", columns)
    supply = Supply(source, None, source.columns)
    try:
        return await gatherer.ask(supply, question, keys, an_ask(Journal()))
    except SupplygraphError as exc:
        return exc


def told(answer: ByKey | SupplygraphError, columns: frozenset[str]) -> object:
    """What an asker learns: failures by their words, records as far as it asked for them."""
    if isinstance(answer, SupplygraphError):
        return str(answer)
    known = {
        key: [{c: getattr(r, c) for c in columns} for r in records]
        for key, records in answer.records.items()
        if key not in answer.failures
    }
    return known, {key: str(exc) for key, exc in answer.failures.items()}


async def test_operations_at_the_same_time_make_one_request() -> None:
    world = Distributor()
    desk = Desk(*world.sources, fresh_s=0)
    answers = await asyncio.gather(*(desk.ask(ITEM, sku=f"I{n}") for n in range(ITEMS)))
    assert [a.data["item"]["name"] for a in answers] == [f"Item {n}" for n in range(ITEMS)]
    assert len(world.items.asked) == 1
    assert all(a.journal.calls() == 1 for a in answers)


async def test_one_operation_alone_waits_for_nobody() -> None:
    world = Distributor()
    desk = Desk(*world.sources, fresh_s=0)
    desk.keyed.gatherer._window_s = 60
    assert (await desk.ask(ITEM, sku="I1")).data == {"item": {"name": "Item 1"}}
    assert (await desk.ask(ITEM, sku="I2")).data == {"item": {"name": "Item 2"}}


async def test_other_criteria_are_other_requests() -> None:
    world = Distributor()
    desk = Desk(*world.sources, fresh_s=0)
    question = "query ($at: String) { item(sku: %s) { forecasts(location: $at) { quantity } } }"
    await asyncio.gather(
        desk.ask(question % '"I1"', at="L0"),
        desk.ask(question % '"I2"', at="L0"),
        desk.ask(question % '"I3"', at="L1"),
    )
    assert len(world.forecasts.asked) == 2


async def test_each_waits_for_its_own_time_only() -> None:
    source = a_source()
    source.delay_s = 0.2
    gatherer = Gatherer()
    question = KeyQuestion(EntityName.ITEM, "sku", frozenset({"sku", "name"}))
    supply = Supply(source, None, source.columns)
    for _ in range(2):
        gatherer.attend(LevelScheduler())
    hasty = asyncio.ensure_future(gatherer.ask(supply, question, ["I1"], an_ask(Journal(), 0.05)))
    patient = asyncio.ensure_future(gatherer.ask(supply, question, ["I2"], an_ask(Journal(), 5)))
    with pytest.raises(UnavailableError) as caught:
        await hasty
    assert caught.value.reason is Reason.TIMEOUT
    assert [r.provenance.key for r in (await patient).records["I2"]] == ["I2"]
    assert len(source.asked) == 1


async def test_an_operation_that_goes_takes_nobody_along() -> None:
    world = Distributor()
    world.items.delay_s = 0.05
    desk = Desk(*world.sources, fresh_s=0)
    leaving = asyncio.ensure_future(desk.ask(ITEM, sku="I1"))
    staying = asyncio.ensure_future(desk.ask(ITEM, sku="I2"))
    await asyncio.sleep(0.02)
    leaving.cancel()
    assert (await staying).data == {"item": {"name": "Item 2"}}


async def test_a_system_that_is_down_is_down_for_all() -> None:
    world = Distributor()
    world.items.error = UnavailableError("erp", Reason.CONNECTION, "is not there")
    desk = Desk(*world.sources, fresh_s=0)
    answers = await asyncio.gather(*(desk.ask(ITEM, sku=f"I{n}") for n in range(4)))
    assert len(world.items.asked) == 1
    assert {str(a.errors[0].message) for a in answers} == {"erp: is not there"}


questions = st.lists(
    st.tuples(
        st.lists(st.sampled_from([f"I{n}" for n in range(7)]), min_size=1, unique=True),
        st.frozensets(st.sampled_from(COLUMNS), min_size=1),
    ),
    min_size=2,
    max_size=6,
)


@given(questions)
@settings(deadline=None, max_examples=60)
def test_each_gets_what_it_would_have_got_alone(
    asked: list[tuple[list[str], frozenset[str]]],
) -> None:
    async def both() -> None:
        together, alone = Gatherer(), [Gatherer() for _ in asked]
        shared, single = a_source(), a_source()
        wide = [columns | {"sku"} for _, columns in asked]
        found = await asyncio.gather(
            *(ask(together, shared, k, c) for (k, _), c in zip(asked, wide, strict=True))
        )
        expected = [
            await ask(g, single, k, c) for g, (k, _), c in zip(alone, asked, wide, strict=True)
        ]
        assert [told(f, c) for f, c in zip(found, wide, strict=True)] == [
            told(e, c) for e, c in zip(expected, wide, strict=True)
        ]

    asyncio.run(both())


async def test_nothing_is_kept_where_nothing_may_be() -> None:
    world = Distributor()
    desk = Desk(*world.sources, fresh_s=0)
    question = "{ purchaseOrders(first: 2) { nodes { number supplier { name } } } }"
    first = await desk.ask(question)
    world.suppliers.records = [structs.replace(s, name="Renamed") for s in world.suppliers.records]
    second = await desk.ask(question)
    assert first.errors == second.errors == ()
    assert {n["supplier"]["name"] for n in second.data["purchaseOrders"]["nodes"]} == {"Renamed"}
    assert second.journal.good_until == 0
    assert len(world.orders.asked) == 2
    assert desk.cache.health()["entries"] == 0
