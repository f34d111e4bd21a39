"""Orders for callers: judged before anything begins, then made by a process, once for each key."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from msgspec.structs import replace

from canonical.errors import ConflictError, Reason, UnavailableError
from canonical.ordering import (
    Finding,
    FindingCode,
    Ordered,
    OrderReference,
    Validated,
    WantedOrder,
)
from canonical.processes import ENDED, Processes, ProcessView
from workflows.ordering.following import Makers
from workflows.ordering.handing import (
    CANCELLING,
    ORDERING,
    OrderAsked,
    OrderFollowed,
    OrderGivenUp,
    OrderMade,
    OrderState,
    content_subject,
    contents_of,
    named_id,
    place_subject,
    placed,
    systems_of,
)
from workflows.ordering.judging import OrderJudge
from workflows.ordering.rules import Routes, Timing
from workflows.process import Ended, Engine, Starting

_LOOKS: Final = 40
_LOOK_S: Final = 0.05
"""What a process is about is written soon after it has begun, perhaps by another server."""


class EngineOrderDesk:
    """Keeps what `canonical.ordering.OrderDesk` says.

    Args:
        engine: Begins processes.
        processes: Looks at them.
        judge: Judges orders.
        routes: Where orders are made.
        timing: How long callers wait.
    """

    def __init__(
        self,
        engine: Engine,
        processes: Processes,
        judge: OrderJudge,
        routes: Routes,
        timing: Timing,
    ) -> None:
        self._engine = engine
        self._processes = processes
        self._makers = Makers(processes)
        self._judge = judge
        self._routes = routes
        self._timing = timing
        self._under_way: dict[tuple[str, str], asyncio.Task[Ordered]] = {}

    async def validate(self, wanted: WantedOrder, *, correlation_id: str) -> Validated:
        """All that is wrong with an order, and how it would be made; nothing is made."""
        return (await self._judge.judge(wanted, correlation_id)).validated()

    async def create(
        self, wanted: WantedOrder, *, key: str, actor: str, correlation_id: str
    ) -> Ordered:
        """Make an order, once for each actor and key, however often it is asked for.

        An order that is refused before it is begun leaves its key free.

        Raises:
            ConflictError: if the key was used for another order.
        """
        starting = Starting(
            kind=ORDERING,
            process_id=named_id(ORDERING, actor, key),
            asked=OrderAsked(wanted=wanted, actor=actor),
            correlation_id=correlation_id,
            subjects=(content_subject(wanted),),
            started_by=actor,
        )
        return await self._together(starting, lambda: self._create(starting, wanted))

    async def cancel(
        self, order: OrderReference, reason: str, *, key: str, actor: str, correlation_id: str
    ) -> Ordered:
        """Call an order off in every system that has it, once for each actor and key.

        Raises:
            ConflictError: if the key was used for something else.
        """
        given_up = OrderGivenUp(order=order, reason=reason, actor=actor)
        starting = Starting(
            kind=CANCELLING,
            process_id=named_id(CANCELLING, actor, key),
            asked=given_up,
            correlation_id=correlation_id,
            subjects=(content_subject(given_up), place_subject(order.system, order.key)),
            started_by=actor,
        )
        return await self._together(starting, lambda: self._cancel(starting, given_up))

    async def _together(
        self, starting: Starting, work: Callable[[], Coroutine[Any, Any, Ordered]]
    ) -> Ordered:
        """Do work once for all who ask for the same at the same time."""
        name = (starting.process_id, starting.subjects[0])
        task = self._under_way.get(name)
        if task is None:
            task = asyncio.create_task(work())
            self._under_way[name] = task
            task.add_done_callback(lambda done: self._over(name, done))
        return await asyncio.shield(task)

    def _over(self, name: tuple[str, str], task: "asyncio.Task[Ordered]") -> None:
        self._under_way.pop(name, None)
        if not task.cancelled():
            task.exception()  # heard, also where nobody waits for it any more

    async def _create(self, starting: Starting, wanted: WantedOrder) -> Ordered:
        if await self._known(starting):
            return await self._came_of(starting.process_id, ())
        judgement = await self._judge.judge(wanted, starting.correlation_id)
        if judgement.planned is None:
            return Ordered(findings=judgement.findings, warnings=judgement.warnings)
        about = (starting.subjects[0], *judgement.planned.subjects)
        await self._begin(replace(starting, subjects=about))
        return await self._came_of(starting.process_id, judgement.warnings)

    async def _cancel(self, starting: Starting, given_up: OrderGivenUp) -> Ordered:
        system, takes = given_up.order.system, self._routes.takes
        if takes is not None and system not in takes:
            message = f"orders in {system} cannot be called off from here: do it there"
            finding = Finding(code=FindingCode.REJECTED, message=message)
            return Ordered(findings=[finding], order=given_up.order)
        if not await self._known(starting):
            order = given_up.order
            maker = await self._makers.of(order.system, order.key)
            if maker is not None and maker.state not in ENDED:
                reason, actor = given_up.reason, given_up.actor
                await self._engine.cancel(maker.process_id, reason, actor=actor)
            await self._begin(starting)
        ended = await self._engine.ended(starting.process_id, self._timing.answer_s)
        return _cancelled(given_up.order, starting.process_id, ended)

    async def _begin(self, starting: Starting) -> None:
        if starting.process_id not in await self._engine.start([starting]):
            await self._known(starting)

    async def _known(self, starting: Starting) -> bool:
        """Whether the process has begun before.

        Raises:
            ConflictError: if it has, for something else.
            UnavailableError: if that is not known yet.
        """
        for _ in range(_LOOKS):
            view = await self._view(starting.process_id)
            if view is None:
                return False
            contents = contents_of(view.subjects)
            if starting.subjects[0] in contents:
                return True
            if contents:
                raise ConflictError(
                    "this idempotency key was used before, for something else: use another key, or "
                    "send exactly what was sent then"
                )
            await asyncio.sleep(_LOOK_S)
        raise UnavailableError(
            "processes", Reason.TIMEOUT, "what the key was used for is not known yet: ask again"
        )

    async def _came_of(self, process_id: str, warnings: tuple[Finding, ...]) -> Ordered:
        """What came of a process: its end, or else the order once the leading system has it."""
        clock = asyncio.get_running_loop().time
        until = clock() + self._timing.answer_s
        while True:
            left_s = max(0.0, until - clock())
            ended = await self._engine.ended(process_id, min(self._timing.look_s, left_s))
            if ended is not None:
                return _ended(process_id, ended)
            view = await self._view(process_id)
            order = None if view is None else self._leading(view)
            if order is not None or clock() >= until:
                return Ordered(warnings=warnings, order=order, process_id=process_id, pending=True)

    async def _view(self, process_id: str) -> ProcessView | None:
        return (await self._processes.by_ids([process_id])).get(process_id)

    def _leading(self, view: ProcessView) -> OrderReference | None:
        """The order in the system that leads, as far as the process says so."""
        for route in self._routes.routes:
            key = placed(view.subjects, route.lead)
            if key is not None and systems_of(view.subjects) <= set(route.systems):
                return OrderReference(route.lead, key)
        return None


def _ended(process_id: str, ended: Ended) -> Ordered:
    made = ended.outcome
    if not isinstance(made, OrderMade):
        return Ordered(findings=[_failed(ended)], process_id=process_id)
    nowhere = made.state is OrderState.REFUSED
    return Ordered(
        findings=made.findings,
        warnings=made.warnings,
        order=made.orders[0] if made.orders and not nowhere else None,
        process_id=process_id,
    )


def _cancelled(order: OrderReference, process_id: str, ended: Ended | None) -> Ordered:
    if ended is None:
        return Ordered(order=order, process_id=process_id, pending=True)
    followed = ended.outcome
    if not isinstance(followed, OrderFollowed):
        return Ordered(findings=[_failed(ended)], order=order, process_id=process_id)
    return Ordered(findings=followed.findings, order=order, process_id=process_id)


def _failed(ended: Ended) -> Finding:
    said = ended.message or "it ended without a result"
    return Finding(
        code=FindingCode.REJECTED, message=f"the process was ended: {said}; look at it and ask anew"
    )
