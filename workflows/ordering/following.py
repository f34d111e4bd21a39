"""What becomes of an order later: called off in the system that leads, or by a person.

    order_following    the leading system called it off or rejected it: the others call it off
    order_cancelling   a person calls it off: in the leading system first, and only if that agrees,
                       in the others

Both wait for the process that made the order, so that nothing is made behind their back.
"""

from collections.abc import Collection, Sequence
from typing import Final

from msgspec import Struct

from canonical.events import Event, PurchaseOrderStatusChanged
from canonical.ordering import Finding, FindingCode, OrderReference
from canonical.processes import ENDED, Processes, ProcessFilter, ProcessView
from canonical.purchase_orders import PurchaseOrderStatus
from workflows.ordering.handing import (
    CANCELLING,
    FOLLOWING,
    ORDERING,
    OrderChanged,
    OrderFollowed,
    OrderGivenUp,
    OrderMade,
    named_id,
    place_subject,
)
from workflows.ordering.systems import REFUSALS, OrderSystems
from workflows.ordering.undoing import Place, undo
from workflows.process import Process, ProcessKind, SettledByOperatorError, Starting

_VERSION: Final = 1
_TOLD: Final = frozenset({"supplier", "item", "location", "region", "category"})
_OVER: Final = frozenset({PurchaseOrderStatus.CANCELLED, PurchaseOrderStatus.REJECTED})


def following(event: Event, leads: Collection[str]) -> Starting | None:
    """The process that an event of a leading system calls for; None if it calls for none.

    The same event, however often it is heard, names the same process. What suppliers promise is
    the business of confirmation.
    """
    said = event.data
    if event.system not in leads or not isinstance(said, PurchaseOrderStatusChanged):
        return None
    if said.status not in _OVER or not event.applied:
        return None
    changed = OrderChanged(
        system=event.system, key=event.key, number=said.number, status=said.status
    )
    return Starting(
        kind=FOLLOWING,
        process_id=named_id(FOLLOWING, event.system, event.source_event_id),
        asked=changed,
        correlation_id=event.correlation_id,
        subjects=(*event.subjects, place_subject(event.system, event.key)),
    )


class Makers:
    """Finds the processes that made orders.

    Args:
        processes: Where to look.
    """

    def __init__(self, processes: Processes) -> None:
        self._processes = processes

    async def of(self, system: str, key: str) -> ProcessView | None:
        """The process that made an order in a system; None if none of ours did."""
        wanted = ProcessFilter(kinds=(ORDERING,), subjects=(place_subject(system, key),))
        page = await self._processes.page(wanted, first=1, after=None)
        return page.processes[0] if page.processes else None


class _Maker(Struct, frozen=True):
    """The process that made an order."""

    process_id: str | None
    ended: bool = False
    subjects: tuple[str, ...] = ()


class _Made(Struct, frozen=True):
    """What systems have of an order, and what it is about."""

    orders: tuple[OrderReference, ...] = ()
    subjects: tuple[str, ...] = ()


class OrderFollowing:
    """Follows what becomes of orders.

    Args:
        systems: Where they are.
        makers: Finds who made them.
    """

    def __init__(self, systems: OrderSystems, makers: Makers) -> None:
        self._systems = systems
        self._makers = makers

    @property
    def kinds(self) -> tuple[ProcessKind, ...]:
        """The processes."""
        return (
            ProcessKind(FOLLOWING, _VERSION, OrderChanged, OrderFollowed, self.follow),
            ProcessKind(CANCELLING, _VERSION, OrderGivenUp, OrderFollowed, self.cancel),
        )

    async def follow(self, process: Process, changed: OrderChanged) -> OrderFollowed:
        """The leading system has called an order off: the others do so too."""
        made = await self._made(process, changed.system, changed.key)
        reason = f"{changed.status.value.lower()} in {changed.system}, as {changed.number}"
        others = [order for order in made.orders if order.system != changed.system]
        return await self._call_off(process, others, reason, made.subjects)

    async def cancel(self, process: Process, given_up: OrderGivenUp) -> OrderFollowed:
        """A person calls an order off."""
        order, reason = given_up.order, f"{given_up.reason} ({given_up.actor})"
        made = await self._made(process, order.system, order.key)
        first, *others = made.orders or [order]
        try:
            gone = await self._systems.call_off(
                process, first.system, reason, key="", record=first.key
            )
        except REFUSALS as refused:
            finding = Finding(code=FindingCode.REJECTED, message=refused.message)
            return OrderFollowed(findings=(finding,))
        except SettledByOperatorError:
            gone = None
        if gone is not None:
            await self._systems.tell(process, first, "called off")
        found = await self._call_off(process, others, reason, made.subjects)
        return OrderFollowed(orders=(first, *found.orders), left=found.left)

    async def _call_off(
        self,
        process: Process,
        orders: Sequence[OrderReference],
        reason: str,
        about: Sequence[str],
    ) -> OrderFollowed:
        places = [Place(order.system, "", order.key) for order in orders]
        left = await undo(process, self._systems, places[::-1], reason, about)
        gone = tuple(order for order in orders if order.system not in left)
        return OrderFollowed(orders=gone, left=left)

    async def _made(self, process: Process, system: str, key: str) -> _Made:
        """What systems have of an order once nobody makes it any more; nothing if none of ours."""

        async def find() -> _Maker:
            view = await self._makers.of(system, key)
            if view is None:
                return _Maker(None)
            about = tuple(s for s in view.subjects if s.partition(":")[0] in _TOLD)
            return _Maker(view.process_id, view.state in ENDED, about)

        maker = await process.step("find who made it", find, _Maker)
        if maker.process_id is None:
            return _Made()
        await process.about(*maker.subjects)
        if not maker.ended:
            await process.waits_for(f"the end of process {maker.process_id}, which makes the order")
        try:
            made = await process.result(maker.process_id, OrderMade)
        except REFUSALS:  # it failed, and says so itself
            made = None
        await process.waits_for(None)
        return _Made(() if made is None else made.orders, maker.subjects)
