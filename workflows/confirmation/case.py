"""One order that is being confirmed: what is promised, what a buyer has to decide, who is late."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from canonical.entities import EntityName
from canonical.errors import RejectedError
from canonical.events import subject
from canonical.exceptions import ExceptionCategory, Trouble
from canonical.ordering import OrderReference
from canonical.writing import LineChange, Promise
from workflows.confirmation.facts import LineFacts, OrderFacts, OrderReader
from workflows.confirmation.judging import Deviation, deviation, value_of
from workflows.confirmation.policies import Patience, Policies
from workflows.confirmation.systems import ConfirmationSystems, Told
from workflows.confirmation.words import Answer, OrderSent, SaidLine
from workflows.notifications.ports import Notice, NoticeKind, Notices
from workflows.process import Process

QUANTITY, DELIVERY, UNANSWERED, CONFLICT = "quantity", "delivery", "unanswered", "conflict"
_DECIDE: Final = "Decide on it: accept, renegotiate, split or cancel"


Telling = Callable[[Process, OrderReference, str], Awaitable[None]]
"""Told by a process: what a system has of an order now, once for each thing that happened to it
(`workflows.ordering.systems.OrderSystems.tell`)."""


class Parts(Struct, frozen=True):
    """What confirmation is made of.

    Attributes:
        policies: What it goes by.
        reader: Reads orders.
        systems: Tells systems.
        notices: Writes to suppliers.
        telling: Tells the log what a system has of an order now; None for nobody.
    """

    policies: Policies
    reader: OrderReader
    systems: ConfirmationSystems
    notices: Notices
    telling: Telling | None = None


class Others(Struct, frozen=True):
    """What other systems have of an order."""

    orders: tuple[OrderReference, ...] = ()


class Read(Struct, frozen=True):
    """An order that was read; None if it is not there any more."""

    order: OrderFacts | None = None


class Case:
    """What a confirmation knows; all of it comes from its steps.

    Attributes:
        process: The process.
        sent: What it was begun with.
        parts: What it is made of.
        order: The order, as it was read last; None if it is not there.
        confirmed: What counts as promised, by line.
        pending: What a buyer has to decide, by line.
        dropped: Lines that were called off.
        seen: What the leading system showed as promised when it was looked at last.
        now: When something last happened.
        due: When the supplier is reminded, or late; None once it is late.
        reminded: How often it was reminded.
        look_at: When the order is looked at again.
        expires: When nobody waits any more.
        is_called_off: Whether a buyer has called the order off.
        split: What lines are cut to whose rest is ordered, while not all systems know it.
    """

    def __init__(self, process: Process, sent: OrderSent, parts: Parts) -> None:
        self.process = process
        self.sent = sent
        self.parts = parts
        self.order: OrderFacts | None = None
        self.confirmed: dict[int, Promise] = {}
        self.pending: dict[int, Deviation] = {}
        self.dropped: set[int] = set()
        self.seen: dict[int, SaidLine] = {}
        self.is_called_off = False
        self.split: list[Deviation] = []
        self._reported: set[str] = set()
        self._told: dict[tuple[str, int], Promise | LineChange] = {}
        self._versions: dict[str, str | None] = {}
        self._writes = 0

    def begin(self, now: datetime) -> None:
        """The supplier's time begins."""
        self.expires = now + timedelta(days=self.parts.policies.expires_days)
        self.wait_anew(now)
        self.looked(now)

    def wait_anew(self, now: datetime) -> None:
        """The supplier's time begins again."""
        self.due: datetime | None = self.after(now, self.patience.hours)
        self.reminded = 0

    def looked(self, now: datetime) -> None:
        """The order was looked at."""
        self.now = now
        self.look_at = now + timedelta(hours=self.parts.policies.look_again_hours)

    @property
    def patience(self) -> Patience:
        """How long the supplier has."""
        return self.parts.policies.patience_with(self.supplier, self._country)

    def after(self, moment: datetime, hours: float) -> datetime:
        """When so many hours have passed for the supplier."""
        return self.parts.policies.after(moment, hours, self._country)

    @property
    def supplier(self) -> str:
        """Code of the supplier."""
        return self.sent.supplier if self.order is None else self.order.supplier

    @property
    def _country(self) -> str | None:
        return None if self.order is None else self.order.country

    @property
    def open_lines(self) -> dict[int, LineFacts]:
        """Lines of which goods are still to come."""
        lines = {} if self.order is None else self.order.open_lines
        return {n: line for n, line in lines.items() if n not in self.dropped}

    @property
    def unconfirmed(self) -> dict[int, LineFacts]:
        """Lines to which the supplier has not answered."""
        return {
            n: line
            for n, line in self.open_lines.items()
            if n not in self.confirmed and n not in self.pending
        }

    def until(self) -> datetime:
        """When it goes on, if nobody says a word."""
        moments = [self.look_at, self.expires]
        if self.due is not None and self.unconfirmed:
            moments.append(self.due)
        return min(moments)

    def news(self, answer: Answer) -> list[Promise]:
        """What an answer says of open lines that was not said before.

        What it leaves out is as it was promised before, or as it was ordered.
        """
        found: list[Promise] = []
        for said in answer.lines:
            line, before = self.open_lines.get(said.line_number), self._before(said.line_number)
            if line is None:
                continue
            on = said.on or (before.on if before else line.due_on)
            quantity = before.quantity if before else line.quantity
            if said.quantity is not None:
                quantity = said.quantity
            if on is None:
                continue
            promise = Promise(line_number=line.number, quantity=quantity, on=on)
            if promise != before:
                found.append(promise)
        return found

    def _before(self, number: int) -> Promise | None:
        """What was last promised for a line."""
        waiting = self.pending.get(number)
        return self.confirmed.get(number) if waiting is None else waiting.promise

    async def read(self, *, to_write: bool = False) -> OrderFacts | None:
        """Read the order again.

        Args:
            to_write: Whether systems are to be told something that must not overwrite what others
                have changed in them since.
        """
        parts, correlation_id = self.parts, self.process.correlation_id

        async def work() -> Read:
            orders = self.sent.everywhere if to_write else ()
            versions = await parts.systems.versions(orders, correlation_id)
            order = await parts.reader.order(self.sent.reference, correlation_id)
            return Read(None if order is None else replace(order, versions=versions))

        self.order = (await self.process.step("read the order", work, Read)).order
        if self.order is not None:
            self._versions = dict(self.order.versions)
        still, policies = self.open_lines, self.parts.policies
        self.pending = {
            n: deviation(still[n], d.promise, self.supplier, policies)
            for n, d in self.pending.items()
            if n in still
        }
        return self.order

    async def seek(self) -> None:
        """Find the order in other systems that can be told of it, if nobody knows where it is."""
        order, parts = self.order, self.parts
        if order is None or not self.sent.seeks:
            return

        async def work() -> Others:
            return Others(await parts.reader.alike(order, self.process.correlation_id))

        found = await self.process.step("find the order in other systems", work, Others)
        follow = tuple(o for o in found.orders if parts.systems.knows(o.system))
        self.sent = replace(self.sent, follow=follow)

    async def tell(
        self, promises: Iterable[Promise], note: str | None, *, shown_by: str | None = None
    ) -> None:
        """Have all systems know what is promised, each once.

        Args:
            promises: The promises.
            note: What the supplier writes.
            shown_by: A system that shows them already.

        Raises:
            ConflictError: the order is another by now in one of them.
        """
        given = list(promises)
        for order in self.sent.everywhere:
            system = order.system
            fresh = [p for p in given if self._told.get((system, p.line_number)) != p]
            if system == shown_by:
                self._note(system, fresh, None)
            elif fresh:
                version = self._versions.get(system)
                told = await self.parts.systems.acknowledge(
                    self.process, order, fresh, note=note, version=version
                )
                self._note(system, fresh, told)
                await self._log(order, told)

    async def change(self, changes: Sequence[LineChange]) -> None:
        """Have all systems change lines, each once.

        Raises:
            ConflictError: the order is another by now in one of them.
        """
        for order in self.sent.everywhere:
            system = order.system
            fresh = [c for c in changes if self._told.get((system, c.line_number)) != c]
            if fresh:
                version = self._versions.get(system)
                told = await self.parts.systems.change(self.process, order, fresh, version=version)
                self._note(system, fresh, told)

    def _note(self, system: str, told: Sequence[Promise | LineChange], became: Told | None) -> None:
        self._told.update({(system, each.line_number): each for each in told})
        if became is not None:
            self._versions[system] = became.version

    async def _log(self, order: OrderReference, told: Told | None) -> None:
        """Have everybody who listens know what a system has now, and nobody read what it had."""
        if told is not None and self.parts.telling is not None:
            self._writes += 1
            await self.parts.telling(self.process, order, f"confirmation-{self._writes}")

    async def notice(self, kind: NoticeKind, title: str, text: str, once: str) -> None:
        """Write to the supplier."""
        to = [f"supplier:{self.supplier}"]
        if self.order is not None and self.order.email:
            to.append(f"email:{self.order.email}")
        notice = Notice(
            kind=kind,
            key=f"{self.process.id}/{once}",
            subject=f"Order {self.sent.number}: {title}",
            text=text,
            about=subject(EntityName.PURCHASE_ORDER, self.sent.number),
            to=tuple(to),
            correlation_id=self.process.correlation_id,
            facts={"supplier": self.supplier, "system": self.sent.system},
        )

        async def tell() -> None:
            await self.parts.notices.tell([notice])

        with suppress(RejectedError):  # an extension may keep it back
            await self.process.step("write to the supplier", tell, type(None))

    async def report_deviations(self) -> None:
        """Have a buyer know what is to be decided; and that what was decided is over."""
        off = self.pending.values()
        kinds = (
            (QUANTITY, ExceptionCategory.QUANTITY_DEVIATION, [d for d in off if d.is_quantity]),
            (DELIVERY, ExceptionCategory.LATE_DELIVERY, [d for d in off if d.is_day]),
        )
        for name, category, found in kinds:
            if not found:
                await self.over(name, "the answer was changed or decided on")
                continue
            said = "; ".join(d.message() for d in found)
            message = f"{self.name}: the supplier's answer is off: {said}. {_DECIDE}"
            await self._report(name, category, message, [(d.line, d.at_stake) for d in found])

    async def report_late(self) -> None:
        """Have somebody know that the supplier has not answered."""
        lines = list(self.unconfirmed.values())
        numbers = ", ".join(str(line.number) for line in lines)
        message = (
            f"{self.name}: the supplier has not answered to lines {numbers}; it was reminded "
            f"{self.reminded} times. Ask it, and acknowledge for it; a late answer counts"
        )
        category = ExceptionCategory.LATE_ACKNOWLEDGEMENT
        await self._report(UNANSWERED, category, message, [(x, x.quantity) for x in lines])

    async def report_conflict(self) -> None:
        """Have somebody know that the order changes faster than it can be confirmed."""
        message = (
            f"{self.name}: it was changed again and again while an answer was written down. See "
            "who changes it, and have the supplier answer once more"
        )
        await self._report(CONFLICT, ExceptionCategory.CONFLICT, message, [])

    async def report_left(self, order: OrderReference, why: str) -> None:
        """Have somebody know that a system still has an order that is called off."""
        message = f"{self.name} is called off, and {order.system} still has it: {why}"
        await self._report(
            f"left in {order.system}", ExceptionCategory.VALIDATION_REFUSED, message, [], ends=False
        )

    async def over(self, name: str, why: str) -> None:
        """A trouble that was reported is over."""
        if name in self._reported:
            self._reported.discard(name)
            await self.process.over(self._cause(name), why)

    async def all_over(self, why: str) -> None:
        """All troubles that were reported are over."""
        for name in sorted(self._reported):
            await self.over(name, why)

    @property
    def name(self) -> str:
        """What people call it."""
        return f"order {self.sent.number} to supplier {self.supplier}"

    def _cause(self, name: str) -> str:
        return f"order:{self.sent.system}:{self.sent.key}/{name}"

    async def _report(
        self,
        name: str,
        category: ExceptionCategory,
        message: str,
        at_stake: Sequence[tuple[LineFacts, Decimal]],
        *,
        ends: bool = True,
    ) -> None:
        """Report something; it is over with the confirmation, unless it outlasts that."""
        if ends:
            self._reported.add(name)
        order, lines = self.order, [line for line, _ in at_stake]
        about = () if order is None else order.about(lines)
        await self.process.report(
            Trouble(
                cause=self._cause(name),
                category=category,
                message=message,
                correlation_id=self.process.correlation_id,
                subjects=(
                    subject(EntityName.SUPPLIER, self.supplier),
                    subject(EntityName.PURCHASE_ORDER, self.sent.number),
                    *about,
                ),
                value_at_risk=value_of(at_stake, None if order is None else order.currency),
                details={"system": self.sent.system, "number": self.sent.number},
            )
        )
