"""Two systems in which orders are made, one that leads and one that follows; and who hears."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace
from typing_extensions import override

from canonical.observations import Observation
from canonical.ordering import WantedOrder
from canonical.processes import Processes
from canonical.purchase_orders import PurchaseOrder, PurchaseOrderStatus
from canonical.records import Record
from tests.fakes import distributor
from tests.fakes.desk import NOW
from tests.fakes.engines import FakeEngine
from tests.fakes.process_views import FakeProcesses
from tests.fakes.processes import FakeProcess
from tests.fakes.records import FakeRecords
from tests.fakes.sinks import FakeOrders
from tests.unit.workflows.ordering.house import records, wanted
from workflows.ordering.assembly import Ordering, OrderPolicy
from workflows.ordering.handing import CONFIRMATION, OrderAsked, OrderHanded, OrderMade
from workflows.ordering.rules import FollowerRefusal, OrderRules, Route, Routes, Timing
from workflows.process import Process, ProcessKind

ASKED = OrderAsked(wanted=wanted(), actor="bea")


class Ears:
    """Hears what is told of orders."""

    def __init__(self) -> None:
        self.heard: list[Observation] = []

    async def tell(self, seen: Observation) -> None:
        if all(each.source_event_id != seen.source_event_id for each in self.heard):
            self.heard.append(seen)


class ReadBack(FakeRecords):
    """Records with the orders that sinks have."""

    def __init__(self, there: FakeRecords, sinks: Sequence[FakeOrders]) -> None:
        super().__init__(*there.records)
        self._sinks = sinks

    @override
    def _of(self, entity: Any) -> list[Record]:
        found = super()._of(entity)
        if entity == "purchase_order":
            found += [read_back(sink, key) for sink in self._sinks for key in sink.orders]
        return found


async def _for_ever(process: Process, handed: OrderHanded) -> OrderHanded:
    await process.wait("acknowledged", None, OrderHanded)
    return handed


def read_back(sink: FakeOrders, key: str) -> PurchaseOrder:
    """An order as its system is read."""
    order, made = sink.orders[key], sink.made[key]
    status = PurchaseOrderStatus.SENT if order.released else PurchaseOrderStatus.DRAFT
    return replace(
        distributor.order(1, sink.system),
        provenance=distributor.origin(key, sink.system),
        number=order.number or key,
        supplier=made.supplier,
        status=PurchaseOrderStatus.CANCELLED if order.cancelled else status,
    )


class House:
    """An installation that orders.

    Args:
        refusal: What is done where the following system refuses.
        follow: Systems that follow.
    """

    def __init__(
        self,
        *more: Record,
        refusal: FollowerRefusal = FollowerRefusal.HOLD,
        follow: Sequence[str] = ("erp",),
        confirms: bool = True,
        timing: Timing | None = None,
        processes: Processes | None = None,
    ) -> None:
        self.procurement = FakeOrders("procurement", first=45)
        self.erp = FakeOrders("erp", first=7_000)
        sinks = [self.procurement, self.erp]
        self.records = ReadBack(records(*more), sinks)
        self.ears = Ears()
        self.engine = FakeEngine()
        route = Route(lead="procurement", follow=tuple(follow), refusal=refusal)
        policy = OrderPolicy(
            rules=OrderRules(), routes=Routes((route,)), timing=timing or Timing(answer_s=0.05)
        )
        self.processes = processes or FakeProcesses(self.engine)
        self.ordering = Ordering(
            policy, self.records, {s.system: s for s in sinks}, self.processes, lambda: NOW
        )
        self.kinds = self.ordering.kinds(self.ears, confirms=confirms)
        confirmation = ProcessKind(CONFIRMATION, 1, OrderHanded, OrderHanded, _for_ever)
        self.engine._kinds = {kind.kind: kind for kind in (*self.kinds, confirmation)}
        self.desk = self.ordering.desk(self.engine)

    async def make(self, process: FakeProcess, order: WantedOrder | None = None) -> OrderMade:
        """Run the process `ordering`."""
        asked = ASKED if order is None else replace(ASKED, wanted=order)
        made = await self.kinds[0].run(process, asked)
        assert isinstance(made, OrderMade)
        return made
