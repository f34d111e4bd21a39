"""Promises written to a pretend S/4HANA over HTTP, and read back from it."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from canonical.criteria import Condition, Criteria, Op
from canonical.entities import EntityName
from canonical.errors import InDoubtError, UnsupportedError
from canonical.ordering import OrderReference
from canonical.ports import Ask, Batch, ListQuery
from canonical.purchase_orders import PurchaseOrder
from canonical.writing import Promise
from connectors.config import BackendConfig
from connectors.factory import open_backend
from connectors.kit.services import Services
from runtime.events.writing import Writing
from sandbox.launch import Sandbox, start_one
from tests.fakes.asks import NoMeter
from tests.fakes.processes import FakeProcess
from workflows.confirmation.case import Parts
from workflows.confirmation.confirming import confirmation
from workflows.confirmation.facts import COLUMNS, CONFIRMABLE, OrderReader, facts_of
from workflows.confirmation.policies import Policies, Tolerance
from workflows.confirmation.systems import ConfirmationSystems
from workflows.confirmation.words import WORDS, Answer, ConfirmedState, OrderSent, SaidLine, Word
from workflows.notifications.ports import Notice

ORDER = EntityName.PURCHASE_ORDER
TOLERANT = Policies(tolerances=(Tolerance(percent=Decimal(50), days_late=1),), expires_days=1)


def asking(correlation_id: str = "c-1") -> Ask:
    return Ask(asyncio.get_running_loop().time() + 30, correlation_id, NoMeter())


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start_one("s4", size=0.02) as running:
        yield running


class Erp:
    """The system, opened: records are read and promises written."""

    def __init__(self, backend: Any) -> None:
        self.orders = backend.orders
        self._sources = backend.sources

    async def by_keys(
        self,
        entity: EntityName,
        column: str,
        keys: Sequence[str],
        columns: frozenset[str],
        *,
        correlation_id: str,
        criteria: Criteria = (),
        fresh: bool = False,
    ) -> Batch:
        if entity is EntityName.LOCATION:
            raise UnsupportedError("nobody has locations")
        found = await self._sources[entity].by_keys(column, keys, columns, asking(), criteria)
        assert isinstance(found, Batch)
        return found

    def all(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    async def tell(self, notices: Sequence[Notice]) -> None:
        raise NotImplementedError

    async def tell_with(self, writing: Writing, notices: Sequence[Notice]) -> None:
        raise NotImplementedError

    async def sent(self) -> PurchaseOrder:
        """An order that nobody has answered to."""
        criteria = (Condition("status", Op.IN, tuple(CONFIRMABLE)),)
        page = await self._sources[ORDER].page(ListQuery(criteria, (), 500, COLUMNS), asking())
        found = [o for o in page.records if not facts_of(o).said and facts_of(o).open_lines]
        assert isinstance(found[0], PurchaseOrder)
        return found[0]

    async def promises(self, order: PurchaseOrder) -> list[tuple[Any, Any]]:
        reader = OrderReader(self)
        found = await reader.order(reference(order), "c-1", whole=False)
        assert found is not None
        return [(x.said.quantity, x.said.on) for x in found.lines if x.said is not None]

    def process(self) -> Any:
        """The process that confirms its orders."""
        reader = OrderReader(self)
        systems = ConfirmationSystems({"erp": self.orders}, reader, asking)
        return confirmation(Parts(TOLERANT, reader, systems, self)).run


@pytest.fixture
async def erp(sandbox: Sandbox) -> AsyncIterator[Erp]:
    simulator = sandbox.s4
    basic = {"kind": "basic", "username": simulator.user, "password": {"env": "PASSWORD"}}
    config = BackendConfig.model_validate(
        {"preset": "sap_s4hana", "url": simulator.url, "auth": basic, "policy": {"retries": 0}}
    )
    services = Services(environ={"PASSWORD": simulator.password}, base_dir=Path())
    backend = await open_backend("erp", config, services)
    yield Erp(backend)
    await backend.aclose()


def reference(order: PurchaseOrder) -> OrderReference:
    return OrderReference("erp", order.provenance.key, order.number)


def sent(order: PurchaseOrder) -> OrderSent:
    return OrderSent(
        system="erp", key=order.provenance.key, number=order.number, supplier=order.supplier
    )


def said(order: PurchaseOrder) -> Word:
    """A day later than wanted, and a piece less of several."""
    lines = tuple(
        SaidLine(
            line_number=n,
            quantity=x.quantity - 1 if x.quantity > 1 else x.quantity,
            on=None if x.due_on is None else x.due_on + timedelta(days=1),
        )
        for n, x in facts_of(order).open_lines.items()
    )
    return Word(answer=Answer(lines=lines))


def wanted(order: PurchaseOrder) -> list[tuple[Any, Any]]:
    word = said(order)
    assert word.answer is not None
    return [(x.quantity, x.on) for x in word.answer.lines]


async def test_an_answer_that_was_lost_is_read_back_and_not_written_twice(erp: Erp) -> None:
    order, process = await erp.sent(), FakeProcess()
    intact, told = erp.orders.acknowledge, list[Promise]()

    async def lost(record: str, promises: Any, *given: Any, **more: Any) -> Any:
        await intact(record, promises, *given, **more)
        told.extend(promises)
        raise InDoubtError("erp", "no answer came")

    erp.orders.acknowledge = lost
    process.hear(WORDS, said(order))
    done = await erp.process()(process, sent(order))
    assert done.state is ConfirmedState.CONFIRMED
    assert process.troubles == []
    assert process.asked == ["acknowledge in erp"]
    assert tuple(told) == done.promises
    assert await erp.promises(order) == wanted(order)
