"""The process `ordering`: one order, made in the system that leads and then in those that follow.

    validate             as the caller was, by what is so now
    create in LEAD       refused: it ends, with the system's words
    release in LEAD      refused: the draft is called off there
    tell the log         so that caches and subscribers hear of it
    create in FOLLOWER   LEAD is looked at right before; called off there: it is not made here
    release in FOLLOWER  refused: held for an operator, or called off everywhere, by the route
    start `confirmation`

Whatever is undone is undone last first; what cannot be called off becomes an exception. A write of
which nobody knows what became of it is asked about by the engine, by the order's key; see
docs/ordering.md for every outcome.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from canonical.entities import EntityName
from canonical.errors import ConflictError, RejectedError, SupplygraphError
from canonical.events import subject
from canonical.exceptions import ExceptionCategory, Trouble
from canonical.ordering import Finding, FindingCode, OrderReference
from canonical.writing import OrderInSystem
from workflows.ordering.handing import (
    CONFIRMATION,
    ORDERING,
    OrderAsked,
    OrderHanded,
    OrderMade,
    OrderState,
    confirmation_id,
    order_key,
    place_subject,
)
from workflows.ordering.judging import OrderJudge
from workflows.ordering.rules import FollowerRefusal
from workflows.ordering.systems import REFUSALS, Holding, OrderSystems
from workflows.ordering.undoing import Place, undo
from workflows.ordering.validation import Planned
from workflows.process import (
    CancelledByOperatorError,
    Process,
    ProcessKind,
    SettledByOperatorError,
)

_VERSION: Final = 1


class Plan(Struct, frozen=True, kw_only=True):
    """What validation found, as the process keeps it."""

    findings: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()
    planned: Planned | None = None


class OrderMaking:
    """Makes orders.

    Args:
        judge: Judges them.
        systems: Where they are made.
        confirms: Whether suppliers have to confirm them, in a process of its own.
    """

    def __init__(self, judge: OrderJudge, systems: OrderSystems, *, confirms: bool) -> None:
        self._judge = judge
        self._systems = systems
        self._confirms = confirms

    @property
    def kind(self) -> ProcessKind:
        """The process."""
        return ProcessKind(ORDERING, _VERSION, OrderAsked, OrderMade, self.run)

    async def run(self, process: Process, asked: OrderAsked) -> OrderMade:
        """Make one order."""

        async def validate() -> Plan:
            judgement = await self._judge.judge(asked.wanted, process.correlation_id)
            if judgement.unavailable is not None:
                raise judgement.unavailable
            return Plan(
                findings=judgement.findings,
                warnings=judgement.warnings,
                planned=judgement.planned,
            )

        try:
            plan = await process.step("validate", validate, Plan)
        except CancelledByOperatorError as given_up:
            return OrderMade(state=OrderState.CALLED_OFF, findings=(_given_up(given_up),))
        except SettledByOperatorError:
            return OrderMade(state=OrderState.SETTLED)
        except REFUSALS as refused:  # of whoever stands before or after validation here
            finding = Finding(code=FindingCode.REJECTED, message=refused.message)
            return OrderMade(state=OrderState.REFUSED, findings=(finding,))
        if plan.planned is None:
            return OrderMade(state=OrderState.REFUSED, findings=plan.findings)
        await process.about(*plan.planned.subjects)
        making = _Making(process, self._systems, plan, plan.planned)
        made = await making.run()
        if self._confirms and made.state in {OrderState.MADE, OrderState.SETTLED}:
            await making.have_confirmed(made)
        return made


class _Making:
    """One order, being made.

    Args:
        process: Does it.
        systems: Where.
        plan: What validation found.
        planned: The order.
    """

    def __init__(
        self, process: Process, systems: OrderSystems, plan: Plan, planned: Planned
    ) -> None:
        self._process = process
        self._systems = systems
        self._plan = plan
        self._planned = planned
        self._key = order_key(process.id)
        self._made: dict[str, OrderInSystem] = {}
        self._telling: str | None = None
        self._settled = False

    async def run(self) -> OrderMade:
        """Make it in all systems, or undo it in all."""
        lead, refusal = self._planned.route.lead, self._planned.route.refusal
        try:
            await self._make_in_lead(lead)
            for system in self._planned.route.follow if lead in self._made else ():
                if not await self._make_in_follower(system, lead, refusal):
                    return await self._called_off_meanwhile(lead)
        except REFUSALS as refused:
            return await self._refused(refused)
        except CancelledByOperatorError as given_up:
            return await self._given_up(given_up)
        return self._ended(OrderState.SETTLED if self._settled else OrderState.MADE)

    async def have_confirmed(self, made: OrderMade) -> None:
        """Have the order confirmed, if it is on its way to the supplier."""
        order = self._made.get(self._planned.route.lead)
        if order is None or not order.released:
            return
        lead, *follow = made.orders
        handed = OrderHanded(
            system=lead.system,
            key=lead.key,
            number=lead.number or lead.key,
            supplier=self._planned.wanted.supplier,
            follow=tuple(follow),
        )
        name = confirmation_id(lead.system, lead.key)
        await self._process.start(CONFIRMATION, name, handed)

    async def _make_in_lead(self, lead: str) -> None:
        order = self._planned.order(self._key, lead)
        self._telling = lead
        try:
            made = await self._systems.create(self._process, lead, order)
            await self._has(lead, made)
            await self._release(lead, None)
        except SettledByOperatorError:
            self._settled = True
        self._telling = None
        if lead in self._made:
            await self._systems.tell(self._process, self._reference(lead), "made")

    async def _make_in_follower(self, system: str, lead: str, refusal: FollowerRefusal) -> bool:
        """Make it in a system that follows; whether it is to be there still."""
        first = self._made[lead]
        order = self._planned.order(self._key, system, first.number)
        holding: Holding | None = None
        if refusal is FollowerRefusal.HOLD:
            what = f"order {first.number or first.key} to supplier {order.supplier!r}"
            holding = Holding(what, self._planned.preview().total)

        async def wanted() -> bool:
            seen = await self._systems.look(self._process, lead, first.key)
            return seen is not None and not seen.cancelled

        self._telling = system
        try:
            made = await self._systems.create(
                self._process, system, order, wanted=wanted, holding=holding
            )
            if made is None:
                return False
            await self._has(system, made)
            await self._release(system, holding)
        except SettledByOperatorError:
            self._settled = True
        self._telling = None
        if system in self._made:
            await self._systems.tell(self._process, self._reference(system), "made")
        return True

    async def _has(self, system: str, order: OrderInSystem | None) -> None:
        if order is not None:
            self._made[system] = order
            await self._process.about(place_subject(system, order.key), *_numbers(order))

    async def _release(self, system: str, holding: Holding | None) -> None:
        draft = self._made[system]
        try:
            released = await self._systems.release(
                self._process, system, draft.key, holding=holding
            )
        except SettledByOperatorError:
            self._settled = True
            released = await self._systems.seen(self._process, system, draft.key)
        if released is not None:
            self._made[system] = released
            if released.number != draft.number:
                await self._process.about(*_numbers(released))

    async def _refused(self, refused: SupplygraphError) -> OrderMade:
        """A system has refused, or whoever stands beside: what is made so far is called off."""
        system = self._telling or self._planned.route.lead
        systems = list(self._made)
        beside = isinstance(refused, RejectedError) and refused.system != system
        if beside and system not in systems:
            systems.append(system)  # it was refused before it was told, or after that
        named = beside or refused.message.startswith(system)
        said = refused.message if named else f"{system}: {refused.message}"
        if isinstance(refused, ConflictError) or system != self._planned.route.lead:
            await self._process.report(self._trouble(system, refused, said))
        left = await self._undo(systems, said)
        finding = Finding(code=FindingCode.REJECTED, message=said)
        return self._ended(OrderState.REFUSED, finding, left=left)

    async def _called_off_meanwhile(self, lead: str) -> OrderMade:
        """Somebody has called it off in the leading system: the others do so too."""
        number = self._made[lead].number or self._made[lead].key
        said = f"order {number} was called off in {lead} before all systems had it"
        left = await self._undo([s for s in self._made if s != lead], said)
        finding = Finding(code=FindingCode.CALLED_OFF, message=said)
        return self._ended(OrderState.CALLED_OFF, finding, left=left)

    async def _given_up(self, given_up: CancelledByOperatorError) -> OrderMade:
        """An operator has given it up: every system that has it, or may have, calls it off."""
        systems = list(self._made)
        if self._telling is not None and self._telling not in systems:
            systems.append(self._telling)
        left = await self._undo(systems, given_up.reason, in_doubt=True)
        return self._ended(OrderState.CALLED_OFF, _given_up(given_up), left=left)

    async def _undo(
        self, systems: Sequence[str], reason: str, *, in_doubt: bool = False
    ) -> tuple[str, ...]:
        places = [
            Place(
                system,
                self._key,
                self._made[system].key if system in self._made else None,
                in_doubt=in_doubt and system not in self._made,
            )
            for system in reversed(systems)
        ]
        # Where it may be or not is looked for last: that takes until it must have arrived.
        places.sort(key=lambda place: place.in_doubt)
        about = self._planned.subjects
        return await undo(self._process, self._systems, places, reason, about)

    def _trouble(self, system: str, refused: SupplygraphError, said: str) -> Trouble:
        clash = isinstance(refused, ConflictError)
        wanted = self._planned.wanted
        orders = [n for order in self._made.values() for n in _numbers(order)]
        undone = (
            f"look for orders with {self._key} there" if clash else "it is called off elsewhere"
        )
        return Trouble(
            cause=f"order:{self._process.id}/refused by {system}",
            category=ExceptionCategory.CONFLICT if clash else ExceptionCategory.VALIDATION_REFUSED,
            message=f"an order to supplier {wanted.supplier!r} is not made: {said}; {undone}",
            correlation_id=self._process.correlation_id,
            subjects=(*self._planned.subjects, *orders),
            value_at_risk=self._planned.preview().total,
        )

    def _ended(
        self, state: OrderState, *findings: Finding, left: tuple[str, ...] = ()
    ) -> OrderMade:
        return OrderMade(
            state=state,
            findings=findings,
            warnings=self._plan.warnings,
            orders=tuple(self._reference(system) for system in self._made),
            left=left,
        )

    def _reference(self, system: str) -> OrderReference:
        order = self._made[system]
        return OrderReference(system, order.key, order.number)


def _numbers(order: OrderInSystem) -> tuple[str, ...]:
    return () if order.number is None else (subject(EntityName.PURCHASE_ORDER, order.number),)


def _given_up(given_up: CancelledByOperatorError) -> Finding:
    return Finding(
        code=FindingCode.CALLED_OFF,
        message=f"{given_up.actor} has called it off: {given_up.reason}",
    )
