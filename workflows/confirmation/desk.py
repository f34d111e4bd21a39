"""Takes what suppliers and buyers say: checked at the border, then said to the order's process.

A word of an actor and a key is a process of that name: however often it comes, it is heard once.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from msgspec import Struct

from canonical.entities import EntityName
from canonical.errors import ConflictError, InvalidInputError, NotFoundError
from canonical.events import subject
from canonical.ordering import (
    Acknowledged,
    AcknowledgedWish,
    AcknowledgementDecision,
    AcknowledgementFinding,
    Speaker,
)
from canonical.processes import Processes
from canonical.purchase_orders import PurchaseOrder
from canonical.reading import Records
from workflows.confirmation.border import answer_wrong, decision_wrong
from workflows.confirmation.facts import COLUMNS, OrderFacts, facts_of
from workflows.confirmation.policies import Policies
from workflows.confirmation.words import (
    WORD,
    Answer,
    Decision,
    SaidLine,
    Spoken,
    Verdict,
    VerdictState,
)
from workflows.ordering.handing import content_subject, named_id
from workflows.process import Engine, Starting

_ORDER: Final = EntityName.PURCHASE_ORDER
_FINDINGS: Final = {
    VerdictState.OVER: ("ORDER_NOT_OPEN", "nothing of the order can be confirmed any more"),
    VerdictState.NOTHING: ("NOTHING_TO_DECIDE", "no answer of its supplier waits for a decision"),
}


class Desk(Struct, frozen=True, kw_only=True):
    """Keeps the promises of `canonical.ordering.AcknowledgementDesk`.

    Attributes:
        engine: Begins processes.
        processes: Looks at them.
        records: Reads orders.
        policies: What confirmation goes by.
        leading: Systems that lead orders, the first one before all others.
        now: The time.
        new_key: Names a word that has no key.
        within_s: How long somebody who speaks waits to hear what came of it.
    """

    engine: Engine
    processes: Processes
    records: Records
    policies: Policies
    leading: Sequence[str]
    now: Callable[[], datetime]
    new_key: Callable[[], str]
    within_s: float = 5.0

    async def acknowledge(
        self, wish: AcknowledgedWish, *, speaker: Speaker, correlation_id: str
    ) -> Acknowledged:
        """Take an acknowledgement."""
        order = await self._order(wish.number, wish.system, speaker, correlation_id)
        wrong = answer_wrong(wish, order, self.policies, self.now().date())
        if wrong:
            return Acknowledged(findings=wrong, order=order.order)
        lines = tuple(
            SaidLine(line_number=p.line_number, quantity=_plain(p.quantity), on=p.on)
            for p in wish.promises
        )
        answer = Answer(lines=lines, actor=speaker.subject, note=wish.note)
        spoken = Spoken(order=order.order, supplier=order.supplier, answer=answer)
        return await self._say(spoken, speaker, wish.key, correlation_id)

    async def decide(
        self, decision: AcknowledgementDecision, *, speaker: Speaker, correlation_id: str
    ) -> Acknowledged:
        """Take a buyer's decision."""
        order = await self._order(decision.number, decision.system, speaker, correlation_id)
        wrong = decision_wrong(decision, order, self.now().date())
        if wrong:
            return Acknowledged(findings=wrong, order=order.order)
        decided = Decision(
            choice=decision.choice,
            actor=speaker.subject,
            note=decision.note,
            rest_on=decision.rest_on,
        )
        spoken = Spoken(order=order.order, supplier=order.supplier, decision=decided)
        return await self._say(spoken, speaker, decision.key, correlation_id)

    async def _order(
        self, number: str, system: str | None, speaker: Speaker, correlation_id: str
    ) -> OrderFacts:
        """The order that is spoken of.

        Raises:
            NotFoundError: if there is none that may be spoken of.
            InvalidInputError: if several systems have one, and none is named.
            UnavailableError: if a system cannot be asked.
        """
        batch = await self.records.by_keys(
            _ORDER,
            "number",
            [number],
            COLUMNS | {condition.column for condition in speaker.criteria},
            correlation_id=correlation_id,
            criteria=speaker.criteria,
            fresh=True,
        )
        found = {
            r.provenance.system: r
            for r in batch.records
            if isinstance(r, PurchaseOrder)
            and system in {None, r.provenance.system}
            and (speaker.systems is None or r.provenance.system in speaker.systems)
        }
        if not found:
            for error in batch.failures.values():
                raise error
            raise NotFoundError(f"there is no order {number!r} that you may speak for")
        named = next((s for s in self.leading if s in found), None)
        if named is None and len(found) > 1:
            systems = ", ".join(sorted(found))
            message = f"order {number!r} exists in {systems}: say which one with `system`"
            raise InvalidInputError(message)
        return facts_of(found[named] if named is not None else next(iter(found.values())))

    async def _say(
        self, spoken: Spoken, speaker: Speaker, key: str | None, correlation_id: str
    ) -> Acknowledged:
        process_id = named_id(WORD, speaker.issuer, speaker.subject, key or self.new_key())
        content = content_subject(spoken)
        starting = Starting(
            kind=WORD,
            process_id=process_id,
            asked=spoken,
            correlation_id=correlation_id,
            subjects=(
                subject(EntityName.SUPPLIER, spoken.supplier),
                subject(_ORDER, spoken.order.number or spoken.order.key),
                content,
            ),
            started_by=speaker.subject,
        )
        if process_id not in await self.engine.start([starting]):
            before = (await self.processes.by_ids([process_id])).get(process_id)
            if before is not None and content not in before.subjects:
                message = "the idempotency key was used for something else: take a new one"
                raise ConflictError(message)
        ended = await self.engine.ended(process_id, self.within_s)
        if ended is None:
            return Acknowledged(order=spoken.order, pending=True)
        if not isinstance(ended.outcome, Verdict):
            message = ended.message or "it was given up by an operator"
            finding = AcknowledgementFinding(code=ended.code or "FAILED", message=message)
            return Acknowledged(findings=[finding], order=spoken.order)
        return _acknowledged(ended.outcome, spoken)


def _plain(quantity: Decimal) -> Decimal:
    """A quantity as it is written without zeros at its end: equal ones are the same content."""
    return Decimal(format(quantity.normalize(), "f"))


def _acknowledged(verdict: Verdict, spoken: Spoken) -> Acknowledged:
    findings = list(verdict.findings)
    if verdict.state in _FINDINGS:
        code, message = _FINDINGS[verdict.state]
        findings.append(AcknowledgementFinding(code=code, message=message))
    is_pending = verdict.state is VerdictState.PENDING
    return Acknowledged(findings=findings, order=spoken.order, pending=is_pending)
